"""Parts of a service, each in a thread of its own."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nightcrew.shared.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True)
class Parts:
    """Threads that end together: one that ends by itself ends the whole service, which says which it was.

    Parameters
    ----------
    service
        Whose parts they are, for messages.
    stop
        Ends them all; set as well when one of them ends by itself.
    """

    service: str
    stop: threading.Event
    failed: str = field(default="", init=False)
    _threads: list[threading.Thread] = field(default_factory=list, init=False)

    def start(self, name: str, work: Callable[[], object]) -> None:
        """Start a part; the interpreter does not wait for one that hangs."""

        def guarded() -> None:
            try:
                work()
            finally:
                if not self.stop.is_set():
                    remedy = f"see the log, and start {self.service} again"
                    self.failed = f"the part {name!r} has ended by itself; {remedy}"
                self.stop.set()

        thread = threading.Thread(target=guarded, name=f"{self.service}-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def join(self, seconds: float) -> tuple[str, ...]:
        """Wait for all parts together, at most so long; return the names of the threads that have not ended.

        Raises
        ------
        ServiceError
            If a part ended although nobody had told it to.
        """
        end = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(end - time.monotonic(), 0))
        if self.failed:
            raise ServiceError(self.failed)
        return tuple(thread.name for thread in self._threads if thread.is_alive())
