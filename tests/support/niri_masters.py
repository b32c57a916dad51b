"""Small NIRI masters on disk, for calibration databases, and the frames that need them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nightcrew.shared.fits import write_frame
from nightcrew.shared.frames import ProvenanceRow
from support.runs import DARK, LAMP_ON, niri_frame

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

DONE = "2016-01-03T00:00:00"
PROCESSED = {"PREPARE": DONE, "ADUTOELE": DONE, "PROCMODE": "sq"}


def master_dark(path: Path, *, level: float = 5.0, made_of: Iterable[tuple[str, str]] = (), **cards: Any) -> Path:
    """Write a master dark of 256 x 256 pixels, in electrons, and return its path."""
    return _write(path, level, {**DARK, **PROCESSED, "PROCDARK": DONE, **cards}, made_of)


def master_flat(path: Path, *, level: float = 1.0, made_of: Iterable[tuple[str, str]] = (), **cards: Any) -> Path:
    """Write a master flat of 256 x 256 pixels, and return its path."""
    return _write(path, level, {**LAMP_ON, **PROCESSED, "PROCFLAT": DONE, **cards}, made_of)


def master_mask(path: Path, *, size: int = 256) -> Path:
    """Write a mask as makeProcessedBPM leaves it: it still calls itself a flat, taken in the morning after."""
    frame = niri_frame(
        path.name, np.zeros((size, size), np.int16), **LAMP_ON, **PROCESSED, BPMASK=True, PROCBPM=DONE,
        UT="16:00:00.0", UTSTART="16:00:00.0",
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    write_frame(frame, path)
    return path


def _write(path: Path, level: float, cards: dict[str, Any], made_of: Iterable[tuple[str, str]]) -> Path:
    frame = niri_frame(path.name, np.full((256, 256), level, np.float32), **cards)
    frame.planes[0].header["BUNIT"] = "electron"
    frame.provenance.extend(ProvenanceRow(DONE, name, md5, "prepare") for name, md5 in made_of)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_frame(frame, path)
    return path
