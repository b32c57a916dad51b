"""Small raw FITS files on disk, headers as the telescope writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits

from support.runs import niri_frame

if TYPE_CHECKING:
    from pathlib import Path

F2_PHU: dict[str, Any] = {
    "INSTRUME": "F2",
    "OBSERVAT": "Gemini-South",
    "TELESCOP": "Gemini-South",
    "OBJECT": "Dark",
    "OBSTYPE": "DARK",
    "OBSCLASS": "dayCal",
    "OBSID": "GS-2015A-CAL-1",
    "DATALAB": "GS-2015A-CAL-1-001",
    "DATE-OBS": "2015-01-03",
    "UT": "01:02:03.4",
    "EXPTIME": 4.0,
    "LNRS": 8,
    "FILTER1": "DK_G0807",
    "FILTER2": "Open",
    "GRISM": "Open",
    "MASKNAME": "None",
    "DECKER": "Open",
    "LYOT": "f/16_G5830",
    "COADDS": 1,
    "RA": 150.0,
    "DEC": -30.0,
    "FRAME": "FK5",
}


def niri_header(**cards: Any) -> fits.Header:
    """Return the primary header of a raw NIRI frame, altered by `cards` (`DATE_OBS` for DATE-OBS)."""
    return niri_frame(**cards).phu


def write_niri(path: Path, data: np.ndarray[Any, Any] | None = None, **cards: Any) -> Path:
    """Write a raw NIRI frame of 32 x 32 pixels, or with the pixels given."""
    pixels = np.full((32, 32), 100.0, np.float32) if data is None else data
    frame = niri_frame(path.name, pixels, **cards)
    extension = frame.planes[0].header
    # As they come from the telescope: an image without a name.
    extension.remove("EXTNAME")
    extension["EXTVER"] = -1
    return _write(path, frame.phu, pixels, extension)


def write_f2(path: Path, data: np.ndarray[Any, Any] | None = None, **cards: Any) -> Path:
    """Write a raw F2 frame, by default a dark of 4 s, of 1 x 32 x 32 pixels, or with the pixels given."""
    phu = fits.Header({**F2_PHU, **{keyword.replace("_OBS", "-OBS"): value for keyword, value in cards.items()}})
    return _write(path, phu, np.full((1, 32, 32), 100, np.int32) if data is None else data, fits.Header())


def _write(path: Path, phu: fits.Header, pixels: np.ndarray[Any, Any], extension: fits.Header) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.HDUList([fits.PrimaryHDU(header=phu), fits.ImageHDU(pixels, extension)]).writeto(path, overwrite=True)
    return path
