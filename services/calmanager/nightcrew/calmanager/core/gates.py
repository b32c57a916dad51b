"""Quality gates: limits that a new master must keep to be certified without a person."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Finding:
    """What one gate says.

    Parameters
    ----------
    gate
        What was judged: `median`, `noise`, ...
    value
        What was measured; None if it could not be.
    low, high
        The limits; None where there is none.
    passed
        Whether the value is inside.
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
        """Return the finding as JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gates say of a master: passed if every one of them does."""

    findings: tuple[Finding, ...] = ()
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether it may be certified without a person."""
        return all(finding.passed for finding in self.findings)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it did not pass, one line each; empty if it did."""
        return tuple(finding.reason for finding in self.findings if not finding.passed)


@dataclass(frozen=True, slots=True)
class Limits:
    """Values from `low` to `high` pass, both included; None: no limit."""

    low: float | None = None
    high: float | None = None
    unit: str = ""


Gates: TypeAlias = "Mapping[str, Mapping[str, Mapping[str, Limits]]]"
"""By instrument, calibration type and gate."""
