"""Association rules as data: what a rule may say, and reading it from the files in `rules/`."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import resources
from typing import TYPE_CHECKING, Any

from nightcrew.shared.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from nightcrew.shared.association.facts import Target, Value

INSTRUMENTS = {"NIRI": "niri.yaml", "F2": "f2.yaml"}
_UNITS = {"d": "days", "h": "hours", "min": "minutes", "s": "seconds"}


@dataclass(frozen=True, slots=True)
class OneOf:
    """A set of constants: a value is one of them or, if `negated`, none of them.

    A constant that ends with `*` stands for every text that begins like it.
    """

    constants: tuple[Value, ...]
    negated: bool = False

    def holds(self, value: Value) -> bool:
        """Whether the value fulfils it; None is a constant like any other."""
        return self.negated != any(_is(value, constant) for constant in self.constants)

    def __str__(self) -> str:
        listed = " or ".join(str(constant) for constant in self.constants)
        return f"not {listed}" if self.negated else listed


Where = Mapping[str, OneOf]


@dataclass(frozen=True, slots=True)
class Variant:
    """What differs between the raw and the processed form of a rule.

    Parameters
    ----------
    where
        Constants that columns of the candidate must have.
    limit
        Number of candidates that are returned unless more are asked for.
    tag
        Tag that the candidate must carry.
    """

    where: Where
    limit: int
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Conditional:
    """An addition to a rule for targets that fulfil `when`."""

    when: Where
    where: Where = field(default_factory=dict)
    within: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """Which candidates may calibrate a target.  Every condition must hold.

    Parameters
    ----------
    raw, processed
        The two forms; None where there is no such form.
    where
        Constants that columns of the candidate must have, whatever the form.
    equal
        Columns that must be equal to the target's value.
    within
        Columns that must be closer to the target's value than this; a target without value does not care.
    conditional
        Additions for some targets.
    max_interval
        The candidate must be closer in time than this.
    not_after_target
        The candidate must not be younger than the target.
    prefer
        Columns whose equality with the target breaks ties.
    """

    raw: Variant | None
    processed: Variant | None
    where: Where = field(default_factory=dict)
    equal: tuple[str, ...] = ()
    within: Mapping[str, float] = field(default_factory=dict)
    conditional: tuple[Conditional, ...] = ()
    max_interval: timedelta | None = None
    not_after_target: bool = False
    prefer: tuple[str, ...] = ()

    def variant(self, caltype: str) -> Variant | None:
        """Return the form that a calibration type such as `processed_dark` means."""
        return self.processed if caltype.startswith("processed_") else self.raw


@dataclass(frozen=True, slots=True)
class Applicable:
    """Calibration types that a target may need: those of all the lines that it fulfils."""

    none_if: Where
    lines: tuple[tuple[Where, tuple[str, ...]], ...]

    def types(self, target: Target) -> tuple[str, ...]:
        """Return the types in order; one may come twice."""
        if self.none_if and fulfils(target, self.none_if):
            return ()
        return tuple(caltype for when, types in self.lines if fulfils(target, when) for caltype in types)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of an instrument.

    Parameters
    ----------
    instrument
        Canonical name.
    rules
        Calibration type, without `processed_`, to rule.
    applicable
        What targets may need.
    """

    instrument: str
    rules: Mapping[str, Rule]
    applicable: Applicable

    @property
    def descriptors(self) -> frozenset[str]:
        """Descriptors that the rules compare."""
        names = {name for rule in self.rules.values() for name in (*rule.equal, *rule.within, *rule.prefer)}
        conditions = [part for rule in self.rules.values() for part in rule.conditional]
        names |= {name for part in conditions for name in (*part.when, *part.within)}
        names |= {name for when, _ in self.applicable.lines for name in when} | set(self.applicable.none_if)
        return frozenset(names) - {"spectroscopy"}


def rules_for(instrument: str) -> dict[str, Rule]:
    """Return the rules of an instrument by calibration type (`dark`, `flat`, ...); none if it is not known."""
    rules = rule_set(instrument)
    return dict(rules.rules) if rules else {}


@functools.cache
def rule_set(instrument: str) -> RuleSet | None:
    """Return all that is known about associations of an instrument, or None."""
    name = INSTRUMENTS.get(instrument)
    if name is None:
        return None
    text = (resources.files("nightcrew.shared.association") / "rules" / name).read_text(encoding="utf-8")
    return parse_rules(text, name)


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
        only(document, {"instrument", "calibrations", "applicable"})
        applicable = document.get("applicable", {})
        only(applicable, {"none_if", "rules"})
        return RuleSet(
            document["instrument"],
            {name: _rule(entry) for name, entry in document["calibrations"].items()},
            Applicable(
                parse_where(applicable.get("none_if", {})),
                tuple((parse_where(line["when"]), tuple(line["add"])) for line in applicable.get("rules", [])),
            ),
        )
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise CalibrationError(f"{origin}: not a set of association rules: {error}") from error


def duration(text: str) -> timedelta:
    """Read a length of time such as `180 d`, `10 min`, `1.5 h` or `30 s`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(d|h|min|s)", str(text))
    if match is None:
        raise ValueError(f"{text!r} is not a length of time such as '180 d', '1.5 h', '10 min', '30 s'")
    return timedelta(**{_UNITS[match[2]]: float(match[1])})


def _rule(entry: dict[str, Any]) -> Rule:
    only(entry, {"raw", "processed", "where_if", "within_if", *_FIELDS})
    where = parse_where(entry.get("where", {}))
    more = [
        Conditional(parse_where(part["when"]), where=_widened(where, part["add"])) for part in entry.get("where_if", [])
    ]
    more += [
        Conditional(parse_where(part["when"]), within=_FIELDS["within"](part["within"]))
        for part in entry.get("within_if", [])
    ]
    fields = {name: read(entry[name]) for name, read in _FIELDS.items() if name in entry}
    return Rule(_variant(entry.get("raw")), _variant(entry.get("processed")), conditional=tuple(more), **fields)


def _variant(entry: dict[str, Any] | None) -> Variant | None:
    if entry is None:
        return None
    only(entry, {"where", "limit", "tag"})
    return Variant(parse_where(entry.get("where", {})), int(entry["limit"]), entry.get("tag"))


def parse_where(entry: dict[str, Any]) -> dict[str, OneOf]:
    """Read conditions on values: `{column: constant, column: [constants], column: {not_in: [constants]}}`."""
    return {name: _one_of(constants) for name, constants in entry.items()}


def _one_of(constants: Any) -> OneOf:
    if isinstance(constants, dict):
        only(constants, {"not_in"})
        return OneOf(tuple(constants["not_in"]), negated=True)
    return OneOf(tuple(constants) if isinstance(constants, list) else (constants,))


def _widened(where: Where, more: dict[str, list[Any]]) -> dict[str, OneOf]:
    return {name: OneOf((*where[name].constants, *constants)) for name, constants in more.items()}


_FIELDS: dict[str, Callable[[Any], Any]] = {
    "where": parse_where,
    "equal": tuple,
    "within": lambda entry: {name: float(tolerance) for name, tolerance in entry.items()},
    "max_interval": duration,
    "not_after_target": bool,
    "prefer": tuple,
}


def only(entry: dict[str, Any], known: set[str]) -> None:
    """Refuse entries of a rule file that nobody would read; ValueError if there is one."""
    unknown = sorted(set(entry) - known)
    if unknown:
        raise ValueError(f"nobody knows {', '.join(map(repr, unknown))} here; known: {', '.join(sorted(known))}")


def _is(value: Value, constant: Value) -> bool:
    if isinstance(constant, str) and constant.endswith("*"):
        return isinstance(value, str) and value.startswith(constant[:-1])
    return isinstance(value, bool) == isinstance(constant, bool) and value == constant


def fulfils(target: Target, when: Where) -> bool:
    """Whether the values of a target fulfil all conditions."""
    return all(condition.holds(target.value(name)) for name, condition in when.items())
