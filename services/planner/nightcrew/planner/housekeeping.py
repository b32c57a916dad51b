"""What has to be done all the time whatever arrives: leases, retries, lost announcements, old rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from nightcrew.shared.ledger import claims, inbox, jobs, outbox
from nightcrew.shared.ledger.retries import POLICY

if TYPE_CHECKING:
    from uuid import UUID

    from nightcrew.shared.database import Database
    from nightcrew.shared.ledger.retries import Decision, RetryPolicy

KEPT = timedelta(days=3)
"""How long published and handled messages are kept."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a round of housekeeping came to.

    Parameters
    ----------
    reaped
        Jobs that were taken from workers who fell silent, and what becomes of each.
    retried, repeated
        Jobs whose next attempt was due, and that were announced again.
    """

    reaped: tuple[tuple[UUID, Decision], ...] = ()
    retried: tuple[UUID, ...] = ()
    repeated: tuple[UUID, ...] = ()


def keep_house(database: Database, policy: RetryPolicy = POLICY) -> Kept:
    """Take jobs from workers that fell silent, queue those that are due, announce those that were forgotten."""
    with database.begin() as connection:
        reaped = claims.reap(connection, policy)
        retried = claims.queue_due(connection)
        repeated = jobs.announce_forgotten(connection)
    return Kept(tuple(reaped), tuple(retried), tuple(repeated))


def prune(database: Database) -> int:
    """Delete messages of long ago; return how many."""
    with database.begin() as connection:
        return outbox.prune(connection, KEPT) + inbox.prune(connection, KEPT)
