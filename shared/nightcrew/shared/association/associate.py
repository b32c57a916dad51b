"""Which calibrations belong to a frame: a function of the frame, the candidates and the rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import TYPE_CHECKING

from nightcrew.shared.association.checking import Condition, Equal, Interval, NotAfter, Within, conditions_for
from nightcrew.shared.association.facts import PROCESSING_RANK, whole_seconds
from nightcrew.shared.association.ruleset import rule_set
from nightcrew.shared.association.wording import apart, label, spoken

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nightcrew.shared.association.checking import Conditions
    from nightcrew.shared.association.facts import Candidate, Target
    from nightcrew.shared.association.ruleset import Rule, RuleSet

_WISHES = (Equal, Within, Interval, NotAfter)
_DOUBTFUL_QA = frozenset({"Usable", "CHECK"})
_DOUBTFUL_PROCESSING = frozenset({"Failed", "Quality-Assessment", "Quick-Look"})


class Level(IntEnum):
    """How good a match is, besides fulfilling the rule."""

    FULL = 0
    """Nothing speaks against it."""
    DOUBTFUL = 1
    """The observatory's verdict is `Usable` or `CHECK`, or it was made for a quick look."""


@dataclass(frozen=True, slots=True)
class Match:
    """A candidate that fulfils the rule, and why: `same read mode, coadds`, `20.002 s`, `8.1 h apart`."""

    candidate: Candidate
    level: Level
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A calibration of the right type that fails.

    Parameters
    ----------
    candidate
        The calibration.
    failed
        The first condition that it fails.
    passed
        Number of conditions that it fulfils before.
    """

    candidate: Candidate
    failed: Condition
    passed: int

    @property
    def reason(self) -> str:
        """Both values: `coadds 2, wanted 1`."""
        return self.failed.failure(self.candidate)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found for a target.

    Parameters
    ----------
    target
        Name of the frame.
    caltype
        Type of calibration, such as `processed_dark`.
    matches
        Those that fulfil the rule, best first.
    near_misses
        Those of the right type that do not, nearest first.
    limit
        How many are given out unless more are asked for.
    wishes
        What was wanted, one condition each.
    note
        Why nothing can match, if that is known beforehand.
    """

    target: str
    caltype: str
    matches: tuple[Match, ...] = ()
    near_misses: tuple[NearMiss, ...] = ()
    limit: int = 0
    wishes: tuple[str, ...] = ()
    note: str = ""

    @property
    def best(self) -> Match | None:
        """The calibration to use."""
        return self.matches[0] if self.matches else None


def associate(
    target: Target,
    caltype: str,
    candidates: Iterable[Candidate],
    rules: RuleSet | None = None,
) -> Answer:
    """Find the calibrations that belong to a frame.

    Parameters
    ----------
    target
        The frame.
    caltype
        `dark`, `flat`, `bpm`, ... for raw ones, `processed_dark`, ... for masters.
    candidates
        What there is; of other instruments too.
    rules
        The rules to apply; those of the target's instrument if None.

    Returns
    -------
    Answer
        Empty, with a note, if the instrument has no such rule.

    Raises
    ------
    CalibrationError
        If the target does not tell something that the rule compares.

    Notes
    -----
    The order is: whole seconds between the two, how it was processed, the columns that the rule prefers, the
    latest entry first (calibrations, 2).
    """
    rules = rules or rule_set(target.instrument)
    if rules is None:
        return Answer(target.name, caltype, note=f"there are no association rules for {target.instrument or 'it'}")
    rule = rules.rules.get(caltype.removeprefix("processed_"))
    variant = rule.variant(caltype) if rule else None
    if rule is None or variant is None:
        return Answer(target.name, caltype, note=f"{target.instrument} has no rule for {caltype}")
    conditions = conditions_for(rule, variant, target)
    order = _Order(target, rule)
    kin = [
        candidate
        for candidate in candidates
        if candidate.columns.get("instrument") == target.instrument
        and candidate.present
        and all(condition.holds(candidate) for condition in conditions.kind)
    ]
    matches, misses = [], []
    for candidate in sorted(kin, key=order):
        failed = next((n for n, one in enumerate(conditions.others) if not one.holds(candidate)), None)
        if failed is None:
            matches.append(Match(candidate, _level(candidate), _reasons(candidate, target, conditions)))
        else:
            misses.append(NearMiss(candidate, conditions.others[failed], failed))
    misses.sort(key=lambda miss: -miss.passed)
    wishes = tuple(one.wish() for one in conditions.others if isinstance(one, _WISHES))
    return Answer(target.name, caltype, tuple(matches), tuple(misses), variant.limit, wishes)


def applicable(target: Target, rules: RuleSet | None = None) -> tuple[str, ...]:
    """Return the types of calibrations that a frame may need, in order; a type may come twice."""
    rules = rules or rule_set(target.instrument)
    return rules.applicable.types(target) if rules else ()


class _Order:
    """Sort key: the best candidate for a target first."""

    def __init__(self, target: Target, rule: Rule) -> None:
        self.seconds = whole_seconds(target.value("ut_datetime"))
        self.preferred = {column: target.value(column) for column in rule.prefer}

    def __call__(self, candidate: Candidate) -> tuple[int, int, int, int, str]:
        processed_as = candidate.columns.get("processing")
        rank = PROCESSING_RANK.get(processed_as, -1) if isinstance(processed_as, str) else -1
        liked = sum(candidate.columns.get(column) == value for column, value in self.preferred.items())
        return (abs(candidate.seconds - self.seconds), -rank, -liked, -candidate.entry, candidate.filename)


def _level(candidate: Candidate) -> Level:
    doubtful = candidate.columns.get("qa_state") in _DOUBTFUL_QA
    return Level(doubtful or candidate.columns.get("processing") in _DOUBTFUL_PROCESSING)


def _reasons(candidate: Candidate, target: Target, conditions: Conditions) -> tuple[str, ...]:
    """Say why a candidate matches: what is equal, what is close, how far apart in time."""
    same, close = [], []
    for condition in conditions.others:
        if isinstance(condition, Equal):
            same.append(label(condition.column))
        elif isinstance(condition, Within):
            close.append(spoken(condition.column, candidate.columns[condition.column]))
    reasons = [f"same {', '.join(same)}"] if same else []
    moment = target.value("ut_datetime")
    if candidate.ut_datetime is not None and isinstance(moment, datetime):
        close.append(f"{apart(candidate.ut_datetime - moment)} apart")
    return (*reasons, *close)
