"""What the calibration manager says, as JSON documents: the same in process and over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nightcrew.calmanager.records import Affected, HistoryLine, Record
    from nightcrew.shared.association import Answer

MOST_NEAR_MISSES = 10


def of_record(record: Record) -> dict[str, Any]:
    """Return a calibration as it stands."""
    validity = record.validity
    return {
        "id": record.id,
        "name": record.name,
        "directory": str(record.path.parent) if record.path else "",
        "instrument": record.instrument,
        "caltype": record.caltype,
        "state": str(record.state),
        "ut_datetime": _moment(record.columns.get("ut_datetime")),
        "md5": record.md5,
        "sha256": record.sha256,
        "size": record.size,
        "stored": record.stored,
        "current": record.canonical and record.present,
        "added_at": _moment(record.added_at),
        "added_by": record.added_by,
        "valid_since": _moment(validity.since) if validity else None,
        "valid_until": _moment(validity.until) if validity else None,
    }


def of_answer(answer: Answer) -> dict[str, Any]:
    """Return which calibrations belong to a frame, and what came near."""
    return {
        "caltype": answer.caltype,
        "target": answer.target,
        "level": _level(answer.best.level) if answer.best else None,
        "matches": [
            {
                "id": match.candidate.entry,
                "name": match.candidate.filename,
                "level": _level(match.level),
                "provisional": match.provisional,
                "reasons": list(match.reasons),
                "caveats": list(match.caveats),
                "relaxed": list(match.relaxed),
                "path": str(match.candidate.path) if match.candidate.path else None,
            }
            for match in answer.matches
        ],
        "near_misses": [
            {"id": miss.candidate.entry, "name": miss.candidate.filename, "reason": miss.reason}
            for miss in answer.near_misses[:MOST_NEAR_MISSES]
        ],
        "ingested": answer.ingested,
        "wishes": list(answer.wishes),
        "note": answer.note,
    }


def of_affected(product: Affected) -> dict[str, Any]:
    """Return a product that a calibration went into."""
    return {"name": product.name, "path": str(product.path), "md5": product.md5, "via": list(product.via)}


def of_history(line: HistoryLine) -> dict[str, Any]:
    """Return something that happened to a calibration."""
    return {
        **asdict(line),
        "at": _moment(line.at),
        "before": str(line.before) if line.before else None,
        "after": str(line.after),
    }


def _level(level: Any) -> str:
    name: str = level.name
    return name.lower()


def _moment(value: object) -> str | None:
    return value.isoformat() if isinstance(value, datetime) else None
