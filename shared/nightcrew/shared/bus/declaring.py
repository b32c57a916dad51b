"""Make a topology at RabbitMQ, or see whether it is there.

Where the broker imports `definitions.json` nobody declares anything: services only check.  Policies cannot be set over
AMQP, so what `declare` makes has no limits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pika
from pika.exceptions import ChannelClosedByBroker

from nightcrew.shared.bus.connection import CONNECT_FAULTS
from nightcrew.shared.bus.errors import BusUnavailable, TopologyError
from nightcrew.shared.bus.faults import in_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from pika.adapters.blocking_connection import BlockingChannel

    from nightcrew.shared.bus.settings import RabbitSettings
    from nightcrew.shared.bus.topology import Topology

IMPORT = "import deploy/rabbitmq/definitions.json into the broker"
NOT_FOUND, PRECONDITION_FAILED = 404, 406


def declare(settings: RabbitSettings, topology: Topology) -> None:
    """Make exchanges, queues and bindings that are not there yet.

    Raises
    ------
    TopologyError
        If one is there but is not as it should be.
    BusUnavailable
        If the broker cannot be reached.
    """
    steps: list[tuple[str, Callable[[BlockingChannel], object]]] = []
    for exchange in topology.exchanges:
        name = topology.physical(exchange.name)
        steps.append((f"exchange {name!r}", _exchange(name, exchange.kind, dict(exchange.arguments))))
    for queue in topology.queues:
        name = topology.physical(queue.name)
        steps.append((f"queue {name!r}", _queue(name, dict(queue.arguments))))
    for binding in topology.bindings:
        name, source = topology.physical(binding.queue), topology.physical(binding.exchange)
        steps.append((f"binding of {name!r} to {source!r}", _binding(name, source, binding.key)))
    _raise_for(_tried(settings, steps))


def check(settings: RabbitSettings, topology: Topology) -> None:
    """See whether exchanges and queues are there, without making any; needs no permission.

    Raises
    ------
    TopologyError
        That names all that are missing.
    BusUnavailable
        If the broker cannot be reached.
    """
    steps: list[tuple[str, Callable[[BlockingChannel], object]]] = []
    for exchange in topology.exchanges:
        name = topology.physical(exchange.name)
        steps.append((f"exchange {name!r}", _exchange(name, exchange.kind, None, passive=True)))
    for queue in topology.queues:
        name = topology.physical(queue.name)
        steps.append((f"queue {name!r}", _queue(name, None, passive=True)))
    _raise_for(_tried(settings, steps))


def _exchange(
    name: str, kind: str, arguments: dict[str, object] | None, *, passive: bool = False
) -> Callable[[BlockingChannel], object]:
    return lambda channel: channel.exchange_declare(name, kind, durable=True, arguments=arguments, passive=passive)


def _queue(
    name: str, arguments: dict[str, object] | None, *, passive: bool = False
) -> Callable[[BlockingChannel], object]:
    return lambda channel: channel.queue_declare(name, durable=True, arguments=arguments, passive=passive)


def _binding(queue: str, exchange: str, key: str) -> Callable[[BlockingChannel], object]:
    return lambda channel: channel.queue_bind(queue, exchange, key)


def _tried(settings: RabbitSettings, steps: list[tuple[str, Callable[[BlockingChannel], object]]]) -> list[str]:
    """Take every step, on a new channel after each that failed; return the faults."""
    faults = []
    try:
        connection = pika.BlockingConnection(settings.parameters())
        try:
            channel = connection.channel()
            for what, step in steps:
                try:
                    step(channel)
                except ChannelClosedByBroker as error:
                    faults.append(_fault(what, error))
                    channel = connection.channel()
        finally:
            if connection.is_open:
                connection.close()
    except CONNECT_FAULTS as error:
        raise BusUnavailable(in_words(settings.address, error)) from error
    return faults


def _fault(what: str, error: ChannelClosedByBroker) -> str:
    if error.reply_code == NOT_FOUND:
        return f"{what} is missing"
    if error.reply_code == PRECONDITION_FAILED:
        _, _, difference = error.reply_text.partition(" - ")
        return f"{what} is another one ({difference or error.reply_text}): delete it when it is empty"
    return f"{what}: {error.reply_code} {error.reply_text}"


def _raise_for(faults: list[str]) -> None:
    if faults:
        raise TopologyError(f"{'; '.join(faults)}; {IMPORT}")
