"""The ledger in memory: for a night that begins and ends within one command."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from threading import RLock
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from nightcrew.shared.ledger.records import Claim, FrameRow, GroupRow, JobRow, NotClaimed, ProductRow, Recorded
from nightcrew.shared.ledger.retries import LEASE, POLICY, Done, Fenced, after
from nightcrew.shared.ledger.states import JOB_OPEN, JOB_STEPS, FrameState, GroupState, JobState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import date

    from nightcrew.shared.ledger.records import Claimed, NewFrame, NewJob, NewProduct
    from nightcrew.shared.ledger.retries import Decision, RetryPolicy
    from nightcrew.shared.ledger.seam import Entries
    from nightcrew.shared.outcomes import Outcome


def utc_now() -> datetime:
    """Return the time, UTC with zone."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Tables:
    """The rows by number, in the order of their making."""

    frames: dict[int, FrameRow] = field(default_factory=dict)
    groups: dict[int, GroupRow] = field(default_factory=dict)
    jobs: dict[UUID, JobRow] = field(default_factory=dict)
    products: dict[int, ProductRow] = field(default_factory=dict)

    def copy(self) -> Tables:
        """Return the rows as they are now; rows themselves do not change."""
        return Tables(dict(self.frames), dict(self.groups), dict(self.jobs), dict(self.products))


@dataclass(slots=True)
class MemoryLedger:
    """A ledger that is gone with its process.

    Parameters
    ----------
    clock
        Tells the time, UTC with zone.
    """

    clock: Callable[[], datetime] = utc_now
    _tables: Tables = field(default_factory=Tables)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _lock: RLock = field(default_factory=RLock)

    @contextmanager
    def begin(self) -> Iterator[Entries]:
        """Begin a transaction, one after the other; see `Ledger`."""
        with self._lock:
            tables = self._tables.copy()
            yield MemoryEntries(tables, self._numbers, self.clock())
            self._tables = tables


@dataclass(frozen=True, slots=True)
class MemoryEntries:
    """A transaction on a copy of the rows; see `Entries`."""

    tables: Tables
    numbers: Iterator[int]
    now: datetime

    def in_turn(self, what: str) -> datetime:  # noqa: ARG002 (transactions come one after the other)
        """Return the time of the transaction."""
        return self.now

    # Frames.

    def record_frames(self, new: Sequence[NewFrame]) -> list[Recorded]:
        """Record frames; see `Entries`."""
        return [self._record(frame) for frame in new]

    def _record(self, new: NewFrame) -> Recorded:
        rows = self.tables.frames
        for row in rows.values():
            if row.sha256 == new.sha256:
                return Recorded(row.id, new=False, version=row.version)
        earlier = [row for row in rows.values() if row.name == new.name]
        version = max((row.version for row in earlier), default=0) + 1
        given = asdict(new) | {"facts": _plain(new.facts)}
        number = next(self.numbers)
        rows[number] = FrameRow(
            id=number, version=version, state=FrameState.RECEIVED, reason="", arrived_at=self.now,
            **{name: value for name, value in given.items() if name != "size"},
        )  # fmt: skip
        reason = f"{new.name} came again with another content"
        self.settle_frames([row.id for row in earlier], FrameState.SUPERSEDED, reason)
        return Recorded(number, new=True, version=version)

    def frames(self, nights: Collection[date], instrument: str) -> list[FrameRow]:
        """Return the frames of nights; see `Entries`."""
        return [
            row
            for row in self.tables.frames.values()
            if row.night in nights and row.instrument == instrument and row.state is not FrameState.SUPERSEDED
        ]

    def settle_frames(self, ids: Collection[int], state: FrameState, reason: str = "") -> None:
        """Set the state of frames; see `Entries`."""
        for number in ids:
            row = self.tables.frames[number]
            if row.state is not FrameState.SUPERSEDED:
                self.tables.frames[number] = replace(row, state=state, reason=reason)

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
        """Open a group; see `Entries`."""
        version = 1 if supersedes is None else supersedes.version + 1
        if supersedes is not None:
            self.settle_group(supersedes.id, GroupState.SUPERSEDED, f"version {version} takes its place")
        number = next(self.numbers)
        own = frozenset(frames)
        self.tables.groups[number] = GroupRow(
            id=number, name=name, version=version, night=night, instrument=instrument, kind=kind,
            state=GroupState.OPEN, plan=_plain(plan), reason="",
            supersedes=None if supersedes is None else supersedes.id,
            opened_at=self.now, last_arrival_at=self.now, closed_at=None, close_reason="",
            frames=own, borrowed=frozenset(borrowed) - own,
        )  # fmt: skip
        return number

    def change_group(
        self,
        group: GroupRow,
        *,
        name: str,
        plan: Mapping[str, Any],
        frames: Collection[int],
        borrowed: Collection[int] = (),
    ) -> None:
        """Give an open group other frames; see `Entries`."""
        row, own = self.tables.groups[group.id], frozenset(frames)
        arrived = self.now if own - group.frames else row.last_arrival_at
        self.tables.groups[group.id] = replace(
            row, name=name, plan=_plain(plan), frames=own, borrowed=frozenset(borrowed) - own, last_arrival_at=arrived
        )

    def close_group(self, group_id: int, reason: str) -> None:
        """Let an open group take no more frames."""
        row = self.tables.groups[group_id]
        if row.state is GroupState.OPEN:
            self.tables.groups[group_id] = replace(
                row, state=GroupState.CLOSED, closed_at=self.now, close_reason=reason
            )

    def settle_group(self, group_id: int, state: GroupState, reason: str = "") -> None:
        """Set the state of a group; see `Entries`."""
        row = self.tables.groups[group_id]
        if row.state is not GroupState.SUPERSEDED:
            self.tables.groups[group_id] = replace(row, state=state, reason=reason)

    def note_group(self, group_id: int, plan: Mapping[str, Any]) -> None:
        """Set what the planner has noted of a group."""
        self.tables.groups[group_id] = replace(self.tables.groups[group_id], plan=_plain(plan))

    def group(self, group_id: int) -> GroupRow | None:
        """Return a group, or None."""
        return self.tables.groups.get(group_id)

    def groups(self, nights: Collection[date], instrument: str) -> list[GroupRow]:
        """Return the groups of nights; see `Entries`."""
        return [
            row
            for row in self.tables.groups.values()
            if row.night in nights and row.instrument == instrument and row.state is not GroupState.SUPERSEDED
        ]

    # Jobs.

    def submit(self, job: NewJob) -> tuple[JobRow, bool]:
        """Write a job; see `Entries`."""
        for row in self.tables.jobs.values():
            if row.key == job.key:
                return row, False
        state = JobState.WAITING if job.needs else JobState.QUEUED
        given = asdict(job) | {"request": _plain(job.request), "needs": tuple(_plain(job.needs))}
        made = JobRow(
            id=uuid4(), state=state, reason="", attempt=0, worker=None, lease_until=None, not_before=None,
            outcome=None, created_at=self.now, queued_at=None if job.needs else self.now, started_at=None,
            ended_at=None, **given,
        )  # fmt: skip
        self.tables.jobs[made.id] = made
        return made, True

    def move(self, job_id: UUID, target: JobState, reason: str = "", **changes: Any) -> JobRow | None:
        """Bring a job into another state; see `Entries`."""
        row = self.tables.jobs.get(job_id)
        if row is None or target not in JOB_STEPS[row.state]:
            return None
        values = {name: _plain(value) if name in {"request", "outcome"} else value for name, value in changes.items()}
        if "needs" in values:
            values["needs"] = tuple(_plain(values["needs"]))
        if target is JobState.QUEUED:
            values |= {"queued_at": self.now, "ended_at": None, "lease_until": None}
        elif target not in JOB_OPEN:
            values |= {"ended_at": self.now, "lease_until": None}
        moved = replace(row, state=target, reason=reason, **values)
        self.tables.jobs[job_id] = moved
        return moved

    def wait_for(self, job_id: UUID, needs: Sequence[Mapping[str, Any]], deadline: datetime | None) -> None:
        """Say what a waiting job waits for now."""
        row = self.tables.jobs[job_id]
        if row.state is JobState.WAITING:
            self.tables.jobs[job_id] = replace(row, needs=tuple(_plain(needs)), deadline=deadline)

    def jobs(self, nights: Collection[date], instrument: str) -> list[JobRow]:
        """Return the jobs of nights; see `Entries`."""
        return [row for row in self.tables.jobs.values() if row.night in nights and row.instrument == instrument]

    def live_work(self) -> bool:
        """Whether any job that does not give way is queued or running."""
        at_work = {JobState.QUEUED, JobState.RUNNING}
        return any(row.state in at_work and not row.bulk for row in self.tables.jobs.values())

    def succeeded_of_group(self, group_id: int) -> UUID | None:
        """Return the job that made the products of a group; see `Entries`."""
        number: int | None = group_id
        while number is not None:
            for row in self.tables.jobs.values():
                if row.group_id == number and row.state is JobState.SUCCEEDED:
                    return row.id
            number = self.tables.groups[number].supersedes
        return None

    # Work.

    def claim(self, job_id: UUID, worker: str) -> Claimed:
        """Claim a job for a worker."""
        row = self.tables.jobs.get(job_id)
        if row is None:
            return NotClaimed("there is no such job")
        if row.state not in JOB_OPEN:
            return NotClaimed(f"it has ended: {row.state}")
        if row.state is JobState.WAITING:
            return NotClaimed("it waits for calibrations")
        if row.state is JobState.RETRY and row.not_before is not None and row.not_before > self.now:
            return NotClaimed(f"its next attempt is not before {row.not_before:%H:%M:%S} UTC")
        if row.state is JobState.RUNNING:
            return NotClaimed(f"{row.worker} has it")
        taken = replace(
            row, state=JobState.RUNNING, attempt=row.attempt + 1, worker=worker, lease_until=self.now + LEASE,
            started_at=row.started_at or self.now,
        )  # fmt: skip
        self.tables.jobs[job_id] = taken
        return Claim(taken, taken.attempt, worker)

    def commit(
        self,
        held: Claim,
        outcome: Outcome,
        made: Sequence[NewProduct] = (),
        record: Mapping[str, Any] | None = None,
        policy: RetryPolicy = POLICY,
    ) -> Decision:
        """Write how an attempt ended; see `Entries`."""
        row = self.tables.jobs[held.job.id]
        if (row.attempt, row.state, row.worker) != (held.attempt, JobState.RUNNING, held.worker):
            raise Fenced(f"job {row.id}: attempt {held.attempt} of {held.worker} is not the one that counts")
        decision = after(outcome, held.attempt, policy, self.now)
        ended = replace(row, reason=decision.reason, outcome=_plain(record), lease_until=None)
        if isinstance(decision, Done):
            ended = replace(ended, state=decision.state, ended_at=self.now)
        else:
            ended = replace(ended, state=JobState.RETRY, not_before=decision.at)
        self.tables.jobs[row.id] = ended
        for one in made:
            number = next(self.numbers)
            self.tables.products[number] = ProductRow(
                id=number, job_id=row.id, attempt=held.attempt, provisional=row.provisional, superseded_by=None,
                made_at=self.now, **asdict(one),
            )  # fmt: skip
        return decision

    # Products.

    def products(self, job_ids: Collection[UUID]) -> list[ProductRow]:
        """Return the products of jobs, in the order of making."""
        return [row for row in self.tables.products.values() if row.job_id in job_ids]

    def supersede(self, older: UUID, newer: UUID) -> int:
        """Let products take the place of others; see `Entries`."""
        later = {row.kind: row.id for row in self.products([newer])}
        replaced = [row for row in self.products([older]) if row.kind in later]
        for row in replaced:
            self.tables.products[row.id] = replace(row, superseded_by=later[row.kind])
        return len(replaced)


def _plain(value: Any) -> Any:
    """Return what is kept as JSON as it would be read again."""
    return json.loads(json.dumps(value, allow_nan=False))
