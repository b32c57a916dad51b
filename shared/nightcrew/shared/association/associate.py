"""Which calibrations belong to a frame: a function of the frame, the candidates and the rules."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from nightcrew.shared.association.answers import Answer, Level, Match, NearMiss
from nightcrew.shared.association.checking import conditions_for
from nightcrew.shared.association.columns import PROCESSING_RANK
from nightcrew.shared.association.conditions import Contains, Equal, Interval, NotAfter, SameNight, Within
from nightcrew.shared.association.facts import whole_seconds
from nightcrew.shared.association.nights import longitude_of
from nightcrew.shared.association.reading import rule_set
from nightcrew.shared.association.ruleset import fulfils
from nightcrew.shared.association.telling import whom
from nightcrew.shared.association.wording import apart, label, spoken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from nightcrew.shared.association.checking import Conditions
    from nightcrew.shared.association.conditions import Condition
    from nightcrew.shared.association.facts import Candidate, Target
    from nightcrew.shared.association.ruleset import Rule, RuleSet, Term

_WISHES = (Equal, Contains, Within, Interval, NotAfter, SameNight)
_DOUBTFUL_QA = frozenset({"Usable", "CHECK"})
_DOUBTFUL_PROCESSING = frozenset({"Failed", "Quality-Assessment", "Quick-Look"})


def associate(
    target: Target,
    caltype: str,
    candidates: Iterable[Candidate],
    rules: RuleSet | None = None,
    *,
    mode: str | None = None,
    max_level: Level = Level.RULE,
) -> Answer:
    """Find the calibrations that belong to a frame.

    Parameters
    ----------
    target
        The frame.
    caltype
        `dark`, `flat`, `bpm`, ... for raw ones, `processed_dark`, ... for masters.
    candidates
        What there is; of other instruments and types too.
    rules
        The rules to apply; those of the target's instrument if None.
    mode
        Mode of the reduction that asks.  `sq` refuses masters made for a quick look or for quality assessment; `ql` and
        `qa` accept all, with a caveat; None is what an archive does: it accepts all.
    max_level
        The worst level that is still a match.

    Returns
    -------
    Answer
        Empty, with a note, if the instrument has no such rule or it is not for such targets.

    Raises
    ------
    CalibrationError
        If the target does not tell something that the rule compares.

    Notes
    -----
    Those that fulfil the rule come before those that fulfil only its relaxed form; of the latter those that break
    fewer conditions come first.  Among equals one with a validity of its own comes first, then the rule's `order`
    decides: as a rule whole seconds between the two, how it was processed, the columns that the rule prefers, the
    latest entry first (calibrations, 2).
    """
    rules = rules or rule_set(target.instrument)
    if rules is None:
        return Answer(target.name, caltype, note=f"there are no association rules for {target.instrument or 'it'}")
    rule = rules.rules.get(caltype.removeprefix("processed_"))
    variant = rule.variant(caltype) if rule else None
    if rule is None or variant is None:
        return Answer(target.name, caltype, note=f"{target.instrument} has no rule for {caltype}")
    if not fulfils(target, rule.targets):
        note = f"the rule of {target.instrument} serves only if {whom(rule)}"
        return Answer(target.name, caltype, note=note)
    check = _Check(target, conditions_for(rule, variant, target, mode), max_level, mode)
    kin = [
        candidate
        for candidate in candidates
        if candidate.value("instrument") == target.instrument and all(one.holds(candidate) for one in check.kind)
    ]
    found = [check(candidate) for candidate in sorted(kin, key=order_for(target, rule))]
    matches = [one for one in found if isinstance(one, Match)]
    misses = [one for one in found if isinstance(one, NearMiss)]
    matches.sort(key=lambda match: (match.provisional, len(match.relaxed)))
    misses.sort(key=lambda miss: -miss.passed)
    wishes = tuple(one.wish() for one in check.asked if isinstance(one, _WISHES))
    return Answer(target.name, caltype, tuple(matches), tuple(misses), variant.limit, check.asked, len(kin), wishes)


def applicable(target: Target, rules: RuleSet | None = None) -> tuple[str, ...]:
    """Return the types of calibrations that a frame may need, in order; a type may come twice.

    A bad-pixel mask needs none, also one whose headers still say that it is a flat.
    """
    if "BPM" in target.tags:
        return ()
    rules = rules or rule_set(target.instrument)
    return rules.applicable.types(target) if rules else ()


def order_for(target: Target, rule: Rule) -> Callable[[Candidate], tuple[object, ...]]:
    """Return the sort key that puts the best candidate for a target first, whatever its level."""
    seconds = whole_seconds(target.value("ut_datetime"))
    preferred = {column: target.value(column) for column in rule.prefer}
    terms: Mapping[Term, Callable[[Candidate], int]] = {
        "qa": lambda candidate: candidate.value("qa_state") in _DOUBTFUL_QA,
        "time": lambda candidate: abs(candidate.seconds - seconds),
        "processing": lambda candidate: -_rank(candidate),
        "prefer": lambda candidate: -sum(candidate.value(column) == value for column, value in preferred.items()),
        "entry": lambda candidate: -candidate.entry,
    }
    chosen = [terms[term] for term in rule.order]
    return lambda candidate: (candidate.valid is None, *(term(candidate) for term in chosen), candidate.filename)


def _rank(candidate: Candidate) -> int:
    processed_as = candidate.value("processing")
    return PROCESSING_RANK.get(processed_as, -1) if isinstance(processed_as, str) else -1


class _Check:
    """Tells what a candidate of the right kind is to a target: a match or a near miss."""

    def __init__(self, target: Target, conditions: Conditions, max_level: Level, mode: str | None) -> None:
        moment = target.value("ut_datetime")
        self.moment = moment if isinstance(moment, datetime) else None
        self.mode = mode
        self.kind = conditions.kind
        self.strict = conditions.strict
        self.same_night = SameNight(self.moment, longitude_of(target))
        self.asked: tuple[Condition, ...] = self.strict
        if max_level is Level.SAME_NIGHT:
            self.strict = self.asked = (*self.strict, self.same_night)
        elif max_level is Level.RELAXED and conditions.relaxed is not None:
            self.asked = conditions.relaxed

    def __call__(self, candidate: Candidate) -> Match | NearMiss:
        broken = [one for one in self.strict if not one.holds(candidate)]
        if not broken:
            level = Level.SAME_NIGHT if self.same_night.holds(candidate) else Level.RULE
            return Match(candidate, level, self._reasons(candidate, self.strict), (), self._caveats(candidate))
        failed = next((number for number, one in enumerate(self.asked) if not one.holds(candidate)), None)
        if failed is not None:
            return NearMiss(candidate, self.asked[failed], failed)
        relaxed = tuple(one.failure(candidate) for one in broken)
        reasons = self._reasons(candidate, self.asked)
        return Match(candidate, Level.RELAXED, reasons, relaxed, self._caveats(candidate))

    def _caveats(self, candidate: Candidate) -> tuple[str, ...]:
        """Say what speaks against a match although no rule does."""
        caveats = []
        if candidate.value("qa_state") in _DOUBTFUL_QA:
            caveats.append(f"QA state {candidate.value('qa_state')}")
        processed_as = candidate.value("processing")
        if processed_as in _DOUBTFUL_PROCESSING:
            caveats.append(f"processed as {processed_as}")
        elif self.mode and candidate.is_master and processed_as in ("Raw", None):
            caveats.append("no keyword tells for what it was processed")
        return tuple(caveats)

    def _reasons(self, candidate: Candidate, conditions: Iterable[Condition]) -> tuple[str, ...]:
        """Say why a candidate matches: what is equal, what is close, how far apart in time."""
        same, close = [], []
        for condition in conditions:
            if isinstance(condition, (Equal, Contains)):
                same.append(label(condition.column))
            elif isinstance(condition, Within):
                close.append(spoken(condition.column, candidate.value(condition.column)))
        reasons = [f"same {', '.join(same)}"] if same else []
        if candidate.ut_datetime is not None and self.moment is not None:
            close.append(f"{apart(candidate.ut_datetime - self.moment)} apart")
        return (*reasons, *close)
