"""Small headers of imaginary exposures: only what tags and descriptors look at."""

from __future__ import annotations

from typing import Any

from nightcrew.shared.instruments import Description, Headers, describe

Cards = dict[str, Any]

WCS: Cards = {
    "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": 512.0, "CRPIX2": 512.0, "CRVAL1": 150.0, "CRVAL2": 20.0,
    "CD1_1": -3.25e-05, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 3.25e-05,
}  # fmt: skip

COMMON: Cards = {
    "TELESCOP": "Gemini-North", "OBSERVAT": "Gemini-North", "OBJECT": "M 67", "OBSTYPE": "OBJECT",
    "OBSCLASS": "science", "OBSID": "GN-2026A-Q-1-2", "DATALAB": "GN-2026A-Q-1-2-001", "GEMPRGID": "GN-2026A-Q-1",
    "DATE-OBS": "2026-01-30", "UT": "07:12:37.1", "EXPTIME": 10.0, "COADDS": 3, "AIRMASS": 1.2, "PA": 180.0,
    "RA": 150.0, "DEC": 20.0, "FRAME": "FK5", "TRKFRAME": "FK5", "RATRACK": 0.0, "DECTRACK": 0.0, "INPORT": 3,
    "POFFSET": 1.17, "QOFFSET": -2.34, "XOFFSET": 3.0, "YOFFSET": 4.0,
}  # fmt: skip

NIRI: Cards = {
    **COMMON, "INSTRUME": "NIRI", "CAMERA": "f6", "FILTER1": "open", "FILTER2": "J_G0202",
    "FILTER3": "Pupil38_G5207", "FPMASK": "f6-cam_G5208", "LNRS": 1, "NDAVGS": 16, "A_VDDUC": -3.4, "A_VDET": -2.8,
}  # fmt: skip
NIRI_SCI: Cards = {
    **WCS, "NAXIS": 2, "NAXIS1": 1024, "NAXIS2": 1024, "LOWROW": 0, "HIROW": 1023, "LOWCOL": 0, "HICOL": 1023,
}  # fmt: skip

F2: Cards = {
    **COMMON, "TELESCOP": "Gemini-South", "OBSERVAT": "Gemini-South", "INSTRUME": "F2", "FILTER1": "Open",
    "FILTER2": "J_G0802", "LYOT": "f/16_G5830", "GRISM": "Open", "MOSPOS": "Open", "DECKER": "Open", "LNRS": 1,
    "WAVELENG": 12500.0, "MASKNAME": "None", "PIXSCALE": 0.18,
}  # fmt: skip
F2_SCI: Cards = {
    **WCS, "NAXIS": 3, "NAXIS1": 2048, "NAXIS2": 2048, "NAXIS3": 1, "CD1_1": 5e-05, "CD2_2": 5e-05, "CD3_3": 1.0,
}  # fmt: skip

LAMP: Cards = {"OBSTYPE": "FLAT", "OBJECT": "GCALflat", "GCALLAMP": "IRhigh", "GCALSHUT": "OPEN"}


def described(phu: Cards, *extensions: Cards, filename: str = "N20260130S0001.fits", **changes: Any) -> Description:
    """Describe a frame; keywords that are changed to None are left out."""
    cards = {key: value for key, value in {**phu, **changes}.items() if value is not None}
    return describe(Headers(cards, extensions, filename))


def niri(**changes: Any) -> Description:
    return described(NIRI, NIRI_SCI, **changes)


def f2(**changes: Any) -> Description:
    return described(F2, F2_SCI, filename="S20260130S0001.fits", **changes)
