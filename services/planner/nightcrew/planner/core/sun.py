"""How high the sun stands over the telescope of an instrument: whether frames are to be expected."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SITES: Mapping[str, tuple[float, float]] = {"NIRI": (19.8238, -155.4690), "F2": (-30.2407, -70.7366)}
"""Latitude and longitude (east is positive), degrees: Gemini North on Maunakea, Gemini South on Cerro Pachon."""
_J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)


def sun_altitude(moment: datetime, latitude: float, longitude: float) -> float:
    """Return the altitude of the sun's centre, degrees, without refraction.

    Parameters
    ----------
    moment
        With time zone.
    latitude, longitude
        Degrees; east is positive.

    Notes
    -----
    The low-precision formulae of the Astronomical Almanac (section C, "Low precision formulas for the Sun"): better
    than 0.02 degrees between 1950 and 2050.
    """
    days = (moment - _J2000).total_seconds() / 86400
    mean = math.radians((280.460 + 0.9856474 * days) % 360)
    anomaly = math.radians((357.528 + 0.9856003 * days) % 360)
    ecliptic = mean + math.radians(1.915) * math.sin(anomaly) + math.radians(0.020) * math.sin(2 * anomaly)
    obliquity = math.radians(23.439 - 0.0000004 * days)
    declination = math.asin(math.sin(obliquity) * math.sin(ecliptic))
    ascension = math.atan2(math.cos(obliquity) * math.sin(ecliptic), math.cos(ecliptic))
    sidereal = math.radians((280.46061837 + 360.98564736629 * days + longitude) % 360)
    hour_angle, phi = sidereal - ascension, math.radians(latitude)
    sine = math.sin(phi) * math.sin(declination) + math.cos(phi) * math.cos(declination) * math.cos(hour_angle)
    return math.degrees(math.asin(sine))
