"""What became of the groups of a night, as its ledger tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from nightcrew.shared.outcomes import Outcome, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nightcrew.planner.core.model import Group
    from nightcrew.shared.ledger.records import JobRow


@dataclass(frozen=True, slots=True)
class Used:
    """A calibration that a group used, or why it had none."""

    caltype: str
    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class GroupReport:
    """What became of a group.

    Parameters
    ----------
    group
        As planned.
    outcome
        How its reduction ended.
    used
        Calibrations, and why these.
    record
        What else its job has left: `previews`, `seconds`, `measurements`, ...
    """

    group: Group
    outcome: Outcome
    used: tuple[Used, ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Wall time."""
        return float(self.record.get("wall_seconds", 0.0))

    @property
    def trace(self) -> str:
        """Where in our code a defect showed."""
        return str(self.record.get("trace", ""))


def of_job(group: Group, job: JobRow) -> GroupReport:
    """Return the report of a group whose job has ended."""
    record = job.outcome or {}
    outcome = Outcome(
        Status(record["status"]),
        record["reason"],
        tuple(record.get("products", ())),
        tuple(record.get("caveats", ())),
        record["code"],
    )
    given = {one["caltype"]: PurePath(one["path"]).name for one in job.request["calibrations"]}
    reasons = {one["caltype"]: one["reason"] for one in (*job.request["calibrations"], *job.request["without"])}
    used = tuple(Used(n.caltype, given.get(n.caltype, ""), reasons.get(n.caltype, n.reason)) for n in group.needs)
    return GroupReport(group, outcome, used, record)


def of_plan(group: Group, status: Status, reason: str, code: str) -> GroupReport:
    """Return the report of a group that came to no job."""
    used = tuple(Used(need.caltype, "", need.reason) for need in group.needs if need.provider is None)
    return GroupReport(group, Outcome(status, reason, code=code), used)
