"""How long a reducer goes on that has been told to stop."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threading import Event


@dataclass(slots=True)
class Patience:
    """Some seconds from the moment when the event is first seen to be set.

    Parameters
    ----------
    stop
        The event.
    seconds
        How many.
    """

    stop: Event
    seconds: float
    _since: float | None = None

    def over(self) -> bool:
        """Whether they are over; to be asked often."""
        if not self.stop.is_set():
            return False
        if self._since is None:
            self._since = time.monotonic()
        return time.monotonic() - self._since >= self.seconds
