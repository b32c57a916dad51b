"""The planner at work: woken by messages, looking by itself at what is open, keeping house."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from nightcrew.planner.housekeeping import Kept, keep_house, prune, relay
from nightcrew.planner.night import neighbours
from nightcrew.shared.bus import serve
from nightcrew.shared.calibration_desk import Turn
from nightcrew.shared.calibrations import CouldNotAsk
from nightcrew.shared.errors import ServiceError
from nightcrew.shared.ledger import claims, frames, groups, jobs, marks
from nightcrew.shared.messages import CalibrationCertified, CalibrationVetoed, FrameArrived, JobFinished

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from threading import Event

    from nightcrew.planner.looked import Looked
    from nightcrew.planner.looking import Planner
    from nightcrew.shared.bus import Bus, Delivery
    from nightcrew.shared.calibration_desk import Change
    from nightcrew.shared.ledger.retries import RetryPolicy

QUEUES = ("plan.frames", "plan.results")
MARK = "planner: calibrations"
"""Name of the mark that says which changes of calibrations have been seen to."""

NightOf = tuple["date", str]
"""Night and instrument."""


class Watcher(Protocol):
    """Is told what the planner does: log, metrics, progress."""

    def looked(self, night: date, instrument: str, looked: Looked, seconds: float) -> None:
        """Note a look at a night."""

    def kept(self, kept: Kept) -> None:
        """Note a round of housekeeping."""

    def trouble(self, what: str, reason: str) -> None:
        """Note something that failed and will be tried again."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often things are done, seconds.

    Parameters
    ----------
    tick
        The loop's beat: messages are relayed, nights that something happened to are looked at.
    look
        All nights that are not finished, since time passes for them.
    house
        Leases, retries, lost announcements.
    prune
        Old messages.
    """

    tick: float = 0.2
    look: float = 5.0
    house: float = 5.0
    prune: float = 3600.0


@dataclass(slots=True)
class PlannerService:
    """Plans whatever arrives until it is told to stop.

    Every piece of work is done again if it fails: what there is to do is read from the ledger, never from messages,
    which only wake.

    Parameters
    ----------
    planner
        Looks at nights.
    bus
        Wakes, and takes what is to be told.
    watcher
        Is told what is done.
    stop
        Ends the service; the event that the bus was made with.
    pace
        How often things are done.
    policy
        How often and how late jobs are tried again whose reducer fell silent.
    clock
        Seconds that only go forward.
    """

    planner: Planner
    bus: Bus
    watcher: Watcher
    stop: Event
    pace: Pace = field(default_factory=Pace)
    policy: RetryPolicy = claims.POLICY
    clock: Callable[[], float] = time.monotonic
    _dirty: dict[NightOf, None] = field(default_factory=dict)
    _next: dict[str, float] = field(default_factory=dict)

    def run(self) -> None:
        """Serve until `stop` is set.

        Raises
        ------
        ConsumerLost, BusUnavailable
            If the broker is gone for longer than the bus is patient.
        """
        self.beat()
        serve(self.bus, *QUEUES, handle=self._handle, idle=self.beat, stop=self.stop, tick=self.pace.tick)

    def beat(self) -> None:
        """Do what is due now; what fails is told and done again at a later beat."""
        try:
            if self._due("house", self.pace.house):
                self.watcher.kept(keep_house(self.planner.database, self.policy))
            if self._due("look", self.pace.look):
                self._note_open_nights()
                self._follow_calibrations()
            for night in list(self._dirty):
                self._look(night)
            told = relay(self.planner.database, self.bus)
            if told.stopped:
                self.watcher.trouble("relay", told.stopped)
            if self._due("prune", self.pace.prune):
                prune(self.planner.database)
        except ServiceError as error:
            self.watcher.trouble("database", str(error))

    def _due(self, what: str, every: float) -> bool:
        now = self.clock()
        if now < self._next.get(what, now):
            return False
        self._next[what] = now + every
        return True

    def _handle(self, delivery: Delivery) -> None:
        """Note what a message is about, and let it go: the ledger knows what is to be done."""
        try:
            self._wake(delivery)
        except ServiceError as error:
            self.watcher.trouble("database", str(error))
        delivery.ack()
        if self._due("message", self.pace.tick):
            self.beat()

    def _wake(self, delivery: Delivery) -> None:
        match delivery.message:
            case FrameArrived(night=night, instrument=instrument):
                # What arrives may be what the night before has waited for.
                self._dirty.update(dict.fromkeys((one, instrument) for one in (night, *neighbours(night))))
            case JobFinished(job_id=job_id):
                with self.planner.database.begin() as connection:
                    job = jobs.get(connection, job_id)
                if job is not None:
                    self._dirty[job.night, job.instrument] = None
            case CalibrationCertified() | CalibrationVetoed():
                self._next.pop("look", None)

    def _look(self, night: NightOf, withdrawn: frozenset[str] = frozenset()) -> None:
        began = self.clock()
        looked = self.planner.look(*night, withdrawn)
        self._dirty.pop(night, None)
        self.watcher.looked(*night, looked, self.clock() - began)
        if looked.unasked:
            self.watcher.trouble("calibrations", looked.unasked)

    def _note_open_nights(self) -> None:
        with self.planner.database.begin() as connection:
            open_now = {*frames.open_nights(connection), *groups.open_nights(connection)}
        self._dirty.update(dict.fromkeys(sorted(open_now)))

    def _follow_calibrations(self) -> None:
        """Look again at the nights that a change of the calibrations concerns; the mark is set when that is done."""
        database = self.planner.database
        with database.begin() as connection:
            after = marks.reached(connection, MARK)
        changes = self.planner.desk.changes(after)
        if isinstance(changes, CouldNotAsk):
            self.watcher.trouble("calibrations", changes.reason)
            return
        for change in changes:
            withdrawn = frozenset([change.md5] if change.turn is Turn.WITHDRAWN else [])
            for night in self._concerned(change):
                self._look(night, withdrawn)
        if changes:
            with database.begin() as connection:
                marks.set_mark(connection, MARK, changes[-1].number)

    def _concerned(self, change: Change) -> list[NightOf]:
        with self.planner.database.begin() as connection:
            if change.turn is Turn.WITHDRAWN:
                return groups.nights_using(connection, change.name)
            return groups.nights_wanting(connection, change.instrument, change.caltype)
