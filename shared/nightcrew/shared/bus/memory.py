"""The bus inside one process: the same semantics as the broker's, without its durability."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

from nightcrew.shared.bus.consuming import Arrived, BaseConsumer
from nightcrew.shared.bus.errors import ConsumerLost, TopologyError
from nightcrew.shared.bus.memory_broker import MemoryBroker, Session, Stored
from nightcrew.shared.bus.observer import Observer, Side, Silent, ending
from nightcrew.shared.bus.protocol import ORIGIN, REASON, Lost, Publication, Refused, Settlement
from nightcrew.shared.bus.topology import DEAD
from nightcrew.shared.messages import Route, encode

if TYPE_CHECKING:
    from nightcrew.shared.messages import Message

TURN = 0.1
"""Seconds after which a waiting consumer looks whether it is to stop."""


class MemoryBus:
    """A service's end of a `MemoryBroker`.

    Parameters
    ----------
    broker
        Shared by all services of the process.
    stop
        Set by whoever wants the consumers to end.
    observer
        Told of everything that is to be counted.
    """

    def __init__(self, broker: MemoryBroker, *, stop: Event, observer: Observer | None = None) -> None:
        self.broker = broker
        self.observer = observer or Silent()
        self._stop = stop
        self._woken = Event()
        self._consumer: MemoryConsumer | None = None

    def publish(self, message: Message, route: Route | None = None) -> Publication:
        """Publish a message; see `Bus.publish`."""
        return self.send(route or message.route, Stored(encode(message)))

    def send(self, route: Route, stored: Stored) -> Publication:
        """Publish what may be no message of ours."""
        try:
            outcome = self.broker.publish(route, stored)
        except TopologyError as error:
            outcome = Refused(str(error))
        self.observer.published(route.exchange, ending(outcome))
        return outcome

    def consume(self, *queues: str, tick: float = 1.0) -> MemoryConsumer:
        """Subscribe to queues; see `Bus.consume`."""
        if self._consumer is not None and not self._consumer.closed:
            raise RuntimeError("this bus has a consumer already: close it first")
        self._consumer = MemoryConsumer(self, self._stop, queues, tick)
        return self._consumer

    def pull(self, *queues: str, tick: float = 1.0) -> MemoryConsumer:
        """Take from several queues in turn; see `Bus.pull`: here nothing is sent ahead."""
        return self.consume(*queues, tick=tick)

    def pump(self, seconds: float) -> Lost | None:
        """Wait; see `Bus.pump`."""
        self._woken.wait(seconds)
        self._woken.clear()
        if self._consumer is None or self._consumer.closed or not self._consumer.lost:
            return None
        return Lost(self._consumer.lost)

    def wake(self) -> None:
        """End a `pump`; see `Bus.wake`."""
        self._woken.set()

    def cut(self) -> None:
        """Break the connection, as a network may."""
        if self._consumer is not None:
            self._consumer.end("connection lost")

    def close(self) -> None:
        """End the subscription; see `Bus.close`."""
        if self._consumer is not None:
            self._consumer.close()


class MemoryConsumer(BaseConsumer[Stored]):
    """A subscription at a `MemoryBroker`."""

    def __init__(self, bus: MemoryBus, stop: Event, queues: tuple[str, ...], tick: float) -> None:
        super().__init__(stop, tick, bus.observer)
        self._bus = bus
        self._session = Session()
        try:
            bus.broker.subscribe(self._session, queues)
        except TopologyError as error:
            self.closed = True
            raise ConsumerLost(str(error)) from error
        bus.observer.connected(Side.CONSUMING, True)

    @property
    def lost(self) -> str:
        """Why the subscription is gone; empty while it is there."""
        return self._session.lost

    def _next_arrived(self, seconds: float) -> Arrived[Stored] | None:
        stored = self._bus.broker.take(self._session, min(seconds, TURN))
        if stored is None:
            return None
        return Arrived(stored.queue, stored.body, stored.returns > 0, stored.returns, stored)

    def _publish_dead(self, arrived: Arrived[Stored], reason: str) -> Publication:
        copy = Stored(arrived.body, {REASON: reason[:500], ORIGIN: arrived.queue})
        return self._bus.send(Route(DEAD, arrived.queue), copy)

    def _tell(self, arrived: Arrived[Stored], how: Settlement, *, failed: bool) -> str:  # noqa: ARG002 (one count here)
        return self._bus.broker.settle(self._session, arrived.token, back=how is Settlement.REQUEUED)

    def _end(self) -> None:
        self.end("closed")

    def end(self, reason: str) -> None:
        """Leave the broker, which takes back what was not settled."""
        if not self.lost:
            self._bus.broker.leave(self._session, reason)
            self._bus.observer.connected(Side.CONSUMING, False)
