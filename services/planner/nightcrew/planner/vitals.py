"""Whether the planner lives and works, and what it lacks."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from nightcrew.planner.housekeeping import Kept
    from nightcrew.planner.looked import Looked
    from nightcrew.planner.service import Watcher
    from nightcrew.shared.ledger.outbox import Pending
    from nightcrew.shared.telemetry import Pulse

LATE = 60.0
"""Seconds after which a message that nobody has published tells that the broker takes none."""
_ELSEWHERE = frozenset({"broker", "relay"})
"""What other threads than the loop tell of: no sign that the loop goes round."""


@dataclass(slots=True)
class Vitals:
    """A `Watcher` that tells others, and keeps a pulse: the planner is ready once it has kept house and hears news.

    Parameters
    ----------
    pulse
        Is kept.
    others
        Are told as well.
    """

    pulse: Pulse
    others: tuple[Watcher, ...]
    _lacks: dict[str, str] = field(default_factory=lambda: {"database": "the database", "broker": "the broker"})
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._lack("database", "the database")

    def looked(self, night: date, instrument: str, looked: Looked, seconds: float) -> None:
        """Note a look at a night."""
        self.pulse.beat()
        for other in self.others:
            other.looked(night, instrument, looked, seconds)

    def kept(self, kept: Kept) -> None:
        """Note a round of housekeeping."""
        self.pulse.beat()
        self._lack("database", "")
        for other in self.others:
            other.kept(kept)

    def trouble(self, what: str, reason: str) -> None:
        """Note something that failed; without database or broker the planner is not ready."""
        if what in _ELSEWHERE:
            self._lack(what, f"the {what} ({reason})")
        else:
            self.pulse.beat()
        if what == "database":
            self._lack(what, "the database")
        for other in self.others:
            other.trouble(what, reason)

    def over(self, what: str) -> None:
        """Note that something goes well."""
        if what in _ELSEWHERE:
            self._lack(what, "")
        for other in self.others:
            other.over(what)

    def waiting(self, outbox: Pending) -> None:
        """Note what waits to be published, whoever is to do that."""
        late = outbox.oldest_seconds >= LATE
        told = f"{outbox.messages} messages to be published, the oldest for {outbox.oldest_seconds:.0f} s"
        self._lack("outbox", told if late else "")

    def _lack(self, what: str, told: str) -> None:
        with self._lock:
            if told:
                self._lacks[what] = told
            else:
                self._lacks.pop(what, None)
            self.pulse.waits_for = "; ".join(dict.fromkeys(self._lacks.values()))
