"""The loop of a service: take, handle, and subscribe again when the subscription was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.shared.bus.backoff import Backoff
from nightcrew.shared.bus.errors import ConsumerLost

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from nightcrew.shared.bus.protocol import Bus, Delivery


def serve(
    bus: Bus,
    *queues: str,
    handle: Callable[[Delivery], object],
    stop: Event,
    idle: Callable[[], object] | None = None,
    tick: float = 1.0,
    backoff: Backoff | None = None,
) -> None:
    """Handle what comes in until `stop` is set.

    Parameters
    ----------
    bus, queues
        Where from.
    handle
        Does the work and settles the delivery.  An error that it lets go ends the loop, and the message comes again.
    stop
        The event that the bus was made with.
    idle
        Called whenever nothing came for a tick.
    tick
        Seconds.
    backoff
        How many subscriptions in a row may be lost without so much as an idle tick, and how long to wait in between.

    Raises
    ------
    ConsumerLost
        After the last of them.
    BusUnavailable
        If the broker cannot be reached.
    """
    patience = backoff or Backoff()
    delays = patience.delays()
    while not stop.is_set():
        try:
            with bus.consume(*queues, tick=tick) as consumer:
                for delivery in consumer:
                    delays = patience.delays()
                    if delivery is not None:
                        handle(delivery)
                    elif idle is not None:
                        idle()
        except ConsumerLost:
            delay = next(delays, None)
            if delay is None:
                raise
            stop.wait(delay)
