"""Rows of the ledger as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nightcrew.shared.ledger.browsing import AttemptRow
    from nightcrew.shared.ledger.conservation import Balance
    from nightcrew.shared.ledger.records import Arrival, FrameRow, GroupRow, JobRow, ProductRow


def line(document: Any) -> str:
    """Return a document in one line; moments are ISO 8601."""
    return json.dumps(document, default=str)


def of_frame(frame: FrameRow) -> dict[str, Any]:
    """Return a frame without what planning knows of it."""
    return {name: value for name, value in _fields(frame).items() if name != "facts"}


def of_group(group: GroupRow) -> dict[str, Any]:
    """Return a group; its frames by number."""
    return {**_fields(group), "frames": sorted(group.frames), "borrowed": sorted(group.borrowed)}


def of_job(job: JobRow) -> dict[str, Any]:
    """Return a job."""
    return _fields(job)


def of_attempt(attempt: AttemptRow) -> dict[str, Any]:
    """Return an attempt."""
    return _fields(attempt)


def of_product(product: ProductRow) -> dict[str, Any]:
    """Return a product."""
    return _fields(product)


def of_arrival(arrival: Arrival) -> dict[str, Any]:
    """Return an arrival, what was seen of the file beside what became of it."""
    fields = _fields(arrival)
    return {**fields.pop("sighting"), **fields}


def of_balance(balance: Balance) -> dict[str, Any]:
    """Return what came in and what became of it."""
    breaches = [{"law": one.law, "examples": list(one.examples)} for one in balance.breaches]
    counts = ("arrivals", "frames", "groups", "jobs")
    return {**{name: dict(getattr(balance, name)) for name in counts}, "breaches": breaches}


def _fields(row: Any) -> dict[str, Any]:
    """Return the fields of a row by name, moments as ISO 8601."""
    return {name: _plain(value) for name, value in asdict(row).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return value.isoformat() if hasattr(value, "isoformat") else value
