"""A first reduction, of a frame that never was: what is imported and compiled late is in place when a job comes."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from astropy.io.fits import Header

from nightcrew.reducer.engine.executing import Desk, PlannedReduction
from nightcrew.shared.errors import ServiceError
from nightcrew.shared.fits import write_frame
from nightcrew.shared.frames import Frame, Plane

SIDE = 256
"""Pixels; the smallest array that NIRI reads."""
PREFIX, STALE = "nightcrew-warm-", 600.0
"""Of the temporary directory; seconds after which it belongs to a dead process."""
_SCALE = 0.1171 / 3600
_PRIMARY = {
    "INSTRUME": "NIRI", "OBSERVAT": "Gemini-North", "TELESCOP": "Gemini-North", "OBJECT": "nothing",
    "OBSTYPE": "OBJECT", "OBSCLASS": "science", "OBSID": "GN-2016A-Q-0-0", "DATALAB": "GN-2016A-Q-0-0-001",
    "RA": 150.0, "DEC": 2.0, "FRAME": "FK5", "EPOCH": 2000.0, "EQUINOX": 2000.0, "RATRACK": 0.0, "DECTRACK": 0.0,
    "PA": 0.0, "POFFSET": 0.0, "QOFFSET": 0.0, "INPORT": 3, "AIRMASS": 1.1, "DATE-OBS": "2016-01-02",
    "UT": "09:10:00.0", "UTSTART": "09:10:00.0", "UTEND": "09:10:22.0", "CAMERA": "f6", "FPMASK": "f6-cam_G5208",
    "FILTER1": "Kprime_G0206", "FILTER2": "open", "FILTER3": "pupil38_G5207", "EXPTIME": 20.0, "COADDS": 1,
    "LNRS": 1, "NDAVGS": 16, "A_VDDUC": -3.491, "A_VDET": -2.891, "PWFS1_ST": "parked", "PWFS2_ST": "guiding",
    "OIWFS_ST": "parked",
}  # fmt: skip
_DARK = {"OBSTYPE": "DARK", "OBSCLASS": "dayCal", "OBJECT": "Dark", "FILTER2": "blank"}


def warm_up(budget: int, threads: int) -> None:
    """Reduce a small dark and look at a small frame of the sky.

    Raises
    ------
    ServiceError
        If that fails: this installation cannot reduce anything.
    """
    _remove_stale(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name:
        directory = Path(name)
        desk = Desk(directory, budget, threads)
        darks = tuple(_frame(directory / f"N20160102S000{number}.fits", number, _DARK) for number in (1, 2, 3))
        sky = _frame(directory / "N20160102S0004.fits", 4, {})
        for planned in (PlannedReduction(darks, None, {}), PlannedReduction((sky,), "quickLook", {}, "ql")):
            result = desk.reduce(planned)
            if not result.outcome.ok:
                raise ServiceError(f"the first reduction of a reducer failed: {result.outcome.reason} {result.trace}")


def _remove_stale(directory: Path) -> None:
    """Remove what processes of this user have left that were killed while they got warm."""
    for path in directory.glob(f"{PREFIX}*"):
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue
        if status.st_uid == os.geteuid() and time.time() - status.st_mtime > STALE:
            shutil.rmtree(path, ignore_errors=True)


def _frame(path: Path, seed: int, cards: dict[str, str]) -> Path:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    data = rng.normal(200.0, 5.0, (SIDE, SIDE))
    if not cards:
        for row, column in rng.uniform(20, SIDE - 20, (8, 2)):
            data += 2000.0 * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 8.0)
    phu = Header({**_PRIMARY, **cards})
    header = Header(
        {
            "EXTNAME": "SCI", "EXTVER": 1, "NAXIS": 2, "NAXIS1": SIDE, "NAXIS2": SIDE, "CTYPE1": "RA---TAN",
            "CTYPE2": "DEC--TAN", "CRPIX1": (SIDE + 1) / 2, "CRPIX2": (SIDE + 1) / 2, "CRVAL1": 150.0, "CRVAL2": 2.0,
            "CD1_1": -_SCALE, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": _SCALE, "LOWROW": 0, "HIROW": SIDE - 1, "LOWCOL": 0,
            "HICOL": SIDE - 1,
        }
    )  # fmt: skip
    write_frame(Frame(phu, [Plane(header, data.astype(np.float32))], path.name), path)
    return path
