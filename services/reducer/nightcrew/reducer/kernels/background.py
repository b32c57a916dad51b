"""The level of the sky in a frame, and the factor by which a sky frame matches it (primitives-sky-and-stack, 5.1)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nightcrew.reducer.kernels.clipping import sigma_clip
from nightcrew.reducer.kernels.compiler import njit
from nightcrew.reducer.kernels.threads import all_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAMPLING = 10
"""Every so many pixels enter the estimate."""
STRETCH = 1 << 16
"""Pixels that are looked at in one go: what is made of them stays in the cache."""
LOW, HIGH = 3.0, 1.0
"""The fit sees values from m - 3 sigma to m + 1 sigma: faint wings of objects are above."""
MOST_FITS = 12
CLOSE = 0.001
"""In units of sigma: the mean has settled."""
MOST_ROUNDS = 100
SQRT2, SQRT2PI = math.sqrt(2.0), math.sqrt(2.0 * math.pi)
BELOW = 0.5 * math.erfc(LOW / SQRT2)
WITHIN = 0.5 * math.erfc(-HIGH / SQRT2) - BELOW
"""Part of a normal distribution below, and between, those limits."""


@dataclass(frozen=True, slots=True)
class Background:
    """A level of the sky.

    Parameters
    ----------
    level, sigma
        Centre and width of the distribution of pixel values.
    samples
        Values that the last step of the estimate rests on.
    fitted
        Whether it was a fit; otherwise a clipped median.
    """

    level: float
    sigma: float
    samples: int
    fitted: bool


@dataclass(frozen=True, slots=True)
class SkyFactor:
    """By how much a sky frame has to be multiplied to match a science frame.

    Parameters
    ----------
    factor
        To multiply the sky with.
    rounds
        Iterations that it took.
    converged
        Whether the last correction was below the threshold.
    fitted
        False if the level had to be estimated without fits.
    """

    factor: float
    rounds: int
    converged: bool
    fitted: bool


def background(
    data: NDArray[np.float32],
    dq: NDArray[np.uint16] | None,
    objmask: NDArray[np.uint8] | None,
    *,
    sampling: int = SAMPLING,
    fit: bool = True,
    decimate_twice: bool = True,
) -> Background | None:
    """Estimate the sky level of a frame.

    Parameters
    ----------
    data, dq, objmask
        Planes of the frame; pixels with any flag or an object do not count.
    sampling
        Every so many of the good pixels are looked at.
    fit
        Fit the distribution; otherwise the median after two rounds of clipping at 2 sigma.
    decimate_twice
        Take every `sampling`-th of these values again, as the reference does.

    Returns
    -------
    Background or None
        None with fewer than 2 values.
    """
    where = sample_positions(data.size, dq, objmask, sampling)
    return estimate(data.reshape(-1)[where], sampling=sampling if decimate_twice else 1, fit=fit)


def sample_positions(
    size: int, dq: NDArray[np.uint16] | None, objmask: NDArray[np.uint8] | None, sampling: int = SAMPLING
) -> NDArray[np.intp]:
    """Return the positions, in the order of memory, of every `sampling`-th pixel without flag and object."""
    flags = [plane.reshape(-1) for plane in (dq, objmask) if plane is not None]
    if not flags:
        return np.arange(0, size, sampling)
    found, passed = [], 0
    for start in range(0, size, STRETCH):
        stretch = [plane[start : start + STRETCH] for plane in flags]
        good = np.flatnonzero((stretch[0] if len(stretch) == 1 else stretch[0] | stretch[1]) == 0)
        found.append(good[-passed % sampling :: sampling] + start)
        passed += good.size
    return np.concatenate(found) if found else np.zeros(0, np.intp)


def estimate(values: NDArray[np.float32], *, sampling: int, fit: bool = True) -> Background | None:
    """Estimate the centre of the distribution of values that are mostly sky.

    Parameters
    ----------
    values
        Sampled pixels, in the order of memory.
    sampling
        Every so many of them enter the fit.
    fit
        Whether to fit.

    Notes
    -----
    Starting from median and standard deviation after clipping at 5 sigma, the cumulative distribution
    of a normal distribution, cut off at its own -3 and +1 sigma, is fitted to that of the values within
    these limits, until the centre moves by less than 0.001 sigma or for 12 fits.
    """
    if values.size < 2:
        return None
    if fit:
        found = _fit_repeatedly(np.ascontiguousarray(values, np.float32), sampling)
        if found is not None:
            return found
    last = sigma_clip(values[::sampling], sigma=2.0, rounds=2)
    return Background(last.median, last.std, last.count, fitted=False)


def _fit_repeatedly(values: NDArray[np.float32], sampling: int) -> Background | None:
    """Fit until the limits, which move with each fit, have settled; None if a fit is not possible."""
    first = sigma_clip(values, sigma=5.0, rounds=5)
    mean, sigma = first.median, first.std
    room = np.empty(values.size, np.float32)
    count = 0
    for _ in range(MOST_FITS):
        kept = room[: _within(values, mean - LOW * sigma, mean + HIGH * sigma, room)]
        points = np.sort(kept[::sampling])
        count = points.size
        if count < 2:
            return None
        before = mean
        mean, sigma, good = _fit_distribution(points, mean, sigma)
        if not good:
            return None
        sigma = abs(sigma)
        if abs(mean - before) < CLOSE * sigma:
            break
    return Background(mean, sigma, count, fitted=True)


@njit(cache=True, nogil=True)
def _within(values: Any, low: float, high: float, kept: Any) -> int:
    count = 0
    for i in range(values.size):
        v = np.float64(values[i])
        kept[count] = values[i]
        count += 1 if (v > low) & (v <= high) else 0
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def _derivatives(points: Any, mean: float, sigma: float) -> Any:
    """Derivatives of half the sum of squared residuals ``F(x_k) - k / n``.

    Returns the sum, its gradient, its second derivatives, and those of the linearised problem:
    (mean mean, mean sigma, sigma sigma) each.
    """
    n = points.size
    cost, gm, gs = 0.0, 0.0, 0.0
    jmm, jms, jss = 0.0, 0.0, 0.0
    hmm, hms, hss = 0.0, 0.0, 0.0
    scale = 1.0 / (SQRT2PI * WITHIN)
    for k in range(n):
        z = (np.float64(points[k]) - mean) / sigma
        residual = (0.5 * math.erfc(-z / SQRT2) - BELOW) / WITHIN - (k + 1) / n
        density = math.exp(-0.5 * z * z) * scale
        cost += residual * residual
        gm -= density * residual
        gs -= density * z * residual
        jmm += density * density
        jms += density * density * z
        jss += density * density * z * z
        curvature = density * residual
        hmm -= curvature * z
        hms += curvature * (1.0 - z * z)
        hss += curvature * z * (2.0 - z * z)
    return 0.5 * cost, gm, gs, jmm + hmm, jms + hms, jss + hss, jmm, jms, jss


@njit(cache=True, nogil=True, error_model="numpy")
def _fit_distribution(points: Any, mean: float, sigma: float) -> Any:
    """Fit mean and sigma of the distribution to the precision of double; points are sorted.

    Newton's method with a damping as in Levenberg-Marquardt where it goes wrong.  Gradients and second
    derivatives are in units of 1 / sigma.
    """
    damping = 0.0
    now = _derivatives(points, mean, sigma)
    for _ in range(100):
        cost, gm, gs = now[0], now[1], now[2]
        a, b, d = now[3], now[4], now[5]
        if damping > 0.0 or not (a > 0.0 and a * d > b * b):
            a, b, d = now[6] * (1.0 + damping), now[7], now[8] * (1.0 + damping)
        determinant = a * d - b * b
        if not abs(determinant) > 0.0:
            return mean, sigma, False
        dm = -(d * gm - b * gs) / determinant * sigma
        ds = -(a * gs - b * gm) / determinant * sigma
        if abs(dm) + abs(ds) < 1e-7 * abs(sigma) and damping == 0.0:
            return mean + dm, sigma + ds, True
        trial = _derivatives(points, mean + dm, sigma + ds)
        if trial[0] <= cost:
            mean, sigma, now = mean + dm, sigma + ds, trial
            damping = damping * 0.1 if damping > 1e-3 else 0.0
        else:
            damping = max(10.0 * damping, 1e-3)
            if damping > 1e12:
                break
    return mean, sigma, math.isfinite(mean) and math.isfinite(sigma)


def sky_factor(
    science: tuple[NDArray[np.float32], NDArray[np.uint16] | None, NDArray[np.uint8] | None],
    sky: tuple[NDArray[np.float32], NDArray[np.uint16] | None, NDArray[np.uint8] | None],
    *,
    threshold: float = 0.001,
    sampling: int = SAMPLING,
    decimate_twice: bool = True,
    threads: int = 1,
) -> SkyFactor | None:
    """Find the factor of a sky frame that leaves no sky in a science frame.

    Parameters
    ----------
    science, sky
        SCI, DQ and OBJMASK of each; DQ and OBJMASK may be absent.
    threshold
        The factor is found when its correction is at most so large.
    sampling, decimate_twice
        As for `background`.
    threads
        Threads at work; changes no result.

    Returns
    -------
    SkyFactor or None
        None if one of the frames has fewer than 2 good pixels.

    Notes
    -----
    Only the pixels that enter an estimate are followed through the iteration, with the roundings to
    float32 that the whole frames would undergo.  From the second round on, the flags of both frames count.
    """
    found = None
    for fit in (True, False):
        found = _iterate(science, sky, threshold, sampling, sampling if decimate_twice else 1, threads, fit=fit)
        if found is None or found.converged:
            break
    return found


def _iterate(
    science: tuple[NDArray[np.float32], NDArray[np.uint16] | None, NDArray[np.uint8] | None],
    sky: tuple[NDArray[np.float32], NDArray[np.uint16] | None, NDArray[np.uint8] | None],
    threshold: float,
    sampling: int,
    again: int,
    threads: int,
    *,
    fit: bool,
) -> SkyFactor | None:
    data, dq, objects = science
    sky_data, sky_dq, sky_objects = sky
    flat, flat_sky = data.reshape(-1), sky_data.reshape(-1)
    either = dq if sky_dq is None else sky_dq if dq is None else dq | sky_dq
    in_first = sample_positions(flat.size, dq, objects, sampling)
    in_later = sample_positions(flat.size, either, objects, sampling)
    own_sky = flat_sky[sample_positions(flat.size, sky_dq, sky_objects, sampling)]
    left, subtracted = flat[in_later], flat_sky[in_later]
    seen = flat[in_first]
    current, factor, rounds, fitted = 1.0, 0.0, 0, True
    while abs(current) > threshold and rounds < MOST_ROUNDS:
        ours, theirs = all_of(partial(estimate, sampling=again, fit=fit), (seen, own_sky), threads)
        if ours is None or theirs is None:
            return None
        ratio = ours.level / theirs.level if theirs.level else math.nan
        fitted = fitted and ours.fitted and theirs.fitted
        own_sky, subtracted = _times(own_sky, ratio), _times(subtracted, ratio)
        left = left - subtracted
        seen = left
        current *= ratio
        factor += current
        rounds += 1
    return SkyFactor(factor, rounds, abs(current) <= threshold, fitted)


def _times(values: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    return np.multiply(values, factor, dtype=np.float64).astype(np.float32)
