"""From the frames that a telescope tracks in to ICRS."""

from __future__ import annotations

import math
from datetime import datetime

_UNIX_EPOCH_JD = 2440587.5
_TT_MINUS_TAI = 32.184
_DAY = 86400.0
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 (FITS times are UTC and carry no zone)


def to_icrs(frame: str, ra: float, dec: float, when: datetime | None) -> tuple[float, float]:
    """Convert coordinates to ICRS.

    Parameters
    ----------
    frame
        ``FK5`` (equinox J2000), ``ICRS``, ``FK4`` (B1950), ``GALACTIC``; ``APPT`` is geocentric
        apparent place of date; any other name is read as CIRS of date.
    ra, dec
        Coordinates in degrees.
    when
        Time of observation, UTC; needed for coordinates of date only.

    Returns
    -------
    ra, dec : float
        Degrees.

    Raises
    ------
    ValueError
        If `dec` is no declination.
    TypeError
        If a time is needed and is None.

    Notes
    -----
    IAU 2006/2000A through ERFA.  Apparent right ascension counts from the equinox, CIRS from
    the intermediate origin: the difference is the equation of the origins.
    """
    if not -90.0 <= dec <= 90.0:
        raise ValueError(f"{dec} degrees is not a declination")
    name = frame.strip().upper()
    longitude, latitude = math.radians(ra), math.radians(dec)
    if name == "ICRS":
        return ra, dec
    import erfa  # noqa: PLC0415 (loads 80 ms of tables that most files never need)

    if name == "GALACTIC":
        longitude, latitude = erfa.g2icrs(longitude, latitude)
    elif name in ("FK5", "FK4"):
        if name == "FK4":
            longitude, latitude = erfa.fk45z(longitude, latitude, 1950.0)
        rotation, _ = erfa.fk5hip()
        longitude, latitude = erfa.c2s(erfa.rxp(rotation, erfa.s2c(longitude, latitude)))
    else:
        if when is None:
            raise TypeError("coordinates of date need a time of observation")
        fraction = (when.replace(tzinfo=None) - _EPOCH).total_seconds() / _DAY
        if name == "APPT":
            longitude += float(erfa.apci13(_UNIX_EPOCH_JD, fraction)[1])
        terrestrial = fraction + (_tai_minus_utc(when) + _TT_MINUS_TAI) / _DAY
        longitude, latitude, _ = erfa.atic13(longitude, latitude, _UNIX_EPOCH_JD, terrestrial)
    return math.degrees(float(longitude)) % 360.0, math.degrees(float(latitude))


def _tai_minus_utc(when: datetime) -> float:
    """Seconds; the last known value after the end of the table, without a warning."""
    import erfa  # noqa: PLC0415

    table = erfa.leap_seconds.get()
    known = [float(row["tai_utc"]) for row in table if (row["year"], row["month"]) <= (when.year, when.month)]
    return known[-1] if known else 0.0
