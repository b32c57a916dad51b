"""What a reduction leaves beside its stack: repairs that it tells, and the frames whose sky it has subtracted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.profiling import Outcome

TILE, FEW = 32, 300
"""Pixels along the side of a tile, and how many of them must show the sky."""


def repairs_told(outcome: Outcome) -> int:
    """Return the number of frames of which it is told that their WCS was mended."""
    return sum("WCS corrected" in caveat for caveat in outcome.caveats)


def in_own_sky(outcome: Outcome) -> int:
    """Return the number of frames that were among the skies subtracted from them."""
    found = 0
    for path in _sky_subtracted(outcome):
        own = path.name.partition("_")[0]
        skies = [str(name).partition("_")[0] for name in fits.getdata(path, "SKYTABLE")["SKYNAME"]]
        assert skies
        found += own in skies
    return found


def unevenness_of_frames(outcome: Outcome) -> float:
    """Return the rms of the background from tile to tile, electrons, of the typical frame."""
    return float(np.median([_unevenness(path) for path in _sky_subtracted(outcome)]))


def outliers_of_frames(outcome: Outcome, sigmas: float = 6.0) -> float:
    """Return how many pixels without flags and sources lie so many times the rms off, in the typical frame."""
    return float(np.median([_outliers(path, sigmas) for path in _sky_subtracted(outcome)]))


def _outliers(path: Path, sigmas: float) -> int:
    with fits.open(path) as hdus:
        values = hdus["SCI"].data[(hdus["DQ"].data == 0) & (hdus["OBJMASK"].data == 0)]
    off = np.abs(values - np.median(values))
    return int(np.count_nonzero(off > sigmas * 1.4826 * np.median(off)))


def _unevenness(path: Path) -> float:
    with fits.open(path) as hdus:
        data, empty = hdus["SCI"].data, (hdus["DQ"].data == 0) & (hdus["OBJMASK"].data == 0)
    levels = []
    for y in range(0, data.shape[0] - TILE + 1, TILE):
        for x in range(0, data.shape[1] - TILE + 1, TILE):
            box = np.s_[y : y + TILE, x : x + TILE]
            if empty[box].sum() > FEW:
                levels.append(float(np.median(data[box][empty[box]])))
    return float(np.std(levels))


def _sky_subtracted(outcome: Outcome) -> list[Path]:
    assert outcome.product is not None
    frames = sorted(outcome.product.parent.glob("*_skyCorrected.fits"))
    assert frames, "skyCorrect:write_outputs=True is missing"
    return frames
