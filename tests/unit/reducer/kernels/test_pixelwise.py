"""Steps on single pixels against NumPy, and hidden saturation against a labelling of all regions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from nightcrew.reducer.kernels import pixelwise


def flags_by_labelling(data: np.ndarray, saturation: float, non_linear: float, hole: int) -> np.ndarray:
    dq = np.where(data >= saturation, 4, np.where(data >= non_linear, 2, 0))
    regions, _ = ndimage.label(data < non_linear)
    sizes = np.bincount(regions.ravel())
    small = (sizes <= hole) & (np.arange(sizes.size) > 0)
    return dq | np.where(small[regions], 4, 0)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 14), st.integers(1, 14), st.floats(0.02, 0.98), st.integers(1, 60))
def test_hidden_saturation_is_every_small_region_below_the_limit(
    seed: int, ny: int, nx: int, bright: float, hole: int
) -> None:
    rng = np.random.default_rng(seed)
    data = np.where(rng.random((ny, nx)) < bright, rng.choice([75.0, 120.0], (ny, nx)), 1.0).astype(np.float32)
    _, dq = pixelwise.flag_levels(data, 100.0, 70.0, hole=hole)
    np.testing.assert_array_equal(dq, flags_by_labelling(data, 100.0, 70.0, hole))


def test_a_faint_frame_of_more_than_the_size_of_a_hole_has_no_flags() -> None:
    _, dq = pixelwise.flag_levels(np.full((120, 120), 5.0), 100.0, 70.0)
    assert not dq.any()


def test_a_small_frame_is_a_hole_as_a_whole() -> None:
    _, dq = pixelwise.flag_levels(np.full((20, 20), 5.0), 100.0, 70.0)
    assert (dq == 4).all()


@pytest.mark.parametrize(
    ("saturation", "non_linear", "expected"),
    [
        (100.0, None, [0, 0, 4]),
        (None, 70.0, [0, 2, 2]),
        (None, None, [0, 0, 0]),
        (70.0, 100.0, [0, 4, 4]),
        (80.0, 80.0, [0, 0, 4]),
    ],
)
def test_levels_that_are_not_known_or_the_wrong_way_round_are_put_up_with(
    saturation: float | None, non_linear: float | None, expected: list[int]
) -> None:
    _, dq = pixelwise.flag_levels(np.array([[10.0, 75.0, 120.0]], np.float32), saturation, non_linear)
    assert dq.tolist() == [expected]


def test_what_is_no_finite_number_is_zero_and_without_data() -> None:
    raw = np.array([[1.0, np.nan], [np.inf, -np.inf]], ">f4")
    data, dq = pixelwise.flag_levels(raw, None, None)
    assert data.dtype == np.float32
    assert data.tolist() == [[1, 0], [0, 0]]
    assert dq.tolist() == [[0, 16], [16, 16]]


def test_integers_become_float32_and_the_raw_array_stays() -> None:
    raw = np.arange(6, dtype=">i4").reshape(2, 3)
    data, _ = pixelwise.flag_levels(raw, None, None)
    assert data.dtype == np.float32
    assert data.dtype.isnative
    assert raw.tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.fixture
def planes() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    data = rng.normal(1000, 400, (20, 30)).astype(np.float32)
    return data, (np.abs(data) + 50).astype(np.float32), rng.choice([0, 1, 8], data.shape).astype(np.uint16)


def test_niri_counts_follow_the_polynomial_and_the_real_exposure(planes: tuple[np.ndarray, ...]) -> None:
    data, variance, _ = planes
    gamma, eta, gain, coadds, time, dt = 2.8e-7, 3.2e-12, 12.3, 2, 10.0, 0.09
    linear, noise = pixelwise.linearize_niri(data, variance, gamma, eta, gain, coadds, time, dt)
    c = data.astype(float) * gain / coadds
    want = c * (1 + c * (gamma + c * eta)) * coadds / gain
    factor = time / (time + dt)
    np.testing.assert_allclose(linear, want * factor, rtol=1e-6)
    assert noise is not None
    np.testing.assert_allclose(noise, (variance + (want - data) / gain) * factor**2, rtol=2e-6)
    assert pixelwise.linearize_niri(data, None, gamma, eta, gain, coadds, time, dt)[1] is None


def test_f2_counts_follow_the_polynomial_and_touch_the_variance_only_if_it_has_photon_noise(
    planes: tuple[np.ndarray, ...],
) -> None:
    data, variance, _ = planes
    coefficients = (0.9999, -4.3e-8, 1.0e-12)
    linear, noise = pixelwise.linearize_f2(data, variance, coefficients, 4.44, 1, update_variance=True)
    c = data.astype(float) * 4.44
    want = c * (coefficients[0] + c * (coefficients[1] + c * coefficients[2])) / 4.44
    np.testing.assert_allclose(linear, want, rtol=1e-6)
    assert noise is not None
    np.testing.assert_allclose(noise, variance + (want - data) / 4.44, rtol=1e-5)
    same = pixelwise.linearize_f2(data, variance, coefficients, 4.44, 1, update_variance=False)[1]
    assert same is variance


def test_a_variance_never_becomes_negative() -> None:
    data = np.array([[-3e5]], np.float32)
    _, noise = pixelwise.linearize_niri(data, np.zeros_like(data), 2.8e-6, 0.0, 1.0, 1, 10.0, 0.0)
    assert noise is not None
    assert noise[0, 0] >= 0
    assert pixelwise.add_variance(np.zeros((1, 1), np.float32), np.full((1, 1), -5.0), read_variance=1.0)[0, 0] == 0


def test_a_factor_is_applied_in_double(planes: tuple[np.ndarray, ...]) -> None:
    data, variance, _ = planes
    scaled, noise = pixelwise.scale(data, variance, 1.1)
    np.testing.assert_array_equal(scaled, (data.astype(float) * 1.1).astype(np.float32))
    assert noise is not None
    np.testing.assert_array_equal(noise, (variance.astype(float) * 1.1**2).astype(np.float32))
    divided, nothing = pixelwise.divide_by(data, None, 4.0)
    np.testing.assert_array_equal(divided, data / 4)
    assert nothing is None
    np.testing.assert_array_equal(pixelwise.offset(data, 0.1), (data.astype(float) + 0.1).astype(np.float32))


def test_noise_is_read_noise_and_photons(planes: tuple[np.ndarray, ...]) -> None:
    data, variance, _ = planes
    noise = pixelwise.add_variance(data, variance, read_variance=9.0, poisson_gain=12.3)
    np.testing.assert_allclose(noise, variance + 9 + np.maximum(data, 0) / 12.3, rtol=1e-6)
    assert (pixelwise.add_variance(data, None, read_variance=9.0) == 9).all()


def test_a_difference_adds_variances_and_unites_flags(planes: tuple[np.ndarray, ...]) -> None:
    data, variance, dq = planes
    other = (data[::-1].copy(), variance[::-1].copy(), dq[::-1].copy())
    made = pixelwise.subtract((data, variance, dq), other)
    np.testing.assert_array_equal(made[0], data - other[0])
    np.testing.assert_array_equal(made[1], variance + other[1])
    np.testing.assert_array_equal(made[2], dq | other[2])
    assert pixelwise.subtract((data, None, None), (data, None, None))[1:] == (None, None)
    np.testing.assert_array_equal(pixelwise.subtract((data, None, None), (data, variance, dq))[1], variance)
    np.testing.assert_array_equal(pixelwise.subtract((data, None, dq), (data, None, None))[2], dq)


@pytest.mark.parametrize("present", [(True, True), (True, False), (False, True)])
def test_a_quotient_propagates_the_variances_that_there_are(
    planes: tuple[np.ndarray, ...], present: tuple[bool, bool]
) -> None:
    data, variance, dq = planes
    flat, flat_variance = np.full_like(data, 1.3), np.full_like(data, 0.01)
    made = pixelwise.divide(
        (data, variance if present[0] else None, dq), (flat, flat_variance if present[1] else None, dq)
    )
    a, b = data.astype(float), flat.astype(float)
    want = (variance * present[0] * b**2 + flat_variance * present[1] * a**2) / b**4
    np.testing.assert_array_equal(made[0], data / flat)
    np.testing.assert_allclose(made[1], want, rtol=1e-6)


def test_a_quotient_without_variances_has_none(planes: tuple[np.ndarray, ...]) -> None:
    assert pixelwise.divide((planes[0], None, None), (planes[0], None, None))[1] is None
