"""What resampling does to noise.

A resampled pixel is a weighted sum of pixels whose noise is independent.  With weights w that add up to 1, and
variance v of the pixels, its variance is v times the sum of w squared, while that of the sum over many pixels is v
for each of them: what the single pixel has lost is in the covariance with its neighbours.  VAR is interpolated like
the data, so it says v: right for large areas, too much for single pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from nightcrew.reducer.kernels.resample import POLY_POINTS, SPLINE_ORDERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.io.fits import Header
    from numpy.typing import ArrayLike, NDArray

    from nightcrew.reducer.kernels.affine import Affine
    from nightcrew.reducer.kernels.resample import Interpolant
    from nightcrew.shared.frames import Plane

    Numbers = NDArray[np.float64]

PIXEL, AREA = "NCVARFAC", "NCCOVFAC"
"""Keywords: variance of the noise of a single pixel over VAR, and of the sum over a large area over that of its
pixels taken for independent: the first times the second is 1, since VAR is right for large areas."""
SAMPLES = 32
"""Positions along an axis of the frame at which the weights are looked at."""
REACH = 32
"""Pixels to either side beyond which the weights of a spline are nothing."""


def weights(interpolant: Interpolant, fraction: ArrayLike) -> Numbers:
    """Return the weights that an interpolation gives to the pixels of one axis, away from the edges.

    Parameters
    ----------
    interpolant
        As in `kernels.resample`.
    fraction
        Position after a pixel centre, in pixels, 0 to 1; shape (n,).

    Returns
    -------
    Shape (n, number of pixels); rows add up to 1.
    """
    p = np.atleast_1d(np.asarray(fraction, np.float64))
    if interpolant not in POLY_POINTS:
        return _of_spline(SPLINE_ORDERS[interpolant], p)
    q = 1.0 - p
    p3, q3 = p * (p * p - 1.0) / 6.0, q * (q * q - 1.0) / 6.0
    cubic = np.stack([q3, q + p3 - 2.0 * q3, p + q3 - 2.0 * p3, p3], axis=1)
    if POLY_POINTS[interpolant] == 4:
        return cubic
    p5, q5 = 0.05 * p3 * (p * p - 4.0), 0.05 * q3 * (q * q - 4.0)
    quintic = np.stack([q5, p5 - 4.0 * q5, 6.0 * q5 - 4.0 * p5, 6.0 * p5 - 4.0 * q5, q5 - 4.0 * p5, p5], axis=1)
    quintic[:, 1:5] += cubic
    return quintic


def _of_spline(order: Literal[0, 1, 3, 5], fraction: Numbers) -> Numbers:
    """Return what an interpolation makes of a single bright pixel."""
    from scipy.ndimage import map_coordinates  # noqa: PLC0415 (rarely wanted, slow to import)

    impulse = np.zeros(4 * REACH + 1)
    impulse[2 * REACH] = 1.0
    at = fraction[:, None] + np.arange(REACH, 3 * REACH + 1)
    response: Numbers = map_coordinates(impulse, [at], order=order)
    return response


def pixel_factor(
    to_reference: Affine,
    shape: tuple[int, ...],
    interpolant: Interpolant,
    *,
    conserve: bool = True,
    snap: float = 0.0,
) -> float:
    """Return the variance of the noise of a resampled pixel over what VAR says of it, mean over a frame.

    Parameters
    ----------
    to_reference
        From pixels of the frame to pixels of the grid that it is resampled to, up to whole pixels.
    shape
        (ny, nx) of the frame.
    interpolant, conserve, snap
        As in `kernels.resample.resample`, which multiplies data and VAR alike by the area of a pixel.

    Notes
    -----
    For white noise in the frame.  The factor depends on the parts of pixels by which it is shifted, and on these
    only: 0.41 for half a pixel on both axes and `poly3`, 1 for whole pixels.
    """
    back = to_reference.inverse()
    area = back.area if conserve else 1.0
    if to_reference.integer_shift(snap) is not None:
        return area
    ny, nx = shape
    across, up = np.meshgrid(np.linspace(0, nx - 1, SAMPLES), np.linspace(0, ny - 1, SAMPLES))
    on_grid = np.rint(to_reference(np.column_stack([across.ravel(), up.ravel()])))
    x, y = back(on_grid).T
    squares = [np.sum(weights(interpolant, c - np.floor(c)) ** 2, axis=1) for c in (x, y)]
    return float(np.mean(squares[0] * squares[1])) * area


def write_factor(factor: float | None, header: Header) -> None:
    """Put the factor of a frame or a stack into the header of its extension; None takes it out."""
    if factor is None:
        for keyword in (PIXEL, AREA):
            header.remove(keyword, ignore_missing=True)
        return
    header[PIXEL] = (factor, "Variance of a pixel / VAR, by resampling")
    header[AREA] = (1.0 / factor, "Variance of a large sum / that of its pixels")


def average_factor(planes: Sequence[Plane]) -> float | None:
    """Return the factor of an average of planes, weighted by what they add to its variance; None without factors."""
    factors = [plane.header.get(PIXEL) for plane in planes]
    if any(factor is None for factor in factors):
        return None
    known = np.array([_typical_variance(plane) for plane in planes])
    weight = known if np.all(np.isfinite(known)) else np.ones(len(planes))
    return float(np.average(np.asarray(factors, np.float64), weights=weight))


def _typical_variance(plane: Plane) -> float:
    """Return the median variance along the middle row; NaN if there is none."""
    middle = plane.shape[0] // 2
    row = plane.rows("variance", middle, middle + 1)
    positive = row[row > 0] if row is not None else np.empty(0)
    return float(np.median(positive)) if positive.size else float("nan")
