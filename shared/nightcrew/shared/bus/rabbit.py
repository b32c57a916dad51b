"""The bus over RabbitMQ, with pika's blocking connection."""

from __future__ import annotations

from threading import Event
from time import monotonic
from typing import TYPE_CHECKING

from pika import BasicProperties, DeliveryMode
from pika.exceptions import AMQPError, ChannelClosedByBroker, NackError, UnroutableError

from nightcrew.shared.bus.backoff import Backoff
from nightcrew.shared.bus.connection import Link
from nightcrew.shared.bus.errors import BusUnavailable
from nightcrew.shared.bus.observer import Observer, Side, Silent, ending
from nightcrew.shared.bus.protocol import Lost, Publication, Published, Refused, Returned
from nightcrew.shared.bus.pulling import RabbitPuller
from nightcrew.shared.bus.subscription import RabbitConsumer
from nightcrew.shared.messages import encode

if TYPE_CHECKING:
    from pika.adapters.blocking_connection import BlockingChannel

    from nightcrew.shared.bus.settings import RabbitSettings
    from nightcrew.shared.bus.topology import Topology
    from nightcrew.shared.messages import Message, Route


class RabbitBus:
    """A service's two connections: one to publish, which the broker may block, and one to consume.

    Parameters
    ----------
    settings
        Where the broker is.
    topology
        Names of exchanges and queues.
    stop
        Set by whoever wants the consumers to end, a signal handler for instance.
    observer
        Told of everything that is to be counted.
    backoff
        How often and when to reconnect.
    """

    def __init__(
        self,
        settings: RabbitSettings,
        topology: Topology,
        *,
        stop: Event,
        observer: Observer | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self.topology = topology
        self.observer = observer or Silent()
        self._stop = stop
        self._woken = Event()
        self._in = Link(Side.CONSUMING, settings, backoff or Backoff(), stop, self.observer)
        self._out = Link(Side.PUBLISHING, settings, backoff or Backoff(), stop, self.observer)
        self._channel: BlockingChannel | None = None
        self._consumer: RabbitConsumer | None = None

    def publish(self, message: Message, route: Route | None = None) -> Publication:
        """Publish a message; see `Bus.publish`."""
        properties = BasicProperties(  # type: ignore[no-untyped-call]
            content_type="application/json",
            delivery_mode=DeliveryMode.Persistent.value,
            message_id=str(message.message_id),
            correlation_id=str(message.correlation_id),
            type=message.type,
            timestamp=int(message.timestamp.timestamp()),
            app_id=message.producer,
        )
        return self.send(route or message.route, encode(message), properties)

    def send(self, route: Route, body: bytes, properties: BasicProperties) -> Publication:
        """Publish bytes, confirmed and mandatory; a connection that died unnoticed is made anew once."""
        outcome = self._sent(route, body, properties)
        if outcome is None:
            outcome = self._sent(route, body, properties) or Refused(f"connection lost: {self._out.reason}")
        self.observer.published(route.exchange, ending(outcome))
        return outcome

    def _sent(self, route: Route, body: bytes, properties: BasicProperties) -> Publication | None:
        """Return what the broker said; None if the connection broke before it said anything."""
        try:
            self._publisher().basic_publish(
                self.topology.physical(route.exchange), route.key, body, properties, mandatory=True
            )
        except BusUnavailable as error:
            return Refused(str(error))
        except UnroutableError as error:
            return Returned(f"{error.messages[0].method.reply_text}: no queue wants {route.key!r} at {route.exchange}")
        except NackError:
            return Refused(f"refused by the broker: a queue behind {route.exchange} is full, or failed")
        except ChannelClosedByBroker as error:
            return Refused(f"{error.reply_code} {error.reply_text}")
        except AMQPError as error:
            self._out.drop(repr(error))
            return None
        return Published()

    def _publisher(self) -> BlockingChannel:
        connection = self._out.connect()
        if self._channel is None or not self._channel.is_open:
            self._channel = connection.channel()
            self._channel.confirm_delivery()
        return self._channel

    def consume(self, *queues: str, tick: float = 1.0) -> RabbitConsumer:
        """Subscribe to queues; see `Bus.consume`."""
        return self._only(RabbitConsumer, queues, tick)

    def pull(self, *queues: str, tick: float = 1.0) -> RabbitConsumer:
        """Take from several queues in turn; see `Bus.pull`."""
        return self._only(RabbitPuller, queues, tick)

    def _only(self, kind: type[RabbitConsumer], queues: tuple[str, ...], tick: float) -> RabbitConsumer:
        if self._consumer is not None and not self._consumer.closed:
            raise RuntimeError("this bus has a consumer already: close it first")
        self._consumer = kind(self, self._in, self._stop, queues, tick)
        return self._consumer

    def pump(self, seconds: float) -> Lost | None:
        """Serve the connections; see `Bus.pump`."""
        end = monotonic() + seconds
        while True:
            self._out.serve(0)
            rest = max(end - monotonic(), 0)
            if self._in.connected:
                self._in.serve(0 if self._woken.is_set() else rest)
            else:
                self._woken.wait(rest)
            if self._woken.is_set() or monotonic() >= end:
                break
        self._woken.clear()
        if self._consumer is None or self._consumer.closed or not self._consumer.lost:
            return None
        return Lost(self._consumer.lost)

    def wait(self, seconds: float) -> None:
        """Serve the connections for some seconds, or until something came in."""
        self._out.serve(0)
        self._in.serve(seconds)

    def wake(self) -> None:
        """End a `pump`; see `Bus.wake`."""
        self._woken.set()
        self._in.wake()

    def close(self) -> None:
        """Close both connections; see `Bus.close`."""
        if self._consumer is not None:
            self._consumer.close()
        self._in.close()
        self._out.close()
