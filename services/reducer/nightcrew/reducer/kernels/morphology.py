"""Growing masks (primitives-sky-and-stack, 7.1)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from nightcrew.reducer.kernels.compiler import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray


def disc(radius: float) -> NDArray[np.bool_]:
    """Return the disc of all whole offsets (i, j) with ``i**2 + j**2 <= radius**2``."""
    reach = int(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    within: NDArray[np.bool_] = x * x + y * y <= radius * radius
    return within


def dilate(mask: NDArray[Any], radius: float) -> NDArray[np.uint8]:
    """Grow a mask by a disc.

    Parameters
    ----------
    mask
        Shape (ny, nx); not 0 where set.
    radius
        Of the disc, pixels; less than 1 changes nothing.

    Returns
    -------
    ndarray
        0 and 1, uint8.
    """
    binary = np.ascontiguousarray(mask != 0).view(np.uint8)
    if radius < 1:
        return binary
    reach = int(radius)
    widths = np.array([int(math.sqrt(radius * radius - i * i)) for i in range(-reach, reach + 1)])
    grown = np.zeros(binary.shape, np.uint8)
    _grow(binary, widths, reach, grown)
    return grown


@njit(cache=True, nogil=True)
def _grow(mask: Any, widths: Any, reach: int, grown: Any) -> None:
    """Widen every run of set pixels, for each row that the disc reaches."""
    ny, nx = mask.shape
    for y in range(ny):
        x = 0
        while x < nx:
            if mask[y, x] == 0:
                x += 1
                continue
            end = x
            while end < nx and mask[y, end] != 0:
                end += 1
            for i in range(max(-reach, -y), min(reach, ny - 1 - y) + 1):
                width = widths[i + reach]
                grown[y + i, max(0, x - width) : min(nx, end + width)] = 1
            x = end
