"""Several queues of RabbitMQ in one pair of hands.

A subscription with prefetch 1 holds a message of each of its queues: while one is at work, the others wait for it,
though somebody else has nothing to do.  To give them back would count against them (`delivery-limit`).  So they are
asked for one by one, and only when there is nothing in hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pika.exceptions import AMQPError

from nightcrew.shared.bus.subscription import FromRabbit, RabbitConsumer, arrived_from

if TYPE_CHECKING:
    from nightcrew.shared.bus.consuming import Arrived

FIRST, LONGEST = 0.02, 0.25
"""Seconds until empty queues are asked again: at once after something came, less often the longer nothing does."""


class RabbitPuller(RabbitConsumer):
    """Takes from queues in turn, each time one message from all of them together."""

    _turn: tuple[str, ...] = ()
    _pause: float = FIRST

    def _open(self, queues: tuple[str, ...]) -> None:
        self._turn = queues
        self._channel = self._link.connect().channel()

    def _next_arrived(self, seconds: float) -> Arrived[FromRabbit] | None:
        try:
            arrived = self._first()
        except AMQPError as error:
            if not self.lost:  # the channel says why it was closed, unless the connection is gone with it
                self._link.drop(repr(error))
            return None
        if arrived is None:
            self._bus.wait(min(seconds, self._pause))
            self._pause = min(2 * self._pause, LONGEST)
            return None
        self._pause = FIRST
        return arrived

    def _first(self) -> Arrived[FromRabbit] | None:
        """Return a message of the first queue that has any; the queue after it is asked first the next time."""
        assert self._channel is not None
        for number, queue in enumerate(self._turn, 1):
            method, properties, body = self._channel.basic_get(self._bus.topology.physical(queue))
            if method is not None and properties is not None and body is not None:
                self._turn = self._turn[number:] + self._turn[:number]
                return arrived_from(queue, method, properties, body)
        return None
