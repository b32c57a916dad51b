"""Conditions of association as SQL on the table of calibrations, meaning exactly what they mean in Python.

Columns are compared as `jsonb`, which is exact in type: 1 is not true, 1 equals 1.0, and the order of types lets a
number between two numbers be nothing but a number.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from nightcrew.calmanager.database.encoding import jsonable, text_of
from nightcrew.shared.association.conditions import (
    FIT_FOR_SCIENCE,
    Carries,
    Certified,
    Condition,
    Constant,
    Contains,
    Equal,
    FitForScience,
    Interval,
    NotAfter,
    Present,
    SameNight,
    Valid,
    Within,
)
from nightcrew.shared.association.facts import EPOCH
from nightcrew.shared.association.nights import night_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from nightcrew.shared.association import OneOf, Value

NEVER = "false"


@dataclass(slots=True)
class Writer:
    """Writes SQL with named parameters, as psycopg takes them; what comes twice is sent once.

    Parameters
    ----------
    parameters
        Those of what has been written so far.
    """

    parameters: dict[str, Any] = field(default_factory=dict)
    _places: dict[tuple[type, Any], str] = field(default_factory=dict)
    _texts: dict[Condition, str] = field(default_factory=dict)

    def value(self, value: Any) -> str:
        """Return a place for a parameter."""
        key = (type(value), value)
        if key not in self._places:
            name = f"p{len(self.parameters)}"
            self.parameters[name] = value
            self._places[key] = f"%({name})s"
        return self._places[key]

    def json(self, value: Value) -> str:
        """Return a place for a value of association."""
        return f"{self.value(text_of(value))}::jsonb"

    def once(self, one: Condition, written: Callable[[Condition, Writer], str]) -> str:
        """Return what was written for a condition before, or write it."""
        if one not in self._texts:
            self._texts[one] = written(one, self)
        return self._texts[one]


@functools.cache
def literal(text: str) -> str:
    """Return a text as SQL literal, for what the planner must see: constants of rules."""
    quoted = text.replace("'", "''").replace("%", "%%")
    return f"'{quoted}'"


@functools.cache
def column(name: str) -> str:
    """Return the expression of a compared column; what was not recorded is unknown, as in Python."""
    return f"coalesce(columns -> {literal(name)}, 'null'::jsonb)"


@functools.cache
def constant(name: str, allowed: OneOf) -> str:
    """Return the condition that a column has one of certain values, without parameters."""
    expression = column(name)
    prefixes = [one[:-1] for one in allowed.constants if isinstance(one, str) and one.endswith("*")]
    exact = [one for one in allowed.constants if not (isinstance(one, str) and one.endswith("*"))]
    parts = []
    if exact:
        listed = ", ".join(f"{literal(text_of(one))}::jsonb" for one in exact)
        parts.append(f"{expression} IN ({listed})" if len(exact) > 1 else f"{expression} = {listed}")
    parts += [_begins(name, prefix) for prefix in prefixes]
    either = " OR ".join(parts) or NEVER
    return f"NOT ({either})" if allowed.negated else f"({either})"


def carries(tag: str) -> str:
    """Return the condition that a calibration has a tag, without parameters."""
    return f"tags @> ARRAY[{literal(tag)}]::text[]"


@functools.cache
def kind(instrument: str, conditions: tuple[Condition, ...]) -> str:
    """Return what makes an entry a calibration of a type, without parameters: predicate of an index.

    Parameters
    ----------
    instrument
        Canonical name.
    conditions
        `Conditions.kind`.
    """
    parts = ["canonical", f"instrument = {literal(instrument)}"]
    for one in conditions:
        if isinstance(one, Constant):
            parts.append(constant(one.column, one.allowed))
        elif isinstance(one, Carries):
            parts.append(carries(one.tag))
        else:
            raise TypeError(f"{one!r} does not make a kind")
    return " AND ".join(parts)


def condition(one: Condition, write: Writer) -> str:
    """Return a condition that any candidate of the kind can be asked."""
    return write.once(one, _condition)


def _condition(one: Condition, write: Writer) -> str:
    match one:
        case Constant():
            return constant(one.column, one.allowed)
        case Carries():
            return carries(one.tag)
        case Equal():
            return _equal(one, write)
        case Contains():
            return _contains(one, write)
        case Within():
            return _within(one, write)
        case Interval() | NotAfter():
            return f"(valid IS NOT NULL OR {timed(one, write)})"
        case Valid():
            return f"(valid IS NULL OR {valid_at(one, write)})"
        case SameNight():
            return _same_night(one, write)
        case FitForScience():
            return _fit_for_science()
        case Certified():
            return "state = 'certified'"
        case Present():
            return "present"
    raise TypeError(f"no SQL is known for {one!r}")


def timed(one: Interval | NotAfter, write: Writer) -> str:
    """Return a condition on the time of candidates without validity of their own; false if a time is unknown."""
    moment = one.moment
    if moment is None:
        return NEVER
    if isinstance(one, NotAfter):
        return f"coalesce(ut_datetime <= {write.value(moment)}::timestamp, false)"
    low, high = _before(moment, one.limit), _after(moment, one.limit)
    return (
        f"coalesce(ut_datetime > {write.value(low)}::timestamp AND ut_datetime < {write.value(high)}::timestamp, false)"
    )


def seconds_between(one: Interval, write: Writer) -> str:
    """Return bounds on the whole seconds of candidates that an interval lets pass, for an index to begin and end at."""
    if one.moment is None:
        return NEVER
    ends = (_before(one.moment, one.limit), _after(one.moment, one.limit))
    low, high = (math.floor((end - EPOCH).total_seconds()) for end in ends)
    # The column drops fractions towards zero.
    return f"ut_seconds >= {write.value(low - 1)}::bigint AND ut_seconds <= {write.value(high + 1)}::bigint"


def valid_at(one: Valid, write: Writer) -> str:
    """Return the condition on candidates that have a validity of their own."""
    if one.moment is None:
        return "(lower_inf(valid) AND upper_inf(valid))"
    return f"valid @> {write.value(one.moment)}::timestamp"


def _equal(one: Equal, write: Writer) -> str:
    if isinstance(one.wanted, float) and not math.isfinite(one.wanted):
        return NEVER
    return f"{column(one.column)} = {write.json(one.wanted)}"


def _contains(one: Contains, write: Writer) -> str:
    if not isinstance(one.wanted, str):
        return NEVER
    wanted = write.value(jsonable(one.wanted))
    return f"(jsonb_typeof({column(one.column)}) = 'string' AND strpos({_text(one.column)}, {wanted}) > 0)"


def _within(one: Within, write: Writer) -> str:
    low, high = one.wanted - one.tolerance, one.wanted + one.tolerance
    if not (math.isfinite(low) and math.isfinite(high)):
        return NEVER
    expression = column(one.column)
    return f"({expression} > {write.json(low)} AND {expression} < {write.json(high)})"


def _same_night(one: SameNight, write: Writer) -> str:
    if one.moment is None:
        return NEVER
    night = night_of(one.moment, one.longitude)
    noon = datetime(night.year, night.month, night.day) - timedelta(hours=one.longitude / 15 - 12)  # noqa: DTZ001
    next_noon = noon + timedelta(days=1)
    return (
        f"coalesce(ut_datetime >= {write.value(noon)}::timestamp"
        f" AND ut_datetime < {write.value(next_noon)}::timestamp, false)"
    )


@functools.cache
def _fit_for_science() -> str:
    listed = ", ".join(f"{literal(text_of(one))}::jsonb" for one in FIT_FOR_SCIENCE)
    return f"(NOT {_begins('reduction', 'PROCESSED')} OR {column('processing')} IN ({listed}))"


@functools.cache
def _begins(name: str, prefix: str) -> str:
    return f"(jsonb_typeof({column(name)}) = 'string' AND starts_with({_text(name)}, {literal(prefix)}))"


def _text(name: str) -> str:
    return f"(columns ->> {literal(name)})"


def _before(moment: datetime, interval: timedelta) -> datetime:
    return moment - interval if moment - datetime.min > interval else datetime.min  # noqa: DTZ901 (all times are UTC)


def _after(moment: datetime, interval: timedelta) -> datetime:
    return moment + interval if datetime.max - moment > interval else datetime.max  # noqa: DTZ901 (all times are UTC)
