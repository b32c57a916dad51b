"""How long each pixel of a stack was exposed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nightcrew.shared.dq import DQ

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nightcrew.shared.frames import Plane

ROWS = 128
"""Rows that are worked on at a time."""
LEVELS = ((DQ.COSMIC_RAY, 1), (DQ.OVERLAP, 2), (DQ.BAD_PIXEL, 3), (DQ.UNILLUMINATED, 4), (DQ.NO_DATA, 5))
"""How bad a flag is: a pixel is combined from the inputs of the mildest level (primitives-calibration, 10.1)."""
NO_DATA, UNUSABLE = 5, 6


def exposure_map(
    seconds: Sequence[float], planes: Sequence[Plane], rejected: NDArray[np.int16] | None
) -> NDArray[np.float32]:
    """Return the exposure that went into each pixel of a stack.

    Parameters
    ----------
    seconds
        Exposure of each input, all its coadds together.
    planes
        The inputs as they were combined; DQ tells which of them could be used.
    rejected
        REJMAP of the stack: how many inputs were not used, for their flags or by rejection, shape (ny, nx).  Without
        it nothing counts as rejected.

    Returns
    -------
    Seconds, shape (ny, nx), float32; 0 where no input has data.

    Notes
    -----
    Exact for inputs of equal exposure.  Of unequal ones REJMAP does not tell which was rejected: it is taken to be of
    the mean exposure of those that could be used.
    """
    table = _levels()
    ny, nx = planes[0].shape
    made = np.zeros((ny, nx), np.float32)
    flagged = all(plane.has("dq") for plane in planes)
    for start in range(0, ny, ROWS):
        stop = min(start + ROWS, ny)
        if flagged:
            levels = np.stack([_of(plane, table, start, stop) for plane in planes])
        else:
            levels = np.zeros((len(planes), stop - start, nx), np.uint8)
        best = levels.min(axis=0)
        usable = (levels == best) & (best < NO_DATA)
        exposure = np.tensordot(np.asarray(seconds, np.float64), usable, axes=1)
        if rejected is not None:
            could = usable.sum(axis=0)
            used = np.clip(len(planes) - rejected[start:stop], 0, could)
            exposure *= used / np.maximum(could, 1)
        made[start:stop] = exposure
    return made


def _levels() -> NDArray[np.uint8]:
    """Return the level of every value of DQ."""
    values = np.arange(1 << 16)
    table = np.zeros(values.size, np.uint8)
    for flag, level in LEVELS:
        table[(values & flag) != 0] = level
    table[values >= 1 << 7] = UNUSABLE
    return table


def _of(plane: Plane, table: NDArray[np.uint8], start: int, stop: int) -> NDArray[np.uint8]:
    flags = plane.rows("dq", start, stop)
    assert flags is not None
    return table[flags]
