"""For which time a calibration is certified, and among which kind of calibrations it must be the only one."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nightcrew.calmanager.errors import BadValidity

if TYPE_CHECKING:
    from datetime import datetime

    from nightcrew.shared.association import Rule, Value
    from nightcrew.shared.association.facts import Values


@dataclass(frozen=True, slots=True)
class Validity:
    """Half-open interval of time: `since` belongs to it, `until` does not.

    Parameters
    ----------
    since, until
        UTC without zone; None if unbounded.

    Raises
    ------
    BadValidity
        If it is empty, unbounded on both sides, or a time has a zone.
    """

    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        if any(moment is not None and moment.tzinfo is not None for moment in (self.since, self.until)):
            raise BadValidity("times of validity are UTC and have no zone; leave it out")
        if self.since is None and self.until is None:
            raise BadValidity("a validity without beginning and end says nothing; give one of the two")
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise BadValidity(f"validity from {self.since} until {self.until} is empty; the end comes after the start")

    def __contains__(self, moment: datetime) -> bool:
        return (self.since is None or self.since <= moment) and (self.until is None or moment < self.until)

    def overlaps(self, other: Validity) -> bool:
        """Whether some moment belongs to both."""
        starts = self.since is None or other.until is None or self.since < other.until
        return starts and (other.since is None or self.until is None or other.since < self.until)

    def __str__(self) -> str:
        parts = [f"since {self.since}" if self.since else "", f"until {self.until}" if self.until else ""]
        return " ".join(part for part in parts if part)


def validity_between(since: datetime | None, until: datetime | None) -> Validity | None:
    """Return the validity, or None if neither end is given: the rules decide."""
    return None if since is None and until is None else Validity(since, until)


def kind_key(instrument: str, caltype: str, columns: Values, rule: Rule | None) -> str:
    """Return a text that two calibrations share if either could stand for the other.

    It holds the instrument, the type and what the rule compares.  Numbers that the rule compares within a tolerance
    count as whole multiples of it.

    Parameters
    ----------
    instrument, caltype
        As the calibration is given out.
    columns
        Its columns.
    rule
        The rule for the type; None if there is none.
    """
    parts: dict[str, object] = {}
    if rule is not None:
        parts = {name: _plain(columns.get(name)) for name in rule.equal}
        parts |= {name: _steps(columns.get(name), tolerance) for name, tolerance in rule.within.items()}
    return json.dumps([instrument, caltype, parts], sort_keys=True, separators=(",", ":"))


def _steps(value: Value, tolerance: float) -> int | None:
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return round(value / tolerance)


def _plain(value: Value) -> object:
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
