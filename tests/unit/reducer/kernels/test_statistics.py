"""Medians, levels, clipping and the sky estimator against NumPy, SciPy and astropy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from astropy.stats import sigma_clipped_stats
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import curve_fit
from scipy.special import ndtr

from nightcrew.reducer.kernels.background import _fit_distribution, background, estimate, sky_factor
from nightcrew.reducer.kernels.clipping import sigma_clip
from nightcrew.reducer.kernels.selection import median
from nightcrew.reducer.kernels.statistics import (
    Level,
    masked_mean,
    masked_median,
    normalization,
    relative_level,
    solve_levels,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=60))
def test_the_median_is_exact(values: list[float]) -> None:
    array = np.array(values, np.float32)
    ordered = np.sort(array).astype(float)
    with np.errstate(invalid="ignore"):
        want = 0.5 * (ordered[(array.size - 1) // 2] + ordered[array.size // 2])
    np.testing.assert_array_equal(median(array), want)


@pytest.mark.parametrize("size", [100_000, 100_001])
@pytest.mark.parametrize(
    "kind",
    ["sky", "ratios", "constant", "two levels", "half not a number", "a tenth not a number", "in order", "bright"],
)
def test_the_median_of_many_values_is_exact(kind: str, size: int) -> None:
    chance = np.random.default_rng(size)
    noise = chance.normal(0, 30, size)
    values = {
        "sky": noise,
        "ratios": 1 + noise / 3000,
        "constant": np.full(size, 7.5),
        "two levels": np.where(noise > 0, 1.0, 2.0),
        "half not a number": np.where(noise > 0, np.nan, noise),
        "a tenth not a number": np.where(noise > 40, np.nan, noise),
        "in order": np.sort(noise),
        "bright": np.where(noise > 0, np.inf, noise),
    }[kind].astype(np.float32)
    ordered = np.sort(values).astype(float)
    np.testing.assert_array_equal(median(values), 0.5 * (ordered[(size - 1) // 2] + ordered[size // 2]))


def test_what_is_no_number_sorts_last_in_a_median() -> None:
    assert median(np.array([1, np.nan, 2], np.float32)) == 2
    assert math.isnan(median(np.array([1, np.nan, np.nan], np.float32)))
    assert math.isnan(median(np.empty(0, np.float32)))


def test_statistics_leave_out_every_flagged_pixel() -> None:
    data = [np.array([[1, 2], [3, 100]], np.float32), np.array([[5, 6]], np.float32)]
    flags = [np.array([[0, 0], [0, 2]], np.uint16), None]
    assert masked_median(data, flags) == 3
    assert masked_mean(data, flags) == pytest.approx(17 / 5)
    assert masked_median(data[:1], [np.ones((2, 2), np.uint16)]) is None
    assert masked_mean(data[:1], [np.ones((2, 2), np.uint16)]) is None


def test_a_relative_level_rests_on_pixels_good_in_both() -> None:
    a, b = np.array([[1, 2, -4, 4]], np.float32), np.array([[2, 6, 8, 16]], np.float32)
    flags = np.array([[0, 1, 0, 0]], np.uint16)
    assert relative_level(a, b, flags, None, scaling=True) == Level(3.0, 2)
    assert relative_level(a, b, None, flags, scaling=False) == Level(12.0, 3)
    assert relative_level(a, b, np.ones_like(flags), None, scaling=True).pixels == 0


def test_frames_of_one_field_are_brought_to_the_level_of_the_first() -> None:
    rng = np.random.default_rng(4)
    sky = rng.normal(1000, 10, (40, 40))
    factors, offsets = np.array([1, 0.8, 1.3, 1.1]), np.array([0, 50, -20, 7])
    dq = [(rng.random(sky.shape) < 0.1).astype(np.uint16) for _ in factors]
    scaled = [(sky / f).astype(np.float32) for f in factors]
    shifted = [(sky - o).astype(np.float32) for o in offsets]
    np.testing.assert_allclose(normalization(scaled, dq, scaling=True), factors, rtol=1e-6)
    np.testing.assert_allclose(normalization(shifted, dq, scaling=False), offsets, atol=1e-3)
    assert normalization(scaled[:1], dq[:1], scaling=True) == [1.0]


def test_levels_that_contradict_each_other_are_weighted_by_their_pixels() -> None:
    pairs = {(0, 1): Level(10.0, 100), (0, 2): Level(0.0, 1), (1, 2): Level(0.0, 0)}
    assert solve_levels(3, pairs, scaling=False) == pytest.approx([0, -10, 0])
    pairs = {(0, 1): Level(1.0, 10), (0, 2): Level(4.0, 10), (1, 2): Level(2.0, 20)}
    ours = solve_levels(3, pairs, scaling=False)
    matrix = np.sqrt([[10.0], [10.0], [20.0]]) * np.array([[-1, 0], [0, -1], [1, -1]])
    want = np.linalg.lstsq(matrix, np.sqrt([10, 10, 20]) * np.array([1.0, 4.0, 2.0]), rcond=None)[0]
    assert ours == pytest.approx([0, *want])


def test_a_frame_without_a_common_pixel_stays_as_it_is() -> None:
    assert solve_levels(3, {(0, 1): Level(2.0, 5), (0, 2): Level(math.nan, 0)}, scaling=True) == [1.0, 0.5, 1.0]
    assert solve_levels(2, {(0, 1): Level(math.nan, 0)}, scaling=True) == [1.0, 1.0]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 200), st.sampled_from([1.5, 2.0, 5.0]), st.sampled_from([1, 2, 5, None]))
def test_clipping_is_that_of_astropy(seed: int, count: int, sigma: float, rounds: int | None) -> None:
    rng = np.random.default_rng(seed)
    values = np.concatenate([rng.normal(10, 1, count), rng.normal(30, 10, count // 10)])
    mean, middle, std = sigma_clipped_stats(values, sigma=sigma, maxiters=rounds)
    ours = sigma_clip(values, sigma=sigma, rounds=rounds)
    assert (ours.mean, ours.median, ours.std) == pytest.approx((mean, middle, std), rel=1e-12)


def test_clipping_knows_no_infinities_and_may_be_left_with_nothing() -> None:
    assert sigma_clip(np.array([1.0, np.nan, 3.0, np.inf]), sigma=3.0).count == 2
    nothing = sigma_clip(np.array([np.nan]), sigma=3.0)
    assert nothing.count == 0
    assert math.isnan(nothing.median)


def cut_normal(x: np.ndarray, m: float, s: float) -> np.ndarray:
    low = ndtr(-3.0)
    return (ndtr((x - m) / s) - low) / (ndtr(1.0) - low)


@pytest.mark.parametrize("seed", range(5))
def test_the_fit_finds_the_least_squares_of_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(3000, 60, 4000)
    points = np.sort(values[(values > 2820) & (values <= 3060)])
    want, _ = curve_fit(
        cut_normal, points, np.arange(1, points.size + 1) / points.size, (3010, 70), xtol=1e-13, ftol=1e-13
    )
    for start in ((3000.0, 60.0), (3050.0, 30.0), (2900.0, 200.0), (3060.0, 120.0)):
        mean, sigma, good = _fit_distribution(points.astype(np.float64), *start)
        assert good
        assert (mean, abs(sigma)) == pytest.approx(tuple(want), abs=1e-5)
    mean, sigma, _ = _fit_distribution(points, 3000.0, 60.0)
    assert mean == pytest.approx(want[0], rel=1e-9)


def plain_background(values: np.ndarray, sampling: int) -> float:
    """Follow the steps of the estimator with SciPy and astropy."""
    _, m, s = sigma_clipped_stats(values.astype(float), sigma=5, maxiters=5)
    for _ in range(12):
        w = np.sort(values[(values > m - 3 * s) & (values <= m + s)][::sampling].astype(float))
        before = m
        (m, s), _ = curve_fit(cut_normal, w, np.arange(1, w.size + 1) / w.size, (m, s), xtol=1e-13, ftol=1e-13)
        s = abs(s)
        if abs(m - before) < 0.001 * s:
            break
    return float(m)


@pytest.mark.parametrize("sampling", [1, 10])
def test_the_sky_level_is_that_of_the_plain_twin(sampling: int) -> None:
    rng = np.random.default_rng(8)
    values = rng.normal(500, 20, 30_000).astype(np.float32)
    values[:2000] += rng.exponential(200, 2000).astype(np.float32)
    found = estimate(values, sampling=sampling)
    assert found is not None
    assert found.fitted
    assert found.level == pytest.approx(plain_background(values, sampling), abs=1e-5)


def frame(level: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    data = rng.normal(level, 20, (256, 256)).astype(np.float32)
    data[100:120, 100:120] += 3000
    objects = np.zeros(data.shape, np.uint8)
    objects[98:122, 98:122] = 1
    return data, (rng.random(data.shape) < 0.01).astype(np.uint16), objects


def test_flags_and_objects_do_not_enter_the_sky_level() -> None:
    data, dq, objects = frame(800.0, 1)
    data[dq > 0] = 1e6
    found = background(data, dq, objects)
    assert found is not None
    assert found.level == pytest.approx(800, abs=3)
    assert found.samples < 800
    once = background(data, dq, objects, decimate_twice=False)
    assert once is not None
    assert once.samples > 5000
    assert once.level == pytest.approx(800, abs=3)
    for masks in ((dq, None), (None, objects), (None, None)):
        assert background(frame(800.0, 1)[0], *masks) is not None


def test_without_a_fit_the_sky_level_is_a_clipped_median() -> None:
    data, dq, objects = frame(800.0, 2)
    found = background(data, dq, objects, fit=False)
    assert found is not None
    assert not found.fitted
    good = data[(dq | objects) == 0][::10][::10]
    assert found.level == pytest.approx(sigma_clipped_stats(good.astype(float), sigma=2, maxiters=2)[1])


def test_values_that_cannot_be_fitted_have_a_median_all_the_same() -> None:
    for values in ([5] * 4, [5] * 10 + [9] * 3):
        found = estimate(np.array(values, np.float32), sampling=1)
        assert found is not None
        assert not found.fitted
        assert found.level == 5
    assert estimate(np.array([5], np.float32), sampling=1) is None


def test_the_factor_of_a_sky_leaves_no_sky() -> None:
    data, dq, objects = frame(900.0, 3)
    sky, sky_dq, sky_objects = frame(1000.0, 4)
    found = sky_factor((data, dq, objects), (sky, sky_dq, sky_objects))
    assert found is not None
    assert found.converged
    assert found.factor == pytest.approx(0.9, rel=0.01)
    left = background(data - np.float32(found.factor) * sky, dq | sky_dq, objects)
    assert left is not None
    assert abs(left.level) < 5
    assert sky_factor((data, None, None), (sky, sky_dq, None)) is not None


def test_a_frame_without_good_pixels_has_no_factor() -> None:
    data, _, _ = frame(900.0, 3)
    assert sky_factor((data, np.ones(data.shape, np.uint16), None), (data, None, None)) is None


def test_a_factor_that_does_not_settle_says_so() -> None:
    data, _, _ = frame(900.0, 3)
    found = sky_factor((data, None, None), (np.zeros_like(data), None, None))
    assert found is not None
    assert not found.converged
