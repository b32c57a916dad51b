"""Association rules in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nightcrew.shared.association.checking import NOT_FAILED
from nightcrew.shared.association.ruleset import TIMES
from nightcrew.shared.association.wording import apart, asked, label, unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nightcrew.shared.association.ruleset import Relaxed, Rule, Variant, When

IGNORED = "anything"
INSTEAD = {"filter_set": "the frame's, in whichever wheel"}
_TERMS = {
    "time": "nearest in time (whole seconds)",
    "processing": "how it was processed",
    "prefer": "the same {prefer}",
    "entry": "the latest entry",
    "qa": "QA state above Usable and CHECK",
}
_AGE, _AFTER = TIMES


@dataclass(frozen=True, slots=True)
class Line:
    """One condition: what it is about, what the rule wants of it, and what is enough for a provisional calibration."""

    about: str
    wanted: str
    provisional: str


def rule_lines(rule: Rule, variant: Variant) -> list[Line]:
    """Tell one form of a rule, a line for each condition.

    Parameters
    ----------
    rule, variant
        The rule and one of its forms.
    """
    relaxed = rule.relaxed_for(variant)
    lines = [Line(label(column), str(allowed), str(allowed)) for column, allowed in variant.where.items()]
    if variant.tag:
        lines.append(Line("tags", f"with {variant.tag}", f"with {variant.tag}"))
    told = [line for line in _demands(rule, relaxed) if line[0] not in variant.drop and line[0] not in variant.where]
    lines.append(Line(label("qa_state"), str(NOT_FAILED), str(NOT_FAILED)))
    lines += [Line(about, wanted, provisional) for _, about, wanted, provisional in told]
    lines += _times(rule, variant, relaxed)
    if relaxed is None:
        lines = [Line(line.about, line.wanted, "-") for line in lines]
    return lines


def order_in_words(rule: Rule) -> str:
    """Tell what decides between candidates that all fulfil the rule."""
    prefer = ", ".join(label(column) for column in rule.prefer)
    terms = [term for term in rule.order if term != "prefer" or rule.prefer]
    return ", then ".join(_TERMS[term].format(prefer=prefer) for term in terms)


def _demands(rule: Rule, relaxed: Relaxed | None) -> Iterator[tuple[str, str, str, str]]:
    """Column, what it is called, what is wanted, what is enough."""
    for column, allowed in rule.where.items():
        given = relaxed.where.get(column, allowed) if relaxed else allowed
        yield column, label(column), str(allowed), _enough(column, str(given), relaxed)
    for column in rule.equal:
        yield column, label(column), "the frame's", _enough(column, "the frame's", relaxed)
    for column in rule.contains:
        yield column, label(column), "contains the frame's", _enough(column, "contains the frame's", relaxed)
    for column, tolerance in rule.within.items():
        wanted = _close(column, tolerance)
        yield column, label(column), wanted, _enough(column, wanted, relaxed)
    for part in rule.conditional:
        only = f" if {_when(part.when)}"
        for column, allowed in part.where.items():
            yield column, label(column), f"{allowed}{only}", _enough(column, f"{allowed}{only}", relaxed)
        for column in part.equal:
            yield column, label(column), f"the frame's{only}", _enough(column, f"the frame's{only}", relaxed)
        for column in part.contains:
            wanted = f"contains the frame's{only}"
            yield column, label(column), wanted, _enough(column, wanted, relaxed)
        for column, tolerance in part.within.items():
            wanted = f"{_close(column, tolerance)}{only}"
            yield column, label(column), wanted, _enough(column, wanted, relaxed)


def _times(rule: Rule, variant: Variant, relaxed: Relaxed | None) -> Iterator[Line]:
    longest = None if _AGE in variant.drop else rule.max_interval
    enough = longest
    if relaxed:
        enough = relaxed.max_interval or (None if _AGE in relaxed.drop else longest)
    if longest or enough:
        wanted, provisional = (f"less than {apart(limit)}" if limit else IGNORED for limit in (longest, enough))
        yield Line("time apart", wanted, provisional)
    if rule.not_after_target and _AFTER not in variant.drop:
        free = relaxed is not None and _AFTER in relaxed.drop
        yield Line("taken", "not after the frame", IGNORED if free else "not after the frame")


def _enough(column: str, wanted: str, relaxed: Relaxed | None) -> str:
    if relaxed is None:
        return wanted
    if column in relaxed.drop:
        return IGNORED
    if column in relaxed.within:
        return _close(column, relaxed.within[column])
    if column in relaxed.instead:
        return INSTEAD.get(relaxed.instead[column], f"the frame's {label(relaxed.instead[column])}")
    return wanted


def _close(column: str, tolerance: float) -> str:
    return f"the frame's within {tolerance:g}{unit(column)}"


def whom(rule: Rule) -> str:
    """Tell which frames a rule is for; empty if it is for all."""
    return _when(rule.targets)


def _when(when: When) -> str:
    return " and ".join(asked(name, wanted) for name, wanted in when.items())
