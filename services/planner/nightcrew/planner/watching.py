"""The ledger read every few seconds, for the metrics: in a thread of its own, so that planning never waits for it."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from nightcrew.shared.errors import ServiceError
from nightcrew.shared.ledger import conservation, gauging

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nightcrew.planner.metrics import Metrics
    from nightcrew.shared.database import Database
    from nightcrew.shared.ledger.gauging import Place
    from nightcrew.shared.ledger.outbox import Pending

EVERY = 10.0
"""Seconds between two looks at what is open."""
BALANCE = 300.0
"""Seconds between two looks whether everything is accounted for, which read whole tables."""


@dataclass(slots=True)
class StateWatch:
    """Reads the ledger for the metrics.

    Parameters
    ----------
    database
        Holds the ledger.
    metrics
        Where the numbers go.
    waiting
        Is told what waits to be published.
    clock
        Seconds that only go forward.
    """

    database: Database
    metrics: Metrics
    waiting: Callable[[Pending], object] = lambda _: None
    clock: Callable[[], float] = time.monotonic
    _place: Place = field(default_factory=lambda: (datetime.now(UTC), UUID(int=0)))
    _balance_at: float = 0.0

    def look(self) -> None:
        """Read once; a database that does not answer is trouble, and is read at the next turn."""
        try:
            with self.database.begin() as connection:
                now = gauging.standing(connection)
                looks, place = gauging.quick_looks_since(connection, self._place)
            self.metrics.stands(now)
            self.waiting(now.outbox)
            self.metrics.quick_looks(looks)
            self._place = place
            if self.clock() >= self._balance_at:
                with self.database.begin() as connection:
                    self.metrics.balanced(conservation.check(connection, 1))
                self._balance_at = self.clock() + BALANCE
        except ServiceError as error:
            self.metrics.trouble("state", str(error))


@contextmanager
def watching(watch: StateWatch, every: float = EVERY) -> Iterator[None]:
    """Read the ledger again and again while the block runs."""
    over = threading.Event()

    def turns() -> None:
        while not over.is_set():
            watch.look()
            over.wait(every)

    thread = threading.Thread(target=turns, name="state", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
