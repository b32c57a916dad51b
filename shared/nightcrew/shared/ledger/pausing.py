"""Pausing: no job of a class or an instrument is taken up until it is resumed; those at work go on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from nightcrew.shared.ledger.jobs import announce_queued
from nightcrew.shared.ledger.tables import pauses

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from nightcrew.shared.messages import JobClass

ALL = "all"


@dataclass(frozen=True, slots=True)
class Pause:
    """What is paused, by whom, since when and why."""

    scope: str
    who: str
    why: str
    since: datetime


def scopes_of(job_class: JobClass, instrument: str) -> tuple[str, ...]:
    """Return the scopes that a job is in: `all`, `class:science`, `instrument:NIRI`."""
    return (ALL, f"class:{job_class}", f"instrument:{instrument}")


def pause(connection: Connection, scope: str, who: str, why: str = "") -> None:
    """Pause a scope; one that is paused stays so."""
    connection.execute(insert(pauses).values(scope=scope, who=who, why=why).on_conflict_do_nothing())


def resume(connection: Connection, scope: str) -> bool:
    """Resume a scope, and announce the jobs that are queued; False if it was not paused."""
    if connection.execute(delete(pauses).where(pauses.c.scope == scope)).rowcount == 0:
        return False
    announce_queued(connection)
    return True


def paused(connection: Connection) -> list[Pause]:
    """Return what is paused."""
    return [Pause(row.scope, row.who, row.why, row.since) for row in connection.execute(select(pauses))]


def reason(connection: Connection, job_class: JobClass, instrument: str) -> str:
    """Say why no job of that class and instrument may be taken up; empty if it may (primary key)."""
    wanted = select(pauses).where(pauses.c.scope.in_(scopes_of(job_class, instrument))).limit(1)
    row = connection.execute(wanted).first()
    if row is None:
        return ""
    return f"{row.scope} is paused by {row.who}" + (f": {row.why}" if row.why else "")
