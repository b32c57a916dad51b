"""A bus for a reducer that takes jobs of all classes: on one machine a reducer for each would be too many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nightcrew.shared.messages import JobClass

if TYPE_CHECKING:
    from nightcrew.shared.bus import Bus, Consumer, Publication
    from nightcrew.shared.bus.protocol import Lost
    from nightcrew.shared.messages import Message, Route


@dataclass(frozen=True, slots=True)
class AllClasses:
    """Another bus, but for whoever consumes the queue of one class of jobs, which gets those of all.

    Parameters
    ----------
    bus
        The other bus.
    """

    bus: Bus

    def publish(self, message: Message, route: Route | None = None) -> Publication:
        """Publish a message."""
        return self.bus.publish(message, route)

    def consume(self, *queues: str, tick: float = 1.0) -> Consumer:  # noqa: ARG002 (whichever they are)
        """Take from the queues of all classes, one job of them all at a time."""
        return self.pull(*(f"reduce.{one}" for one in JobClass), tick=tick)

    def pull(self, *queues: str, tick: float = 1.0) -> Consumer:
        """Take from several queues in turn."""
        return self.bus.pull(*queues, tick=tick)

    def pump(self, seconds: float) -> Lost | None:
        """Serve the connections for a while."""
        return self.bus.pump(seconds)

    def wake(self) -> None:
        """End a `pump`."""
        self.bus.wake()

    def close(self) -> None:
        """Close the connections."""
        self.bus.close()
