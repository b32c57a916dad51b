"""What a candidate must fulfil: conditions of a rule, with the values of one target in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from nightcrew.shared.association.facts import CERTIFIED
from nightcrew.shared.association.nights import night_of
from nightcrew.shared.association.wording import apart, label, spoken

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from nightcrew.shared.association.facts import Candidate, Value
    from nightcrew.shared.association.ruleset import OneOf

FIT_FOR_SCIENCE = ("Science-Quality", "Raw", None)
"""Values of `processing` that a reduction in mode sq accepts in a master; older software left no keyword."""


class Condition(Protocol):
    """Something that a candidate must fulfil."""

    def holds(self, candidate: Candidate) -> bool:
        """Whether the candidate fulfils it."""

    def wish(self) -> str:
        """Say what is wanted: `coadds 1`."""

    def failure(self, candidate: Candidate) -> str:
        """Say how the candidate fails it: `coadds 2, wanted 1`."""


@dataclass(frozen=True, slots=True)
class Carries:
    """The candidate has a tag."""

    tag: str

    def holds(self, candidate: Candidate) -> bool:
        """Whether the candidate has the tag."""
        return self.tag in candidate.tags

    def wish(self) -> str:
        """Say what is wanted."""
        return f"tag {self.tag}"

    def failure(self, candidate: Candidate) -> str:  # noqa: ARG002 (the same for every candidate)
        """Say how the candidate fails it."""
        return f"no tag {self.tag}"


@dataclass(frozen=True, slots=True)
class Constant:
    """A column has one of certain values."""

    column: str
    allowed: OneOf

    def holds(self, candidate: Candidate) -> bool:
        """Whether the column has one of the values."""
        return self.allowed.holds(candidate.value(self.column))

    def wish(self) -> str:
        """Say what is wanted."""
        return f"{label(self.column)} {self.allowed}"

    def failure(self, candidate: Candidate) -> str:
        """Say how the candidate fails it."""
        found = spoken(self.column, candidate.value(self.column))
        return f"{label(self.column)} {found}, wanted {self.allowed}"


@dataclass(frozen=True, slots=True)
class Equal:
    """A column equals the target's value, also in type; None equals only None."""

    column: str
    wanted: Value

    def holds(self, candidate: Candidate) -> bool:
        """Whether the column equals the value."""
        found = candidate.value(self.column)
        return isinstance(found, bool) == isinstance(self.wanted, bool) and found == self.wanted

    def wish(self) -> str:
        """Say what is wanted."""
        return f"{label(self.column)} {spoken(self.column, self.wanted)}"

    def failure(self, candidate: Candidate) -> str:
        """Say how the candidate fails it."""
        found = spoken(self.column, candidate.value(self.column))
        return f"{label(self.column)} {found}, wanted {spoken(self.column, self.wanted)}"


@dataclass(frozen=True, slots=True)
class Contains:
    """A column contains the text of the target; one without text is contained in nothing."""

    column: str
    wanted: Value

    def holds(self, candidate: Candidate) -> bool:
        """Whether the column contains the text."""
        found = candidate.value(self.column)
        return isinstance(found, str) and isinstance(self.wanted, str) and self.wanted in found

    def wish(self) -> str:
        """Say what is wanted."""
        return f"{label(self.column)} with {spoken(self.column, self.wanted)}"

    def failure(self, candidate: Candidate) -> str:
        """Say how the candidate fails it."""
        found = spoken(self.column, candidate.value(self.column))
        return f"{label(self.column)} {found}, wanted with {spoken(self.column, self.wanted)} in it"


@dataclass(frozen=True, slots=True)
class Within:
    """A number is closer to the target's than a tolerance."""

    column: str
    wanted: float
    tolerance: float

    def holds(self, candidate: Candidate) -> bool:
        """Whether the column is close enough."""
        found = candidate.value(self.column)
        if not isinstance(found, (int, float)):
            return False
        return self.wanted - self.tolerance < found < self.wanted + self.tolerance

    def wish(self) -> str:
        """Say what is wanted."""
        return f"{label(self.column)} {spoken(self.column, self.wanted)} within {self.tolerance:g}"

    def failure(self, candidate: Candidate) -> str:
        """Say how the candidate fails it."""
        found = spoken(self.column, candidate.value(self.column))
        return f"{label(self.column)} {found}, wanted {spoken(self.column, self.wanted)} within {self.tolerance:g}"


@dataclass(frozen=True, slots=True)
class Interval:
    """Candidate and target were taken less than some time apart; not asked of one that has a validity of its own."""

    moment: datetime | None
    limit: timedelta

    def holds(self, candidate: Candidate) -> bool:
        """Whether the candidate was taken close enough to the target."""
        if candidate.valid is not None:
            return True
        moment = candidate.ut_datetime
        return moment is not None and self.moment is not None and abs(moment - self.moment) < self.limit

    def wish(self) -> str:
        """Say what is wanted."""
        return f"within {apart(self.limit)}"

    def failure(self, candidate: Candidate) -> str:
        """Say how the candidate fails it."""
        if candidate.ut_datetime is None or self.moment is None:
            return f"time of observation unknown, wanted within {apart(self.limit)}"
        return f"{apart(candidate.ut_datetime - self.moment)} apart, wanted less than {apart(self.limit)}"


@dataclass(frozen=True, slots=True)
class NotAfter:
    """The candidate is not younger than the target; not asked of one that has a validity of its own."""

    moment: datetime | None

    def holds(self, candidate: Candidate) -> bool:
        """Whether the candidate is as old as the target or older."""
        if candidate.valid is not None:
            return True
        moment = candidate.ut_datetime
        return moment is not None and self.moment is not None and moment <= self.moment

    def wish(self) -> str:
        """Say what is wanted."""
        return "not taken after the frame"

    def failure(self, candidate: Candidate) -> str:
        """Say how the candidate fails it."""
        if candidate.ut_datetime is None or self.moment is None:
            return "time of observation unknown, wanted not after the frame"
        return f"taken {apart(candidate.ut_datetime - self.moment)} after the frame, wanted not after it"


@dataclass(frozen=True, slots=True)
class Valid:
    """The target was taken while the candidate is valid, if somebody has said when that is."""

    moment: datetime | None

    def holds(self, candidate: Candidate) -> bool:
        """Whether the target's time lies in the validity, its end excluded."""
        if candidate.valid is None:
            return True
        begin, end = candidate.valid
        if self.moment is None:
            return begin is None and end is None
        return (begin is None or begin <= self.moment) and (end is None or self.moment < end)

    def wish(self) -> str:
        """Say what is wanted."""
        return f"valid at {spoken('ut_datetime', self.moment)}"

    def failure(self, candidate: Candidate) -> str:
        """Say how the candidate fails it."""
        begin, end = candidate.valid or (None, None)
        since = f" from {spoken('ut_datetime', begin)}" if begin else ""
        until = f" until {spoken('ut_datetime', end)}" if end else ""
        return f"valid{since}{until}, wanted at {spoken('ut_datetime', self.moment)}"


@dataclass(frozen=True, slots=True)
class SameNight:
    """Candidate and target were taken in the same observing night."""

    moment: datetime | None
    longitude: float

    def holds(self, candidate: Candidate) -> bool:
        """Whether both are of one night."""
        if candidate.ut_datetime is None or self.moment is None:
            return False
        return night_of(candidate.ut_datetime, self.longitude) == night_of(self.moment, self.longitude)

    def wish(self) -> str:
        """Say what is wanted."""
        return "of the same night"

    def failure(self, candidate: Candidate) -> str:
        """Say how the candidate fails it."""
        if candidate.ut_datetime is None or self.moment is None:
            return "time of observation unknown, wanted of the same night"
        night, wanted = (night_of(moment, self.longitude) for moment in (candidate.ut_datetime, self.moment))
        return f"night of {night}, wanted the night of {wanted}"


@dataclass(frozen=True, slots=True)
class FitForScience:
    """A master was not made for a quick look or for assessing quality; raw frames are not concerned."""

    def holds(self, candidate: Candidate) -> bool:
        """Whether the candidate is good enough for a reduction in mode sq."""
        return not candidate.is_master or candidate.value("processing") in FIT_FOR_SCIENCE

    def wish(self) -> str:
        """Say what is wanted."""
        return "processed as Science-Quality"

    def failure(self, candidate: Candidate) -> str:
        """Say how the candidate fails it."""
        return f"processed as {candidate.value('processing')}, wanted Science-Quality for mode sq"


@dataclass(frozen=True, slots=True)
class Certified:
    """Nobody has vetoed, quarantined or withdrawn the candidate."""

    def holds(self, candidate: Candidate) -> bool:
        """Whether the candidate may serve at all."""
        return candidate.state == CERTIFIED

    def wish(self) -> str:
        """Say what is wanted."""
        return CERTIFIED

    def failure(self, candidate: Candidate) -> str:
        """Say how the candidate fails it: `vetoed by ana at 2026-11-02 03:10: saturated`."""
        return f"{candidate.state} {candidate.state_note}".rstrip()


@dataclass(frozen=True, slots=True)
class Present:
    """The file is there."""

    def holds(self, candidate: Candidate) -> bool:
        """Whether the file is there to be used."""
        return candidate.present

    def wish(self) -> str:
        """Say what is wanted."""
        return "a file that is there"

    def failure(self, candidate: Candidate) -> str:  # noqa: ARG002 (the same for every candidate)
        """Say how the candidate fails it."""
        return "its file is gone"
