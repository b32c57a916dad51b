"""The planner at work: woken by news, looking by itself at what is open, keeping house."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from nightcrew.planner.by_hand import hand_in_by_hand
from nightcrew.planner.housekeeping import Kept, keep_house, prune
from nightcrew.planner.listening import News
from nightcrew.shared.calibration_desk import Turn
from nightcrew.shared.calibrations import CouldNotAsk
from nightcrew.shared.errors import ServiceError
from nightcrew.shared.ledger import frames, groups, jobs, marks
from nightcrew.shared.ledger.retries import POLICY, RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from threading import Event
    from uuid import UUID

    from nightcrew.planner.listening import NightOf
    from nightcrew.planner.looked import Looked
    from nightcrew.planner.looking import Planner
    from nightcrew.shared.calibration_desk import Change
    from nightcrew.shared.database import Database

MARK = "planner: calibrations"
"""Name of the mark that says which changes of calibrations have been seen to."""


def _nobody() -> None:
    return None


class Watcher(Protocol):
    """Is told what the planner does: log, metrics, progress."""

    def looked(self, night: date, instrument: str, looked: Looked, seconds: float) -> None:
        """Note a look at a night."""

    def kept(self, kept: Kept) -> None:
        """Note a round of housekeeping."""

    def trouble(self, what: str, reason: str) -> None:
        """Note something that failed and will be tried again; `broker` and `relay` come from other threads."""

    def over(self, what: str) -> None:
        """Note that something goes well, be it that it never failed; from other threads too."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often things are done, seconds.

    Parameters
    ----------
    tick
        The loop's beat: nights that something happened to are looked at.
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
    database
        Holds their ledger.
    watcher
        Is told what is done.
    stop
        Ends the service.
    wake_relay
        Called when there may be messages to publish.
    pace
        How often things are done.
    policy
        How often and how late jobs are tried again whose reducer fell silent.
    clock
        Seconds that only go forward.
    news
        What messages have told.
    """

    planner: Planner
    database: Database
    watcher: Watcher
    stop: Event
    wake_relay: Callable[[], object] = _nobody
    pace: Pace = field(default_factory=Pace)
    policy: RetryPolicy = POLICY
    clock: Callable[[], float] = time.monotonic
    news: News = field(default_factory=News)
    _dirty: dict[NightOf, None] = field(default_factory=dict)
    _finished: set[UUID] = field(default_factory=set)
    _next: dict[str, float] = field(default_factory=dict)

    def run(self) -> None:
        """Plan until `stop` is set; news are seen to at once, but not more often than once a tick."""
        while not self.stop.is_set():
            self.beat()
            if self.news.wait(self.pace.tick) and not self._due("news", self.pace.tick):
                self.stop.wait(self.pace.tick)

    def beat(self) -> None:
        """Do what is due now; what fails is told and done again at a later beat."""
        try:
            self._take_news()
            if self._due("house", self.pace.house):
                self.watcher.kept(keep_house(self.database, self.policy))
                self.wake_relay()
            if self._due("look", self.pace.look):
                self._note_open_nights()
                self._follow_people()
                self._follow_calibrations()
            for night in list(self._dirty):
                self._look(night)
            if self._due("prune", self.pace.prune):
                prune(self.database)
        except ServiceError as error:
            self.watcher.trouble("database", str(error))

    def _take_news(self) -> None:
        news = self.news.take()
        self._dirty.update(dict.fromkeys(news.nights))
        self._finished |= news.jobs
        if news.calibrations:
            self._next.pop("look", None)
        for job_id in tuple(self._finished):
            with self.database.begin() as connection:
                job = jobs.get(connection, job_id)
            self._finished.discard(job_id)
            if job is not None:
                self._dirty[job.night, job.instrument] = None
                if job.group_id is None and job.frame_id is None:  # somebody has submitted it
                    self._next.pop("look", None)

    def _due(self, what: str, every: float) -> bool:
        now = self.clock()
        if now < self._next.get(what, now):
            return False
        self._next[what] = now + every
        return True

    def _look(self, night: NightOf, withdrawn: frozenset[str] = frozenset()) -> None:
        began = self.clock()
        looked = self.planner.look(*night, withdrawn)
        self._dirty.pop(night, None)
        self.watcher.looked(*night, looked, self.clock() - began)
        self.wake_relay()
        if looked.unasked:
            self.watcher.trouble("calibrations", looked.unasked)

    def _note_open_nights(self) -> None:
        with self.database.begin() as connection:
            open_now = {*frames.open_nights(connection), *groups.open_nights(connection)}
        self._dirty.update(dict.fromkeys(sorted(open_now)))

    def _follow_people(self) -> None:
        """Hand in the masters that people had made."""
        told = hand_in_by_hand(self.database, self.planner.desk)
        if isinstance(told, CouldNotAsk):
            self.watcher.trouble("calibrations", told.reason)
            return
        for one in told:
            if one.reason:
                self.watcher.trouble("masters by hand", f"{one.name}: {one.reason}")

    def _follow_calibrations(self) -> None:
        """Look again at the nights that a change of the calibrations concerns; the mark is set when that is done."""
        with self.database.begin() as connection:
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
            with self.database.begin() as connection:
                marks.set_mark(connection, MARK, changes[-1].number)

    def _concerned(self, change: Change) -> list[NightOf]:
        with self.database.begin() as connection:
            if change.turn is Turn.WITHDRAWN:
                return groups.nights_using(connection, change.name)
            return groups.nights_wanting(connection, change.instrument, change.caltype)
