"""Association rules as data: what a rule may say.

`nightcrew.shared.association.reading` reads them from YAML.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from nightcrew.shared.association.facts import DERIVED

if TYPE_CHECKING:
    from datetime import timedelta

    from nightcrew.shared.association.facts import Target, Value

Term: TypeAlias = Literal["qa", "time", "processing", "prefer", "entry"]
TERMS: tuple[Term, ...] = ("time", "processing", "prefer", "entry")
"""Order of the archive (calibrations, 2)."""

TIMES = ("max_interval", "not_after_target")
"""Conditions on the time of a candidate.  One with a validity of its own is asked for that instead."""


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
        listed = " or ".join("unknown" if constant is None else str(constant) for constant in self.constants)
        return f"not {listed}" if self.negated else listed


@dataclass(frozen=True, slots=True)
class AtLeast:
    """A number is not below a limit; asked of targets only."""

    limit: float

    def holds(self, value: Value) -> bool:
        """Whether the value is a number that large."""
        return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= self.limit

    def __str__(self) -> str:
        return f"at least {self.limit:g}"


Where: TypeAlias = Mapping[str, OneOf]
"""What columns of a candidate must be."""
When: TypeAlias = Mapping[str, "OneOf | AtLeast"]
"""What values of a target must be."""


@dataclass(frozen=True, slots=True)
class Relaxed:
    """What a rule gives up for a provisional calibration.  Conditions that are not named stay.

    Parameters
    ----------
    drop
        Columns that are not looked at; `max_interval` and `not_after_target` are dropped by their names.
    within
        Tolerances, wider ones than the rule's or in place of equality.
    instead
        Column that is compared in place of another one.
    where
        Constants in place of the rule's.
    max_interval
        The candidate must be closer in time than this; None leaves what the rule says.
    """

    drop: frozenset[str] = frozenset()
    within: Mapping[str, float] = field(default_factory=dict)
    instead: Mapping[str, str] = field(default_factory=dict)
    where: Where = field(default_factory=dict)
    max_interval: timedelta | None = None

    def also(self, other: Relaxed | None) -> Relaxed:
        """Return both together; what the other one says wins."""
        if other is None:
            return self
        return Relaxed(
            self.drop | other.drop,
            {**self.within, **other.within},
            {**self.instead, **other.instead},
            {**self.where, **other.where},
            other.max_interval or self.max_interval,
        )


@dataclass(frozen=True, slots=True)
class Variant:
    """What differs between the raw and the processed form of a rule.

    Parameters
    ----------
    where
        Constants that columns of the candidate must have: what makes it one of that kind.
    limit
        Number of candidates that are returned unless more are asked for.
    tag
        Tag that the candidate must carry.
    drop
        Columns, `max_interval` or `not_after_target` of the rule that this form does not look at.
    relaxed
        What this form gives up besides what the rule gives up.
    """

    where: Where
    limit: int
    tag: str | None = None
    drop: frozenset[str] = frozenset()
    relaxed: Relaxed | None = None


@dataclass(frozen=True, slots=True)
class Conditional:
    """An addition to a rule for targets that fulfil `when`; `where` replaces the rule's for the columns it names."""

    when: When
    where: Where = field(default_factory=dict)
    within: Mapping[str, float] = field(default_factory=dict)
    equal: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """Which candidates may calibrate a target.  Every condition must hold.

    Parameters
    ----------
    raw, processed
        The two forms; None where there is no such form.
    targets
        The rule is for targets that fulfil this; others get no answer.
    where
        Constants that columns of the candidate must have, whatever the form.
    equal
        Columns that must be equal to the target's value.
    contains
        Columns that must contain the text of the target; a target without value matches nothing.
    within
        Columns that must be closer to the target's value than this; a target without value does not care.
    conditional
        Additions for some targets.
    max_interval
        The candidate must be closer in time than this.
    not_after_target
        The candidate must not be younger than the target.
    prefer
        Columns whose equality with the target counts in the order.
    order
        What the order goes by, the most important first.
    relaxed
        What is given up for a provisional calibration; None if nothing is.
    """

    raw: Variant | None
    processed: Variant | None
    targets: When = field(default_factory=dict)
    where: Where = field(default_factory=dict)
    equal: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()
    within: Mapping[str, float] = field(default_factory=dict)
    conditional: tuple[Conditional, ...] = ()
    max_interval: timedelta | None = None
    not_after_target: bool = False
    prefer: tuple[str, ...] = ()
    order: tuple[Term, ...] = TERMS
    relaxed: Relaxed | None = None

    def variant(self, caltype: str) -> Variant | None:
        """Return the form that a calibration type such as `processed_dark` means."""
        return self.processed if caltype.startswith("processed_") else self.raw

    def relaxed_for(self, variant: Variant) -> Relaxed | None:
        """Return what a form of the rule gives up, or None."""
        return variant.relaxed if self.relaxed is None else self.relaxed.also(variant.relaxed)

    @property
    def compared(self) -> frozenset[str]:
        """Values of a target that the rule looks at."""
        names = {*self.targets, *self.equal, *self.contains, *self.within, *self.prefer}
        for part in self.conditional:
            names |= {*part.when, *part.within, *part.equal, *part.contains}
        given_up = [self.relaxed, *(form.relaxed for form in (self.raw, self.processed) if form)]
        names |= {name for relaxed in given_up if relaxed for name in (*relaxed.within, *relaxed.instead.values())}
        return frozenset(names)


@dataclass(frozen=True, slots=True)
class Applicable:
    """Calibration types that a target may need: those of all the lines that it fulfils."""

    none_if: When
    lines: tuple[tuple[When, tuple[str, ...]], ...]

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
    instruments
        Canonical names that the rules are for.
    rules
        Calibration type, without `processed_`, to rule.
    applicable
        What targets may need.
    """

    instruments: tuple[str, ...]
    rules: Mapping[str, Rule]
    applicable: Applicable

    @property
    def instrument(self) -> str:
        """The first of the instruments."""
        return self.instruments[0]

    @property
    def descriptors(self) -> frozenset[str]:
        """Descriptors that the rules compare."""
        names = {name for rule in self.rules.values() for name in rule.compared}
        names |= {name for when, _ in self.applicable.lines for name in when} | set(self.applicable.none_if)
        return frozenset(DERIVED.get(name, name) for name in names) - {""}


def fulfils(target: Target, when: When) -> bool:
    """Whether the values of a target fulfil all conditions."""
    return all(condition.holds(target.value(name)) for name, condition in when.items())


def _is(value: Value, constant: Value) -> bool:
    if isinstance(constant, str) and constant.endswith("*"):
        return isinstance(value, str) and value.startswith(constant[:-1])
    return isinstance(value, bool) == isinstance(constant, bool) and value == constant
