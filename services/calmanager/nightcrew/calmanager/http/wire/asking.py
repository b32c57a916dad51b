"""Which calibration belongs to a frame: question and answer as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, Field

from nightcrew.calmanager.http.wire.addresses import file_url
from nightcrew.calmanager.http.wire.examples import RECORD, TARGET
from nightcrew.calmanager.http.wire.model import Model, Name, Zoneless
from nightcrew.shared.association import Level

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nightcrew.calmanager.records import FileFacts
    from nightcrew.shared.association import Answer, Match

LevelName = Literal["same_night", "rule", "relaxed"]
MOST_NEAR_MISSES = 10


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
        json_schema_extra={"examples": [{"target": TARGET, "caltype": "processed_dark", "mode": "sq"}]}
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
    valid_since: Zoneless | None = Field(description="UTC; both None: the rules decide by its date")
    valid_until: Zoneless | None
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
                            "valid_since": RECORD["valid_since"],
                            "valid_until": RECORD["valid_until"],
                            "md5": RECORD["md5"],
                            "sha256": RECORD["sha256"],
                            "size": 33583680,
                            "url": RECORD["url"],
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


def level_of(name: LevelName | None, default: Level) -> Level:
    """Return the level that a request means."""
    return default if name is None else Level[name.upper()]


def match_out(match: Match, file: FileFacts, base: str) -> MatchOut:
    """Return a match as JSON tells it; `base` is the address of the service."""
    number = match.candidate.entry
    since, until = match.candidate.valid or (None, None)
    return MatchOut.model_construct(
        id=number,
        name=match.candidate.filename,
        level=_level_name(match.level),
        provisional=match.provisional,
        reasons=list(match.reasons),
        caveats=list(match.caveats),
        relaxed=list(match.relaxed),
        valid_since=since,
        valid_until=until,
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


def _level_name(level: Level) -> LevelName:
    return level.name.lower()  # type: ignore[return-value]  # a test holds the names together
