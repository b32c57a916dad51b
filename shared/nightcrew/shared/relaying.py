"""Publishing what was recorded: the outbox is the list of what is still to be told, the broker's word ends an entry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nightcrew.shared.bus import Published
from nightcrew.shared.errors import ServiceError
from nightcrew.shared.ledger import outbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from nightcrew.shared.bus import Bus
    from nightcrew.shared.database import Database
    from nightcrew.shared.messages import AnyMessage


def _untold(*_: str) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Relay:
    """Publishes what waits in the outbox, in a thread with a bus of its own: a broker that hangs keeps nobody else.

    Several relays share the work, those of other services among them.

    Parameters
    ----------
    database
        Holds the outbox.
    bus
        Takes the messages; whoever has recorded something wakes it.
    trouble
        Is told what failed, `relay` or `database`, and why.
    passed
        Is told of each pass that met no trouble.
    pace
        Seconds after which the outbox is looked at without being asked.
    """

    database: Database
    bus: Bus
    trouble: Callable[[str, str], object] = _untold
    passed: Callable[[], object] = _untold
    pace: float = 1.0

    def run(self, stop: Event) -> None:
        """Publish until `stop` is set, and then what is left."""
        while not stop.is_set():
            self.once()
            self.bus.pump(self.pace)
        self.once()

    def once(self) -> int:
        """Publish what waits, until nothing does or the broker does not take it; return how many messages that was."""
        total = 0
        try:
            while True:
                done = outbox.relay(self.database, self._publish)
                total += done.published
                if done.stopped:
                    self.trouble("relay", done.stopped)
                    return total
                if not done.published:
                    self.passed()
                    return total
        except ServiceError as error:
            self.trouble("database", str(error))
            return total

    def _publish(self, message: AnyMessage) -> str:
        publication = self.bus.publish(message)
        return "" if isinstance(publication, Published) else publication.reason
