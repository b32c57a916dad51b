"""Following jobs until they have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.cli.suite.wording import job_name, why
from nightcrew.shared.ledger import jobs
from nightcrew.shared.ledger.states import JOB_OPEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from nightcrew.shared.database import Database
    from nightcrew.shared.ledger.records import JobRow

BEAT = 0.5
"""Seconds between two looks."""


def follow(database: Database, job_id: UUID, pause: Callable[[float], object]) -> Iterator[JobRow]:
    """Yield a job whenever its state, attempt or reason is another one, until it has ended.

    Parameters
    ----------
    database
        Holds the ledger.
    job_id
        The job.
    pause
        Waits so many seconds.
    """
    last = None
    while True:
        with database.begin() as connection:
            job = jobs.get(connection, job_id)
        assert job is not None  # jobs are never deleted
        if (job.state, job.attempt, why(job)) != last:
            last = job.state, job.attempt, why(job)
            yield job
        if job.state not in JOB_OPEN:
            return
        pause(BEAT)


def progress_line(job: JobRow) -> str:
    """Return what has become of a job, in a line."""
    attempt = f", attempt {job.attempt}" if job.attempt > 1 else ""
    said = why(job)
    return f"{job_name(job)}: {job.state}{attempt}" + (f": {said}" if said else "")
