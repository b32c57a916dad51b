"""The ledger in numbers, for whoever watches: what is open, what came last, how quick looks ended.

All of it is read by indexes on what is open or new, so that it may be read every few seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, literal_column, select, text, tuple_

from nightcrew.shared.ledger import outbox
from nightcrew.shared.ledger.states import GROUP_OPEN, JOB_ENDS, JOB_OPEN, FrameState, GroupState, JobState
from nightcrew.shared.ledger.tables import frames, groups, jobs, products
from nightcrew.shared.messages import JobClass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from nightcrew.shared.ledger.outbox import Pending

LATEST = 1000
"""Frames among which the last one of each instrument is looked for."""
RECENT = 5000
"""Frames among which those are looked for whose quick looks have just ended: more than come in a night."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is open, and what came last.

    Parameters
    ----------
    jobs
        Open ones, by class and state.
    groups
        Open ones, by instrument and state.
    frames
        Those that no product has yet, by instrument and state.
    outbox
        Messages that wait to be published.
    last_frame
        When the last frame was recorded, by instrument; without those that are not among the latest frames.
    last_product
        When the last product was made; None without any.
    now
        The database's clock at that moment.
    """

    jobs: Mapping[tuple[JobClass, JobState], int]
    groups: Mapping[tuple[str, GroupState], int]
    frames: Mapping[tuple[str, FrameState], int]
    outbox: Pending
    last_frame: Mapping[str, datetime]
    last_product: datetime | None
    now: datetime


@dataclass(frozen=True, slots=True)
class QuickLook:
    """The way of a frame to its quick look; times with zone, but for `ut_datetime`, which is UTC without.

    Parameters
    ----------
    instrument, kind
        Of the frame.
    ut_datetime
        Start of the exposure; None if the headers do not say.
    facts
        What planning knows of the frame.
    state
        How the job ended.
    created_at, started_at, ended_at
        When the job was submitted, first taken up, and when it ended.
    measurements
        What was measured.
    """

    instrument: str
    kind: str
    ut_datetime: datetime | None
    facts: Mapping[str, Any]
    state: JobState
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime
    measurements: tuple[Mapping[str, Any], ...]


Place = tuple["datetime", "UUID"]
"""How far quick looks have been followed: the end of the last one, and its job."""


def standing(connection: Connection) -> Standing:
    """Return what is open (indexes `jobs_*`, `groups_open`, `frames_open`, `outbox_pending`; the newest by number)."""
    counted: dict[tuple[JobClass, JobState], int] = {}
    for state in sorted(JOB_OPEN):
        # One after another: PostgreSQL takes a partial index only for the condition that the index has.
        rows = connection.execute(
            select(jobs.c.job_class, func.count())
            .where(jobs.c.state == literal_column(f"'{state}'"))
            .group_by(jobs.c.job_class)
        )
        counted |= {(JobClass(row[0]), state): row[1] for row in rows}
    open_groups = connection.execute(
        select(groups.c.instrument, groups.c.state, func.count())
        .where(groups.c.state.in_([literal_column(f"'{state}'") for state in sorted(GROUP_OPEN)]))
        .group_by(groups.c.instrument, groups.c.state)
    )
    open_frames = connection.execute(
        select(frames.c.instrument, frames.c.state, func.count())
        .where(text("state IN ('received', 'planned')"))
        .group_by(frames.c.instrument, frames.c.state)
    )
    latest = select(frames.c.instrument, frames.c.arrived_at).order_by(frames.c.id.desc()).limit(LATEST).subquery()
    last = connection.execute(select(latest.c.instrument, func.max(latest.c.arrived_at)).group_by(latest.c.instrument))
    made = connection.execute(select(products.c.made_at).order_by(products.c.id.desc()).limit(1)).scalar()
    return Standing(
        counted,
        {(row[0], GroupState(row[1])): row[2] for row in open_groups},
        {(row[0], FrameState(row[1])): row[2] for row in open_frames},
        outbox.pending(connection),
        {row[0]: row[1] for row in last},
        made,
        connection.execute(select(func.now())).scalar_one(),
    )


def quick_looks_since(connection: Connection, after: Place, limit: int = 200) -> tuple[list[QuickLook], Place]:
    """Return quick looks that have ended since a place, oldest first, and the place after them (index `jobs_by_frame`).

    Parameters
    ----------
    connection
        In whose transaction.
    after
        How far they have been followed.
    limit
        Most that are returned at once.
    """
    newest = select(func.max(frames.c.id)).scalar_subquery()
    rows = connection.execute(
        select(
            *(jobs.c.id, jobs.c.state, jobs.c.created_at, jobs.c.started_at, jobs.c.ended_at),
            jobs.c.outcome["measurements"].label("measurements"),
            *(frames.c.instrument, frames.c.kind, frames.c.ut_datetime, frames.c.facts),
        )
        .join(frames, frames.c.id == jobs.c.frame_id)
        .where(
            jobs.c.frame_id > newest - RECENT,
            jobs.c.state.in_(JOB_ENDS),
            tuple_(jobs.c.ended_at, jobs.c.id) > tuple_(*after),
        )
        .order_by(jobs.c.ended_at, jobs.c.id)
        .limit(limit)
    ).all()
    looks = [
        QuickLook(
            row.instrument,
            row.kind,
            row.ut_datetime,
            row.facts,
            JobState(row.state),
            row.created_at,
            row.started_at,
            row.ended_at,
            tuple(row.measurements or ()),
        )
        for row in rows
    ]
    return looks, (rows[-1].ended_at, rows[-1].id) if rows else after
