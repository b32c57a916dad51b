"""What the headers of both cameras have in common: filling a table of cards from an exposure."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from types import EllipsisType
from typing import TYPE_CHECKING, Any, TypeAlias

from astropy.io import fits

from nightcrew.simulator.pointing import (
    Horizon,
    horizon,
    modified_julian_date,
    offset_position,
    on_sky,
    sidereal_degrees,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nightcrew.simulator.cameras import Camera
    from nightcrew.simulator.exposures import Exposure
    from nightcrew.simulator.pointing import Wcs

Card: TypeAlias = tuple[str, str | int | float | bool | EllipsisType, str]
"""Keyword, value (`...`: depends on the exposure) and comment."""

_ZENITH = Horizon(hour_angle=0.0, elevation=89.9996, azimuth=75.0, parallactic_angle=0.0)


def filled(cards: tuple[Card, ...], values: Mapping[str, Any], omit: tuple[str, ...] = ()) -> fits.Header:
    """Return a header made of `cards`, those with a prefix in `omit` left out.

    Raises
    ------
    KeyError
        If a card wants a value that is not given.
    """
    header = fits.Header()
    for keyword, value, comment in cards:
        if keyword.startswith(omit):
            continue
        header.append(fits.Card(keyword, values[keyword] if value is ... else value, comment), end=True)
    return header


def common_values(exposure: Exposure, camera: Camera) -> dict[str, Any]:
    """Return what depends on the exposure in the same way for both cameras."""
    start, seconds = exposure.start, exposure.exptime * exposure.coadds
    clock = f"{start:%H:%M:%S}.{start.microsecond // 100000}"
    local = start + timedelta(hours=camera.site.utc_offset)
    return {
        "OBJECT": exposure.object_name,
        "OBSTYPE": exposure.kind.value,
        "OBSCLASS": exposure.obsclass,
        "GEMPRGID": exposure.program,
        "OBSID": exposure.obsid,
        "DATALAB": f"{exposure.obsid}-{exposure.number:03d}",
        "SCIBAND": 1 if exposure.on_sky else -9999,
        "WAVELENG": camera.filters[exposure.band].wavelength,
        "COADDS": exposure.coadds,
        "EXPTIME": exposure.exptime,
        "DATE": f"{start:%Y-%m-%d}",
        "DATE-OBS": f"{start:%Y-%m-%d}",
        "UT": clock,
        "TIME": clock,
        "TIME-OBS": clock,
        "LT": f"{local:%H:%M:%S}.{local.microsecond // 100000}",
        "ST": sexagesimal(sidereal_degrees(start, camera.site) / 15, 1),
        "OBSEPOCH": round(decimal_year(start), 8),
        "MJD_OBS": round(modified_julian_date(start), 9),
        "MJD-OBS": round(modified_julian_date(start), 9),
        "RELEASE": f"{start.replace(year=start.year + 1):%Y-%m-%d}",
        **_conditions(exposure),
        **_track(exposure),
        **_place(exposure, camera, seconds),
    }


def _conditions(exposure: Exposure) -> dict[str, str]:
    """Return observing conditions: asked for, and judged by the observer."""
    if not exposure.on_sky:
        asked = dict.fromkeys(("REQIQ", "REQCC", "REQBG", "REQWV"), "Any")
        return asked | dict.fromkeys(("RAWIQ", "RAWCC", "RAWWV", "RAWBG", "RAWPIREQ", "RAWGEMQA"), "UNKNOWN")
    return {
        "REQIQ": "70-percentile", "REQCC": "70-percentile", "REQBG": "Any", "REQWV": "80-percentile",
        "RAWIQ": "70-percentile", "RAWCC": "50-percentile", "RAWWV": "80-percentile", "RAWBG": "80-percentile",
        "RAWPIREQ": "YES", "RAWGEMQA": "USABLE",
    }  # fmt: skip


def _track(exposure: Exposure) -> dict[str, Any]:
    """Return how the telescope tracks: sidereal on the sky, parked at the zenith by day."""
    if exposure.on_sky:
        return {
            "FRAME": "FK5", "TRKFRAME": "FK5", "EQUINOX": 2000.0, "RATRACK": 0.0, "DECTRACK": 0.0,
            "TRKEPOCH": round(modified_julian_date(exposure.start), 6),
        }  # fmt: skip
    return {
        "FRAME": "AZEL_TOPO", "TRKFRAME": "FK5", "EQUINOX": 0.0, "RATRACK": 1.00274374465,
        "DECTRACK": -0.0220048852, "TRKEPOCH": round(modified_julian_date(exposure.start), 6),
    }  # fmt: skip


def _place(exposure: Exposure, camera: Camera, seconds: float) -> dict[str, Any]:
    """Return target, offsets and the telescope's place in the sky."""
    if exposure.on_sky:
        where = horizon(exposure.target, exposure.start, camera.site)
        after = horizon(exposure.target, exposure.start + timedelta(seconds=seconds), camera.site)
        ra, dec = exposure.target
    else:
        where = after = _ZENITH
        ra, dec = 22.0, 89.97  # azimuth and elevation, as FRAME says
    p, q = exposure.offset
    east, north = on_sky(exposure.offset, exposure.pa)
    iaa = instrument_alignment(exposure, camera)
    turn = math.radians(iaa)
    return {
        "RA": round(ra, 8),
        "DEC": round(dec, 8),
        "PA": exposure.pa,
        "IAA": iaa,
        "POFFSET": p,
        "QOFFSET": q,
        "RAOFFSET": round(east, 9),
        "DECOFFSE": round(north, 9),
        "XOFFSET": round(-p * math.cos(turn) - q * math.sin(turn), 9),
        "YOFFSET": round(p * math.sin(turn) - q * math.cos(turn), 9),
        "ELEVATIO": round(where.elevation, 10),
        "AZIMUTH": round(where.azimuth, 10),
        "CRPA": round(where.parallactic_angle - 90 + exposure.pa, 10),
        "HA": sexagesimal(where.hour_angle / 15, 2, sign=True),
        "AIRMASS": round((where.airmass + after.airmass) / 2, 3),
        "AMSTART": where.airmass,
        "AMEND": after.airmass,
    }


def instrument_alignment(exposure: Exposure, camera: Camera) -> float:
    """Return IAA: how the instrument is turned in its mount, degrees."""
    if camera.instrument == "F2":
        return 0.165 if exposure.on_sky else 0.0
    return 90.03 if exposure.on_sky else 270.0


def wcs_values(wcs: Wcs) -> dict[str, float]:
    """Return the cards of a tangent projection."""
    (a, b), (c, d) = wcs.cd
    return {
        "CRPIX1": wcs.crpix[0], "CRPIX2": wcs.crpix[1], "CRVAL1": wcs.crval[0], "CRVAL2": wcs.crval[1],
        "CD1_1": a, "CD1_2": b, "CD2_1": c, "CD2_2": d,
    }  # fmt: skip


def guide_star(exposure: Exposure) -> tuple[float, float]:
    """Return where the guide star is: 4 arcmin off the target, unless the exposure says otherwise."""
    if exposure.probe is not None:
        ra, dec = offset_position(exposure.target, exposure.probe, exposure.pa)
    else:
        ra, dec = offset_position(exposure.target, (150.0, 190.0), 0.0)
    return round(ra, 8), round(dec, 8)


def probe_state(exposure: Exposure) -> str:
    """Return the state of the wavefront sensor that the camera guides with."""
    if exposure.guided:
        return "guiding"
    return "frozen" if exposure.on_sky else "parked"


def sexagesimal(value: float, digits: int, *, sign: bool = False) -> str:
    """Return hours as hh:mm:ss with `digits` decimals."""
    units = round(abs(value) * 3600 * 10**digits)
    seconds, fraction = divmod(units, 10**digits)
    minutes, s = divmod(seconds, 60)
    h, m = divmod(minutes, 60)
    prefix = ("-" if value < 0 else "+") if sign else ""
    return f"{prefix}{h:02d}:{m:02d}:{s:02d}.{fraction:0{digits}d}"


def decimal_year(when: datetime) -> float:
    """Return the epoch of a time as a year and its fraction."""
    begin, end = datetime(when.year, 1, 1, tzinfo=UTC), datetime(when.year + 1, 1, 1, tzinfo=UTC)
    return when.year + (when - begin) / (end - begin)
