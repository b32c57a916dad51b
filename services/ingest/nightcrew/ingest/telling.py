"""The log of ingest: a line for each frame and each file that cannot be used, and how far a crowd of files has come."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from nightcrew.ingest.core.naming import printable
from nightcrew.shared.ledger import ArrivalState

if TYPE_CHECKING:
    from collections.abc import Callable

    from nightcrew.ingest.metrics import Metrics
    from nightcrew.ingest.recording import Recorded
    from nightcrew.ingest.watching import Polled

PROGRESS = 10.0
"""Seconds between two lines about how far a crowd of files has come."""
REPEATED = 60.0
"""Seconds for which the same trouble is not told again."""


@dataclass(slots=True)
class Teller:
    """Tells the log and the metrics what ingest does, and knows when it was heard last.

    Parameters
    ----------
    metrics
        Who counts.
    clock
        Seconds that only go forward.
    """

    metrics: Metrics
    clock: Callable[[], float] = time.monotonic
    heard: float = field(init=False)
    _log: structlog.stdlib.BoundLogger = field(init=False)
    _counts: dict[str, int] = field(default_factory=dict, init=False)
    _progress: float = field(init=False)
    _told: dict[str, float] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._log = structlog.stdlib.get_logger("nightcrew.ingest")
        self.heard = self._progress = self.clock()

    def recorded(self, one: Recorded, seconds: float) -> None:
        """Tell how a file has ended."""
        self.heard = self.clock()
        self.metrics.recorded(one, seconds)
        self._counts[one.state] = self._counts.get(one.state, 0) + 1
        path = printable(one.path)
        match one.state:
            case ArrivalState.ACCEPTED if one.frame is not None:
                frame = one.frame
                self._log.info(
                    "accepted",
                    file=frame.name,
                    frame=one.frame_id,
                    instrument=frame.instrument,
                    kind=frame.kind,
                    night=frame.night.isoformat(),
                )
            case ArrivalState.QUARANTINED:
                self._log.warning("quarantined", path=path, code=one.code, reason=one.reason)
            case _:
                self._log.info(str(one.state), path=path, frame=one.frame_id, reason=one.reason)
        if self.heard - self._progress >= PROGRESS:
            self._progress = self.heard
            self._log.info("progress", **self._counts)

    def unfinished(self, path: str, reason: str) -> None:
        """Tell that a file is cut short."""
        self.heard = self.clock()
        self._log.debug("unfinished", path=printable(path), reason=reason)

    def polled(self, polled: Polled) -> None:
        """Note that ingest is alive; tell how a crowd of files has ended."""
        self.heard = self.clock()
        self.metrics.polled(polled)
        if self._counts:
            self._log.info("polled", files=polled.files, settling=polled.settling, **self._counts)
        self._counts.clear()
        self._progress = self.heard

    def trouble(self, what: str, reason: str) -> None:
        """Tell what failed, the same not more often than once a minute."""
        now = self.heard = self.clock()
        self.metrics.trouble(what, reason)
        if now - self._told.get(reason, -REPEATED) >= REPEATED:
            self._told = {line: at for line, at in self._told.items() if now - at < REPEATED} | {reason: now}
            self._log.warning("trouble", what=what, reason=reason)
