"""Rules made concrete for one target: which conditions a candidate must fulfil, strictly and provisionally."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from nightcrew.shared.association.conditions import (
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
    Valid,
    Within,
)
from nightcrew.shared.association.ruleset import TIMES, OneOf, Where, fulfils

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from nightcrew.shared.association.facts import Target
    from nightcrew.shared.association.ruleset import Relaxed, Rule, Variant

NOT_FAILED = OneOf(("Fail",), negated=True)


@dataclass(frozen=True, slots=True)
class Conditions:
    """A rule for one target.

    Parameters
    ----------
    kind
        What makes a frame a calibration of that type at all.
    strict
        What makes it one for this target; a frame of the right kind that fails here is a near miss.
    relaxed
        What a provisional one must fulfil instead of `strict`; None if the rule gives up nothing.
    """

    kind: tuple[Condition, ...]
    strict: tuple[Condition, ...]
    relaxed: tuple[Condition, ...] | None


@dataclass(frozen=True, slots=True)
class _Demands:
    """A rule for one target, before the target's values are in it."""

    where: Where
    equal: tuple[str, ...]
    contains: tuple[str, ...]
    within: Mapping[str, float]
    max_interval: timedelta | None
    not_after_target: bool
    instead: Mapping[str, str] = field(default_factory=dict)

    def without(self, names: frozenset[str]) -> _Demands:
        """Give up conditions."""
        interval, not_after = TIMES
        return _Demands(
            {column: allowed for column, allowed in self.where.items() if column not in names},
            tuple(column for column in self.equal if column not in names),
            tuple(column for column in self.contains if column not in names),
            {column: tolerance for column, tolerance in self.within.items() if column not in names},
            None if interval in names else self.max_interval,
            self.not_after_target and not_after not in names,
        )

    def relaxed(self, by: Relaxed) -> _Demands:
        """Give up what the relaxed form gives up."""
        left = self.without(by.drop)
        return _Demands(
            {**left.where, **by.where},
            tuple(column for column in left.equal if column not in by.within),
            left.contains,
            {**left.within, **by.within},
            by.max_interval or left.max_interval,
            left.not_after_target,
            by.instead,
        )

    def conditions(self, target: Target, mode: str | None) -> tuple[Condition, ...]:
        """Put the target's values in."""
        moment = target.value("ut_datetime")
        time = moment if isinstance(moment, datetime) else None
        made: list[Condition] = [Constant(column, allowed) for column, allowed in self.where.items()]
        made.append(Constant("qa_state", NOT_FAILED))
        if target.values.get("engineering") is False:
            made.append(Constant("engineering", OneOf((False,))))
        compared = [self.instead.get(column, column) for column in self.equal]
        made += [Equal(column, target.value(column)) for column in compared]
        made += [Contains(column, target.value(column)) for column in self.contains]
        numbers = {column: target.value(column) for column in self.within}  # a target without number does not care
        made += [Within(name, n, self.within[name]) for name, n in numbers.items() if isinstance(n, (int, float))]
        if self.max_interval is not None:
            made.append(Interval(time, self.max_interval))
        if self.not_after_target:
            made.append(NotAfter(time))
        made.append(Valid(time))
        if mode == "sq":
            made.append(FitForScience())
        return (*made, Certified(), Present())


def conditions_for(rule: Rule, variant: Variant, target: Target, mode: str | None = None) -> Conditions:
    """Make a rule concrete for a target.

    Parameters
    ----------
    rule, variant
        The rule and one of its forms.
    target
        The frame.
    mode
        `sq`: masters that were not made for science are refused.  `ql`, `qa` and None refuse none.

    Raises
    ------
    CalibrationError
        If the target does not tell something that the rule compares.
    """
    where, within = dict(rule.where), dict(rule.within)
    equal, contains = list(rule.equal), list(rule.contains)
    for part in rule.conditional:
        if fulfils(target, part.when):
            where |= part.where
            within |= part.within
            equal += part.equal
            contains += part.contains
    demands = _Demands(
        {column: allowed for column, allowed in where.items() if column not in variant.where},
        tuple(dict.fromkeys(equal)),
        tuple(dict.fromkeys(contains)),
        within,
        rule.max_interval,
        rule.not_after_target,
    ).without(variant.drop)
    kind: list[Condition] = [Constant(column, allowed) for column, allowed in variant.where.items()]
    if variant.tag:
        kind.append(Carries(variant.tag))
    relaxed = rule.relaxed_for(variant)
    return Conditions(
        tuple(kind),
        demands.conditions(target, mode),
        None if relaxed is None else demands.relaxed(relaxed).conditions(target, mode),
    )
