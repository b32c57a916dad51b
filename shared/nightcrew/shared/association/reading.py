"""Reading association rules from YAML (format: docs/reference/association-rules.md)."""

from __future__ import annotations

import functools
import re
from datetime import timedelta
from importlib import resources
from typing import TYPE_CHECKING, Any

from nightcrew.shared.association.ruleset import (
    TERMS,
    Applicable,
    AtLeast,
    Conditional,
    OneOf,
    Relaxed,
    Rule,
    RuleSet,
    Variant,
)
from nightcrew.shared.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from nightcrew.shared.association.ruleset import Where

INSTRUMENTS = {
    "NIRI": "niri.yaml",
    "F2": "f2.yaml",
    "GNIRS": "gnirs.yaml",
    "GSAOI": "gsaoi.yaml",
    "GMOS-N": "gmos.yaml",
    "GMOS-S": "gmos.yaml",
}
"""Instruments that have rules, and the files of these."""
UNITS = {"d": "days", "h": "hours", "min": "minutes", "s": "seconds"}
DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(d|h|min|s)")


def rules_for(instrument: str) -> dict[str, Rule]:
    """Return the rules of an instrument by calibration type (`dark`, `flat`, ...); none if it is not known."""
    rules = rule_set(instrument)
    return dict(rules.rules) if rules else {}


@functools.cache
def rule_set(instrument: str) -> RuleSet | None:
    """Return all that is known about associations of an instrument, or None."""
    name = INSTRUMENTS.get(instrument)
    return None if name is None else parse_rules(shipped_text(name), name)


def shipped_text(name: str) -> str:
    """Return the text of a rule file that comes with nightcrew."""
    return (resources.files("nightcrew.shared.association") / "rules" / name).read_text(encoding="utf-8")


def parse_rules(text: str, origin: str) -> RuleSet:
    """Read the rules of an instrument.

    Parameters
    ----------
    text
        YAML document.
    origin
        Name of the file, for messages.

    Raises
    ------
    CalibrationError
        If the document says something that no rule may say.
    """
    import yaml  # noqa: PLC0415 (only when rules are needed)

    try:
        document = yaml.safe_load(text)
        only(document, TOP)
        applicable = document.get("applicable", {})
        only(applicable, APPLICABLE)
        instruments = document["instrument"]
        return RuleSet(
            tuple(instruments) if isinstance(instruments, list) else (instruments,),
            {name: _rule(entry) for name, entry in document["calibrations"].items()},
            Applicable(
                parse_when(applicable.get("none_if", {})),
                tuple((parse_when(line["when"]), tuple(line["add"])) for line in applicable.get("rules", [])),
            ),
        )
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
        remedy = f"'nightcrew rules lint {origin}' tells where"
        raise CalibrationError(f"{origin}: not a set of association rules: {error}; {remedy}") from error


def duration(text: str) -> timedelta:
    """Read a length of time such as `180 d`, `10 min`, `1.5 h` or `30 s`."""
    match = DURATION.fullmatch(str(text))
    if match is None:
        raise ValueError(f"{text!r} is not a length of time such as '180 d', '1.5 h', '10 min', '30 s'")
    return timedelta(**{UNITS[match[2]]: float(match[1])})


def parse_where(entry: dict[str, Any]) -> dict[str, OneOf]:
    """Read conditions on values: `{column: constant, column: [constants], column: {not_in: [constants]}}`."""
    return {name: _one_of(constants) for name, constants in entry.items()}


def parse_when(entry: dict[str, Any]) -> dict[str, OneOf | AtLeast]:
    """Read conditions on values of a target: as for candidates, and `{value: {at_least: number}}`."""
    return {
        name: AtLeast(float(said["at_least"]))
        if isinstance(said, dict) and set(said) == {"at_least"}
        else _one_of(said)
        for name, said in entry.items()
    }


def only(entry: dict[str, Any], known: set[str] | frozenset[str]) -> None:
    """Refuse entries of a rule file that nobody would read; ValueError if there is one."""
    unknown = sorted(set(entry) - known)
    if unknown:
        raise ValueError(f"nobody knows {', '.join(map(repr, unknown))} here; known: {', '.join(sorted(known))}")


def _one_of(constants: Any) -> OneOf:
    if isinstance(constants, dict):
        only(constants, {"not_in"})
        return OneOf(tuple(constants["not_in"]), negated=True)
    return OneOf(tuple(constants) if isinstance(constants, list) else (constants,))


def _rule(entry: dict[str, Any]) -> Rule:
    only(entry, RULE)
    where = parse_where(entry.get("where", {}))
    conditional = [
        Conditional(parse_when(part["when"]), **{name: read(part, where)})
        for key, (name, read) in CONDITIONAL.items()
        for part in entry.get(key, [])
    ]
    fields = {name: read(entry[name]) for name, read in _FIELDS.items() if name in entry}
    raw, processed = (_variant(entry.get(form)) for form in ("raw", "processed"))
    return Rule(raw, processed, conditional=tuple(conditional), **fields)


def _variant(entry: dict[str, Any] | None) -> Variant | None:
    if entry is None:
        return None
    only(entry, VARIANT)
    relaxed = _relaxed(entry["relaxed"]) if "relaxed" in entry else None
    drop = frozenset(entry.get("drop", ()))
    return Variant(parse_where(entry.get("where", {})), int(entry["limit"]), entry.get("tag"), drop, relaxed)


def _relaxed(entry: dict[str, Any]) -> Relaxed:
    only(entry, RELAXED)
    fields = {"drop": frozenset, "instead": dict, **_FIELDS}
    return Relaxed(**{name: fields[name](said) for name, said in entry.items()})


def _tolerances(entry: dict[str, Any]) -> dict[str, float]:
    return {name: float(tolerance) for name, tolerance in entry.items()}


def _order(entry: list[Any]) -> tuple[Any, ...]:
    only(dict.fromkeys(entry), {"qa", *TERMS})
    return tuple(entry)


def _widened(where: Where, more: dict[str, list[Any]]) -> dict[str, OneOf]:
    return {name: OneOf((*where[name].constants, *constants)) for name, constants in more.items()}


_FIELDS: dict[str, Callable[[Any], Any]] = {
    "targets": parse_when,
    "where": parse_where,
    "equal": tuple,
    "contains": tuple,
    "within": _tolerances,
    "max_interval": duration,
    "not_after_target": bool,
    "prefer": tuple,
    "order": _order,
    "relaxed": _relaxed,
}
CONDITIONAL: dict[str, tuple[str, Callable[[dict[str, Any], Where], Any]]] = {
    "where_if": ("where", lambda part, where: _widened(where, part["add"])),
    "within_if": ("within", lambda part, _: _tolerances(part["within"])),
    "equal_if": ("equal", lambda part, _: tuple(part["equal"])),
    "contains_if": ("contains", lambda part, _: tuple(part["contains"])),
}
TOP = frozenset({"instrument", "calibrations", "applicable"})
APPLICABLE = frozenset({"none_if", "rules"})
RULE = frozenset({"raw", "processed", *_FIELDS, *CONDITIONAL})
VARIANT = frozenset({"where", "limit", "tag", "drop", "relaxed"})
RELAXED = frozenset({"drop", "within", "instead", "where", "max_interval"})
