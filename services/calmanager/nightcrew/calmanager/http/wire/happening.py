"""What happened to calibrations, as JSON."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 (pydantic reads the annotation)
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from nightcrew.calmanager.http.wire.model import Model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nightcrew.calmanager.records import Happened, HistoryLine


class HistoryItem(Model):
    """Something that happened to a calibration."""

    at: datetime
    who: str
    event: str
    before: str | None
    after: str
    reason: str
    details: dict[str, Any]


class HistoryOut(Model):
    """What happened to a calibration, in order."""

    history: list[HistoryItem]


class ChangeItem(Model):
    """A calibration that was certified or withdrawn."""

    number: int = Field(description="Later ones have larger numbers")
    turn: Literal["certified", "withdrawn"]
    id: int
    name: str
    caltype: str
    instrument: str
    md5: str
    reason: str


class ChangesOut(Model):
    """What has changed for those who use calibrations, oldest first."""

    changes: list[ChangeItem] = Field(description="At most 1000; ask again after the last")


def history_out(lines: Sequence[HistoryLine]) -> HistoryOut:
    """Return what happened as JSON tells it."""
    return HistoryOut(
        history=[
            HistoryItem(
                at=line.at,
                who=line.who,
                event=line.event,
                before=line.before.value if line.before else None,
                after=line.after.value,
                reason=line.reason,
                details=dict(line.details),
            )
            for line in lines
        ]
    )


def changes_out(happened: Sequence[Happened]) -> ChangesOut:
    """Return what has changed as JSON tells it."""
    return ChangesOut(
        changes=[
            ChangeItem(
                number=one.number,
                turn="withdrawn" if one.withdrawn else "certified",
                id=one.id,
                name=one.name,
                caltype=one.caltype,
                instrument=one.instrument,
                md5=one.md5,
                reason=one.reason,
            )
            for one in happened
        ]
    )
