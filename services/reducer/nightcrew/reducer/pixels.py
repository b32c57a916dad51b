"""Replacing pixels by their surroundings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from nightcrew.reducer.kernels.selection import median

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.float32]

INNER, OUTER = 3.0, 5.0


def ring_medians(image: Image, flagged: NDArray[np.bool_], inner: float = INNER, outer: float = OUTER) -> Image:
    """Replace flagged pixels by the median of the good ones in a ring around them.

    Parameters
    ----------
    image
        Shape (ny, nx), float32.
    flagged
        Same shape.
    inner, outer
        Radii of the ring, pixels, inclusive.

    Returns
    -------
    float32
        A new image; a pixel without a good one in its ring gets the median of all good ones, if there are any.
    """
    ys, xs = np.nonzero(flagged)
    if not len(ys) or flagged.all():
        return image
    reach = int(outer)
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    ring = (inner**2 <= dx**2 + dy**2) & (dx**2 + dy**2 <= outer**2)
    padded: NDArray[Any] = np.pad(np.where(flagged, np.nan, image), reach, constant_values=np.nan)
    around = padded[ys[:, None] + reach + dy[ring], xs[:, None] + reach + dx[ring]]
    lonely = np.isnan(around).all(axis=1)
    around[lonely] = np.median(image[~flagged])
    result = image.copy()
    result[ys, xs] = np.nanmedian(around, axis=1)
    return result


def median_filled(image: Image, flagged: NDArray[np.bool_]) -> Image:
    """Replace flagged pixels by the median of the others; the image itself where there is nothing to do."""
    good = image[~flagged]
    if good.size in (0, image.size):
        return image
    return np.where(flagged, np.float32(median(good)), image)
