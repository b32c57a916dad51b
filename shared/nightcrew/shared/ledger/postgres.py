"""The ledger in PostgreSQL, as planning sees it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from nightcrew.shared.ledger import claims, frames, groups, jobs, products
from nightcrew.shared.ledger.retries import POLICY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from nightcrew.shared.database import Database
    from nightcrew.shared.ledger.records import (
        Claim,
        Claimed,
        FrameRow,
        GroupRow,
        JobRow,
        NewFrame,
        NewJob,
        NewProduct,
        ProductRow,
        Recorded,
    )
    from nightcrew.shared.ledger.retries import Decision, RetryPolicy
    from nightcrew.shared.ledger.seam import Entries
    from nightcrew.shared.ledger.states import FrameState, GroupState, JobState
    from nightcrew.shared.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class PostgresLedger:
    """The ledger in a database.

    Parameters
    ----------
    database
        Holds it.
    """

    database: Database

    @contextmanager
    def begin(self) -> Iterator[Entries]:
        """Begin a transaction; see `Ledger`."""
        with self.database.begin() as connection:
            yield PostgresEntries(connection)


@dataclass(frozen=True, slots=True)
class PostgresEntries:
    """A transaction of the database; see `Entries`."""

    connection: Connection

    def in_turn(self, what: str) -> datetime:
        """Take an advisory lock of the transaction."""
        lock = func.pg_advisory_xact_lock(func.hashtextextended(what, 0))
        now: datetime = self.connection.execute(select(func.now(), lock)).scalar_one()
        return now

    def record_frames(self, new: Sequence[NewFrame]) -> list[Recorded]:
        """See `frames.record_all`."""
        return frames.record_all(self.connection, new)

    def frames(self, nights: Collection[date], instrument: str) -> list[FrameRow]:
        """See `frames.of_nights`."""
        return frames.of_nights(self.connection, nights, instrument)

    def settle_frames(self, ids: Collection[int], state: FrameState, reason: str = "") -> None:
        """See `frames.settle`."""
        frames.settle(self.connection, ids, state, reason)

    def open_group(
        self,
        *,
        name: str,
        night: date,
        instrument: str,
        kind: str,
        plan: Mapping[str, Any],
        frames: Collection[int],
        borrowed: Collection[int] = (),
        supersedes: GroupRow | None = None,
    ) -> int:
        """See `groups.open_group`."""
        return groups.open_group(
            self.connection, name=name, night=night, instrument=instrument, kind=kind, plan=plan, frames=frames,
            borrowed=borrowed, supersedes=supersedes,
        )  # fmt: skip

    def change_group(
        self,
        group: GroupRow,
        *,
        name: str,
        plan: Mapping[str, Any],
        frames: Collection[int],
        borrowed: Collection[int] = (),
    ) -> None:
        """See `groups.change`."""
        groups.change(self.connection, group, name=name, plan=plan, frames=frames, borrowed=borrowed)

    def close_group(self, group_id: int, reason: str) -> None:
        """See `groups.close`."""
        groups.close(self.connection, group_id, reason)

    def settle_group(self, group_id: int, state: GroupState, reason: str = "") -> None:
        """See `groups.settle`."""
        groups.settle(self.connection, group_id, state, reason)

    def note_group(self, group_id: int, plan: Mapping[str, Any]) -> None:
        """See `groups.note`."""
        groups.note(self.connection, group_id, plan)

    def group(self, group_id: int) -> GroupRow | None:
        """See `groups.get`."""
        return groups.get(self.connection, group_id)

    def groups(self, nights: Collection[date], instrument: str) -> list[GroupRow]:
        """See `groups.of_nights`."""
        return groups.of_nights(self.connection, nights, instrument)

    def submit(self, job: NewJob) -> tuple[JobRow, bool]:
        """See `jobs.submit`; a queued job is announced."""
        return jobs.submit(self.connection, job)

    def move(self, job_id: UUID, target: JobState, reason: str = "", **changes: Any) -> JobRow | None:
        """See `jobs.move`; a queued job is announced."""
        return jobs.move(self.connection, job_id, target, reason, **changes)

    def wait_for(self, job_id: UUID, needs: Sequence[Mapping[str, Any]], deadline: datetime | None) -> None:
        """See `jobs.wait_for`."""
        jobs.wait_for(self.connection, job_id, needs, deadline)

    def jobs(self, nights: Collection[date], instrument: str) -> list[JobRow]:
        """See `jobs.of_nights`."""
        return jobs.of_nights(self.connection, nights, instrument)

    def live_work(self) -> bool:
        """See `jobs.live_work`."""
        return jobs.live_work(self.connection)

    def succeeded_of_group(self, group_id: int) -> UUID | None:
        """See `jobs.succeeded_of_group`."""
        return jobs.succeeded_of_group(self.connection, group_id)

    def claim(self, job_id: UUID, worker: str) -> Claimed:
        """See `claims.claim`."""
        return claims.claim(self.connection, job_id, worker)

    def commit(
        self,
        held: Claim,
        outcome: Outcome,
        made: Sequence[NewProduct] = (),
        record: Mapping[str, Any] | None = None,
        policy: RetryPolicy = POLICY,
    ) -> Decision:
        """See `claims.commit`; the planner is told."""
        return claims.commit(
            self.connection, held, outcome, made, record=None if record is None else dict(record), policy=policy
        )

    def products(self, job_ids: Collection[UUID]) -> list[ProductRow]:
        """See `products.of_jobs`."""
        return products.of_jobs(self.connection, job_ids)

    def supersede(self, older: UUID, newer: UUID) -> int:
        """See `products.supersede`."""
        return products.supersede(self.connection, older, newer)
