"""Observing nights: from noon to noon, local mean time at the telescope."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, datetime

    from nightcrew.shared.association.facts import Target

NORTH, SOUTH = -155.469, -70.737
"""Longitudes of Gemini North (Maunakea) and Gemini South (Cerro Pachon), degrees east."""

_SITES = {"NORTH": NORTH, "SOUTH": SOUTH}
_HOMES = {"NIRI": NORTH, "GNIRS": NORTH, "GMOS-N": NORTH, "F2": SOUTH, "GSAOI": SOUTH, "GMOS-S": SOUTH}
_DEGREES_PER_HOUR = 15.0


def longitude_of(target: Target) -> float:
    """Return the longitude of the telescope, degrees east: by the tag, else by the instrument, else 0."""
    told = (longitude for tag, longitude in _SITES.items() if tag in target.tags)
    return next(told, _HOMES.get(target.instrument, 0.0))


def night_of(moment: datetime, longitude: float) -> date:
    """Return the date on which the night began that a moment belongs to.

    Parameters
    ----------
    moment
        UTC, without zone.
    longitude
        Of the telescope, degrees east.

    Examples
    --------
    >>> from datetime import datetime
    >>> night_of(datetime(2016, 1, 2, 10), -155.469), night_of(datetime(2016, 1, 2, 23), -155.469)
    (datetime.date(2016, 1, 1), datetime.date(2016, 1, 2))
    """
    return (moment + timedelta(hours=longitude / _DEGREES_PER_HOUR - 12)).date()
