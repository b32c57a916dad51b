"""Values of an expression, and how two of them compare (commands, 2.2)."""

from __future__ import annotations

import math
import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING, TypeAlias, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Callable

Reader: TypeAlias = "Callable[[str], date | time]"

_DATE = r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"
_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{1,2})"
_SECONDS = r":(?P<second>\d{1,2})(?:\.(?P<fraction>\d{1,6}))?"


class UnorderedError(Exception):
    """Two values of which neither comes before the other, such as a number and a text."""


class BadTextError(Exception):
    """A text beside a date or time that is none."""


@dataclass(frozen=True, slots=True)
class Item:
    """A value and how it wants to be compared.

    Parameters
    ----------
    value
        A plain value, a frozen set (the tags), or a tuple of items (a list).
    tolerance
        Relative tolerance of equality with a number.
    reader
        How to read a text that this value, a date or time, is compared with.
    """

    value: object
    tolerance: float | None = None
    reader: Reader | None = None


def wrap(value: object, tolerance: float | None = None, reader: Reader | None = None) -> Item:
    """Make an item of a plain value, of lists all the way down."""
    if isinstance(value, (list, tuple)):
        return Item(tuple(wrap(part, tolerance, reader) for part in value), tolerance, reader)
    return Item(value, tolerance, reader)


def equal(left: Item, right: Item) -> bool:
    """Whether two items are the same: None only to None, a list only to a list, a number never to a text."""
    a, b = _dated(left, right)
    if isinstance(a, tuple) or isinstance(b, tuple):
        if not (isinstance(a, tuple) and isinstance(b, tuple)):
            return False
        return len(a) == len(b) and all(equal(one, other) for one, other in zip(a, b, strict=True))
    tolerance = left.tolerance if left.tolerance is not None else right.tolerance
    if tolerance is not None and _is_number(a) and _is_number(b):
        return math.isclose(a, b, rel_tol=tolerance)
    return bool(a == b)


def before(left: Item, right: Item, *, or_equal: bool) -> bool:
    """Whether the left item comes before the right one; nothing comes before or after None.

    Raises
    ------
    UnorderedError
        If the two have no order.
    """
    a, b = _dated(left, right)
    if a is None or b is None:
        return False
    if _is_number(a) and _is_number(b):
        return a <= b if or_equal else a < b
    if isinstance(a, str) and isinstance(b, str):
        return a <= b if or_equal else a < b
    for kind in (datetime, date, time):
        if type(a) is kind and type(b) is kind:
            return bool(a <= b if or_equal else a < b)  # type: ignore[operator]
    raise UnorderedError


def contains(container: Item, item: Item) -> bool:
    """Whether a list or the tags contain an item, or a text a text; None contains nothing.

    Raises
    ------
    UnorderedError
        If the container is a number, or a text asked for something that is no text.
    """
    inside = container.value
    if inside is None:
        return False
    if isinstance(inside, tuple):
        return any(equal(part, item) for part in inside)
    if isinstance(inside, AbstractSet):
        return item.value in inside
    if isinstance(inside, str):
        if item.value is None:
            return False
        if isinstance(item.value, str):
            return item.value in inside
    raise UnorderedError


def read_date(text: str) -> date:
    """Read `YYYY-MM-DD`, zeros in front optional."""
    return _moment(_DATE, text, "a date such as 2015-04-04").date()


def read_time(text: str) -> time:
    """Read `HH:MM[:SS[.ffffff]]`, zeros in front optional."""
    return _moment(f"{_CLOCK}(?:{_SECONDS})?", text, "a time such as 11:14:20").time()


def read_datetime(text: str) -> datetime:
    """Read `YYYY-MM-DD[ T]HH:MM:SS[.ffffff]`, or `YYYY-MM-DD` for its midnight."""
    return _moment(f"{_DATE}(?:[ T]{_CLOCK}{_SECONDS})?", text, "a date and time such as 2015-04-04 11:14:20")


READERS: dict[str, Reader] = {
    "ut_date": read_date,
    "ut_time": read_time,
    "local_time": read_time,
    "ut_datetime": read_datetime,
}
"""How to read the texts that these descriptors are compared with."""


def _moment(pattern: str, text: str, hint: str) -> datetime:
    """Read a text; fields that the pattern does not have are those of a midnight in 2000."""
    match = re.fullmatch(pattern, text, re.ASCII)
    if match is None:
        raise BadTextError(f"{text!r} is not {hint}")
    found = match.groupdict()
    year, month, day = (int(found.get(name) or start) for name, start in (("year", 2000), ("month", 1), ("day", 1)))
    hour, minute, second = (int(found.get(name) or 0) for name in ("hour", "minute", "second"))
    microsecond = int((found.get("fraction") or "0").ljust(6, "0"))
    try:
        return datetime(year, month, day, hour, minute, second, microsecond)  # noqa: DTZ001 (headers are in UTC)
    except ValueError as error:
        raise BadTextError(f"{text!r} is not {hint} ({error})") from error


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float))


def _dated(left: Item, right: Item) -> tuple[object, object]:
    """Return the two values; a text beside a date is read as a date."""
    return _read(left.value, right), _read(right.value, left)


def _read(value: object, beside: Item) -> object:
    return beside.reader(value) if isinstance(value, str) and beside.reader is not None else value
