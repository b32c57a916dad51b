"""What is wrong with grouping rules that can be read: names that nothing answers to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.planner.core.facts import PLANNED
from nightcrew.shared.association import rules_for as association_rules_for
from nightcrew.shared.association.facts import COMPARED
from nightcrew.shared.selection import unknown_tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nightcrew.planner.core.rules import Kind, PlanRules, Select

KNOWN_VALUES = frozenset({*COMPARED, *PLANNED})


def lint(rules: PlanRules) -> list[str]:
    """Return what is wrong with grouping rules, one line each; nothing if they are sound."""
    faults = [*_faulty_selections(rules)]
    seen: set[str] = set()
    for kind in rules.kinds:
        faults += [f"{kind.name}: {fault}" for fault in _faults_of(kind, rules, seen)]
        seen.add(kind.provides or kind.name)
    return faults


def _faulty_selections(rules: PlanRules) -> Iterator[str]:
    lines: list[tuple[str, Select]] = [(f"masters, {caltype}", select) for caltype, select in rules.masters.items()]
    lines += [(f"left_out, {line.reason!r}", line.select) for line in rules.left_out]
    lines += [(kind.name, kind.select) for kind in rules.kinds if kind.select is not None]
    lines += [(f"{kind.name}, {some.name}", some.select) for kind in rules.kinds for some in kind.partners]
    for where, select in lines:
        yield from (f"{where}: {warning}" for warning in unknown_tags(select.all_of | select.any_of | select.none_of))
        yield from (f"{where}: {fault}" for fault in _unknown_values(select.where))


def _faults_of(kind: Kind, rules: PlanRules, provided: set[str]) -> Iterator[str]:
    names = {one.name for one in rules.kinds}
    if (kind.select is None) == (not kind.made_of):
        yield "it must either select frames or be made of other groups"
    yield from _unknown_values([*kind.alike.same, *kind.alike.close_to])
    for partners in kind.partners:
        yield from _unknown_values([*partners.alike.same, *partners.alike.close_to])
    if kind.borrow is not None:
        yield from _unknown_values([*kind.borrow.same, *kind.borrow.at_most, *kind.borrow.nearest])
        if kind.borrow.kind not in names:
            yield f"it borrows from {kind.borrow.kind!r}, which is no kind here"
    for name in kind.made_of:
        if name not in names:
            yield f"it is made of {name!r}, which is no kind here"
    known = association_rules_for(rules.instrument)
    for need in kind.needs:
        if need.calibration not in provided and need.calibration.removeprefix("processed_") not in known:
            yield f"it needs {need.calibration!r}, which nothing provides before it"
        if need.required and not need.remedy:
            yield f"it needs {need.calibration!r} without telling a remedy if there is none"
    settings = [need.setting or "" for need in kind.needs] + [
        need.otherwise[0] for need in kind.needs if need.otherwise
    ]
    settings += [rule.setting for rule in (kind.first_frame, kind.sky, *kind.always) if rule is not None]
    for setting in filter(None, settings):
        if setting.count(":") != 1:
            yield f"the setting {setting!r} is not primitive:parameter"


def _unknown_values(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        for part in name.split("|"):
            if part not in KNOWN_VALUES:
                yield f"there is no value {part!r}; known: {', '.join(sorted(KNOWN_VALUES))}"
