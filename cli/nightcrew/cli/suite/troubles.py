"""What needs a person: jobs that failed or were set aside, files in quarantine, messages that nobody can read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nightcrew.cli.suite import documents, finding
from nightcrew.cli.suite.listing import Listing
from nightcrew.cli.suite.wording import SHORT, job_name, moment
from nightcrew.shared.errors import NightcrewError
from nightcrew.shared.ledger import GroupState, JobState, browsing, groups, jobs
from nightcrew.shared.ledger.browsing import Wanted
from nightcrew.shared.messages import Undecodable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from nightcrew.shared.bus.dead import DeadLetter
    from nightcrew.shared.ledger.records import Arrival, JobRow

FILE, MESSAGE = "file-", "message-"
"""How the numbers of files and messages begin; those of jobs have no such word."""
REPAIR = "put it right: a file that changes is looked at again"


class CannotReplay(NightcrewError):
    """It would end as it did before."""

    code = "replay"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that waits for a person.

    Parameters
    ----------
    number
        What `show` and `replay` take.
    what
        `job`, `file` or `message`.
    name
        What it is about.
    since
        When it came to this, as text.
    reason
        Why.
    record
        All that is known, as JSON.
    """

    number: str
    what: str
    name: str
    since: str
    reason: str
    record: dict[str, Any]

    @property
    def cells(self) -> tuple[str, ...]:
        """The line of a list."""
        number = self.number[:SHORT] if self.what == "job" else self.number
        return (number, self.what, self.name, self.since, self.reason)

    @property
    def document(self) -> dict[str, Any]:
        """It as JSON."""
        return {name: getattr(self, name) for name in ("number", "what", "name", "since", "reason", "record")}


TROUBLES: Listing[Trouble] = Listing(
    ("number", "what", "name", "since", "why"), lambda one: one.cells, lambda one: one.document,
    "nothing needs a person",
)  # fmt: skip


def troubles(connection: Connection, letters: Sequence[DeadLetter] = (), limit: int = 200) -> list[Trouble]:
    """Return all that waits for a person; of jobs only those that nothing has taken the place of."""
    wanted = Wanted(states=frozenset({JobState.SET_ASIDE, JobState.FAILED}), limit=limit)
    ended = [job for job in browsing.list_jobs(connection, wanted) if not _replaced(connection, job)]
    return [
        *(_of_job(job) for job in ended),
        *(_of_file(arrival) for arrival in browsing.quarantined(connection, limit)),
        *(_of_letter(letter) for letter in letters),
    ]


def named(connection: Connection, number: str, letters: Sequence[DeadLetter] = ()) -> Trouble:
    """Return what a number means.

    Raises
    ------
    NotKnown
        If nothing that waits for a person has it.
    """
    for one in troubles(connection, letters, limit=100_000):
        long_enough = one.what == "job" and len(number) >= finding.LEAST
        if one.number == number or (long_enough and one.number.startswith(number)):
            return one
    raise finding.NotKnown(
        f"{number}: nothing that waits for a person has this number; `nightcrew dead list` shows all"
    )


def look_again(trouble: Trouble) -> None:
    """Let ingest look at a file in quarantine once more.

    Raises
    ------
    CannotReplay
        If it is not there any more.
    """
    kept = trouble.record.get("moved_to")
    path = Path(trouble.record["path"])
    if kept is not None and not path.exists():
        raise CannotReplay(f"{trouble.number}: the file is kept at {kept}; repair it and put it at {path}")
    try:
        os.utime(path)
    except OSError as error:
        raise CannotReplay(f"{path}: cannot be looked at again ({error.strerror}); {REPAIR}") from error


def _replaced(connection: Connection, job: JobRow) -> bool:
    """Whether a later job, or version of the group, has done the work of one that failed."""
    if job.group_id is None:
        return False
    group = groups.get(connection, job.group_id)
    latest = jobs.of_group(connection, job.group_id)[-1]
    return latest.id != job.id or (group is not None and group.state is GroupState.SUPERSEDED)


def _of_job(job: JobRow) -> Trouble:
    ended = moment(job.ended_at or job.created_at)
    return Trouble(str(job.id), "job", job_name(job), ended, f"{job.state}: {job.reason}", documents.of_job(job))


def _of_file(arrival: Arrival) -> Trouble:
    name = Path(arrival.sighting.path).name
    number, reason = f"{FILE}{arrival.id}", f"{arrival.code}: {arrival.reason}"
    return Trouble(number, "file", name, moment(arrival.steady_since), reason, documents.of_arrival(arrival))


def _of_letter(letter: DeadLetter) -> Trouble:
    unread = isinstance(letter.message, Undecodable)
    name = "unreadable" if isinstance(letter.message, Undecodable) else letter.message.type
    since = "" if isinstance(letter.message, Undecodable) else moment(letter.message.timestamp)
    why = letter.message.reason if isinstance(letter.message, Undecodable) and not letter.reason else letter.reason
    record = {"queue": letter.queue, "body": letter.body.decode(errors="replace"), "readable": not unread}
    return Trouble(f"{MESSAGE}{letter.id}", "message", name, since, f"{letter.queue}: {why}", record)
