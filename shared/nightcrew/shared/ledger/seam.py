"""The ledger as those see it who plan a night and do its jobs: in PostgreSQL for the suite, in memory for a directory.

Both pass one suite of tests.  What only a suite has (arrivals, messages, leases that run out, listings) goes to
PostgreSQL directly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from nightcrew.shared.ledger.retries import POLICY

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import date, datetime
    from uuid import UUID

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
    from nightcrew.shared.ledger.states import FrameState, GroupState, JobState
    from nightcrew.shared.outcomes import Outcome


class Entries(Protocol):
    """What may be read and written within one transaction."""

    def in_turn(self, what: str) -> datetime:
        """Keep everybody else from `what` until the transaction ends; return its time."""

    # Frames.

    def record_frames(self, new: Sequence[NewFrame]) -> list[Recorded]:
        """Record frames of which no two have the same name or content; return what that came to, in their order.

        A content that is known stays one frame; another one under a known name supersedes the earlier.
        """

    def frames(self, nights: Collection[date], instrument: str) -> list[FrameRow]:
        """Return the frames of nights that are not superseded, in the order of their arrival."""

    def settle_frames(self, ids: Collection[int], state: FrameState, reason: str = "") -> None:
        """Set the state of frames; one that is superseded stays so."""

    # Groups.

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
        """Open a group, and return its number; one that it supersedes comes to its end."""

    def change_group(
        self,
        group: GroupRow,
        *,
        name: str,
        plan: Mapping[str, Any],
        frames: Collection[int],
        borrowed: Collection[int] = (),
    ) -> None:
        """Give an open group the frames and the plan that it has now; new frames make it wait anew."""

    def close_group(self, group_id: int, reason: str) -> None:
        """Let an open group take no more frames."""

    def settle_group(self, group_id: int, state: GroupState, reason: str = "") -> None:
        """Set the state of a group; one that is superseded stays so."""

    def note_group(self, group_id: int, plan: Mapping[str, Any]) -> None:
        """Set what the planner has noted of a group."""

    def group(self, group_id: int) -> GroupRow | None:
        """Return a group, or None."""

    def groups(self, nights: Collection[date], instrument: str) -> list[GroupRow]:
        """Return the groups of nights that are not superseded, the oldest first."""

    # Jobs.

    def submit(self, job: NewJob) -> tuple[JobRow, bool]:
        """Write a job, queued unless it needs something; return it, and whether its key is new."""

    def move(self, job_id: UUID, target: JobState, reason: str = "", **changes: Any) -> JobRow | None:
        """Bring a job into another state, if the one it is in allows that; None if it does not."""

    def wait_for(self, job_id: UUID, needs: Sequence[Mapping[str, Any]], deadline: datetime | None) -> None:
        """Say what a waiting job waits for now."""

    def jobs(self, nights: Collection[date], instrument: str) -> list[JobRow]:
        """Return the jobs of nights, the oldest first."""

    def live_work(self) -> bool:
        """Whether any job that does not give way is queued or running."""

    def succeeded_of_group(self, group_id: int) -> UUID | None:
        """Return the job that made the products of a group, or of the latest version before it that has any."""

    # Work.

    def claim(self, job_id: UUID, worker: str) -> Claimed:
        """Claim a job for a worker."""

    def commit(
        self,
        held: Claim,
        outcome: Outcome,
        made: Sequence[NewProduct] = (),
        record: Mapping[str, Any] | None = None,
        policy: RetryPolicy = POLICY,
    ) -> Decision:
        """Write how an attempt ended, with its products.

        Raises
        ------
        Fenced
            If the claim is not held any more; nothing is written then.
        """

    # Products.

    def products(self, job_ids: Collection[UUID]) -> list[ProductRow]:
        """Return the products of jobs, in the order of making."""

    def supersede(self, older: UUID, newer: UUID) -> int:
        """Let the products of one job take the place of those of another, kind by kind; return how many did."""


class Ledger(Protocol):
    """Where the state of a night is kept."""

    def begin(self) -> AbstractContextManager[Entries]:
        """Begin a transaction: it is kept if the block ends well, else nothing of it is.

        Raises
        ------
        ServiceError
            If the ledger cannot be reached.
        """
