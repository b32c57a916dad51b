"""The two buses for the tests of the seam, with what can happen to them."""

from __future__ import annotations

import secrets
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from threading import Event
from typing import TYPE_CHECKING, Any, Protocol

import pika
from pika.exceptions import ChannelClosedByBroker

from nightcrew.shared.bus import Backoff, Topology
from nightcrew.shared.bus.declaring import declare
from nightcrew.shared.bus.memory import MemoryBus
from nightcrew.shared.bus.memory_broker import MemoryBroker, Session, Stored
from nightcrew.shared.bus.rabbit import RabbitBus
from nightcrew.shared.bus.settings import RabbitSettings
from support.proxy import Proxy
from support.rabbitmq import remove

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nightcrew.shared.bus import Bus, DeliveryOutcome, Observer, PublishOutcome, Side
    from nightcrew.shared.bus.topology import Exchange, Limits, Queue
    from nightcrew.shared.messages import Route

PATIENCE = 10.0
"""Seconds until a test gives up waiting for what happens in milliseconds."""
SILENCE = 0.15
"""Seconds after which a queue is taken to be empty."""
FORGOTTEN = 600_000
"""Milliseconds after which the broker deletes the queues of a test that was killed."""
QUICK = Backoff(first=0.02, ceiling=0.1, attempts=6)


@dataclass(frozen=True)
class Letter:
    """A message taken from a queue as bytes."""

    body: bytes
    headers: dict[str, Any]


@dataclass
class Tally:
    """An observer that remembers."""

    states: list[tuple[Side, bool]] = field(default_factory=list)
    retries: list[tuple[int, float, str]] = field(default_factory=list)
    publications: list[tuple[str, PublishOutcome]] = field(default_factory=list)
    deliveries: list[tuple[str, DeliveryOutcome]] = field(default_factory=list)

    def of(self, side: Side) -> list[bool]:
        """Return when a connection was made and when it broke."""
        return [up for which, up in self.states if which is side]

    def connected(self, side: Side, up: bool) -> None:
        self.states.append((side, up))

    def reconnecting(self, side: Side, attempt: int, delay: float, reason: str) -> None:
        self.retries.append((attempt, delay, reason))

    def published(self, exchange: str, outcome: PublishOutcome) -> None:
        self.publications.append((exchange, outcome))

    def settled(self, queue: str, outcome: DeliveryOutcome) -> None:
        self.deliveries.append((queue, outcome))


class Site(Protocol):
    """A broker, and all that a test may do to it."""

    def bus(self, *, stop: Event | None = None, observer: Observer | None = None) -> Bus:
        """Connect a service."""

    def put(self, route: Route, body: bytes) -> None:
        """Publish bytes, whatever they are."""

    def take(self, queue: str, seconds: float = SILENCE) -> Letter | None:
        """Take the first message out of a queue; None after a while without one."""

    def delete(self, queue: str) -> None:
        """Delete a queue under its consumers."""

    def cut(self, bus: Bus) -> None:
        """Break the connections of a service, as a network may."""


class MemorySite:
    """The broker within the process."""

    def __init__(self, topology: Topology) -> None:
        self._broker = MemoryBroker(topology)
        self._hand = MemoryBus(self._broker, stop=Event())

    def bus(self, *, stop: Event | None = None, observer: Observer | None = None) -> MemoryBus:
        return MemoryBus(self._broker, stop=stop or Event(), observer=observer)

    def put(self, route: Route, body: bytes) -> None:
        self._hand.send(route, Stored(body))

    def take(self, queue: str, seconds: float = SILENCE) -> Letter | None:
        session = Session()
        self._broker.subscribe(session, [queue])
        stored = self._broker.take(session, 0)
        if stored is not None:
            self._broker.settle(session, stored, back=False)
        self._broker.leave(session, "done")
        return None if stored is None else Letter(stored.body, dict(stored.headers))

    def delete(self, queue: str) -> None:
        self._broker.delete(queue)

    def cut(self, bus: Bus) -> None:
        assert isinstance(bus, MemoryBus)
        bus.cut()


class RabbitSite:
    """A RabbitMQ under names of our own; every service is connected by a wire of its own."""

    def __init__(self, url: str, topology: Topology) -> None:
        self.url = url
        self.settings = RabbitSettings.load(rabbitmq_url=url)
        self.topology = with_limits_as_arguments(topology.prefixed(f"test-{secrets.token_hex(4)}-"))
        declare(self.settings, self.topology)
        self._connection = pika.BlockingConnection(self.settings.parameters())
        self._channel = self._connection.channel()
        self._channel.confirm_delivery()
        self._channel.basic_qos(prefetch_count=1)
        self._opened: list[tuple[RabbitBus, Proxy]] = []

    def bus(
        self, *, stop: Event | None = None, observer: Observer | None = None, query: str = "", backoff: Backoff = QUICK
    ) -> RabbitBus:
        parameters = self.settings.parameters()
        proxy = Proxy(parameters.host, parameters.port)
        credentials = parameters.credentials
        vhost = parameters.virtual_host.replace("/", "%2F")
        url = f"amqp://{credentials.username}:{credentials.password}@127.0.0.1:{proxy.port}/{vhost}?{query}"
        settings = RabbitSettings.load(rabbitmq_url=url)
        made = RabbitBus(settings, self.topology, stop=stop or Event(), observer=observer, backoff=backoff)
        self._opened.append((made, proxy))
        return made

    def put(self, route: Route, body: bytes) -> None:
        self._channel.basic_publish(self.topology.physical(route.exchange), route.key, body, mandatory=True)

    def take(self, queue: str, seconds: float = SILENCE) -> Letter | None:
        try:
            for method, properties, body in self._channel.consume(
                self.topology.physical(queue), inactivity_timeout=seconds
            ):
                if method is None or properties is None or body is None:
                    return None
                self._channel.basic_ack(method.delivery_tag)
                return Letter(body, dict(properties.headers or {}))
            return None
        finally:
            self._channel.cancel()

    def delete(self, queue: str) -> None:
        self._channel.queue_delete(self.topology.physical(queue))

    def wire(self, bus: Bus) -> Proxy:
        """Return the wire that connects a service."""
        return next(proxy for made, proxy in self._opened if made is bus)

    def cut(self, bus: Bus) -> None:
        self.wire(bus).cut()

    def close(self) -> None:
        for bus, proxy in self._opened:
            bus.close()
            proxy.close()
        with suppress(ChannelClosedByBroker):
            self._connection.close()
        remove(self.settings, self.topology)


@contextmanager
def rabbit_site(url: str, topology: Topology) -> Iterator[RabbitSite]:
    """Make a site, and remove all that it made."""
    site = RabbitSite(url, topology)
    try:
        yield site
    finally:
        site.close()


def with_limits_as_arguments(topology: Topology) -> Topology:
    """Return a topology whose queues bear their policies as arguments.

    Policies cannot be set over AMQP; for a queue that lives as long as a test, arguments do the same.
    """

    def exchange(plain: Exchange) -> Exchange:
        alternate = {"alternate-exchange": topology.physical(plain.alternate)} if plain.alternate else {}
        return replace(plain, arguments=alternate)

    def queue(plain: Queue) -> Queue:
        return replace(
            plain, arguments={**plain.arguments, **_arguments(topology, plain.limits), "x-expires": FORGOTTEN}
        )

    return replace(
        topology,
        exchanges=tuple(exchange(plain) for plain in topology.exchanges),
        queues=tuple(queue(plain) for plain in topology.queues),
    )


def _arguments(topology: Topology, limits: Limits) -> dict[str, Any]:
    arguments = {
        "x-delivery-limit": limits.redeliveries,
        "x-dead-letter-exchange": topology.physical(limits.dead_letters) if limits.dead_letters else None,
        "x-dead-letter-strategy": "at-least-once" if limits.dead_letters and limits.refuses else None,
        "x-overflow": "reject-publish" if limits.refuses else None,
        "x-max-length": limits.length,
    }
    return {name: value for name, value in arguments.items() if value is not None}


def with_queue(topology: Topology, name: str, **changes: Any) -> Topology:
    """Return a topology with one queue changed."""

    def changed(queue: Queue) -> Queue:
        return replace(queue, **changes) if queue.name == name else queue

    return replace(topology, queues=tuple(changed(queue) for queue in topology.queues))
