"""Frames and runs for tests of primitives: small NIRI and F2 frames in memory, and a run to put them in."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io.fits import Header

from nightcrew.reducer.defaults import defaults_for
from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.reducer.engine.memory import Memory
from nightcrew.reducer.engine.run import Run, Surroundings, user_parameters
from nightcrew.reducer.engine.store import Directory
from nightcrew.reducer.primitives import PRIMITIVES
from nightcrew.shared.calibrations import Chosen
from nightcrew.shared.fits import Scratch
from nightcrew.shared.frames import Frame, Plane

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nightcrew.reducer.engine.recipe import Mode

SCALE = 0.1171
POINTED: dict[str, Any] = {
    "FRAME": "FK5",
    "EPOCH": 2000.0,
    "EQUINOX": 2000.0,
    "RATRACK": 0.0,
    "DECTRACK": 0.0,
    "PA": 0.0,
    "POFFSET": 0.0,
    "QOFFSET": 0.0,
}
NIRI_PHU: dict[str, Any] = {
    "INSTRUME": "NIRI",
    "OBSERVAT": "Gemini-North",
    "TELESCOP": "Gemini-North",
    "OBJECT": "test field",
    "OBSTYPE": "OBJECT",
    "OBSCLASS": "science",
    "OBSID": "GN-2016A-Q-1-1",
    "DATALAB": "GN-2016A-Q-1-1-001",
    "RA": 150.0,
    "DEC": 2.0,
    **POINTED,
    "INPORT": 3,
    "AIRMASS": 1.1,
    "DATE-OBS": "2016-01-02",
    "UT": "09:10:00.0",
    "UTSTART": "09:10:00.0",
    "UTEND": "09:10:22.0",
    "CAMERA": "f6",
    "FPMASK": "f6-cam_G5208",
    "FILTER1": "Kprime_G0206",
    "FILTER2": "open",
    "FILTER3": "pupil38_G5207",
    "EXPTIME": 20.0,
    "COADDS": 1,
    "LNRS": 1,
    "NDAVGS": 16,
    "A_VDDUC": -3.491,
    "A_VDET": -2.891,
    "PWFS1_ST": "parked",
    "PWFS2_ST": "guiding",
    "OIWFS_ST": "parked",
}
LAMP_ON = {"OBSTYPE": "FLAT", "OBSCLASS": "dayCal", "OBJECT": "GCALflat", "GCALLAMP": "IRhigh", "GCALSHUT": "OPEN"}
LAMP_OFF = {**LAMP_ON, "GCALSHUT": "CLOSED"}
DARK = {"OBSTYPE": "DARK", "OBSCLASS": "dayCal", "OBJECT": "Dark", "FILTER2": "blank"}


def niri_frame(name: str = "N20160102S0001.fits", data: np.ndarray[Any, Any] | None = None, **cards: Any) -> Frame:
    """Make a raw NIRI frame of 256 x 256 pixels (or of the shape of `data`) whose header is altered by `cards`."""
    pixels = np.full((256, 256), 100.0, np.float32) if data is None else data
    phu = _primary(NIRI_PHU, cards)
    ny, nx = pixels.shape[-2:]
    header = Header(
        {
            "EXTNAME": "SCI", "EXTVER": 1, "NAXIS": pixels.ndim, "NAXIS1": nx, "NAXIS2": ny,
            "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": (nx + 1) / 2, "CRPIX2": (ny + 1) / 2,
            "CRVAL1": phu["RA"], "CRVAL2": phu["DEC"], "CD1_1": -SCALE / 3600, "CD1_2": 0.0, "CD2_1": 0.0,
            "CD2_2": SCALE / 3600, "LOWROW": 0, "HIROW": nx - 1, "LOWCOL": 0, "HICOL": ny - 1,
        }
    )  # fmt: skip
    return Frame(phu, [Plane(header, pixels)], name)


F2_PHU: dict[str, Any] = {
    "INSTRUME": "F2",
    "OBSERVAT": "Gemini-South",
    "TELESCOP": "Gemini-South",
    "OBJECT": "test field",
    "OBSTYPE": "OBJECT",
    "OBSCLASS": "science",
    "GEMPRGID": "GS-2013B-Q-15",
    "OBSID": "GS-2013B-Q-15-39",
    "DATALAB": "GS-2013B-Q-15-39-001",
    "RA": 55.05,
    "DEC": -29.95,
    **POINTED,
    "INPORT": 5,
    "AIRMASS": 1.1,
    "DATE-OBS": "2013-11-28",
    "UT": "03:00:00.0",
    "UTSTART": "03:00:04.3",
    "UTEND": "03:02:06.8",
    "PIXSCALE": 0.1792,
    "FILTER1": "Y_G0811",
    "FILTER2": "Open",
    "GRISM": "Open",
    "DECKER": "Open",
    "LYOT": "f/16_G5830",
    "MOSPOS": "Open",
    "MASKNAME": "None",
    "WAVELENG": 10200.0,
    "EXPTIME": 120.0,
    "COADDS": 1,
    "LNRS": 1,
    "PWFS1_ST": "parked",
    "PWFS2_ST": "parked",
    "OIWFS_ST": "guiding",
}
F2_DARK = {"OBSTYPE": "DARK", "OBSCLASS": "dayCal", "OBJECT": "Dark", "FILTER2": "DK_G0807"}
F2_SIZE = 2048


def f2_frame(name: str = "S20131128S0001.fits", data: np.ndarray[Any, Any] | None = None, **cards: Any) -> Frame:
    """Make a raw F2 frame, its third axis of length 1, whose header is altered by `cards`.

    F2 reads all 2048 x 2048 pixels, as `prepare` checks; steps after it take `data` of any size.
    """
    pixels = np.full((1, F2_SIZE, F2_SIZE), 100, np.int32) if data is None else data
    phu = _primary(F2_PHU, cards)
    scale = F2_PHU["PIXSCALE"] / 3600
    ny, nx = pixels.shape[-2:]
    header = Header(
        {
            "EXTNAME": "SCI", "EXTVER": 1, "NAXIS": pixels.ndim, "NAXIS1": nx, "NAXIS2": ny,
            "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": (nx + 1) / 2, "CRPIX2": (ny + 1) / 2,
            "CRVAL1": phu["RA"], "CRVAL2": phu["DEC"], "CD1_1": 0.0, "CD1_2": scale, "CD2_1": scale,
            "CD2_2": 0.0, "RADECSYS": "FK5",
        }
    )  # fmt: skip
    if pixels.ndim == 3:
        header.update({"NAXIS3": 1, "CD3_3": 1.0})
    return Frame(phu, [Plane(header, pixels)], name)


def _primary(usual: dict[str, Any], cards: dict[str, Any]) -> Header:
    """Return a primary header; `None` leaves a card out, `_OBS` stands for `-OBS`."""
    phu = Header()
    for keyword, value in {**usual, **cards}.items():
        if value is not None:
            phu[keyword.replace("_OBS", "-OBS")] = value
    return phu


@contextmanager
def running(
    directory: Path,
    *frames: Frame,
    mode: Mode = "sq",
    user: tuple[str, ...] = (),
    calibrations: dict[str, Path] | None = None,
) -> Iterator[Run]:
    """Give a run whose main stream holds the frames."""
    with Scratch(directory) as scratch:
        around = Surroundings(Chosen(calibrations or {}), Directory(directory), Memory(1 << 30, scratch))
        about = describe_frame(frames[0])
        run = Run(
            PRIMITIVES,
            defaults_for(about.tags),
            mode,
            user_parameters(user),
            around,
            instrument=about.instrument,
        )
        run.streams["main"] = list(frames)
        yield run
