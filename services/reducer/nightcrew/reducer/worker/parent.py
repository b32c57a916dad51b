"""A reducer: takes a job at a time, claims it, has a child do it, commits what comes of it, acknowledges last."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from nightcrew.reducer.worker.attending import Attendance
from nightcrew.reducer.worker.beside import beside
from nightcrew.reducer.worker.carrying import Carrier
from nightcrew.reducer.worker.committing import Committing, Fate, rows_of
from nightcrew.reducer.worker.endings import Concluded, Crashed, Ending, HandedBack, NotBegun, Overtaken, failed
from nightcrew.reducer.worker.keeping import InStore, OnDisk
from nightcrew.reducer.worker.patience import Patience
from nightcrew.reducer.worker.places import Places, Workspace
from nightcrew.reducer.worker.retaining import Retaining
from nightcrew.reducer.worker.wire import Order
from nightcrew.shared.bus import serve
from nightcrew.shared.errors import ServiceError
from nightcrew.shared.ledger import claims, inputs
from nightcrew.shared.ledger.records import Claim, NotClaimed
from nightcrew.shared.ledger.retries import Fenced
from nightcrew.shared.messages import JobReady
from nightcrew.shared.outcomes import Status

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event
    from typing import Any
    from uuid import UUID

    from sqlalchemy import Connection

    from nightcrew.reducer.worker.crew import Crew
    from nightcrew.reducer.worker.process import Child
    from nightcrew.reducer.worker.settings import ReducerSettings
    from nightcrew.reducer.worker.watching import Watcher
    from nightcrew.shared.bus import Bus, Delivery
    from nightcrew.shared.database import Database
    from nightcrew.shared.ledger.retries import Decision
    from nightcrew.shared.store import Depot

TICK = 1.0
"""Seconds between two looks at what keeps the reducer from working."""
FAREWELL = 5.0
"""Seconds in which a job is handed back once the reducer is to stop; after that the reaper does it."""
BELIEVED = 2
"""Deaths before the beginning in a row that count for no job."""
GIGABYTE = 1_000_000_000

T = TypeVar("T")


@dataclass(slots=True)
class Reducer:
    """Takes the jobs of one class until it is told to stop.

    Parameters
    ----------
    name
        Unlike that of any other reducer, ever.
    settings
        How it works.
    database
        Holds the ledger.
    bus
        Brings the jobs; whoever makes it makes it for this reducer alone.
    stop
        The event that the bus was made with.
    crew
        Its children.
    watcher
        Is told what is done.
    depot
        Where products are kept for all machines; None: on the disk of this one, or one that all mount.
    """

    name: str
    settings: ReducerSettings
    database: Database
    bus: Bus
    stop: Event
    crew: Crew
    watcher: Watcher
    depot: Depot | None = None
    _places: Places = field(init=False)
    _carrier: Carrier | None = field(init=False)
    _committing: Committing = field(init=False)
    _patience: Patience = field(init=False)
    _next_sweep: float = 0.0
    _said: str = ""
    _warm: int = 0
    _not_begun: int = 0
    _last_job: float = 0.0

    def __post_init__(self) -> None:
        self._places = Places(self.settings.products.resolve(), self.settings.workspaces.resolve())
        store = None if self.depot is None else InStore(self._places, self.depot)
        self._carrier = None if store is None else Carrier(store)
        self._committing = Committing(store or OnDisk(self._places), self.database)
        self._patience = Patience(self.stop, self.settings.drain)

    def run(self) -> None:
        """Serve until `stop` is set.

        Raises
        ------
        SettingsError
            If the directories make no sense.
        ServiceError
            If there is nowhere to write, or children do not start, or the broker is gone for longer than the bus is
            patient.
        """
        try:
            self._places.prepare()
            if self._until(self._not_ready):
                self._last_job = time.monotonic()
                self._idle()
                serve(self.bus, queue_of(self.settings), handle=self._handle, idle=self._idle, stop=self.stop)
        finally:
            self.crew.close()

    def _handle(self, delivery: Delivery) -> None:
        self.watcher.beat()
        message = delivery.message
        if not isinstance(message, JobReady):
            delivery.dead_letter(f"a {message.type} is nothing to be reduced")
        elif self._until(self._not_ready) and self._take(message.job_id):
            delivery.ack()
        else:
            delivery.requeue()
        self._last_job = time.monotonic()
        self._idle()

    def _idle(self) -> None:
        """Do what is due between jobs."""
        self.watcher.beat()
        if self.settings.idle_exit and time.monotonic() - self._last_job >= self.settings.idle_exit:
            self.stop.set()
            return
        self._child()
        if time.monotonic() < self._next_sweep:
            return
        self._next_sweep = time.monotonic() + self.settings.sweep
        try:
            counts = self._patiently(self._committing.sweep)
        except (ServiceError, OSError) as error:
            self.watcher.trouble("sweep", str(error))
        else:
            self.watcher.swept(counts[Fate.FINISH], counts[Fate.DISCARD])
        self._clean()

    def _clean(self) -> None:
        def beat() -> None:
            self.bus.pump(0)
            self.watcher.beat()

        retaining = Retaining(self._committing.keeping, self.database, self.settings.kept, beat)
        try:
            cleaned = retaining.look()
        except (ServiceError, OSError) as error:
            self.watcher.trouble("old products", str(error))
        else:
            if cleaned is not None:
                self.watcher.cleaned(cleaned)

    def _take(self, job_id: UUID) -> bool:
        """Claim a job and see it to an end; False if it was not even claimed, since the reducer is to stop."""

        def claim(connection: Connection) -> tuple[Claim | NotClaimed, Mapping[int, str]]:
            got = claims.claim(connection, job_id, self.name, timedelta(seconds=self.settings.lease))
            frames = _frames(got.job.request) if isinstance(got, Claim) else []
            return got, inputs.hashes(connection, frames)

        answer = self._persist(claim, self.stop.is_set)
        if answer is None:
            return False
        got, hashes = answer
        if isinstance(got, NotClaimed):
            self.watcher.refused(str(job_id), got.reason)
            return True
        waited = None
        if got.job.queued_at is not None and got.job.lease_until is not None:
            # Both are times of the database, whatever the clock here says.
            waited = (got.job.lease_until - got.job.queued_at).total_seconds() - self.settings.lease
        self.watcher.claimed(got, waited)
        began = time.monotonic()
        workspace = Workspace.new(got.job.id, got.attempt)
        ending = self._counted(self._attempt(got, workspace, hashes))
        ending, decision = self._settle(got, workspace, ending)
        self.watcher.settled(got, ending, decision, time.monotonic() - began)
        return True

    def _attempt(self, claim: Claim, workspace: Workspace, hashes: Mapping[int, str]) -> Ending:
        child = self._child()
        if child is None:
            return NotBegun("the process for jobs has died")
        try:
            self._places.open(workspace)
        except ServiceError as error:
            return failed(Status.RETRYABLE, str(error), error.code)
        share, last = self.crew.share, claim.attempt >= self.settings.policy.attempts
        attendance = Attendance(self.settings, self.database, self.bus, self._patience, self.watcher, share.memory)
        request, carrier = claim.job.request, self._carrier
        if carrier is not None:
            brought = attendance.meanwhile(claim, lambda halt: carrier.bring(request, workspace, halt, last=last))
            if not isinstance(brought, Mapping):
                return brought
            request = brought
        order = Order(
            request=request,
            directory=self._places.output(workspace),
            budget=share.budget,
            threads=share.threads,
            hashes=hashes,
            last=last,
        )
        ending = attendance.see_through(claim, child, order)
        if carrier is not None and isinstance(ending, Concluded) and ending.made:
            made = ending
            return attendance.meanwhile(claim, lambda halt: carrier.take(made, workspace, halt))
        return ending

    def _counted(self, ending: Ending) -> Ending:
        """Return the end of an attempt; that a process had died before is believed so many times in a row."""
        self._not_begun = self._not_begun + 1 if isinstance(ending, NotBegun) else 0
        return Crashed(ending.reason) if isinstance(ending, NotBegun) and self._not_begun > BELIEVED else ending

    def _settle(self, claim: Claim, workspace: Workspace, ending: Ending) -> tuple[Ending, Decision | None]:
        """Tell the ledger how the attempt ended; its files go where the ledger's answer says."""
        if isinstance(ending, Concluded) and ending.made:
            try:
                self._committing.keeping.settle_in(workspace)
            except ServiceError as error:
                ending = failed(Status.RETRYABLE, str(error), error.code, ending.usage)
        decision: Decision | None = None
        try:
            match ending:
                case Concluded() as end:
                    rows = rows_of(self._committing.keeping, workspace, end.made)
                    decision = self._persist(
                        lambda c: claims.commit(
                            c, claim, end.outcome, rows, end.usage, dict(end.record), self.settings.policy
                        )
                    )
                case Crashed(reason, usage):
                    decision = self._persist(lambda c: claims.crash(c, claim, reason, usage, self.settings.policy))
                case HandedBack(reason) | NotBegun(reason):
                    end_at = time.monotonic() + FAREWELL
                    self._persist(lambda c: claims.release(c, claim, reason), lambda: time.monotonic() > end_at)
                case Overtaken():
                    pass
        except Fenced as error:
            # Or the answer to a commit was lost, and it was made a second time: the ledger knows which.
            ending = Overtaken(str(error))
        try:
            self._patiently(lambda: self._committing.settle(workspace))
        except ServiceError as error:
            self.watcher.trouble("products", f"{error}; the next sweep sees to it")
        return ending, decision

    def _child(self) -> Child | None:
        child = self.crew.tend()
        if child is not None and child.ready is not None and child.pid != self._warm:
            self._warm = child.pid
            self.watcher.warm(child.ready)
        return child

    def _not_ready(self) -> str:
        """Say what keeps the reducer from taking jobs; empty if nothing does."""
        if self._child() is None:
            return "the process for jobs is not warm yet"
        try:
            free = self._places.free()
        except ServiceError as error:
            return str(error)
        if free < self.settings.least_free * GIGABYTE:
            return (
                f"{self.settings.products}: {free / GIGABYTE:.2f} GB are free, and no job is begun with less than "
                f"{self.settings.least_free:g} (NIGHTCREW_REDUCER_LEAST_FREE)"
            )
        return self._patiently(self._carrier.trouble) if self._carrier is not None else ""

    def _patiently(self, work: Callable[[], T]) -> T:
        """Do something that may wait for the store, and serve the bus meanwhile."""
        if self._carrier is None:
            return work()

        def attend() -> bool:
            self.bus.pump(TICK)
            self.watcher.beat()
            return True

        return beside(work, self.bus.wake, attend).result()

    def _until(self, trouble: Callable[[], str]) -> bool:
        """Wait until nothing is in the way; False if the reducer is to stop before."""
        while True:
            what = trouble()
            if not what:
                self._said = ""
                return True
            if self.stop.is_set():
                return False
            if what != self._said:
                self._said = what
                self.watcher.trouble("waiting", what)
            self.bus.pump(TICK)
            self.watcher.beat()

    def _persist(self, action: Callable[[Connection], T], give_up: Callable[[], bool] | None = None) -> T | None:
        """Do something in a transaction, again and again while the database fails; None if that was given up.

        Without `give_up` it ends once the reducer has been told to stop and has waited for so long as a job may take.
        """
        until = give_up or self._patience.over
        while True:
            try:
                with self.database.begin() as connection:
                    return action(connection)
            except ServiceError as error:
                self.watcher.trouble("database", str(error))
                if until():
                    return None
                self.bus.pump(TICK)
                self.watcher.beat()


def queue_of(settings: ReducerSettings) -> str:
    """Return the queue of the jobs that are taken."""
    return f"reduce.{settings.job_class}"


def _frames(request: Mapping[str, Any]) -> list[int]:
    """Return the numbers of the frames in a request, of whatever version."""
    files = request.get("files")
    listed = files if isinstance(files, list) else []
    numbers = [file.get("frame") for file in listed if isinstance(file, dict)]
    return [number for number in numbers if isinstance(number, int)]
