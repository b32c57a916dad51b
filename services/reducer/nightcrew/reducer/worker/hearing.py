"""Whether a reducer hears the broker."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from nightcrew.shared.bus import DeliveryOutcome, PublishOutcome, Side
    from nightcrew.shared.telemetry import BusMetrics, Pulse

_GONE = "the broker"


@dataclass(slots=True)
class Hearing:
    """Counts what the bus does; without a broker the reducer is not ready, and says so once.

    An `Observer` of a bus.

    Parameters
    ----------
    metrics
        The numbers.
    pulse
        Is kept up to date; what else it waits for goes first.
    """

    metrics: BusMetrics
    pulse: Pulse
    log: structlog.stdlib.BoundLogger = field(default_factory=lambda: structlog.stdlib.get_logger("nightcrew.reducer"))
    _said: str = ""

    def connected(self, side: Side, up: bool) -> None:
        """Note that a connection was made, or is gone."""
        self.metrics.connected(side, up)
        if up and self._said:
            self._said = ""
            self.log.info("the broker is there again")
        if up and self.pulse.waits_for.startswith(_GONE):
            self.pulse.waits_for = ""

    def reconnecting(self, side: Side, attempt: int, delay: float, reason: str) -> None:
        """Note that the broker was not reached."""
        self.metrics.reconnecting(side, attempt, delay, reason)
        if not self.pulse.waits_for or self.pulse.waits_for.startswith(_GONE):
            self.pulse.waits_for = f"{_GONE} ({reason})"
        if reason != self._said:
            self._said = reason
            self.log.warning("the broker is not reached", reason=reason)

    def published(self, exchange: str, outcome: PublishOutcome) -> None:
        """Count a publication."""
        self.metrics.published(exchange, outcome)

    def settled(self, queue: str, outcome: DeliveryOutcome) -> None:
        """Count a delivery."""
        self.metrics.settled(queue, outcome)
