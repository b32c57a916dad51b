"""What resampling does to noise, against noise that is resampled."""

from __future__ import annotations

import numpy as np
import pytest

from nightcrew.reducer.kernels.affine import Affine, Grid
from nightcrew.reducer.kernels.resample import resample
from nightcrew.reducer.products.covariance import pixel_factor, weights
from support.fields import exposure
from support.runs import SCALE, running

INTERPOLANTS = ("nearest", "linear", "poly3", "poly5", "spline3", "spline5")
TURNED = Affine(np.array([[1.001, 0.004], [-0.004, 1.001]]), np.array([2.2, 3.3]))


@pytest.mark.parametrize("interpolant", INTERPOLANTS)
def test_weights_are_those_that_the_interpolation_gives_to_a_single_bright_pixel(interpolant) -> None:
    impulse = np.zeros((64, 64), np.float32)
    impulse[:, 32] = 1.0
    made = resample(impulse, None, None, None, Affine.shift(-0.3, 0.0), Grid((0, 0), (64, 64)), interpolant=interpolant)
    given = weights(interpolant, [0.3])
    assert given.sum() == pytest.approx(1.0)
    heights = np.sort(np.abs(made.data[20]))[-4:]
    assert np.sort(np.abs(np.append(np.zeros(4), given)))[-4:] == pytest.approx(heights, abs=1e-4)


@pytest.mark.parametrize("interpolant", INTERPOLANTS)
@pytest.mark.parametrize("moved", [Affine.shift(0.5, 0.5), Affine.shift(3.3, -1.2), TURNED])
def test_single_pixels_scatter_as_the_factor_says(moved, interpolant) -> None:
    noise = np.random.default_rng(1).normal(0.0, 10.0, (400, 400)).astype(np.float32)
    variance = np.full((400, 400), 100.0, np.float32)
    made = resample(noise, variance, None, None, moved, Grid((0, 0), (400, 400)), interpolant=interpolant)
    inner = (slice(20, -20), slice(20, -20))
    found = made.data[inner].var() / made.variance[inner].mean()
    assert found == pytest.approx(pixel_factor(moved, noise.shape, interpolant), rel=0.03)


def test_a_shift_by_whole_pixels_leaves_the_noise_alone() -> None:
    assert pixel_factor(Affine.shift(3.0, -7.0), (64, 64), "poly3") == pytest.approx(1.0)
    assert pixel_factor(Affine.shift(3.00005, 0.0), (64, 64), "poly3", snap=1e-4) == pytest.approx(1.0)


def stacked(directory, *, noise=(10.0, 10.0, 10.0, 10.0), steps=("resampleToCommonFrame", "stackFrames")):
    """Stack frames of mere noise, dithered by parts of pixels."""
    moves = [(0.0, 0.0), (4.5, -3.5), (-6.3, 2.2), (3.7, 7.1)]
    frames = [
        exposure(n, sky=0.0, sources=(), size=256, noise=sigma, p=p * SCALE, q=q * SCALE)
        for n, ((p, q), sigma) in enumerate(zip(moves, noise, strict=True), 1)
    ]
    with running(directory, *frames) as run:
        for step in steps:
            run.step(step, {})
        return run.streams["main"][0].planes[0]


@pytest.mark.parametrize("noise", [(10.0,) * 4, (10.0, 5.0, 20.0, 10.0)])
def test_the_pull_of_the_background_is_one_with_the_factor_applied(noise, tmp_path) -> None:
    plane = stacked(tmp_path, noise=noise)
    inner = (slice(20, -20), slice(20, -20))
    sigma = np.sqrt(plane.variance[inner] * plane.header["NCVARFAC"])
    assert np.std(plane.data[inner] / sigma) == pytest.approx(1.0, abs=0.015)
    assert plane.header["NCVARFAC"] < 0.9


def test_the_sum_over_large_areas_scatters_as_var_says_and_more_than_its_pixels_by_the_covariance_factor(
    tmp_path,
) -> None:
    plane = stacked(tmp_path)
    blocks = [plane.data[20:244, 20:244], plane.variance[20:244, 20:244]]
    sums, variances = (b.reshape(14, 16, 14, 16).sum(axis=(1, 3), dtype=np.float64) for b in blocks)
    assert np.std(sums / np.sqrt(variances)) == pytest.approx(1.0, abs=0.11)
    pixels = plane.data[20:244, 20:244].var() * 256
    # Blocks of 16 pixels still lose a little noise to their neighbours.
    assert sums.var() / pixels == pytest.approx(plane.header["NCCOVFAC"], rel=0.2)


def test_a_stack_that_was_not_resampled_has_no_factor(tmp_path) -> None:
    assert "NCVARFAC" not in stacked(tmp_path, steps=("stackFrames",)).header


def test_stacks_that_are_resampled_again_keep_count(tmp_path) -> None:
    frames = [exposure(n, sky=0.0, p=0.5 * n * SCALE) for n in (1, 2)]
    frames[1].planes[0].header["NCVARFAC"] = 0.8
    with running(tmp_path, *frames) as run:
        run.step("resampleToCommonFrame", {})
    half = pixel_factor(Affine.shift(0.5, 0.0), (128, 128), "poly3")
    assert frames[0].planes[0].header["NCVARFAC"] == pytest.approx(1.0)
    assert frames[1].planes[0].header["NCVARFAC"] == pytest.approx(0.8 * half, rel=1e-3)
