"""What is wrong with a file of grouping rules, each fault with its line and a remedy."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from nightcrew.planner.core.rules import KIND, Always, FirstFrame, NeedRule, PlanRuleError, SkyRule, parse_rules
from nightcrew.shared.association import rules_for as association_rules_for
from nightcrew.shared.association.facts import COMPARED
from nightcrew.shared.frame_facts import PLANNED
from nightcrew.shared.rule_files import nearest, read_rule_file
from nightcrew.shared.rule_shapes import Entries, Items, Length, Text, misshapen, texts
from nightcrew.shared.selection import unknown_tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nightcrew.planner.core.rules import Kind, PlanRules, Select
    from nightcrew.shared.rule_files import Complaint, Place
    from nightcrew.shared.rule_shapes import Shape

KNOWN_VALUES = frozenset({*COMPARED, *PLANNED})

_TAGS = ("all", "any", "none")
_SETTING = ("setting", "value")


def _shapes() -> Mapping[Place, Shape]:
    """Return the shapes of a file of grouping rules."""
    kind: Place = ("kinds", "*")
    partners, borrow, need = (*kind, "partners", "*"), (*kind, "borrow"), (*kind, "needs", "*")
    shapes: dict[Place, Shape] = {
        (): Entries(("instrument", "masters", "left_out", "kinds"), ("instrument", "kinds")),
        ("instrument",): Text(),
        ("masters",): Entries(),
        ("left_out",): Items(),
        ("left_out", "*"): Entries((*_TAGS, "where", "reason"), ("reason",)),
        ("left_out", "*", "reason"): Text(),
        ("kinds",): Entries(),
        kind: Entries(KIND, ("recipe", "suffix", "close")),
        (*kind, "gap"): Length(),
        (*kind, "close"): Entries(("quiet", "superseded", "count"), ("quiet",)),
        (*kind, "close", "quiet"): Length(),
        (*kind, "close_to"): Entries(),
        borrow: Entries(("kind", "same", "at_most", "nearest"), ("kind", "same")),
        (*borrow, "at_most"): Entries(),
        (*borrow, "nearest"): Entries(),
        (*kind, "partners"): Entries(),
        partners: Entries(
            ("select", "same", "close_to", "within", "alone", "missing"), ("select", "within", "alone", "missing")
        ),
        (*partners, "close_to"): Entries(),
        (*partners, "within"): Length(),
        (*kind, "needs"): Items(),
        need: Entries(_names(NeedRule), ("calibration",)),
        (*need, "otherwise"): Entries(_SETTING, _SETTING),
        (*kind, "first_frame"): Entries(_names(FirstFrame), _names(FirstFrame)),
        (*kind, "sky"): Entries(_names(SkyRule), ("shape", "fraction", "setting")),
        (*kind, "always"): Items(),
        (*kind, "always", "*"): Entries(_names(Always), _names(Always)),
    }
    for select in (("masters", "*"), (*kind, "select"), (*partners, "select")):
        shapes[select] = Entries((*_TAGS, "where"))
    for select in (("masters", "*"), ("left_out", "*"), (*kind, "select"), (*partners, "select")):
        shapes |= {**texts(*((*select, tags) for tags in _TAGS)), (*select, "where"): Entries()}
    shapes |= texts((*kind, "same"), (*kind, "made_of"), (*borrow, "same"), (*partners, "same"))
    words: list[Place] = [(*kind, name) for name in ("kind", "recipe", "suffix", "provides", "without")]
    words += [(*borrow, "kind"), (*partners, "alone"), (*partners, "missing")]
    words += [(*need, name) for name in ("calibration", "setting", "remedy")]
    words += [(*part, "setting") for part in ((*need, "otherwise"), (*kind, "first_frame"), (*kind, "sky"))]
    words += [(*kind, "always", "*", name) for name in ("setting", "reason")]
    return shapes | {word: Text() for word in words}


def _names(rule: type[NeedRule | FirstFrame | SkyRule | Always]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(rule))


_NAMED = 2
"""Depth of a place at which a rule has its name."""


def lint_rules(text: str, origin: str) -> tuple[Complaint, ...]:
    """Find what is wrong with a file of grouping rules.

    Parameters
    ----------
    text
        The file.
    origin
        Its name, for the complaints.

    Returns
    -------
    tuple of Complaint
        In the order of the lines; empty if the rules are sound.
    """
    file = read_rule_file(text, origin)
    found = [*file.faults] or [
        file.complaint(place, str(place[1]) if len(place) >= _NAMED else "", fault, remedy)
        for place, fault, remedy in misshapen(file.content, _shapes())
    ]
    if not found:
        try:
            rules = parse_rules(text, origin)
        except PlanRuleError as error:
            found = [file.complaint((), "", str(error), "compare it with the rules that nightcrew brings along")]
        else:
            found = [file.complaint(*fault) for fault in _senseless(rules)]
    return tuple(sorted(found, key=lambda complaint: complaint.line))


_Fault = tuple["Place", str, str, str]
"""Place, rule, fault, remedy."""


def _senseless(rules: PlanRules) -> Iterator[_Fault]:
    yield from _faulty_selections(rules)
    provided: set[str] = set()
    for kind in rules.kinds:
        for place, fault, remedy in _faults_of(kind, rules, provided):
            yield ("kinds", kind.name, *place), kind.name, fault, remedy
        provided.add(kind.provides or kind.name)


def _faulty_selections(rules: PlanRules) -> Iterator[_Fault]:
    lines: list[tuple[Place, str, Select]] = [
        (("masters", caltype), f"masters, {caltype}", select) for caltype, select in rules.masters.items()
    ]
    lines += [
        (("left_out", number), f"left_out, {line.reason!r}", line.select) for number, line in enumerate(rules.left_out)
    ]
    lines += [
        (("kinds", kind.name, "select"), kind.name, kind.select) for kind in rules.kinds if kind.select is not None
    ]
    lines += [
        (("kinds", kind.name, "partners", some.name), f"{kind.name}, {some.name}", some.select)
        for kind in rules.kinds
        for some in kind.partners
    ]
    for place, where, select in lines:
        for warning in unknown_tags(select.all_of | select.any_of | select.none_of):
            yield place, where, warning, "take tags that nightcrew typewalk shows"
        yield from ((place, where, fault, remedy) for fault, remedy in _unknown_values(select.where))


def _faults_of(kind: Kind, rules: PlanRules, provided: set[str]) -> Iterator[tuple[Place, str, str]]:
    names = {one.name for one in rules.kinds}
    if (kind.select is None) == (not kind.made_of):
        yield (), "it must either select frames or be made of other groups", "say one of select and made_of"
    yield from _unknown((), [*kind.alike.same, *kind.alike.close_to])
    for partners in kind.partners:
        yield from _unknown(("partners", partners.name), [*partners.alike.same, *partners.alike.close_to])
    if kind.borrow is not None:
        yield from _unknown(("borrow",), [*kind.borrow.same, *kind.borrow.at_most, *kind.borrow.nearest])
        if kind.borrow.kind not in names:
            fault = f"it borrows from {kind.borrow.kind!r}, which is no kind here"
            yield ("borrow",), fault, nearest(kind.borrow.kind, names)
    for name in kind.made_of:
        if name not in names:
            yield ("made_of",), f"it is made of {name!r}, which is no kind here", nearest(name, names)
    known = association_rules_for(rules.instrument)
    for number, need in enumerate(kind.needs):
        place: Place = ("needs", number)
        if need.calibration not in provided and need.calibration.removeprefix("processed_") not in known:
            answered = {*provided, *(f"processed_{name}" for name in known)}
            fault = f"it needs {need.calibration!r}, which nothing provides before it"
            yield place, fault, nearest(need.calibration, answered)
        if need.required and not need.remedy:
            fault = f"it needs {need.calibration!r} without telling a remedy if there is none"
            yield place, fault, "write remedy: what the user can do"
    for place, setting in _settings(kind):
        if setting.count(":") != 1:
            yield place, f"the setting {setting!r} is not primitive:parameter", "write it as 'addDQ:user_bpm'"


def _settings(kind: Kind) -> Iterator[tuple[Place, str]]:
    for number, need in enumerate(kind.needs):
        if need.setting:
            yield ("needs", number), need.setting
        if need.otherwise:
            yield ("needs", number), need.otherwise[0]
    if kind.first_frame is not None:
        yield ("first_frame",), kind.first_frame.setting
    if kind.sky is not None:
        yield ("sky",), kind.sky.setting
    for number, always in enumerate(kind.always):
        yield ("always", number), always.setting


def _unknown(place: Place, names: Iterable[str]) -> Iterator[tuple[Place, str, str]]:
    yield from ((place, fault, remedy) for fault, remedy in _unknown_values(names))


def _unknown_values(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        for part in name.split("|"):
            if part not in KNOWN_VALUES:
                yield f"there is no value {part!r}", nearest(part, KNOWN_VALUES)
