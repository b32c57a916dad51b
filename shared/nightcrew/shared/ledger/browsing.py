"""The ledger as people look at it: lists, and what belongs to one frame or job.  Nothing is written here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Text, and_, cast, func, select, true

from nightcrew.shared.ledger.arrivals import arrival_row
from nightcrew.shared.ledger.frames import frame_row
from nightcrew.shared.ledger.groups import group_rows
from nightcrew.shared.ledger.jobs import job_row
from nightcrew.shared.ledger.states import ArrivalState, AttemptEnd, JobState
from nightcrew.shared.ledger.tables import arrivals, attempts, frames, group_frames, groups, jobs, products

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection, Table

    from nightcrew.shared.ledger.records import Arrival, FrameRow, GroupRow, JobRow


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be listed; None and empty stand for all.

    Parameters
    ----------
    night, instrument
        Equal to these.
    states
        In one of these.
    limit
        The newest so many.
    """

    night: date | None = None
    instrument: str | None = None
    states: frozenset[str] = frozenset()
    limit: int = 200


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """An attempt at a job; `ended_by` is None while it goes on."""

    attempt: int
    worker: str
    started_at: datetime
    ended_at: datetime | None
    ended_by: AttemptEnd | None
    reason: str
    cpu_seconds: float | None
    peak_rss: int | None
    primitives: Mapping[str, float]


def list_frames(connection: Connection, wanted: Wanted) -> list[FrameRow]:
    """Return frames, the one that came last first."""
    query = select(frames).where(_fits(frames, wanted)).order_by(frames.c.id.desc()).limit(wanted.limit)
    return [frame_row(row) for row in connection.execute(query)]


def list_groups(connection: Connection, wanted: Wanted) -> list[GroupRow]:
    """Return groups, the one that was opened last first."""
    query = select(groups).where(_fits(groups, wanted)).order_by(groups.c.id.desc()).limit(wanted.limit)
    return group_rows(connection, connection.execute(query).all())


def list_jobs(connection: Connection, wanted: Wanted, job_class: str | None = None) -> list[JobRow]:
    """Return jobs, the newest first."""
    fits = _fits(jobs, wanted) if job_class is None else _fits(jobs, wanted) & (jobs.c.job_class == job_class)
    query = select(jobs).where(fits).order_by(jobs.c.created_at.desc(), jobs.c.id).limit(wanted.limit)
    return [job_row(row) for row in connection.execute(query)]


def groups_named(connection: Connection, name: str) -> list[GroupRow]:
    """Return the versions of a group, the latest first."""
    query = select(groups).where(groups.c.name == name).order_by(groups.c.id.desc())
    return group_rows(connection, connection.execute(query).all())


def frames_of(connection: Connection, group_id: int) -> list[FrameRow]:
    """Return the frames of a group, borrowed ones among them, in the order of their exposures (primary key)."""
    query = select(frames).join(group_frames).where(group_frames.c.group_id == group_id)
    return [frame_row(row) for row in connection.execute(query.order_by(frames.c.ut_datetime, frames.c.id))]


def jobs_like(connection: Connection, text: str, limit: int = 10) -> list[JobRow]:
    """Return the jobs whose number begins so, or who are called so, the newest first."""
    number = cast(jobs.c.id, Text).startswith(text.lower(), autoescape=True)
    named = jobs.c.request["name"].astext == text
    query = select(jobs).where(number | named).order_by(jobs.c.created_at.desc(), jobs.c.id).limit(limit)
    return [job_row(row) for row in connection.execute(query)]


def arrivals_of(connection: Connection, frame_id: int) -> list[Arrival]:
    """Return how a frame came, the first time first (index `arrivals_by_frame`)."""
    query = select(arrivals).where(arrivals.c.frame_id == frame_id).order_by(arrivals.c.id)
    return [arrival_row(row) for row in connection.execute(query)]


def quarantined(connection: Connection, limit: int = 200) -> list[Arrival]:
    """Return the files that cannot be used, the latest first; not those that came again in a better state."""
    later = arrivals.alias()
    replaced = select(later.c.id).where(later.c.path == arrivals.c.path, later.c.id > arrivals.c.id).exists()
    query = (
        select(arrivals)
        .where(arrivals.c.state == ArrivalState.QUARANTINED, ~replaced)
        .order_by(arrivals.c.id.desc())
        .limit(limit)
    )
    return [arrival_row(row) for row in connection.execute(query)]


def attempts_of(connection: Connection, job_id: UUID) -> list[AttemptRow]:
    """Return the attempts at a job in order (primary key)."""
    query = select(attempts).where(attempts.c.job_id == job_id).order_by(attempts.c.attempt)
    return [
        AttemptRow(
            **{name: getattr(row, name) for name in AttemptRow.__slots__ if name != "ended_by"},
            ended_by=None if row.ended_by is None else AttemptEnd(row.ended_by),
        )
        for row in connection.execute(query)
    ]


def successor_of(connection: Connection, product_id: int) -> str | None:
    """Return the path of the product that has taken another's place (primary key)."""
    later = products.alias()
    query = select(later.c.path).join(products, products.c.superseded_by == later.c.id)
    path: str | None = connection.execute(query.where(products.c.id == product_id)).scalar()
    return path


def latest_night(connection: Connection) -> date | None:
    """Return the last night that there are frames of."""
    night: date | None = connection.execute(select(func.max(frames.c.night))).scalar()
    return night


def running(connection: Connection) -> int:
    """Return how many jobs are with a reducer (index `jobs_running`)."""
    count: int = connection.execute(select(func.count()).where(jobs.c.state == JobState.RUNNING)).scalar_one()
    return count


def _fits(table: Table, wanted: Wanted) -> ColumnElement[bool]:
    conditions: list[Any] = [true()]
    if wanted.night is not None:
        conditions.append(table.c.night == wanted.night)
    if wanted.instrument is not None:
        conditions.append(table.c.instrument == wanted.instrument)
    if wanted.states:
        conditions.append(table.c.state.in_(sorted(wanted.states)))
    return and_(*conditions)
