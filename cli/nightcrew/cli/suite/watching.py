"""Jobs as they change: a live table on a terminal, else a line for each change."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from nightcrew.cli.suite import documents
from nightcrew.cli.suite.following import BEAT, progress_line
from nightcrew.cli.suite.wording import JOB_COLUMNS, clock_time, job_cells, since, why
from nightcrew.shared.ledger import JobState, browsing, jobs
from nightcrew.shared.ledger.browsing import Wanted
from nightcrew.shared.ledger.states import JOB_OPEN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from uuid import UUID

    from rich.live import Live
    from rich.table import Table

    from nightcrew.shared.database import Database
    from nightcrew.shared.ledger.records import JobRow

SHOWN = 30
"""Jobs in the live table."""


def watch_jobs(
    database: Database, chosen: Sequence[UUID], pause: Callable[[float], object], *, as_json: bool = False
) -> bool:
    """Show jobs until those that are chosen have ended; return whether they ended well.

    Parameters
    ----------
    database
        Holds the ledger.
    chosen
        Jobs; if none, all that are open, and it never ends by itself.
    pause
        Waits so many seconds.
    as_json
        Whether to print a JSON object for each change.
    """
    told: dict[UUID, object] = {}
    with _screen(live=not as_json and sys.stdout.isatty()) as live:
        while True:
            shown = _look(database, chosen, told)
            if live is not None:
                live.update(table(shown), refresh=True)
            for job in shown:
                state = (job.state, job.attempt, why(job))
                if told.get(job.id) != state:
                    told[job.id] = state
                    if live is None:
                        _tell(job, as_json=as_json)
            if chosen and not any(job.state in JOB_OPEN for job in shown):
                return all(job.state is JobState.SUCCEEDED for job in shown)
            pause(BEAT)


def table(shown: Sequence[JobRow]) -> Table:
    """Return jobs as a table for a terminal."""
    from rich.table import Table
    from rich.text import Text

    made = Table(*JOB_COLUMNS, box=None, pad_edge=False)
    colours = {JobState.RUNNING: "cyan", JobState.SUCCEEDED: "green", JobState.FAILED: "red", JobState.SET_ASIDE: "red"}
    for job in shown:
        number, state, *rest = job_cells(job)
        rest[3] = clock_time(since(job))
        made.add_row(number, Text(state, style=colours.get(job.state, "")), *map(Text, rest))
    return made


def _look(database: Database, chosen: Sequence[UUID], told: dict[UUID, object]) -> list[JobRow]:
    """Return the jobs that are chosen; else those that are open, and those that were when we looked last."""
    with database.begin() as connection:
        if chosen:
            found = [jobs.get(connection, one) for one in chosen]
            return [job for job in found if job is not None]
        open_now = browsing.list_jobs(connection, Wanted(states=frozenset(JOB_OPEN), limit=SHOWN))
        seen = {job.id for job in open_now}
        ended = [jobs.get(connection, one) for one in told if one not in seen]
    ends = sorted((job for job in ended if job is not None and job.ended_at is not None), key=since, reverse=True)
    return [*open_now, *ends][:SHOWN]


def _tell(job: JobRow, *, as_json: bool) -> None:
    typer.echo(documents.line(documents.of_job(job)) if as_json else f"{clock_time(since(job))} {progress_line(job)}")
    sys.stdout.flush()


def _screen(*, live: bool) -> AbstractContextManager[Live | None]:
    if not live:
        from contextlib import nullcontext

        return nullcontext()
    from rich.live import Live

    return Live(auto_refresh=False)
