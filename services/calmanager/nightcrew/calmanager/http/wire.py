"""Requests and answers of `/v1`, as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, NaiveDatetime, StringConstraints, WithJsonSchema

from nightcrew.shared.association import Level

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nightcrew.calmanager.core.gates import Verdict
    from nightcrew.calmanager.records import Added, Affected, FileFacts, Happened, HistoryLine, Record
    from nightcrew.shared.association import Answer, Match

LevelName = Literal["same_night", "rule", "relaxed"]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Text = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00]*$")]
Md5 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Utc = Annotated[NaiveDatetime | AwareDatetime, WithJsonSchema({"type": "string", "examples": ["2026-11-01T00:00:00"]})]
Zoneless = Annotated[datetime, WithJsonSchema({"type": "string", "examples": ["2013-11-20T12:01:33.700000"]})]
"""Not RFC 3339, which wants a zone: headers of frames have none."""

MOST_NEAR_MISSES = 10

_TARGET: dict[str, Any] = {
    "name": "S20131121S0284_flat.fits",
    "tags": ["F2", "FLAT", "GCALFLAT", "GEMINI", "IMAGE", "SOUTH"],
    "descriptors": {
        "instrument": "F2",
        "ut_datetime": "2013-11-21T03:43:04.400000",
        "exposure_time": 20.0,
        "read_mode": "1",
        "detector_binning": "1x1",
    },
}
_RECORD: dict[str, Any] = {
    "id": 17,
    "name": "S20131120S0115_dark.fits",
    "instrument": "F2",
    "caltype": "processed_dark",
    "state": "certified",
    "ut_datetime": "2013-11-20T12:01:33.700000",
    "md5": "8a917cab1c7f42c53cd83f2eba9808b2",
    "sha256": "0f343b0931126a20f133d67c2b018a3b5b0c7ed0a5cf5b4b0b6a7d2b5b6f2b8c",
    "size": 33583680,
    "stored": True,
    "current": True,
    "added_at": "2026-11-28T04:10:00+00:00",
    "added_by": "reducer-3",
    "valid_since": "2013-11-01T00:00:00",
    "valid_until": "2013-12-01T00:00:00",
    "url": "http://127.0.0.1:8100/v1/calibrations/17/file",
}


class Model(BaseModel):
    """A JSON object whose keys are all known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TargetIn(Model):
    """The frame that needs a calibration."""

    name: Name = Field("a frame", description="File name, for messages")
    tags: list[Name] = Field(max_length=1000)
    descriptors: dict[str, Any] = Field(
        description="As DRAGONS sends them: sections as lists, times as ISO 8601, central_wavelength in micrometres",
        max_length=1000,
    )


class AssociateIn(Model):
    """The question which calibration belongs to a frame."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"target": _TARGET, "caltype": "processed_dark", "mode": "sq"}]}
    )

    target: TargetIn
    caltype: Name = Field(description="`dark`, `flat`, `bpm`, ... for raw ones, `processed_dark`, ... for masters")
    mode: Literal["sq", "ql", "qa"] | None = Field(
        None, description="Mode of the reduction: sq refuses masters made for a quick look; none accepts all"
    )
    max_level: LevelName | None = Field(None, description="Worst level that still counts as a match")
    howmany: int | None = Field(None, ge=1, le=1000, description="How many, instead of what the rule says")


class MatchOut(Model):
    """A calibration that serves, and why."""

    id: int
    name: str
    level: LevelName
    provisional: bool = Field(description="Whether a better one should replace it as soon as there is one")
    reasons: list[str]
    caveats: list[str] = Field(description="What speaks against it although no rule does")
    relaxed: list[str] = Field(description="Conditions of the rule that it breaks")
    md5: str
    sha256: str
    size: int = Field(description="Bytes")
    url: str = Field(description="Where its file is")


class NearMissOut(Model):
    """A calibration of the type that does not serve, and why."""

    id: int
    name: str
    reason: str


class AssociateOut(Model):
    """Which calibrations belong to a frame."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "caltype": "processed_dark",
                    "target": "S20131121S0284_flat.fits",
                    "level": "rule",
                    "matches": [
                        {
                            "id": 17,
                            "name": "S20131120S0115_dark.fits",
                            "level": "rule",
                            "provisional": False,
                            "reasons": ["same exposure, read mode", "15.7 h apart"],
                            "caveats": [],
                            "relaxed": [],
                            "md5": _RECORD["md5"],
                            "sha256": _RECORD["sha256"],
                            "size": 33583680,
                            "url": _RECORD["url"],
                        }
                    ],
                    "near_misses": [{"id": 12, "name": "S20131101S0002_dark.fits", "reason": "coadds 2, wanted 1"}],
                    "ingested": 2,
                    "wishes": ["exposure 20 s", "read mode 1"],
                    "note": "",
                }
            ]
        }
    )

    caltype: str
    target: str
    level: LevelName | None = Field(description="Level of the best match")
    matches: list[MatchOut] = Field(description="Best first")
    near_misses: list[NearMissOut] = Field(description="Nearest first, at most 10; without matches, or when explaining")
    ingested: int = Field(description="Calibrations of this instrument and type that were looked at")
    wishes: list[str] = Field(description="What was wanted, one condition each")
    note: str = Field(description="Why nothing can match, if that is known beforehand")


class RecordOut(Model):
    """A calibration as it stands."""

    model_config = ConfigDict(json_schema_extra={"examples": [_RECORD]})

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


class CertifyIn(Model):
    """Somebody vouches for a calibration."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"who": "ana", "why": "compared with last week's", "since": "2026-11-01T00:00:00"}]
        }
    )

    who: Name
    why: Text
    since: Utc | None = Field(None, description="UTC; from then on it serves, whatever the rules say of its date")
    until: Utc | None = Field(None, description="UTC; until then, itself excluded")


class VetoIn(Model):
    """Somebody says that a calibration is bad, or takes that back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"who": "ana", "why": "saturated"}]})

    who: Name
    why: Text


class SupersedeIn(Model):
    """Another calibration takes its place."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"by": "S20131121S0300_dark.fits", "who": "ana", "why": "more frames"}]}
    )

    by: Name | int = Field(description="Name or number of the one that takes its place")
    who: Name
    why: Text


class AffectedItem(Model):
    """A product that a calibration went into."""

    name: str
    path: str
    md5: str
    via: list[str] = Field(description="Masters in between; empty if it used the calibration itself")


class AffectedOut(Model):
    """What was made with a calibration."""

    affected: list[AffectedItem]


class VetoedOut(Model):
    """A vetoed calibration, and what was made with it."""

    record: RecordOut
    affected: list[AffectedItem]


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


class InputIn(Model):
    """A file that went into a product."""

    name: Name
    md5: Md5
    role: Annotated[str, StringConstraints(max_length=100)] = ""


class ProductIn(Model):
    """A product and what it was made of."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "N20160102S0270_image.fits",
                    "path": "/data/products/N20160102S0270_image.fits",
                    "md5": "0cc175b9c0f1b6a831c399e269772661",
                    "recipe": "reduce",
                    "made_at": "2026-11-28T04:12:00",
                    "inputs": [{"name": "N20160102S0423_dark.fits", "md5": _RECORD["md5"], "role": "darkCorrect"}],
                }
            ]
        }
    )

    name: Name
    path: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    md5: Md5
    recipe: Annotated[str, StringConstraints(max_length=200)]
    made_at: Utc = Field(description="UTC")
    inputs: list[InputIn] = Field(default_factory=list, max_length=10000)


class ErrorBody(Model):
    """What went wrong: a code for programs, one line for people."""

    code: str
    message: str


class ErrorOut(Model):
    """Every answer with a status of 400 or more."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"error": {"code": "unknown", "message": "no calibration is called number 17"}}]
        }
    )

    error: ErrorBody


class StatusOut(Model):
    """Whether the service, or a part of it, works."""

    status: Literal["ok", "unavailable"]
    checks: dict[str, str] = Field(default_factory=dict, description="What was looked at: `ok`, or what is wrong")


def level_of(name: LevelName | None, default: Level) -> Level:
    """Return the level that a request means."""
    return default if name is None else Level[name.upper()]


def _level_name(level: Level) -> LevelName:
    return level.name.lower()  # type: ignore[return-value]  # a test holds the names together


def match_out(match: Match, file: FileFacts, base: str) -> MatchOut:
    """Return a match as JSON tells it; `base` is the address of the service."""
    number = match.candidate.entry
    return MatchOut.model_construct(
        id=number,
        name=match.candidate.filename,
        level=_level_name(match.level),
        provisional=match.provisional,
        reasons=list(match.reasons),
        caveats=list(match.caveats),
        relaxed=list(match.relaxed),
        md5=file.md5,
        sha256=file.sha256,
        size=file.size,
        url=file_url(base, number),
    )


def associate_out(answer: Answer, files: Mapping[int, FileFacts], base: str) -> AssociateOut:
    """Return an answer as JSON tells it; `files` are those of its matches, by number of the entry."""
    return AssociateOut.model_construct(
        caltype=answer.caltype,
        target=answer.target,
        level=_level_name(answer.best.level) if answer.best else None,
        matches=[match_out(match, files[match.candidate.entry], base) for match in answer.matches],
        near_misses=[
            NearMissOut.model_construct(id=miss.candidate.entry, name=miss.candidate.filename, reason=miss.reason)
            for miss in answer.near_misses[:MOST_NEAR_MISSES]
        ],
        ingested=answer.ingested,
        wishes=list(answer.wishes),
        note=answer.note,
    )


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


def affected_out(affected: Sequence[Affected]) -> list[AffectedItem]:
    """Return products as JSON tells them."""
    return [AffectedItem(name=one.name, path=str(one.path), md5=one.md5, via=list(one.via)) for one in affected]


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


def file_url(base: str, number: int) -> str:
    """Return where the file of a calibration is."""
    return f"{base}/v1/calibrations/{number}/file"


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
