"""Conditions of a rule, made concrete for one target."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from nightcrew.shared.association.ruleset import OneOf, fulfils
from nightcrew.shared.association.wording import apart, label, spoken

if TYPE_CHECKING:
    from nightcrew.shared.association.facts import Candidate, Target, Value
    from nightcrew.shared.association.ruleset import Rule, Variant


class Condition(Protocol):
    """Something that a candidate must fulfil."""

    def holds(self, candidate: Candidate) -> bool:
        """Whether the candidate fulfils it."""

    def failure(self, candidate: Candidate) -> str:
        """Say how the candidate fails it: `coadds 2, wanted 1`."""


@dataclass(frozen=True, slots=True)
class Carries:
    """The candidate has a tag."""

    tag: str

    def holds(self, candidate: Candidate) -> bool:
        """Whether the candidate has the tag."""
        return self.tag in candidate.tags

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
        return self.allowed.holds(candidate.columns.get(self.column))

    def failure(self, candidate: Candidate) -> str:
        """Say how the candidate fails it."""
        found = spoken(self.column, candidate.columns.get(self.column))
        return f"{label(self.column)} {found}, wanted {self.allowed}"


@dataclass(frozen=True, slots=True)
class Equal:
    """A column equals the target's value, also in type; None equals only None."""

    column: str
    wanted: Value

    def holds(self, candidate: Candidate) -> bool:
        """Whether the column equals the value."""
        found = candidate.columns.get(self.column)
        return isinstance(found, bool) == isinstance(self.wanted, bool) and found == self.wanted

    def wish(self) -> str:
        """Say what is wanted."""
        return f"{label(self.column)} {spoken(self.column, self.wanted)}"

    def failure(self, candidate: Candidate) -> str:
        """Say how the candidate fails it."""
        found = spoken(self.column, candidate.columns.get(self.column))
        return f"{label(self.column)} {found}, wanted {spoken(self.column, self.wanted)}"


@dataclass(frozen=True, slots=True)
class Within:
    """A number is closer to the target's than a tolerance."""

    column: str
    wanted: float
    tolerance: float

    def holds(self, candidate: Candidate) -> bool:
        """Whether the column is close enough."""
        found = candidate.columns.get(self.column)
        if not isinstance(found, (int, float)):
            return False
        return self.wanted - self.tolerance < found < self.wanted + self.tolerance

    def wish(self) -> str:
        """Say what is wanted."""
        return f"{label(self.column)} {spoken(self.column, self.wanted)} within {self.tolerance:g}"

    def failure(self, candidate: Candidate) -> str:
        """Say how the candidate fails it."""
        found = spoken(self.column, candidate.columns.get(self.column))
        return f"{label(self.column)} {found}, wanted {spoken(self.column, self.wanted)} within {self.tolerance:g}"


@dataclass(frozen=True, slots=True)
class Interval:
    """Candidate and target were taken less than some time apart."""

    moment: datetime | None
    limit: timedelta

    def holds(self, candidate: Candidate) -> bool:
        """Whether the candidate was taken close enough to the target."""
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
    """The candidate is not younger than the target."""

    moment: datetime | None

    def holds(self, candidate: Candidate) -> bool:
        """Whether the candidate is as old as the target or older."""
        moment = candidate.ut_datetime
        return moment is not None and self.moment is not None and moment <= self.moment

    def wish(self) -> str:
        """Say what is wanted."""
        return "not taken after the frame"

    def failure(self, candidate: Candidate) -> str:
        """Say how the candidate fails it."""
        if candidate.ut_datetime is None or self.moment is None:
            return "time of observation unknown, wanted not after the frame"
        return f"taken {apart(candidate.ut_datetime - self.moment)} after the frame"


@dataclass(frozen=True, slots=True)
class Conditions:
    """A rule for one target.

    Parameters
    ----------
    kind
        What makes a frame a calibration of that type at all.
    others
        What makes it one for this target; a frame of the right kind that fails here is a near miss.
    """

    kind: tuple[Condition, ...]
    others: tuple[Condition, ...]


def conditions_for(rule: Rule, variant: Variant, target: Target) -> Conditions:
    """Make a rule concrete for a target.

    Raises
    ------
    CalibrationError
        If the target does not tell something that the rule compares.
    """
    where = dict(rule.where)
    within = dict(rule.within)
    for part in rule.conditional:
        if fulfils(target, part.when):
            where |= part.where
            within |= part.within
    where = {column: allowed for column, allowed in where.items() if column not in variant.where}
    moment = target.value("ut_datetime")
    time = moment if isinstance(moment, datetime) else None

    kind: list[Condition] = [Constant(column, allowed) for column, allowed in variant.where.items()]
    if variant.tag:
        kind.append(Carries(variant.tag))
    others: list[Condition] = [Constant(column, allowed) for column, allowed in where.items()]
    others.append(Constant("qa_state", OneOf(("Fail",), negated=True)))
    if target.values.get("engineering") is False:
        others.append(Constant("engineering", OneOf((False,))))
    others += [Equal(column, target.value(column)) for column in rule.equal]
    numbers = {column: target.value(column) for column in within}  # a target without number does not care
    others += [Within(name, float(n), within[name]) for name, n in numbers.items() if isinstance(n, (int, float))]
    if rule.max_interval is not None:
        others.append(Interval(time, rule.max_interval))
    if rule.not_after_target:
        others.append(NotAfter(time))
    return Conditions(tuple(kind), tuple(others))
