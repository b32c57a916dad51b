"""Matching catalogues, growing masks, measuring profiles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.optimize import minimize

from nightcrew.reducer.kernels.affine import Affine
from nightcrew.reducer.kernels.matching import _attraction, greedy_pairs, match_catalogues, match_shift
from nightcrew.reducer.kernels.morphology import dilate, disc
from nightcrew.reducer.kernels.profiles import measure_profiles, stamp_half_size
from nightcrew.reducer.kernels.simplex import nelder_mead


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10_000), st.floats(1, 6))
def test_a_mask_grows_by_a_disc(seed: int, radius: float) -> None:
    rng = np.random.default_rng(seed)
    mask = (rng.random((int(rng.integers(1, 25)), int(rng.integers(1, 25)))) < 0.05).astype(np.uint8)
    np.testing.assert_array_equal(dilate(mask, radius), ndimage.binary_dilation(mask, disc(radius)))


def test_discs_have_as_many_pixels_as_they_should() -> None:
    assert [int(disc(radius).sum()) for radius in (1, 1.5, 2, 10)] == [5, 9, 13, 317]
    mask = np.eye(4, dtype=np.uint8) * 3
    assert dilate(mask, 0.9).tolist() == np.eye(4).tolist()


def valley(p: np.ndarray) -> float:
    return float(sum(100 * (p[1:] - p[:-1] ** 2) ** 2 + (1 - p[:-1]) ** 2))


def rough(p: np.ndarray) -> float:
    return float(np.sum(np.abs(p)) + np.sum(np.sin(40 * p)))


def terraces(p: np.ndarray) -> float:
    return float(np.floor(np.abs(p).sum()))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-2, 2), min_size=2, max_size=4), st.floats(0.3, 3), st.sampled_from([valley, rough, terraces])
)  # fmt: skip
def test_the_search_goes_step_for_step_with_scipy(start: list[float], limit: float, function: Any) -> None:
    n = len(start)
    at, upper = np.array(start), np.full(n, limit)
    with np.errstate(all="ignore"):
        first = np.clip(at, -upper, upper)
        want = minimize(
            function, first, method="Nelder-Mead", bounds=[(-limit, limit)] * n,
            options={"xatol": 5e-5, "maxfev": 10**6, "maxiter": 200 * n},
        )  # fmt: skip
    ours = nelder_mead(function, at, -upper, upper, xatol=5e-5)
    np.testing.assert_allclose(ours, want.x, atol=1e-9)


def field(count: int = 20) -> np.ndarray:
    return np.random.default_rng(6).uniform(20, 480, (count, 2))


def test_a_shift_is_found_among_strangers() -> None:
    rng = np.random.default_rng(7)
    reference = field()
    ours = np.concatenate([reference[:12] - (23.4, -11.2) + rng.normal(0, 0.1, (12, 2)), rng.uniform(0, 500, (6, 2))])
    dx, dy, pairs = match_shift(ours, reference, search=40.0, radius=4.0)
    assert (dx, dy) == pytest.approx((23.4, -11.2), abs=0.15)
    assert {(i, i) for i in range(12)} <= {tuple(pair) for pair in pairs.tolist()}


def test_rotation_and_scale_are_found_if_asked_for() -> None:
    reference = field()
    angle, factor, pivot = math.radians(2.0), 1.02, (250.0, 250.0)
    c, s = factor * math.cos(angle), factor * math.sin(angle)
    matrix = np.array([[c, -s], [s, c]])
    truth = Affine(matrix, np.array(pivot) - matrix @ np.array(pivot) + np.array([5.0, -8.0]))
    ours = truth.inverse()(reference)
    match = match_catalogues(ours, reference, search=20.0, radius=2.0, rotate=True, scale=True, pivot=pivot)
    assert len(match.pairs) == len(reference)
    np.testing.assert_allclose(match.transform(ours), reference, atol=0.1)
    turned = match_catalogues(ours, reference, search=20.0, radius=2.0, rotate=True, pivot=pivot)
    assert math.degrees(math.asin(turned.transform.matrix[1, 0])) == pytest.approx(2.0, abs=0.3)


def test_pairs_are_one_to_one_and_the_closest_come_first() -> None:
    reference = np.array([[0.0, 0.0], [10.0, 0.0], [50.0, 50.0]])
    ours = np.array([[1.0, 0.0], [0.2, 0.0], [30.0, 30.0]])
    assert greedy_pairs(ours, reference, 4.0).tolist() == [[1, 0]]
    assert greedy_pairs(ours, reference, 20.0).tolist() == [[1, 0], [0, 1]]
    assert greedy_pairs(ours[:0], reference, 4.0).shape == (0, 2)
    assert greedy_pairs(ours, reference, 100.0).tolist() == [[1, 0], [0, 1], [2, 2]]


def test_only_the_nearest_five_attract() -> None:
    rng = np.random.default_rng(1)
    ours, reference = rng.uniform(0, 30, (6, 2)), rng.uniform(0, 30, (15, 2))
    d2 = ((ours[:, None] - reference[None]) ** 2).sum(axis=2)
    d2[d2 > 625] = np.inf
    want = (1 / (np.sort(d2, axis=1)[:, :5] + 25)).sum()
    assert _attraction(ours, reference) == pytest.approx(want)


def star(sigma: float, at: tuple[float, float], shape: tuple[int, int] = (60, 60)) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    return (1000 * np.exp(-0.5 * ((x - at[0]) ** 2 + (y - at[1]) ** 2) / sigma**2)).astype(np.float32)


def test_a_gaussian_star_has_the_width_that_it_should() -> None:
    sigma = 2.5
    data = star(sigma, (30.0, 31.0)) + 7
    flux = 1000 * 2 * math.pi * sigma**2
    made = measure_profiles(data, [31.0], [32.0], [7.0], [flux], [500.0], 10)  # type: ignore[arg-type]
    assert made.fwhm[0] == pytest.approx(2.3548 * sigma, rel=0.05)
    assert made.ee50[0] == pytest.approx(2.3548 * sigma, rel=0.1)
    assert made.peak[0] == pytest.approx(1000, rel=1e-5)


def plain_profile(data: np.ndarray, x: float, y: float, sky: float, flux: float, peak: float, size: int) -> list[float]:
    xc, yc = x - 0.5, y - 0.5
    i, j = int(yc), int(xc)
    if i - size < 0 or j - size < 0 or i + size >= data.shape[0] or j + size >= data.shape[1]:
        return [-999, -999, peak]
    top = float(data[i - 2 : i + 3, j - 2 : j + 3].max()) - sky
    top = peak if top < 0 else top
    stamp = data[i - size : i + size, j - size : j + size].astype(float) - sky
    v, u = np.mgrid[i - size : i + size, j - size : j + size]
    r2 = ((u + 0.5 - xc) ** 2 + (v + 0.5 - yc) ** 2).ravel()
    order = np.argsort(r2)
    f, r2 = stamp.ravel()[order], r2[order]
    h2 = (f > top / 2).sum() / np.pi
    hwhm = math.sqrt((f[r2 < 1.5 * h2] > top / 2).sum() / np.pi)
    enclosed = np.flatnonzero(np.cumsum(f) >= flux / 2)
    return [2 * hwhm if hwhm < size else -999, 2 * math.sqrt(r2[enclosed[0]]) if enclosed.size else -999, top]


def test_profiles_are_measured_as_the_plain_twin_does() -> None:
    rng = np.random.default_rng(3)
    data = (star(2.0, (20.3, 25.7)) + star(3.0, (40.2, 33.1)) + rng.normal(50, 5, (60, 60))).astype(np.float32)
    x, y = np.array([21.3, 41.2, 3.0, 30.0, 22.22]), np.array([26.7, 34.1, 30.0, 57.0, 22.13])
    sky, flux, peak = np.array([50, 51, 50, 50, 2000.0]), np.array([25e3, 57e3, 1, 1, 1e9]), np.full(5, 321.0)
    made = measure_profiles(data, x, y, sky, flux, peak, 12)
    for k in range(5):
        want = plain_profile(data, x[k], y[k], sky[k], flux[k], peak[k], 12)
        assert [made.fwhm[k], made.ee50[k], made.peak[k]] == pytest.approx(want, rel=1e-5)


def test_stamps_are_wide_enough_for_the_seeing() -> None:
    assert stamp_half_size(0.1171, 2.0) == 20
    assert stamp_half_size(0.1171, None) == 10
    assert stamp_half_size(0.02, None) == 25
    assert stamp_half_size(None, 2.0) == 10
