"""Where the telescope points, and where the sky then falls on the detector.

Formulas are those of a tangent projection and of textbook spherical astronomy: good to
an arcsecond on the sky and a second in time, which is what headers of a telescope that
does not exist need, without the start-up time of an ephemeris package.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

_J2000_JD = 2451545.0
_MJD_ZERO_JD = 2400000.5


@dataclass(frozen=True, slots=True)
class Site:
    """Where a telescope stands: degrees, east positive, and local time minus UT in hours."""

    latitude: float
    longitude: float
    utc_offset: float


@dataclass(frozen=True, slots=True)
class Wcs:
    """A tangent projection, in the terms of a FITS header.

    Parameters
    ----------
    crval
        RA and Dec of the reference point, degrees.
    crpix
        Its pixel, 1-based, x first.
    cd
        Degrees per pixel: ((CD1_1, CD1_2), (CD2_1, CD2_2)).
    """

    crval: tuple[float, float]
    crpix: tuple[float, float]
    cd: tuple[tuple[float, float], tuple[float, float]]

    def pixel(self, ra: float, dec: float) -> tuple[float, float]:
        """Return the 0-based pixel (x, y) of a position given in degrees."""
        xi, eta = tangent_plane(self.crval, ra, dec)
        (a, b), (c, d) = self.cd
        det = a * d - b * c
        x, y = (d * xi - b * eta) / det, (a * eta - c * xi) / det
        return x + self.crpix[0] - 1, y + self.crpix[1] - 1

    def sky(self, x: float, y: float) -> tuple[float, float]:
        """Return RA and Dec, degrees, of a 0-based pixel."""
        u, v = x + 1 - self.crpix[0], y + 1 - self.crpix[1]
        (a, b), (c, d) = self.cd
        return from_tangent_plane(self.crval, a * u + b * v, c * u + d * v)

    def moved(self, dx: float, dy: float) -> Wcs:
        """Return the projection of a detector on which everything falls (dx, dy) pixels farther."""
        return replace(self, crpix=(self.crpix[0] + dx, self.crpix[1] + dy))


def tangent_plane(centre: tuple[float, float], ra: float, dec: float) -> tuple[float, float]:
    """Project RA, Dec on the plane that touches the sky at `centre`; all in degrees."""
    ra0, dec0 = math.radians(centre[0]), math.radians(centre[1])
    a, d = math.radians(ra), math.radians(dec)
    cos_c = math.sin(dec0) * math.sin(d) + math.cos(dec0) * math.cos(d) * math.cos(a - ra0)
    xi = math.cos(d) * math.sin(a - ra0) / cos_c
    eta = (math.cos(dec0) * math.sin(d) - math.sin(dec0) * math.cos(d) * math.cos(a - ra0)) / cos_c
    return math.degrees(xi), math.degrees(eta)


def from_tangent_plane(centre: tuple[float, float], xi: float, eta: float) -> tuple[float, float]:
    """Invert `tangent_plane`."""
    ra0, dec0 = math.radians(centre[0]), math.radians(centre[1])
    x, y = math.radians(xi), math.radians(eta)
    below = math.cos(dec0) - y * math.sin(dec0)
    ra = ra0 + math.atan2(x, below)
    dec = math.atan2(math.sin(dec0) + y * math.cos(dec0), math.hypot(x, below))
    return math.degrees(ra) % 360, math.degrees(dec)


def orientation(scale: float, angle: float, *, flipped: bool) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the CD matrix of a detector whose y axis points `angle` degrees east of north.

    `scale` in arcsec per pixel.  A `flipped` detector sees the sky mirrored in x: NIRI on the
    up-looking port, where the science fold adds no reflection.
    """
    s, t = scale / 3600, math.radians(angle)
    x = 1 if flipped else -1
    return (x * s * math.cos(t), s * math.sin(t)), (-x * s * math.sin(t), s * math.cos(t))


def on_sky(offset: tuple[float, float], pa: float) -> tuple[float, float]:
    """Turn offsets P and Q (arcsec, along the instrument's axes) into offsets in RA and Dec (arcsec)."""
    p, q = offset
    t = math.radians(pa)
    return p * math.cos(t) + q * math.sin(t), -p * math.sin(t) + q * math.cos(t)


def offset_position(position: tuple[float, float], offset: tuple[float, float], pa: float) -> tuple[float, float]:
    """Return the position that lies P, Q arcsec from `position` (degrees)."""
    east, north = on_sky(offset, pa)
    return from_tangent_plane(position, east / 3600, north / 3600)


def julian_date(when: datetime) -> float:
    """Return the Julian date of an aware time."""
    return when.timestamp() / 86400 + 2440587.5


def modified_julian_date(when: datetime) -> float:
    """Return the modified Julian date of an aware time."""
    return julian_date(when) - _MJD_ZERO_JD


def sidereal_degrees(when: datetime, site: Site) -> float:
    """Return the local mean sidereal time, in degrees (Meeus, Astronomical Algorithms, 12.4)."""
    days = julian_date(when) - _J2000_JD
    return (280.46061837 + 360.98564736629 * days + site.longitude) % 360


@dataclass(frozen=True, slots=True)
class Horizon:
    """How a position stands above the horizon; degrees, hour angle west positive, azimuth from north by east."""

    hour_angle: float
    elevation: float
    azimuth: float
    parallactic_angle: float

    @property
    def airmass(self) -> float:
        """Plane-parallel air mass, rounded as in headers; never below 1."""
        return max(1.0, round(1 / math.sin(math.radians(max(self.elevation, 5.0))), 3))


def horizon(position: tuple[float, float], when: datetime, site: Site) -> Horizon:
    """Return the place in the sky of a position (degrees) at a time."""
    ha = (sidereal_degrees(when, site) - position[0] + 180) % 360 - 180
    h, d, lat = math.radians(ha), math.radians(position[1]), math.radians(site.latitude)
    sin_el = math.sin(lat) * math.sin(d) + math.cos(lat) * math.cos(d) * math.cos(h)
    azimuth = math.atan2(
        -math.cos(d) * math.sin(h), math.sin(d) * math.cos(lat) - math.cos(d) * math.sin(lat) * math.cos(h)
    )
    parallactic = math.atan2(math.sin(h), math.tan(lat) * math.cos(d) - math.sin(d) * math.cos(h))
    elevation = math.degrees(math.asin(max(-1.0, min(1.0, sin_el))))
    return Horizon(ha, elevation, math.degrees(azimuth), math.degrees(parallactic))
