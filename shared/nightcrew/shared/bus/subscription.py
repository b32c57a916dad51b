"""A subscription at RabbitMQ.

pika 1.4 hides some ends of a consumer: a cancel by the broker ends `consume()` as if all were well, and
`process_data_events` says nothing of a channel that the broker has closed (pika issues 1452, 1472).  Here a
subscription keeps its own list of what came, and looks at its channel each time.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, TypeAlias

from pika import BasicProperties, DeliveryMode
from pika.exceptions import AMQPError, ChannelClosedByBroker

from nightcrew.shared.bus.consuming import Arrived, BaseConsumer
from nightcrew.shared.bus.errors import BusUnavailable, ConsumerLost
from nightcrew.shared.bus.protocol import ORIGIN, REASON, Settlement
from nightcrew.shared.bus.topology import DEAD
from nightcrew.shared.messages import Route

if TYPE_CHECKING:
    from threading import Event

    from pika.adapters.blocking_connection import BlockingChannel

    from nightcrew.shared.bus.connection import Link
    from nightcrew.shared.bus.protocol import Publication
    from nightcrew.shared.bus.rabbit import RabbitBus

FromRabbit: TypeAlias = tuple[int, BasicProperties]
"""Delivery tag, which means something on its own channel only, and properties."""


class RabbitConsumer(BaseConsumer[FromRabbit]):
    """A subscription on a channel of its own."""

    def __init__(self, bus: RabbitBus, link: Link, stop: Event, queues: tuple[str, ...], tick: float) -> None:
        super().__init__(stop, tick, bus.observer)
        self._bus = bus
        self._link = link
        self._arrived: deque[Arrived[FromRabbit]] = deque()
        self._cancelled = ""
        self._channel: BlockingChannel | None = None
        if stop.is_set():
            self.closed = True
            return
        try:
            self._subscribe(queues)
        except BusUnavailable:
            self.closed = True
            if not stop.is_set():
                raise
        except ConsumerLost:
            self.closed = True
            raise

    def _subscribe(self, queues: tuple[str, ...]) -> None:
        try:
            self._open(queues)
        except AMQPError as stale:
            self._link.drop(repr(stale))
            try:
                self._open(queues)
            except AMQPError as error:
                self._link.drop(repr(error))
                raise ConsumerLost(f"{', '.join(queues)}: {error!r}") from error

    def _open(self, queues: tuple[str, ...]) -> None:
        connection = self._link.connect()
        self._channel = connection.channel()
        self._channel.basic_qos(prefetch_count=1)
        self._channel.add_on_cancel_callback(self._on_cancel)
        for queue in queues:
            try:
                self._channel.basic_consume(self._bus.topology.physical(queue), self._taker(queue))
            except ChannelClosedByBroker as error:
                raise ConsumerLost(
                    f"queue {queue!r}: {error.reply_code} {error.reply_text}; "
                    "are the definitions imported, and may this user read it?"
                ) from error

    def _taker(self, queue: str) -> Any:
        def take(_channel: BlockingChannel, method: Any, properties: BasicProperties, body: bytes) -> None:
            self._arrived.append(arrived_from(queue, method, properties, body))

        return take

    def _on_cancel(self, _frame: object) -> None:
        self._cancelled = "cancelled by the broker: the queue was deleted, or a message held for too long"

    @property
    def lost(self) -> str:
        """Why the subscription is gone; empty while it is there."""
        if self.closed or self._channel is None:
            return "closed"
        if self._cancelled:
            return self._cancelled
        if self._channel.is_open:
            return ""
        if not self._link.connected:
            return f"connection lost: {self._link.reason}"
        return f"channel closed: {getattr(self._channel, '_closing_reason', None)!r}"  # pika tells it nowhere else

    def _next_arrived(self, seconds: float) -> Arrived[FromRabbit] | None:
        if not self._arrived:
            self._bus.wait(seconds)
        return self._arrived.popleft() if self._arrived else None

    def _publish_dead(self, arrived: Arrived[FromRabbit], reason: str) -> Publication:
        _, original = arrived.token
        copy = BasicProperties(  # type: ignore[no-untyped-call]
            content_type=original.content_type,
            delivery_mode=DeliveryMode.Persistent.value,
            message_id=original.message_id,
            correlation_id=original.correlation_id,
            type=original.type,
            app_id=original.app_id,
            headers={REASON: reason[:500], ORIGIN: arrived.queue},
        )
        return self._bus.send(Route(DEAD, arrived.queue), arrived.body, copy)

    def _tell(self, arrived: Arrived[FromRabbit], how: Settlement, *, failed: bool) -> str:
        if self._channel is None:
            return "closed"
        tag, _ = arrived.token
        try:
            if how is not Settlement.REQUEUED:
                self._channel.basic_ack(tag)
            elif failed:
                # From RabbitMQ 4.3 on a reject counts as a failure, a nack does not.
                self._channel.basic_reject(tag, requeue=True)
            else:
                self._channel.basic_nack(tag, requeue=True)
        except AMQPError as error:
            return repr(error)
        return ""

    def _end(self) -> None:
        self._arrived.clear()
        try:
            if self._channel is not None and self._channel.is_open:
                self._channel.close()
        except AMQPError as error:
            self._link.drop(repr(error))


def arrived_from(queue: str, method: Any, properties: BasicProperties, body: bytes) -> Arrived[FromRabbit]:
    """Return what pika has handed over, as we keep it."""
    returns = int((properties.headers or {}).get("x-delivery-count", 0))
    return Arrived(queue, body, method.redelivered, returns, (method.delivery_tag, properties))
