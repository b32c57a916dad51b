"""The suite at a glance, for a terminal: what came in, what is at work, what was made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from nightcrew.cli.suite.wording import balance, clock_time, counted, job_name, since, why
from nightcrew.shared.ledger import JobState, browsing, pausing
from nightcrew.shared.ledger.browsing import Wanted
from nightcrew.shared.ledger.tables import frames, groups

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType
    from sqlalchemy import Connection, Table

    from nightcrew.shared.ledger.pausing import Pause
    from nightcrew.shared.ledger.records import JobRow

RECENT = 8
"""Jobs that have ended that are shown."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What is shown: frames and groups by state, jobs at work, waiting and done, what is paused."""

    frames: Mapping[str, int]
    groups: Mapping[str, int]
    queued: int
    at_work: tuple[JobRow, ...]
    waiting: tuple[JobRow, ...]
    recent: tuple[JobRow, ...]
    pauses: tuple[Pause, ...]


def glance(connection: Connection) -> Glance:
    """Look at the ledger."""

    def listed(*states: JobState, limit: int = RECENT) -> tuple[JobRow, ...]:
        return tuple(browsing.list_jobs(connection, Wanted(states=frozenset(states), limit=limit)))

    ended = listed(JobState.SUCCEEDED, JobState.FAILED, JobState.UNPROCESSABLE, JobState.SET_ASIDE)
    return Glance(
        _counts(connection, frames),
        _counts(connection, groups),
        len(listed(JobState.QUEUED, limit=1000)),
        listed(JobState.RUNNING, JobState.RETRY),
        listed(JobState.WAITING),
        tuple(sorted(ended, key=since, reverse=True)),
        tuple(pausing.paused(connection)),
    )


def picture(seen: Glance) -> RenderableType:
    """Draw a glance."""
    from rich.console import Group
    from rich.rule import Rule
    from rich.text import Text

    lines = [
        Text(f"{counted(sum(seen.frames.values()), 'frame')}: {balance(seen.frames)}"),
        Text(f"{counted(sum(seen.groups.values()), 'group')}: {balance(seen.groups)}"),
        Text(f"{counted(seen.queued, 'job')} queued"),
        *(Text(f"{one.scope} is paused by {one.who}: {one.why}", style="yellow") for one in seen.pauses),
    ]
    for jobs, style in ((seen.at_work, "cyan"), (seen.waiting, "yellow"), (seen.recent, "dim")):
        lines += [
            Text(f"{clock_time(since(job))} {job.state:<10} {job_name(job)} {why(job)}".rstrip(), style, no_wrap=True)
            for job in jobs
        ]
    return Group(Rule("nightcrew up"), *lines, Rule("Ctrl-C to stop"))


def _counts(connection: Connection, table: Table) -> dict[str, int]:
    rows = connection.execute(select(table.c.state, func.count()).group_by(table.c.state))
    return {row[0]: row[1] for row in rows}
