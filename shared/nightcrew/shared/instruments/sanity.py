"""Whether a frame says what no reduction can do without, in a form that makes sense."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from nightcrew.shared.instruments.describe import Description


@dataclass(frozen=True, slots=True)
class Mandatory:
    """A keyword that a frame must have.

    Parameters
    ----------
    keyword
        As the header has it.
    descriptor
        What is made of it.
    wanted
        What it must be, in words.
    holds
        Whether a value is that.
    """

    keyword: str
    descriptor: str
    wanted: str
    holds: Callable[[Any], bool]


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


MANDATORY = (
    Mandatory("COADDS", "coadds", "a whole number, 1 or more", lambda n: _number(n) and n >= 1),
    Mandatory("EXPTIME", "exposure_time", "a time in seconds, 0 or more", lambda t: _number(t) and t >= 0),
    Mandatory("DATE-OBS", "ut_datetime", "a date", lambda moment: isinstance(moment, datetime)),
)


def complaint(description: Description) -> str | None:
    """Return what is wrong with a frame's mandatory keywords in one line, or None if nothing is.

    Frames of instruments that are not known are not judged.
    """
    if not description.known:
        return None
    headers = description.headers
    for rule in MANDATORY:
        if not rule.holds(description.get(rule.descriptor)):
            value = headers.phu.get(rule.keyword)
            said = "is missing" if value is None else f"is {value!r}"
            return f"{headers.filename}: {rule.keyword} {said}, it must be {rule.wanted}; correct the header"
    return None
