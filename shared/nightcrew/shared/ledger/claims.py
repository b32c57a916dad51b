"""Running jobs: one worker at a time, each job's effects exactly once.

A claim is a lease and a number.  The lease is renewed while the worker lives; once it has run out the job goes to
another attempt, and whatever the first one still writes is refused for its number: the fence.  All times are those of
the database, so the clocks of workers may be wrong.
"""

from __future__ import annotations

import random
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from nightcrew.shared.ledger import outbox, pausing
from nightcrew.shared.ledger.jobs import PRODUCER, announce, job_row
from nightcrew.shared.ledger.records import Claim, NewProduct, NotClaimed, Usage
from nightcrew.shared.ledger.retries import LEASE, POLICY, Decision, Done, Fenced, RetryPolicy, after, after_crash
from nightcrew.shared.ledger.states import JOB_OPEN, AttemptEnd, JobState
from nightcrew.shared.ledger.tables import attempts, jobs, products
from nightcrew.shared.messages import JobClass, JobFinished
from nightcrew.shared.outcomes import Outcome, Status

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection

    from nightcrew.shared.ledger.records import Claimed

NOTHING = Usage()


def claim(connection: Connection, job_id: UUID, worker: str, lease: timedelta = LEASE) -> Claimed:
    """Claim a job for a worker (primary key).

    Returns
    -------
    Claim or NotClaimed
        The latter, with its reason, if the job has ended, another worker has it, it is paused, or its time has not
        come.  In each case the message has done its service: the reaper announces what is still to be run.
    """
    row = connection.execute(select(jobs).where(jobs.c.id == job_id).with_for_update()).first()
    if row is None:
        return NotClaimed("there is no such job")
    state = JobState(row.state)
    if state not in JOB_OPEN:
        return NotClaimed(f"it has ended: {state}")
    if state is JobState.WAITING:
        return NotClaimed("it waits for calibrations")
    paused = pausing.reason(connection, JobClass(row.job_class), row.instrument)
    if paused:
        return NotClaimed(paused)
    now = connection.execute(select(func.now())).scalar_one()
    if state is JobState.RETRY and row.not_before > now:
        return NotClaimed(f"its next attempt is not before {row.not_before:%H:%M:%S} UTC")
    if state is JobState.RUNNING:
        return NotClaimed(f"{row.worker} has it")
    taken = connection.execute(
        update(jobs)
        .where(jobs.c.id == job_id)
        .values(
            state=JobState.RUNNING,
            attempt=jobs.c.attempt + 1,
            worker=worker,
            lease_until=func.now() + lease,
            started_at=func.coalesce(jobs.c.started_at, func.now()),
        )
        .returning(jobs)
    ).one()
    # A job that was queued again by hand counts its attempts anew; those of its earlier life make room.
    begun = {"worker": worker, "started_at": func.now(), "ended_at": None, "ended_by": None, "reason": ""}
    connection.execute(
        upsert(attempts)
        .values(job_id=job_id, attempt=taken.attempt, **begun)
        .on_conflict_do_update(index_elements=[attempts.c.job_id, attempts.c.attempt], set_=begun)
    )
    return Claim(job_row(taken), taken.attempt, worker)


def renew(connection: Connection, held: Claim, lease: timedelta = LEASE) -> bool:
    """Renew the lease of a claim; False if it is no longer held (primary key)."""
    renewed = update(jobs).where(_held(held)).values(lease_until=func.now() + lease)
    return connection.execute(renewed).rowcount == 1


def commit(
    connection: Connection,
    held: Claim,
    outcome: Outcome,
    made: Sequence[NewProduct] = (),
    usage: Usage = NOTHING,
    record: dict[str, Any] | None = None,
    policy: RetryPolicy = POLICY,
) -> Decision:
    """Write how an attempt ended, with its products, and tell the planner, all in one transaction.

    Parameters
    ----------
    connection
        In whose transaction.
    held
        The claim.
    outcome
        How the recipe ended.
    made
        Its products, which lie at their final places already.
    usage
        What it took.
    record
        The outcome as JSON, for those who look at the job.
    policy
        How often to try again.

    Raises
    ------
    Fenced
        If the claim is not held any more; nothing is written then.
    """
    decision = after(outcome, held.attempt, policy, _now(connection), random.random())  # noqa: S311 (spreads retries)
    _conclude(connection, held, decision, outcome.status, record)
    _end_attempt(connection, held, AttemptEnd.OUTCOME, outcome.reason, usage)
    if made:
        rows = [
            asdict(one) | {"job_id": held.job.id, "attempt": held.attempt, "provisional": held.job.provisional}
            for one in made
        ]
        connection.execute(insert(products), rows)
    return decision


def crash(
    connection: Connection, held: Claim, reason: str, usage: Usage = NOTHING, policy: RetryPolicy = POLICY
) -> Decision:
    """Write that an attempt killed the process that ran it.

    Raises
    ------
    Fenced
        If the claim is not held any more.
    """
    decision = after_crash(reason, held.attempt, policy, _now(connection), random.random())  # noqa: S311
    _conclude(connection, held, decision, Status.FAILED, None)
    _end_attempt(connection, held, AttemptEnd.CRASH, reason, usage)
    return decision


def release(connection: Connection, held: Claim, reason: str) -> bool:
    """Hand a job back that could not be finished, without counting the attempt; False if it was not held any more."""
    handed = (
        update(jobs)
        .where(_held(held))
        .values(
            state=JobState.QUEUED, attempt=jobs.c.attempt - 1, worker=None, lease_until=None, announcements=0,
            queued_at=func.now(), reason=reason,
        )
    )  # fmt: skip
    if connection.execute(handed).rowcount != 1:
        return False
    _end_attempt(connection, held, AttemptEnd.RELEASED, reason, NOTHING)
    announce(connection, held.job.id, held.job.job_class)
    return True


def reap(connection: Connection, policy: RetryPolicy = POLICY, limit: int = 100) -> list[tuple[UUID, Decision]]:
    """Take jobs away from workers whose lease has run out (index `jobs_running`); return what becomes of each."""
    expired = connection.execute(
        select(jobs)
        .where(jobs.c.state == JobState.RUNNING, jobs.c.lease_until < func.now())
        .order_by(jobs.c.lease_until)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    done = []
    for row in expired:
        held = Claim(job_row(row), row.attempt, row.worker)
        reason = f"{row.worker} did not renew its lease"
        decision = after_crash(reason, row.attempt, policy, _now(connection))
        _conclude(connection, held, decision, Status.FAILED, None)
        _end_attempt(connection, held, AttemptEnd.LOST, reason, NOTHING)
        done.append((held.job.id, decision))
    return done


def queue_due(connection: Connection, limit: int = 100) -> list[UUID]:
    """Queue the jobs whose next attempt is due, and return them (index `jobs_retry`)."""
    due = connection.execute(
        select(jobs.c.id, jobs.c.job_class)
        .where(jobs.c.state == JobState.RETRY, jobs.c.not_before <= func.now())
        .order_by(jobs.c.not_before)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for row in due:
        connection.execute(
            update(jobs)
            .where(jobs.c.id == row.id)
            .values(state=JobState.QUEUED, queued_at=func.now(), not_before=None, announcements=0)
        )
        announce(connection, row.id, JobClass(row.job_class))
    return [row.id for row in due]


def _held(held: Claim) -> ColumnElement[bool]:
    """Return the fence."""
    return and_(
        jobs.c.id == held.job.id,
        jobs.c.attempt == held.attempt,
        jobs.c.state == JobState.RUNNING,
        or_(jobs.c.worker == held.worker, jobs.c.worker.is_(None)),
    )


def _conclude(
    connection: Connection, held: Claim, decision: Decision, status: Status, record: dict[str, Any] | None
) -> None:
    """Bring the job where the decision says, and tell the planner if it has ended."""
    if isinstance(decision, Done):
        values: dict[str, Any] = {"state": decision.state, "ended_at": func.now(), "lease_until": None}
    else:
        values = {"state": JobState.RETRY, "not_before": decision.at, "lease_until": None}
    values |= {"reason": decision.reason, "outcome": record}
    if connection.execute(update(jobs).where(_held(held)).values(values)).rowcount != 1:
        raise Fenced(f"job {held.job.id}: attempt {held.attempt} of {held.worker} is not the one that counts")
    if isinstance(decision, Done):
        told = JobFinished(producer=PRODUCER, job_id=held.job.id, attempt=held.attempt, status=status)
        outbox.add(connection, told)


def _end_attempt(connection: Connection, held: Claim, end: AttemptEnd, reason: str, usage: Usage) -> None:
    connection.execute(
        update(attempts)
        .where(attempts.c.job_id == held.job.id, attempts.c.attempt == held.attempt)
        .values(
            ended_at=func.now(), ended_by=end, reason=reason, cpu_seconds=usage.cpu_seconds,
            peak_rss=usage.peak_rss, primitives=dict(usage.primitives),
        )
    )  # fmt: skip


def _now(connection: Connection) -> datetime:
    now: datetime = connection.execute(select(func.now())).scalar_one()
    return now
