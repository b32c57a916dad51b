"""From the moment a child has its job until the attempt is over, whatever ends it."""

from __future__ import annotations

import time
from concurrent.futures import wait
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event
from typing import TYPE_CHECKING, TypeVar

from nightcrew.reducer.worker.beside import beside
from nightcrew.reducer.worker.endings import Crashed, Ending, HandedBack, NotBegun, Overtaken, concluded, failed
from nightcrew.reducer.worker.process import Child, Died
from nightcrew.reducer.worker.wire import Begun, Ended, Finished, Order, Ready, Said, Taken
from nightcrew.shared.errors import ServiceError
from nightcrew.shared.ledger import claims
from nightcrew.shared.ledger.records import Usage
from nightcrew.shared.outcomes import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from nightcrew.reducer.worker.patience import Patience
    from nightcrew.reducer.worker.settings import ReducerSettings
    from nightcrew.reducer.worker.watching import Watcher
    from nightcrew.shared.bus import Bus
    from nightcrew.shared.database import Database
    from nightcrew.shared.ledger.records import Claim

TICK = 0.25
"""Seconds between two looks at memory, lease, time, and what the child says on the way; its end is heard at once."""
AGAIN = 1.0
"""Seconds after which a renewal is tried again that the database did not answer."""
FAREWELL = 3.0
"""Seconds in which work that is given up may come to its end."""

T = TypeVar("T")


@dataclass(slots=True)
class Attendance:
    """Serves the bus, renews the lease and watches the child while it works.

    That the subscription is lost meanwhile is no reason to give up: the message goes to somebody who cannot claim the
    job, and the lease decides whether this attempt counts.

    Parameters
    ----------
    settings, database, bus, watcher
        Those of the reducer.
    patience
        How long it goes on once it is to stop.
    memory
        Bytes above which the child is killed.
    """

    settings: ReducerSettings
    database: Database
    bus: Bus
    patience: Patience
    watcher: Watcher
    memory: int
    _renew_at: float = field(init=False)
    _taken: bool = field(default=False)

    def __post_init__(self) -> None:
        self._renew_at = time.monotonic() + self.settings.renew

    def meanwhile(self, claim: Claim, work: Callable[[Event], T]) -> T | Ending:
        """Do work that takes long but no child, and return what came of it, or how the attempt ended meanwhile.

        Parameters
        ----------
        claim
            Whose lease is renewed.
        work
            Is called in a thread, with an event that is set if nobody waits for it any more.
        """
        halt, ending = Event(), None

        def attend() -> bool:
            nonlocal ending
            self.bus.pump(TICK)
            self.watcher.beat()
            ending = self._lost(claim) or self._told_to_stop()
            return ending is None

        done = beside(lambda: work(halt), self.bus.wake, attend)
        if ending is None:
            return done.result()
        halt.set()
        wait([done], FAREWELL)
        return ending

    def see_through(self, claim: Claim, child: Child, order: Order) -> Ending:
        """Give the child its job and return how the attempt ended; unless it was by itself, the child is dead then."""
        began = time.monotonic()
        child.give(order)
        while True:
            self.bus.pump(TICK)
            self.watcher.beat()
            ending = (
                self._heard(claim, child)
                or self._too_much(child, time.monotonic() - began)
                or self._lost(claim)
                or self._told_to_stop()
            )
            if ending is not None:
                if child.busy and not child.dead:
                    child.destroy("its attempt was ended")
                return ending

    def _heard(self, claim: Claim, child: Child) -> Ending | None:
        """Hand on what the child has said; return the end if it told of one."""
        for news in child.news():
            match news:
                case Begun():
                    self.watcher.begun(claim, news)
                case Ended():
                    self.watcher.ended(claim, news)
                case Said():
                    self.watcher.said(claim, news)
                case Finished():
                    return concluded(news)
                case Died(reason):
                    return Crashed(reason, Usage(peak_rss=child.peak)) if self._taken else NotBegun(reason)
                case Taken():
                    self._taken = True
                case Ready():
                    pass
        return None

    def _too_much(self, child: Child, seconds: float) -> Ending | None:
        """Return the end of an attempt that takes more memory or time than it may."""
        if child.resident() > self.memory:
            reason = (
                f"it took {child.peak / 1e9:.2f} GB of memory, and may have {self.memory / 1e9:.2f}; "
                "give it more (NIGHTCREW_REDUCER_MEMORY), or run it in the class large"
            )
        elif 0 < self.settings.time_limit < seconds:
            reason = f"it was not done after {seconds:.0f} s; allow more (NIGHTCREW_REDUCER_TIME_LIMIT)"
        else:
            return None
        return failed(Status.RESOURCE, reason, "limit", Usage(peak_rss=child.peak))

    def _told_to_stop(self) -> Ending | None:
        return HandedBack("its reducer was told to stop") if self.patience.over() else None

    def _lost(self, claim: Claim) -> Ending | None:
        """Renew the lease if it is time; return the end of an attempt that does not count any more."""
        if time.monotonic() < self._renew_at:
            return None
        try:
            with self.database.begin() as connection:
                held = claims.renew(connection, claim, timedelta(seconds=self.settings.lease))
        except ServiceError as error:
            self.watcher.trouble("lease", str(error))
            self._renew_at = time.monotonic() + AGAIN
            return None
        self._renew_at = time.monotonic() + self.settings.renew
        return None if held else Overtaken("its claim is not held any more")
