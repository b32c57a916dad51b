"""What is told of the work of ingest to whoever counts, logs or shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from nightcrew.ingest.recording import Recorded


@dataclass(frozen=True, slots=True)
class Polled:
    """What one look at the directories came to.

    Parameters
    ----------
    files
        How many there are that go by the name of a frame.
    settling
        How many of them have not come to their end.
    recorded
        Those that did.
    gone
        Paths at which a file vanished before it was whole.
    trouble
        What failed and will be tried again, a line each.
    """

    files: int = 0
    settling: int = 0
    recorded: tuple[Recorded, ...] = ()
    gone: tuple[str, ...] = ()
    trouble: tuple[str, ...] = ()


class Watcher(Protocol):
    """Is told what ingest does; must return at once and not raise."""

    def recorded(self, one: Recorded, seconds: float) -> None:
        """A file has come to its end, so many seconds after it was seen first."""

    def unfinished(self, path: str, reason: str) -> None:
        """A file is cut short; it is looked into again."""

    def polled(self, polled: Polled) -> None:
        """A look at the directories has ended."""

    def trouble(self, what: str, reason: str) -> None:
        """Something failed, and will be tried again."""


class Unwatched:
    """A watcher that lets everything pass."""

    def recorded(self, one: Recorded, seconds: float) -> None:
        """Ignore it."""

    def unfinished(self, path: str, reason: str) -> None:
        """Ignore it."""

    def polled(self, polled: Polled) -> None:
        """Ignore it."""

    def trouble(self, what: str, reason: str) -> None:
        """Ignore it."""
