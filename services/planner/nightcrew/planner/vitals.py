"""Whether the planner lives and works, as its loop shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from nightcrew.planner.housekeeping import Kept
    from nightcrew.planner.looked import Looked
    from nightcrew.planner.service import Watcher
    from nightcrew.shared.bus import DeliveryOutcome, Observer, PublishOutcome, Side
    from nightcrew.shared.telemetry import Pulse


@dataclass(frozen=True, slots=True)
class Vitals:
    """A `Watcher` that tells others, and keeps a pulse: the planner is ready once it has kept house.

    Parameters
    ----------
    pulse
        Is kept.
    others
        Are told as well.
    """

    pulse: Pulse
    others: tuple[Watcher, ...]

    def looked(self, night: date, instrument: str, looked: Looked, seconds: float) -> None:
        """Note a look at a night."""
        self.pulse.beat()
        for other in self.others:
            other.looked(night, instrument, looked, seconds)

    def kept(self, kept: Kept) -> None:
        """Note a round of housekeeping."""
        self.pulse.beat()
        self.pulse.waits_for = ""
        for other in self.others:
            other.kept(kept)

    def trouble(self, what: str, reason: str) -> None:
        """Note something that failed; a planner whose database is gone is not ready."""
        self.pulse.beat()
        if what == "database":
            self.pulse.waits_for = "the database"
        for other in self.others:
            other.trouble(what, reason)


@dataclass(frozen=True, slots=True)
class Trying:
    """An `Observer` for whom trying to reach the broker is a sign of life as well.

    Parameters
    ----------
    pulse
        Is kept.
    other
        Is told as well.
    """

    pulse: Pulse
    other: Observer

    def connected(self, side: Side, up: bool) -> None:
        """Hand it on."""
        self.other.connected(side, up)

    def reconnecting(self, side: Side, attempt: int, delay: float, reason: str) -> None:
        """Note an attempt, and hand it on."""
        self.pulse.beat()
        self.other.reconnecting(side, attempt, delay, reason)

    def published(self, exchange: str, outcome: PublishOutcome) -> None:
        """Hand it on."""
        self.other.published(exchange, outcome)

    def settled(self, queue: str, outcome: DeliveryOutcome) -> None:
        """Hand it on."""
        self.other.settled(queue, outcome)
