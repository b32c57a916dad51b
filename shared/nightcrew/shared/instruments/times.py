"""When an exposure was taken, from whichever keyword tells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nightcrew.shared.instruments.view import Keywords

DATE_KEYWORDS = ("DATE-OBS", "DATE", "UTDATE")
TIME_KEYWORDS = ("UT", "TIME-OBS", "STARTUT", "UTSTART")
MIDNIGHT = time()
_MJD_ZERO = datetime(1858, 11, 17)  # noqa: DTZ001 (FITS times are UTC and carry no zone)

_STAMP = re.compile(r"\d{4}-[01]\d-[0123]\dT[012]\d:[0-5]\d:\d\d")
_CLOCK = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d*))?")
_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_OLD_DAY = re.compile(r"(\d\d)/(\d\d)/(\d{2,4})")


@dataclass(frozen=True, slots=True)
class Moment:
    """What is known of a moment: its day, its time of day, both, or nothing."""

    day: date | None = None
    clock: time | None = None

    @property
    def complete(self) -> bool:
        """Whether both day and time are known."""
        return self.day is not None and self.clock is not None

    def combined(self) -> datetime | None:
        """Return day and time in one, if both are known."""
        if self.day is None or self.clock is None:
            return None
        return datetime.combine(self.day, self.clock)

    def filled_from(self, other: Moment) -> Moment:
        """Return this moment, what it lacks taken from another."""
        return Moment(self.day or other.day, other.clock if self.clock is None else self.clock)


def recorded_moment(header: Keywords) -> Moment:
    """Read the moment that the header records.

    Notes
    -----
    The first keyword of DATE-OBS, DATE, UTDATE with a full time stamp is the answer; the first
    one with a date is the date, and then UT, TIME-OBS, STARTUT, UTSTART give the time.  Failing
    that, MJD-OBS and OBSSTART.

    Raises
    ------
    ValueError
        If a date or time is impossible, such as a seconds field of 60.
    AttributeError
        If a date is not text.
    """
    day = None
    for keyword in DATE_KEYWORDS:
        text = _text(header, keyword)
        if text is None:
            continue
        if _STAMP.match(text):
            return _moment(parse_stamp(text))
        day = parse_day(text)
        if day is not None:
            break
    clocks = (parse_clock(text) for keyword in TIME_KEYWORDS if (text := _text(header, keyword)) is not None)
    told = Moment(day, next((clock for clock in clocks if clock is not None), None))
    return told if told.complete else _moment_of_start(header) or told


def _moment_of_start(header: Keywords) -> Moment | None:
    mjd = header.get("MJD-OBS")
    if isinstance(mjd, (int, float)) and mjd > 1:
        return _moment(_MJD_ZERO + timedelta(days=mjd))
    start = _text(header, "OBSSTART")
    return _moment(parse_stamp(start)) if start is not None and _DAY.match(start) else None


def implied_day(frame_names: Iterable[Any], filename: str) -> date | None:
    """Read the day that names such as ``N20020620S0021`` contain; the last name that has one wins."""
    found = None
    for name in (*frame_names, filename):
        digits = str(name)[1:9] if name else ""
        if len(digits) == 8 and digits.isdecimal():
            year, month, day = int(digits[:4]), int(digits[4:6]), int(digits[6:])
            if year > 1999 and month < 13 and day < 32:
                found = date(year, month, day)
    return found


def parse_stamp(text: str) -> datetime:
    """Read ``2020-01-02T03:04:05.6``; a time zone is dropped."""
    day, clock = parse_day(text), parse_clock(text[11:])
    if day is None:
        raise ValueError(f"{text!r} is not a time stamp")
    return datetime.combine(day, clock or time())


def parse_day(text: str) -> date | None:
    """Read ``2020-01-02``, or the old ``02/01/100``, whose year counts from 1900."""
    if match := _DAY.match(text):
        year, month, day = map(int, match.groups())
        return date(year, month, day)
    if match := _OLD_DAY.match(text):
        day, month, year = map(int, match.groups())
        return date(1900 + year, month, day)
    return None


def parse_clock(text: str) -> time | None:
    """Read ``3:04:05.6``; digits beyond the microsecond are cut off."""
    match = _CLOCK.match(text)
    if match is None:
        return None
    hours, minutes, seconds = (int(field) for field in match.groups()[:3])
    return time(hours, minutes, seconds, int((match[4] or "")[:6].ljust(6, "0")))


def decimal_year(moment: datetime) -> float:
    """Return the year, and the part of that calendar year that has passed."""
    start = datetime(moment.year, 1, 1)  # noqa: DTZ001
    length = datetime(moment.year + 1, 1, 1) - start  # noqa: DTZ001
    return moment.year + (moment - start) / length


def _moment(when: datetime) -> Moment:
    return Moment(when.date(), when.time())


def _text(header: Keywords, keyword: str) -> str | None:
    value = header.get(keyword)
    return None if value is None else value.strip()


def frame_names(extensions: Sequence[Keywords]) -> list[Any]:
    """Return the name that the detector controller gave each extension."""
    return [header.get("FRMNAME") for header in extensions]
