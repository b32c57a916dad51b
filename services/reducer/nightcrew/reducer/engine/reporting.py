"""What a run tells while it works."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


class Reporter(Protocol):
    """Listens to a run: a log, a progress bar, a metrics exporter."""

    def enter(self, primitive: str, level: int, frames: int) -> None:
        """Note that a primitive starts on so many frames; `level` counts the primitives around it."""

    def advance(self, primitive: str, level: int, done: int, frames: int) -> None:
        """Note that `done` of the frames are finished."""

    def leave(self, primitive: str, level: int, seconds: float) -> None:
        """Note that a primitive ended, after so many seconds of CPU time."""

    def info(self, text: str, level: int) -> None:
        """Note something that a user may want to read."""

    def warning(self, text: str, level: int) -> None:
        """Note something that a user should read."""


class Silent:
    """Tells nobody anything."""

    def enter(self, primitive: str, level: int, frames: int) -> None:
        """Ignore."""

    def advance(self, primitive: str, level: int, done: int, frames: int) -> None:
        """Ignore."""

    def leave(self, primitive: str, level: int, seconds: float) -> None:
        """Ignore."""

    def info(self, text: str, level: int) -> None:
        """Ignore."""

    def warning(self, text: str, level: int) -> None:
        """Ignore."""


@dataclass(slots=True)
class Ledger:
    """CPU seconds by primitive, those of the primitives that it calls included, and the warnings of a run."""

    seconds: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def charge(self, primitive: str, seconds: float) -> None:
        """Add CPU time to a primitive."""
        self.seconds[primitive] = self.seconds.get(primitive, 0.0) + seconds
