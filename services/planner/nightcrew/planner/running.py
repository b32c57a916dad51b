"""The planner and the broker: they hear from and tell one another in threads of their own.

Looking, deadlines and leases need the database only.  A broker that is away, or takes connections and hangs, costs the
planner news, and reducers theirs; nothing else waits for it.
"""

from __future__ import annotations

import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from nightcrew.planner.listening import Listener
from nightcrew.shared.parts import Parts
from nightcrew.shared.relaying import Relay

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nightcrew.planner.service import PlannerService
    from nightcrew.shared.bus import Bus

END = 5.0
"""Seconds that the threads have to end: a broker that hangs then is not waited for."""


@contextmanager
def in_touch(service: PlannerService, listening: Bus, telling: Bus) -> Iterator[None]:
    """Hear and tell while the block runs; what the block leaves to be told is told after it.

    Parameters
    ----------
    service
        The planner; ends with the block, and the block with it.
    listening, telling
        Two buses, made with the service's `stop`; closed at the end, each by the thread that uses it.

    Raises
    ------
    ServiceError
        If one of the two threads ended by itself.
    """
    over = threading.Event()
    watcher = service.watcher
    listener = Listener(
        listening,
        service.news,
        trouble=lambda reason: watcher.trouble("broker", reason),
        well=lambda: watcher.over("broker"),
        stop=service.stop,
    )
    relay = Relay(
        service.database,
        telling,
        trouble=lambda _, reason: watcher.trouble("relay", reason),
        passed=lambda: watcher.over("relay"),
    )

    def listen() -> None:
        with closing(listening):
            listener.run()

    def tell() -> None:
        with closing(telling):
            relay.run(over)

    parts = Parts("planner", service.stop)
    parts.start("listener", listen)
    parts.start("relay", tell)
    try:
        yield
    finally:
        service.stop.set()
        over.set()
        telling.wake()
        parts.join(END)
