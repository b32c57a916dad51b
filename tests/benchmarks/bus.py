"""How many messages a second one service publishes, and another takes and acknowledges.

usage: PYTHONPATH=tests python -m benchmarks.bus [NUMBER]
"""

from __future__ import annotations

import sys
from threading import Event
from time import perf_counter
from typing import TYPE_CHECKING

from nightcrew.shared.bus import Published, Topology
from nightcrew.shared.bus.memory import MemoryBus
from nightcrew.shared.bus.memory_broker import MemoryBroker
from nightcrew.shared.bus.rabbit import RabbitBus
from nightcrew.shared.bus.settings import RabbitSettings
from support.buses import rabbit_site
from support.examples_messages import job

if TYPE_CHECKING:
    from nightcrew.shared.bus import Bus


def rates(bus: Bus, number: int) -> tuple[float, float, float]:
    """Return confirmed publications a second, settled deliveries a second, and milliseconds from one to the other."""
    start = perf_counter()
    for _ in range(number):
        assert bus.publish(job()) == Published()
    published = perf_counter() - start
    with bus.consume("reduce.realtime") as consumer:
        start = perf_counter()
        for _ in range(number):
            delivery = next(consumer)
            assert delivery is not None
            delivery.ack()
        consumed = perf_counter() - start
        start = perf_counter()
        for _ in range(number // 10):
            bus.publish(job())
            delivery = next(consumer)
            assert delivery is not None
            delivery.ack()
        there = (perf_counter() - start) / (number // 10)
    return number / published, number / consumed, 1000 * there


def main() -> None:
    """Print the rates of both buses."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    print(f"{number} messages   published/s  consumed/s  there, ms")
    memory = MemoryBus(MemoryBroker(Topology.load()), stop=Event())
    print("memory          {:11.0f} {:11.0f} {:10.2f}".format(*rates(memory, number)))
    with rabbit_site(RabbitSettings.load().url(), Topology.load()) as site:
        bus = RabbitBus(site.settings, site.topology, stop=Event())
        print("RabbitMQ        {:11.0f} {:11.0f} {:10.2f}".format(*rates(bus, number)))
        bus.close()


if __name__ == "__main__":
    main()
