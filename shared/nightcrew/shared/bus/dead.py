"""What lies in the queue `dead`: to look at, and to send once more."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pika
from pika.exceptions import AMQPError, UnroutableError

from nightcrew.shared.bus.connection import CONNECT_FAULTS
from nightcrew.shared.bus.errors import BusUnavailable
from nightcrew.shared.bus.faults import in_words
from nightcrew.shared.bus.protocol import ORIGIN, REASON
from nightcrew.shared.errors import NightcrewError
from nightcrew.shared.messages import Undecodable, decode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pika.adapters.blocking_connection import BlockingChannel

    from nightcrew.shared.bus.settings import RabbitSettings
    from nightcrew.shared.bus.topology import Topology
    from nightcrew.shared.messages import AnyMessage

QUEUE = "dead"
MOST = 1000
"""Messages that are looked at."""


class Unreadable(NightcrewError):
    """A message that does not say anything, to whomever it is sent."""

    code = "unreadable"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that nobody could use.

    Parameters
    ----------
    id
        Number of the message; of one that cannot be read, that of AMQP, else empty.
    message
        What it says, or why it cannot be read.
    queue
        Where it was.
    reason
        Why it is here.
    body
        Its bytes.
    """

    id: str
    message: AnyMessage | Undecodable
    queue: str
    reason: str
    body: bytes


def letters(settings: RabbitSettings, topology: Topology) -> list[DeadLetter]:
    """Return the dead messages, the oldest first; they stay where they are.

    Raises
    ------
    BusUnavailable
        If the broker cannot be asked.
    """
    with _channel(settings) as channel:
        # What is not acknowledged goes back when the channel is closed.
        return [letter for _, letter in _taken(channel, topology.physical(QUEUE))]


def replay(settings: RabbitSettings, topology: Topology, number: str) -> DeadLetter | None:
    """Send a dead message to where it belongs, and take it out of the queue; None if it is not there.

    Raises
    ------
    BusUnavailable
        If the broker cannot be asked, or did not take it; it is still there then.
    Unreadable
        If no reader would do better with it now.
    """
    with _channel(settings) as channel:
        channel.confirm_delivery()
        for tag, letter in _taken(channel, topology.physical(QUEUE)):
            if letter.id != number:
                continue
            if isinstance(letter.message, Undecodable):
                raise Unreadable(
                    f"message {number}: cannot be read ({letter.message.reason}); it can only be thrown away"
                )
            route = letter.message.route
            properties = pika.BasicProperties(  # type: ignore[no-untyped-call]
                content_type="application/json", delivery_mode=2, message_id=str(letter.message.message_id)
            )
            try:
                exchange = topology.physical(route.exchange)
                channel.basic_publish(exchange, route.key, letter.body, properties, mandatory=True)
            except UnroutableError as error:
                raise BusUnavailable(f"RabbitMQ at {settings.address}: no queue takes {route.key}") from error
            channel.basic_ack(tag)
            return letter
    return None


@contextmanager
def _channel(settings: RabbitSettings) -> Iterator[BlockingChannel]:
    try:
        connection = pika.BlockingConnection(settings.parameters())
        try:
            yield connection.channel()
        finally:
            if connection.is_open:
                connection.close()
    except (*CONNECT_FAULTS, AMQPError) as error:
        raise BusUnavailable(in_words(settings.address, error)) from error


def _taken(channel: BlockingChannel, queue: str) -> list[tuple[int, DeadLetter]]:
    found: list[tuple[int, DeadLetter]] = []
    while len(found) < MOST:
        method, properties, body = channel.basic_get(queue)
        if method is None or properties is None or body is None:
            break
        found.append((method.delivery_tag, _letter(properties, body)))
    return found


def _letter(properties: pika.BasicProperties, body: bytes) -> DeadLetter:
    message = decode(body)
    headers = properties.headers or {}
    number = properties.message_id or "" if isinstance(message, Undecodable) else str(message.message_id)
    queue = headers.get(ORIGIN) or headers.get("x-first-death-queue") or ""
    reason = headers.get(REASON) or headers.get("x-first-death-reason") or ""
    return DeadLetter(number, message, str(queue), str(reason), body)
