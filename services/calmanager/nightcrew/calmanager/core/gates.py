"""Quality gates: limits that a new master must keep to be certified without a person."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from nightcrew.calmanager.core.measuring import Measures

GATES = ("counts", "noise", "bad_fraction", "change")
"""What may be judged: fields of `nightcrew.calmanager.core.measuring.Measures`."""

WORDS = {
    "counts": "median of the good pixels",
    "noise": "noise",
    "bad_fraction": "fraction of bad pixels",
    "change": "change from the previous master",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Values from `low` to `high` pass, both included; None: no limit on that side."""

    low: float | None = None
    high: float | None = None

    def hold(self, value: float) -> bool:
        """Whether a value keeps them."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def __str__(self) -> str:
        if self.low is None:
            return f"at most {self.high:g}"
        return f"at least {self.low:g}" if self.high is None else f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True, slots=True)
class TypeGates:
    """The gates for masters of one type.

    Parameters
    ----------
    limits
        By name of the measure.
    unit
        BUNIT that the master must have for the limits to make sense; empty for masks.
    """

    limits: Mapping[str, Limits]
    unit: str = ""


Gates: TypeAlias = Mapping[str, Mapping[str, TypeGates]]
"""By instrument and calibration type."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one gate says.

    Parameters
    ----------
    gate
        `counts`, `noise`, `bad_fraction`, `change` or `unit`.
    value
        What was measured; None if it could not be.
    low, high
        The limits; None where there is none.
    passed
        Whether the master may pass.
    reason
        In one line, with numbers and units.
    """

    gate: str
    value: float | None
    low: float | None
    high: float | None
    passed: bool
    reason: str

    def told(self) -> dict[str, object]:
        """Return the finding as JSON, which knows no numbers that are none."""
        value = self.value if self.value is not None and math.isfinite(self.value) else None
        return asdict(self) | {"value": value}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gates say of a master.

    Parameters
    ----------
    findings
        One for each gate.
    note
        Why there are none.
    """

    findings: tuple[Finding, ...] = field(default=())
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether it may be certified without a person: every gate lets it pass."""
        return all(finding.passed for finding in self.findings)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it did not pass, one line each; empty if it did."""
        return tuple(finding.reason for finding in self.findings if not finding.passed)


def judge(measures: Measures, unit: str, gates: TypeGates) -> Verdict:
    """Hold what was measured of a master against the limits.

    Parameters
    ----------
    measures
        What was measured.
    unit
        BUNIT of the master.
    gates
        The limits.

    Notes
    -----
    What cannot be measured does not pass, except the change from a previous master where there is none.
    """
    findings = []
    if gates.unit and unit != gates.unit:
        reason = f"its unit is {unit or 'not told'}, the limits are in {gates.unit}"
        findings.append(Finding("unit", None, None, None, passed=False, reason=reason))
    for gate, limits in gates.limits.items():
        value: float | None = getattr(measures, gate)
        passed = gate == "change" if value is None else limits.hold(value)
        findings.append(Finding(gate, value, limits.low, limits.high, passed, _told(gate, value, limits, gates.unit)))
    return Verdict(tuple(findings))


def _told(gate: str, value: float | None, limits: Limits, unit: str) -> str:
    if value is None:
        return "there is no previous master to compare with" if gate == "change" else f"{WORDS[gate]} unknown"
    its_unit = f" {unit}" if unit and gate != "bad_fraction" else ""
    return f"{WORDS[gate]} {value:.4g}{its_unit}, must be {limits}"
