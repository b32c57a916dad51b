"""Calibrations as they stand, and what becomes of those that are handed in, as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

from pydantic import ConfigDict, Field

from nightcrew.calmanager.http.wire.addresses import file_url
from nightcrew.calmanager.http.wire.examples import RECORD
from nightcrew.calmanager.http.wire.model import Model, Zoneless

if TYPE_CHECKING:
    from nightcrew.calmanager.core.gates import Verdict
    from nightcrew.calmanager.records import Added, Record


class RecordOut(Model):
    """A calibration as it stands."""

    model_config = ConfigDict(json_schema_extra={"examples": [RECORD]})

    id: int
    name: str
    instrument: str
    caltype: str
    state: Literal["candidate", "certified", "vetoed", "superseded"]
    ut_datetime: Zoneless | None = Field(description="UTC of the observation, without zone")
    md5: str
    sha256: str
    size: int = Field(description="Bytes")
    stored: bool = Field(description="Whether its file lies in the manager's store; else it is registered where it is")
    current: bool = Field(description="Whether its name means this entry, and its file was not removed")
    added_at: datetime
    added_by: str
    valid_since: Zoneless | None = Field(description="UTC; both None: the rules decide by its date")
    valid_until: Zoneless | None
    url: str = Field(description="Where its file is")


class ListOut(Model):
    """A page of calibrations."""

    calibrations: list[RecordOut]
    next: str | None = Field(description="What to send as `after` for the next page; None: this was the last")


class FindingOut(Model):
    """What one quality gate says."""

    gate: str
    value: float | None
    low: float | None
    high: float | None
    passed: bool
    reason: str


class VerdictOut(Model):
    """What the quality gates say."""

    passed: bool
    findings: list[FindingOut]
    note: str


class AddedOut(Model):
    """What became of an upload."""

    record: RecordOut
    new: bool = Field(description="False if the same file was known already")
    verdict: VerdictOut | None


def record_out(record: Record, base: str) -> RecordOut:
    """Return a calibration as JSON tells it."""
    moment = record.columns.get("ut_datetime")
    return RecordOut(
        id=record.id,
        name=record.name,
        instrument=record.instrument,
        caltype=record.caltype,
        state=record.state.value,
        ut_datetime=moment if isinstance(moment, datetime) else None,
        md5=record.md5,
        sha256=record.sha256,
        size=record.size,
        stored=record.stored,
        current=record.canonical and record.present,
        added_at=record.added_at,
        added_by=record.added_by,
        valid_since=record.validity.since if record.validity else None,
        valid_until=record.validity.until if record.validity else None,
        url=file_url(base, record.id),
    )


def added_out(added: Added, base: str) -> AddedOut:
    """Return what became of an upload as JSON tells it."""
    return AddedOut(record=record_out(added.record, base), new=added.new, verdict=_verdict_out(added.verdict))


def _verdict_out(verdict: Verdict | None) -> VerdictOut | None:
    if verdict is None:
        return None
    return VerdictOut(
        passed=verdict.passed,
        findings=[
            FindingOut(gate=one.gate, value=one.value, low=one.low, high=one.high, passed=one.passed, reason=one.reason)
            for one in verdict.findings
        ],
        note=verdict.note,
    )
