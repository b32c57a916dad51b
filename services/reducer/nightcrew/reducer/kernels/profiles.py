"""Width and peak of sources from their pixels (primitives-sky-and-stack, 8.3)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nightcrew.reducer.kernels.compiler import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

NOT_MEASURED = -999.0
SMALLEST = 10
"""Half the side of a stamp, pixels, at least."""


class Profiles(NamedTuple):
    """Measurements of n sources, shape (n,) each."""

    fwhm: NDArray[np.float32]
    """Full width at half maximum, pixels; -999 where it could not be measured."""
    ee50: NDArray[np.float32]
    """Diameter that encloses half the flux, pixels; -999 where it could not be measured."""
    peak: NDArray[np.float32]
    """Highest pixel above the background."""


def stamp_half_size(pixel_scale: float | None, seeing: float | None) -> int:
    """Return half the side of the stamps, pixels, for a pixel scale and a seeing in arcsec."""
    if not pixel_scale:
        return SMALLEST
    return max(SMALLEST, int((1.2 * seeing if seeing else 0.5) / pixel_scale))


def measure_profiles(
    data: NDArray[np.float32],
    x: NDArray[Any],
    y: NDArray[Any],
    background: NDArray[Any],
    flux: NDArray[Any],
    peak: NDArray[Any],
    half_size: int,
) -> Profiles:
    """Measure all sources of a frame.

    Parameters
    ----------
    data
        Pixels, shape (ny, nx); flags play no role.
    x, y
        Positions of n sources, pixels, 1-based: X_IMAGE, Y_IMAGE.
    background, flux, peak
        BACKGROUND, FLUX_AUTO and FLUX_MAX of the catalogue.
    half_size
        Half the side of the stamp that is looked at; a source closer to an edge is not measured.
    """
    n = len(x)
    fwhm, ee50 = np.full(n, NOT_MEASURED, np.float32), np.full(n, NOT_MEASURED, np.float32)
    highest = np.array(peak, np.float32)
    xc, yc, sky, total = (np.asarray(v, np.float64) for v in (x, y, background, flux))
    _measure(np.ascontiguousarray(data, np.float32), xc - 0.5, yc - 0.5, sky, total, half_size, fwhm, ee50, highest)
    return Profiles(fwhm, ee50, highest)


@njit(cache=True, nogil=True)
def _measure(
    data: Any, xc: Any, yc: Any, sky: Any, flux: Any, half_size: int, fwhm: Any, ee50: Any, highest: Any
) -> None:
    ny, nx = data.shape
    side = 2 * half_size
    f, r2 = np.empty(side * side), np.empty(side * side)
    for n in range(xc.size):
        i, j = int(yc[n]), int(xc[n])
        if i - half_size < 0 or j - half_size < 0 or i + half_size >= ny or j + half_size >= nx:
            continue
        top = -np.inf
        for v in range(i - 2, i + 3):
            for u in range(j - 2, j + 3):
                top = max(top, np.float64(data[v, u]) - sky[n])
        if top < 0:
            top = np.float64(highest[n])
        highest[n] = top
        k = 0
        above = 0
        for v in range(i - half_size, i + half_size):
            for u in range(j - half_size, j + half_size):
                f[k] = np.float64(data[v, u]) - sky[n]
                r2[k] = (u + 0.5 - xc[n]) ** 2 + (v + 0.5 - yc[n]) ** 2
                above += f[k] > 0.5 * top
                k += 1
        limit = 1.5 * above / math.pi
        near = 0
        for k in range(side * side):
            near += (r2[k] < limit) & (f[k] > 0.5 * top)
        hwhm = math.sqrt(near / math.pi)
        if hwhm < half_size:
            fwhm[n] = 2.0 * hwhm
        order = np.argsort(r2)
        enclosed = 0.0
        for k in order:
            enclosed += f[k]
            if enclosed >= 0.5 * flux[n]:
                ee50[n] = 2.0 * math.sqrt(r2[k])
                break
