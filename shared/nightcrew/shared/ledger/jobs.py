"""Jobs: submitting, announcing, changing their state by planner and people; claiming them is in `claims`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, case, func, literal, select, type_coerce, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from nightcrew.shared.ledger import outbox
from nightcrew.shared.ledger.records import JobRow, NewJob
from nightcrew.shared.ledger.states import JOB_OPEN, JOB_STEPS, JobState
from nightcrew.shared.ledger.tables import groups, jobs
from nightcrew.shared.messages import JobClass, JobReady

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy import Connection, Row

PRODUCER = "ledger"
MASTER = "master"
"""Under this name an outcome says what the calibration manager made of the job's master."""
_OUTCOME = type_coerce(
    case((func.jsonb_typeof(jobs.c.outcome) == "object", jobs.c.outcome), else_=func.jsonb_build_object()), JSONB
)
"""What is known of the end of a job; empty if nothing is."""
REPEAT_AFTER = timedelta(minutes=1)
"""When a queued job is announced again, since its message may be lost with a queue; doubled each time."""
REPEAT_AT_MOST = 6
"""Doublings of `REPEAT_AFTER`: in the end once an hour."""


def submit(connection: Connection, job: NewJob) -> tuple[JobRow, bool]:
    """Write a job, queued unless it needs something; return it, and whether it is new.

    Notes
    -----
    A job whose key is known already stays as it is (unique `key`).
    """
    state = JobState.WAITING if job.needs else JobState.QUEUED
    given = asdict(job) | {"id": uuid4(), "needs": list(job.needs), "state": state}
    if state is JobState.QUEUED:
        given["queued_at"] = func.now()
    row = connection.execute(
        insert(jobs).values(given).on_conflict_do_nothing(index_elements=[jobs.c.key]).returning(jobs)
    ).first()
    if row is None:
        return job_row(connection.execute(select(jobs).where(jobs.c.key == job.key)).one()), False
    if state is JobState.QUEUED:
        announce(connection, row.id, JobClass(row.job_class))
    return job_row(row), True


def masters_by_hand(connection: Connection, limit: int = 100) -> list[JobRow]:
    """Return the jobs that people have submitted and a calibration has come of that nobody has judged yet.

    Those whose requests say `certify: false` are none of them (index `jobs_by_hand`).
    """
    wanted = (
        select(jobs)
        .where(
            jobs.c.group_id.is_(None),
            jobs.c.frame_id.is_(None),
            jobs.c.state == JobState.SUCCEEDED,
            jobs.c.request["provides"].as_string().is_not(None),
            func.coalesce(jobs.c.request["certify"].as_string(), "true") == "true",
            ~_OUTCOME.has_key(MASTER),
        )
        .order_by(jobs.c.ended_at)
        .limit(limit)
    )
    return [job_row(row) for row in connection.execute(wanted)]


def note_master(connection: Connection, job_id: UUID, number: int | None, reason: str = "") -> None:
    """Note beside the outcome of a job which number its master has at the calibration manager, or why it has none."""
    verdict = {MASTER: {"id": number, "reason": reason}}
    connection.execute(
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.state == JobState.SUCCEEDED)
        .values(outcome=_OUTCOME.op("||")(literal(verdict, JSONB)))
    )


def announce(connection: Connection, job_id: UUID, job_class: JobClass) -> None:
    """Tell the reducers of a queued job, through the outbox."""
    connection.execute(
        update(jobs).where(jobs.c.id == job_id).values(announced_at=func.now(), announcements=jobs.c.announcements + 1)
    )
    outbox.add(connection, JobReady(producer=PRODUCER, job_id=job_id, job_class=job_class))


def move(connection: Connection, job_id: UUID, target: JobState, reason: str = "", **changes: Any) -> JobRow | None:
    """Bring a job into another state, if the one it is in allows that; None if it does not.

    Parameters
    ----------
    connection
        In whose transaction.
    job_id
        The job.
    target
        Its new state.  A queued job is announced.
    reason
        Why.
    changes
        Other columns to set, such as `request`.
    """
    allowed = [state for state, targets in JOB_STEPS.items() if target in targets]
    values: dict[str, Any] = {"state": target, "reason": reason, **changes}
    if target is JobState.QUEUED:
        values |= {"queued_at": func.now(), "announcements": 0, "ended_at": None, "lease_until": None}
    elif target not in JOB_OPEN:
        values |= {"ended_at": func.now(), "lease_until": None}
    moved = update(jobs).where(jobs.c.id == job_id, jobs.c.state.in_(allowed)).values(values)
    row = connection.execute(moved.returning(jobs)).first()
    if row is None:
        return None
    if target is JobState.QUEUED:
        announce(connection, row.id, JobClass(row.job_class))
    return job_row(row)


def wait_for(
    connection: Connection, job_id: UUID, needs: Sequence[Mapping[str, Any]], deadline: datetime | None
) -> None:
    """Say what a waiting job waits for now."""
    waits = update(jobs).where(jobs.c.id == job_id, jobs.c.state == JobState.WAITING)
    connection.execute(waits.values(needs=list(needs), deadline=deadline))


def again(connection: Connection, job_id: UUID, who: str) -> JobRow | None:
    """Queue a job that ended badly once more, with all its attempts; None if it has not ended, or ended well."""
    return move(connection, job_id, JobState.QUEUED, f"again, by {who}", attempt=0, outcome=None)


def announce_forgotten(connection: Connection, limit: int = 100) -> list[UUID]:
    """Announce jobs again that have been queued for long, and return them (index `jobs_queued`).

    A message is lost with the queue that held it.  A repeat of one that is not does no harm: the job is claimed once.
    """
    pause = REPEAT_AFTER * func.power(2, func.least(func.greatest(jobs.c.announcements - 1, 0), REPEAT_AT_MOST))
    forgotten = connection.execute(
        select(jobs.c.id, jobs.c.job_class)
        .where(jobs.c.state == JobState.QUEUED, jobs.c.announced_at < func.now() - pause)
        .order_by(jobs.c.announced_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for row in forgotten:
        announce(connection, row.id, JobClass(row.job_class))
    return [row.id for row in forgotten]


def announce_queued(connection: Connection) -> list[UUID]:
    """Announce all jobs that are queued, and return them: whoever held their messages is gone (index `jobs_queued`)."""
    queued = connection.execute(select(jobs.c.id, jobs.c.job_class).where(jobs.c.state == JobState.QUEUED)).all()
    for row in queued:
        announce(connection, row.id, JobClass(row.job_class))
    return [row.id for row in queued]


def get(connection: Connection, job_id: UUID) -> JobRow | None:
    """Return a job, or None."""
    row = connection.execute(select(jobs).where(jobs.c.id == job_id)).first()
    return None if row is None else job_row(row)


def waiting(connection: Connection) -> list[JobRow]:
    """Return the jobs that wait for calibrations, the nearest deadline first (index `jobs_waiting`)."""
    return _listed(connection, jobs.c.state == JobState.WAITING, jobs.c.deadline)


def of_night(connection: Connection, night: date, instrument: str) -> list[JobRow]:
    """Return the jobs of a night, the oldest first (index `jobs_by_night`)."""
    return of_nights(connection, [night], instrument)


def of_nights(connection: Connection, nights: Collection[date], instrument: str) -> list[JobRow]:
    """Return the jobs of several nights, as `of_night` does."""
    return _listed(connection, jobs.c.night.in_(nights) & (jobs.c.instrument == instrument), jobs.c.created_at)


def of_frame(connection: Connection, frame_id: int) -> list[JobRow]:
    """Return the jobs of a single frame, the oldest first (index `jobs_by_frame`)."""
    return _listed(connection, jobs.c.frame_id == frame_id, jobs.c.created_at)


def of_group(connection: Connection, group_id: int) -> list[JobRow]:
    """Return the jobs of a group, the oldest first (index `jobs_by_group`)."""
    return _listed(connection, jobs.c.group_id == group_id, jobs.c.created_at)


def succeeded_of_group(connection: Connection, group_id: int) -> UUID | None:
    """Return the job that has made the products of a group, or of the latest version before it that has any."""
    earlier = (
        select(groups.c.id, groups.c.supersedes, literal(0).label("back"))
        .where(groups.c.id == group_id)
        .cte("earlier", recursive=True)
    )
    before = groups.alias()
    earlier = earlier.union_all(
        select(before.c.id, before.c.supersedes, earlier.c.back + 1).join(earlier, before.c.id == earlier.c.supersedes)
    )
    wanted = (
        select(jobs.c.id)
        .join(earlier, jobs.c.group_id == earlier.c.id)
        .where(jobs.c.state == JobState.SUCCEEDED)
        .order_by(earlier.c.back)
        .limit(1)
    )
    found: UUID | None = connection.execute(wanted).scalar()
    return found


def live_work(connection: Connection) -> bool:
    """Whether any job that does not give way is queued or running (indexes `jobs_queued`, `jobs_running`)."""
    at_work = select(jobs.c.id).where(jobs.c.state.in_((JobState.QUEUED, JobState.RUNNING)), jobs.c.bulk.is_(False))
    return connection.execute(at_work.limit(1)).first() is not None


def listing(
    connection: Connection, states: frozenset[JobState] = frozenset(), limit: int = 200, before: datetime | None = None
) -> list[JobRow]:
    """Return jobs, the newest first."""
    wanted = select(jobs).order_by(jobs.c.created_at.desc(), jobs.c.id).limit(limit)
    if states:
        wanted = wanted.where(jobs.c.state.in_(states))
    if before is not None:
        wanted = wanted.where(jobs.c.created_at < before)
    return [job_row(row) for row in connection.execute(wanted)]


def counts(connection: Connection) -> Mapping[tuple[JobClass, JobState], int]:
    """Return the number of jobs by class and state."""
    rows = connection.execute(
        select(jobs.c.job_class, jobs.c.state, func.count()).group_by(jobs.c.job_class, jobs.c.state)
    )
    return {(JobClass(row[0]), JobState(row[1])): row[2] for row in rows}


def job_row(row: Row[tuple[object, ...]]) -> JobRow:
    """Return a row of the table as a value."""
    fields = {name: getattr(row, name) for name in JobRow.__slots__}
    fields |= {"job_class": JobClass(row.job_class), "state": JobState(row.state), "needs": tuple(row.needs)}
    return JobRow(**fields)


def _listed(connection: Connection, condition: ColumnElement[bool], order: ColumnElement[Any]) -> list[JobRow]:
    return [job_row(row) for row in connection.execute(select(jobs).where(condition).order_by(order, jobs.c.id))]
