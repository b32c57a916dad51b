"""Rules that can be read but make no sense: what never matches, never counts or loosens nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nightcrew.shared.association.reading import duration
from nightcrew.shared.association.ruleset import TERMS, TIMES
from nightcrew.shared.rule_files import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nightcrew.shared.rule_files import Place

    Fault = tuple[Place, str, str]

FORMS = ("raw", "processed")
_MASTERS = "PROCESSED_"


def contradictions(rule: Mapping[str, Any]) -> Iterator[tuple[Place, str, str]]:
    """Find what makes no sense in a rule of which every word is known.

    Parameters
    ----------
    rule
        The rule as its file says it.

    Yields
    ------
    tuple
        Place below the rule, fault, remedy.
    """
    yield from _never(rule)
    yield from _forms(rule)
    yield from _order(rule)
    yield from _additions(rule)
    if "relaxed" in rule:
        yield from _loosened(("relaxed",), rule["relaxed"], rule, frozenset())
    for form in FORMS:
        variant = rule.get(form, {})
        if "relaxed" in variant:
            yield from _loosened((form, "relaxed"), variant["relaxed"], rule, frozenset(variant.get("drop", ())))


def _never(rule: Mapping[str, Any]) -> Iterator[Fault]:
    """Conditions that nothing fulfils."""
    wheres: list[tuple[Place, Any]] = [(("where",), rule.get("where", {}))]
    wheres += [((form, "where"), rule[form].get("where", {})) for form in FORMS if form in rule]
    for place, where in wheres:
        for column, constants in where.items():
            if constants == []:
                yield (*place, column), f"{column} may have no value at all, so nothing ever matches", "list the values"
            if column == "qa_state" and constants in ("Fail", ["Fail"]):
                yield (*place, column), "frames with QA state Fail never serve, so nothing ever matches", "leave it out"
            asked = rule.get("targets", {}).get(column)
            if column in rule.get("equal", []) and asked is not None and _apart(constants, asked):
                fault = f"{column} must equal the target's, which is {_said(asked)}, and be {_said(constants)}"
                yield (*place, column), f"{fault}: nothing ever matches", "leave one of them out"
    for column in rule.get("equal", []):
        if column in rule.get("within", {}):
            yield ("within", column), f"{column} is already compared in equal", "leave it in one of the two"


def _forms(rule: Mapping[str, Any]) -> Iterator[Fault]:
    for form in FORMS:
        variant = rule.get(form)
        if variant is None:
            continue
        kinds = _listed(variant.get("where", {}).get("reduction"))
        masters = [str(kind).startswith(_MASTERS) for kind in kinds]
        if masters and (not all(masters) if form == "processed" else any(masters)):
            fault = f"the {form} form is of kind {_said(kinds)}"
            yield (form, "where", "reduction"), fault, "put it into the other form, or correct the kind"
        for name in variant.get("drop", ()):
            if name not in _conditions(rule):
                fault = f"the rule has no condition {name!r} that could be dropped"
                yield (form, "drop"), fault, nearest(name, _conditions(rule))
    there = [rule[form] for form in FORMS if form in rule]
    for column in rule.get("where", {}):
        unread = [column in form.get("where", {}) or column in form.get("drop", ()) for form in there]
        if all(unread):
            yield ("where", column), f"no form of the rule ever looks at this {column}", "leave it out"


def _order(rule: Mapping[str, Any]) -> Iterator[Fault]:
    order = rule.get("order", list(TERMS))
    for term in dict.fromkeys(order):
        if order.count(term) > 1:
            yield ("order",), f"it is ordered by {term!r} twice", "leave one of them"
    if rule.get("prefer") and "prefer" not in order:
        yield ("prefer",), "the order never looks at it", "put prefer into the order"
    if "prefer" in rule.get("order", ()) and not rule.get("prefer"):
        yield ("order",), "it is ordered by prefer, but the rule prefers nothing", "say prefer: [observation_id]"


def _additions(rule: Mapping[str, Any]) -> Iterator[Fault]:
    for number, part in enumerate(rule.get("where_if", ())):
        for column in part["add"]:
            if column not in rule.get("where", {}):
                fault = f"there is no where of {column} that this could be added to"
                yield ("where_if", number), fault, f"say where: {{{column}: [...]}} in the rule"


def _loosened(
    place: Place, relaxed: Mapping[str, Any], rule: Mapping[str, Any], gone: frozenset[str]
) -> Iterator[Fault]:
    """Relaxations that loosen nothing, and so are never reached."""
    conditions = _conditions(rule) - gone
    dropped = set(relaxed.get("drop", ()))
    if not relaxed:
        yield place, "it gives up nothing", "say what is given up, or leave it out"
    for name in relaxed.get("drop", ()):
        if name not in conditions:
            yield (*place, "drop"), f"there is no condition {name!r} that could be given up", nearest(name, conditions)
    for name in ("within", "instead", "where"):
        for column in relaxed.get(name, {}):
            if column in dropped:
                yield (*place, name, column), f"{column} is given up altogether in drop", "leave it in one of the two"
    strict = _tolerances(rule)
    for column, tolerance in relaxed.get("within", {}).items():
        if column not in conditions:
            yield (*place, "within", column), f"the rule does not compare {column}", "leave it out"
        elif column in strict and tolerance <= strict[column]:
            fault = f"tolerance {tolerance:g} is not wider than the rule's {strict[column]:g}"
            yield (*place, "within", column), fault, "write a wider one, or leave it out"
    for column in relaxed.get("instead", {}):
        if column not in _equal(rule) - gone:
            yield (*place, "instead", column), f"{column} is not among the equal ones of the rule", "leave it out"
    for column in relaxed.get("where", {}):
        if column not in set(rule.get("where", {})) - gone:
            yield (*place, "where", column), f"the rule has no where of {column}", "leave it out"
    yield from _longer(place, relaxed, rule, dropped)


def _longer(place: Place, relaxed: Mapping[str, Any], rule: Mapping[str, Any], dropped: set[str]) -> Iterator[Fault]:
    interval, not_after = TIMES
    here = (*place, interval)
    if interval not in relaxed:
        return
    if interval in dropped:
        yield here, "max_interval is given up altogether in drop", "leave it in one of the two"
    elif interval not in rule and not_after not in dropped:
        yield here, "the rule has no max_interval, so this is no relaxation", "leave it out"
    elif interval in rule and duration(relaxed[interval]) <= duration(rule[interval]):
        fault = f"{relaxed[interval]} is not longer than the rule's {rule[interval]}"
        yield here, fault, "write a longer one, or leave it out"


def _conditions(rule: Mapping[str, Any]) -> set[str]:
    """Return all that a rule asks for, by the names that `drop` knows."""
    names = {*rule.get("where", {}), *rule.get("contains", ()), *_equal(rule), *_tolerances(rule)}
    names |= {column for part in rule.get("contains_if", ()) for column in part["contains"]}
    return names | {time for time in TIMES if rule.get(time)}


def _equal(rule: Mapping[str, Any]) -> set[str]:
    return {*rule.get("equal", ()), *(column for part in rule.get("equal_if", ()) for column in part["equal"])}


def _tolerances(rule: Mapping[str, Any]) -> dict[str, float]:
    found = dict(rule.get("within", {}))
    for part in rule.get("within_if", ()):
        found |= part["within"]
    return found


def _listed(constants: Any) -> list[Any]:
    if constants is None or isinstance(constants, dict):
        return []
    return constants if isinstance(constants, list) else [constants]


def _apart(some: Any, others: Any) -> bool:
    """Whether no constant is in both lists."""
    return bool(_listed(some) and _listed(others)) and not any(one in _listed(others) for one in _listed(some))


def _said(constants: Any) -> str:
    return " or ".join(map(str, _listed(constants)))
