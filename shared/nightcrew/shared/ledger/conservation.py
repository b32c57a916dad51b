"""Nothing is lost silently: everything that came in is open, or has come to an end that says why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

LAWS: Mapping[str, str] = {
    "an accepted or repeated arrival has its frame": (
        "SELECT path FROM ledger.arrivals WHERE state IN ('accepted', 'duplicate') AND frame_id IS NULL"
    ),
    "a quarantined arrival has a reason": (
        "SELECT path FROM ledger.arrivals WHERE state = 'quarantined' AND (code = '' OR reason = '')"
    ),
    "a frame came by an arrival": (
        "SELECT f.name FROM ledger.frames f WHERE NOT EXISTS "
        "(SELECT FROM ledger.arrivals a WHERE a.frame_id = f.id AND a.state = 'accepted')"
    ),
    "a planned frame is in a group that is open": (
        "SELECT f.name FROM ledger.frames f WHERE f.state = 'planned' AND NOT EXISTS (SELECT FROM ledger.group_frames m"
        " JOIN ledger.groups g ON g.id = m.group_id WHERE m.frame_id = f.id AND NOT m.borrowed"
        " AND g.state IN ('open', 'closed', 'submitted'))"
    ),
    "a frame without product has a reason": (
        "SELECT name FROM ledger.frames WHERE state IN ('left_out', 'unreduced') AND reason = ''"
    ),
    "a reduced frame is in a group that is done": (
        "SELECT f.name FROM ledger.frames f WHERE f.state = 'reduced' AND NOT EXISTS (SELECT FROM ledger.group_frames m"
        " JOIN ledger.groups g ON g.id = m.group_id WHERE m.frame_id = f.id AND g.state = 'done')"
    ),
    "a submitted group has a job that has not ended, or only just": (
        "SELECT g.name FROM ledger.groups g WHERE g.state = 'submitted' AND NOT EXISTS (SELECT FROM ledger.jobs j"
        " WHERE j.group_id = g.id AND (j.state IN ('waiting', 'queued', 'running', 'retry')"
        " OR j.ended_at > now() - interval '1 minute'))"
    ),
    "a group that is done has products": (
        "SELECT g.name FROM ledger.groups g WHERE g.state = 'done' AND NOT EXISTS (SELECT FROM ledger.products p"
        " JOIN ledger.jobs j ON j.id = p.job_id WHERE j.group_id = g.id)"
    ),
    "a running job has a lease, a worker and an attempt": (
        "SELECT j.key FROM ledger.jobs j WHERE j.state = 'running' AND (j.lease_until IS NULL OR j.worker IS NULL"
        " OR NOT EXISTS (SELECT FROM ledger.attempts a WHERE a.job_id = j.id AND a.attempt = j.attempt))"
    ),
    "a job that came to no product has a reason": (
        "SELECT key FROM ledger.jobs WHERE state IN ('unprocessable', 'failed', 'set_aside', 'cancelled', 'superseded')"
        " AND reason = ''"
    ),
    "a product belongs to the attempt with which its job succeeded": (
        "SELECT p.name FROM ledger.products p JOIN ledger.jobs j ON j.id = p.job_id"
        " WHERE j.state NOT IN ('succeeded', 'superseded') OR p.attempt <> j.attempt"
    ),
    "a product that was removed has a successor": (
        "SELECT p.name FROM ledger.products p WHERE p.removed_at IS NOT NULL AND p.superseded_by IS NULL"
        " AND NOT EXISTS (SELECT FROM ledger.products l WHERE l.name = p.name AND l.id > p.id)"
    ),
}
"""What must hold at any moment, and the query that returns what breaks it."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A law that does not hold, and what breaks it (the first few)."""

    law: str
    examples: tuple[str, ...]

    def __str__(self) -> str:
        return f"broken: {self.law}: {', '.join(self.examples)}"


@dataclass(frozen=True, slots=True)
class Balance:
    """What came in and what became of it: numbers by state.

    Parameters
    ----------
    arrivals, frames, groups, jobs
        Number in each state.
    breaches
        What does not add up; there must be none.
    """

    arrivals: Mapping[str, int]
    frames: Mapping[str, int]
    groups: Mapping[str, int]
    jobs: Mapping[str, int]
    breaches: tuple[Breach, ...]


def check(connection: Connection, examples: int = 5) -> Balance:
    """Count what is there, and look for what should not be.  Reads whole tables: for reports, not for every frame."""
    counted = {
        table: {
            row[0]: row[1]
            for row in connection.execute(text(f"SELECT state, count(*) FROM ledger.{table} GROUP BY state"))  # noqa: S608
        }
        for table in ("arrivals", "frames", "groups", "jobs")
    }
    breaches = []
    for law, query in LAWS.items():
        found = connection.execute(text(f"{query} LIMIT {examples:d}")).scalars().all()
        if found:
            breaches.append(Breach(law, tuple(found)))
    return Balance(**counted, breaches=tuple(breaches))
