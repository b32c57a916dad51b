"""Rows of the ledger for tests."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy import text

from nightcrew.shared.ledger import ArrivalState, arrivals, claims, frames, jobs
from nightcrew.shared.ledger.records import Claim, JobRow, NewFrame, NewJob, NewProduct, Sighting
from nightcrew.shared.messages import JobClass

if TYPE_CHECKING:
    from sqlalchemy import Connection

NIGHT = date(2016, 1, 2)


def moment(number: int) -> datetime:
    """Return when a frame was taken, UTC without zone."""
    return datetime(2016, 1, 2, 9, 0, number % 60)  # noqa: DTZ001


def sighting(number: int = 1, **changes: Any) -> Sighting:
    given = {"path": f"/raw/N{number}.fits", "size": 2880, "mtime_ns": number, "inode": number}
    return Sighting(**{**given, **changes})


def new_frame(number: int = 1, **changes: Any) -> NewFrame:
    given: dict[str, Any] = {
        "sha256": f"{number:064x}", "name": f"N{number}.fits", "path": f"/raw/N{number}.fits", "size": 2880,
        "instrument": "NIRI", "kind": "dark", "night": NIGHT, "ut_datetime": moment(number),
        "facts": {"instrument": "NIRI"},
    }  # fmt: skip
    return NewFrame(**{**given, **changes})


def new_job(**changes: Any) -> NewJob:
    given: dict[str, Any] = {
        "key": f"group-1/v{uuid4().hex[:6]}", "job_class": JobClass.CALIBRATION, "night": NIGHT,
        "instrument": "NIRI", "recipe": "makeProcessedDark", "request": {"version": 1},
    }  # fmt: skip
    return NewJob(**{**given, **changes})


def new_product(name: str = "N1_dark.fits", **changes: Any) -> NewProduct:
    given: dict[str, Any] = {
        "name": name, "kind": "processed_dark", "path": f"/products/{uuid4().hex}/{name}", "sha256": "ab", "md5": "cd",
        "size": 2880,
    }  # fmt: skip
    return NewProduct(**{**given, **changes})


def submitted(connection: Connection, **changes: Any) -> JobRow:
    job, new = jobs.submit(connection, new_job(**changes))
    assert new
    return job


def claimed(connection: Connection, worker: str = "reducer-1", **changes: Any) -> Claim:
    held = claims.claim(connection, submitted(connection, **changes).id, worker)
    assert isinstance(held, Claim)
    return held


def arrived(connection: Connection, number: int = 1) -> int:
    """Let a frame arrive and be accepted; return its number."""
    arrivals.see(connection, [sighting(number)])
    (arrival,) = arrivals.settling(connection)
    recorded = frames.record(connection, new_frame(number))
    assert arrivals.end(connection, arrival.id, ArrivalState.ACCEPTED, frame_id=recorded.frame_id)
    return recorded.frame_id


def expire_leases(connection: Connection) -> None:
    connection.execute(text("UPDATE ledger.jobs SET lease_until = now() - interval '1 s' WHERE state = 'running'"))


def bodies(connection: Connection) -> list[str]:
    """Return what waits in the outbox, oldest first."""
    return list(connection.execute(text("SELECT body FROM ledger.outbox ORDER BY number")).scalars())
