"""Masks that reach as far as the light of an object does, not only as far as it was detected."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from nightcrew.reducer.kernels.morphology import dilate

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEP = 1.25
"""Masks whose growth differs by less than this factor grow together."""


def grown(mask: NDArray[np.uint8], growth: float, largest: float) -> NDArray[np.uint8]:
    """Let every connected part of a mask grow by a disc in proportion to its size.

    Parameters
    ----------
    mask
        Not 0 where objects were detected, shape (ny, nx).
    growth
        Radius of the disc over that of a circle of the part's area.
    largest
        Largest radius of the disc, pixels.

    Returns
    -------
    ndarray
        0 and 1, uint8.

    Notes
    -----
    Outside its core a star's image falls as a power of the radius, so the radius at which it drops from the detection
    threshold to any fraction of it is proportional to that at which it was detected.
    """
    from scipy import ndimage  # noqa: PLC0415  (heavy, and only wanted here)

    labels, count = ndimage.label(mask != 0, structure=np.ones((3, 3), bool))
    result: NDArray[np.uint8] = (mask != 0).astype(np.uint8)
    if not count:
        return result
    radii = np.minimum(growth * np.sqrt(np.bincount(labels.reshape(-1))[1:] / math.pi), largest)
    classes = np.where(radii >= 1, np.ceil(np.log(np.maximum(radii, 1)) / math.log(STEP)), -1).astype(int)
    for one in np.unique(classes[classes >= 0]):
        members = np.flatnonzero(classes == one) + 1
        wanted = np.zeros(count + 1, np.uint8)
        wanted[members] = 1
        result |= dilate(wanted[labels], min(STEP ** float(one), largest))
    return result
