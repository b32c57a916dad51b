"""What messages tell: heard in a thread with a bus of its own, and kept until the planner gets to it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nightcrew.planner.night import neighbours
from nightcrew.shared.bus import Backoff, BusError, serve
from nightcrew.shared.messages import CalibrationCertified, CalibrationVetoed, FrameArrived, JobFinished

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from uuid import UUID

    from nightcrew.shared.bus import Bus, Delivery
    from nightcrew.shared.messages import AnyMessage

QUEUES = ("plan.frames", "plan.results")
TICK = 0.2
"""Seconds in which the end of the service is noticed."""
PAUSE = 2.0
"""Seconds between two attempts to subscribe; the bus itself pauses as well."""
_ONCE = Backoff(attempts=1)

NightOf = tuple["date", str]
"""Night and instrument."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What messages were about: nights, jobs that have ended, whether calibrations have changed."""

    nights: tuple[NightOf, ...] = ()
    jobs: frozenset[UUID] = frozenset()
    calibrations: bool = False


@dataclass(slots=True)
class News:
    """What was heard and not yet seen to; written by one thread, taken by another.

    It is as long as there are nights and jobs, not as there are messages.
    """

    _heard: Heard = field(default_factory=Heard)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _new: threading.Event = field(default_factory=threading.Event)

    def hear(self, message: AnyMessage) -> None:
        """Note what a message is about; those that the planner has nothing to do with are about nothing."""
        with self._lock:
            self._heard = heard(self._heard, message)
        self._new.set()

    def wait(self, seconds: float) -> bool:
        """Wait for news; return whether there are any."""
        return self._new.wait(seconds)

    def take(self) -> Heard:
        """Return what was heard since the last time."""
        with self._lock:
            taken, self._heard = self._heard, Heard()
            self._new.clear()
        return taken


def heard(before: Heard, message: AnyMessage) -> Heard:
    """Return what was heard before, and with a message."""
    match message:
        case FrameArrived(night=night, instrument=instrument):
            # What arrives may be what the night before has waited for.
            nights = ((one, instrument) for one in (night, *neighbours(night)))
            return Heard(tuple(dict.fromkeys((*before.nights, *nights))), before.jobs, before.calibrations)
        case JobFinished(job_id=job_id):
            return Heard(before.nights, before.jobs | {job_id}, before.calibrations)
        case CalibrationCertified() | CalibrationVetoed():
            return Heard(before.nights, before.jobs, calibrations=True)
    return before


@dataclass(frozen=True, slots=True)
class Listener:
    """Hears what messages tell, and subscribes again for as long as it takes: without news the planner is only slower.

    Parameters
    ----------
    bus
        Where from.
    news
        Where to.
    trouble
        Is told why nothing is heard.
    well
        Is told that the subscription holds.
    stop
        The event that the bus was made with.
    pause
        Seconds between two attempts to subscribe.
    """

    bus: Bus
    news: News
    trouble: Callable[[str], object]
    well: Callable[[], object]
    stop: threading.Event
    pause: float = PAUSE

    def run(self) -> None:
        """Listen until `stop` is set."""
        while not self.stop.is_set():
            try:
                serve(self.bus, *QUEUES, handle=self._handle, idle=self.well, stop=self.stop, tick=TICK, backoff=_ONCE)
            except BusError as error:
                self.trouble(str(error))
                self.stop.wait(self.pause)

    def _handle(self, delivery: Delivery) -> None:
        """Note what a message is about, and let it go: the ledger knows what is to be done."""
        self.well()
        self.news.hear(delivery.message)
        delivery.ack()
