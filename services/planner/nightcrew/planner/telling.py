"""What the planner does, as lines of the log: one for each event, with night and instrument."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from datetime import date

    from nightcrew.planner.housekeeping import Kept
    from nightcrew.planner.looked import Looked


@dataclass(slots=True)
class LogWatcher:
    """Writes what happened; trouble that goes on is told once, and once more when it is over."""

    log: structlog.stdlib.BoundLogger = field(default_factory=lambda: structlog.stdlib.get_logger("nightcrew.planner"))
    _troubles: dict[str, str] = field(default_factory=dict)

    def looked(self, night: date, instrument: str, looked: Looked, seconds: float) -> None:
        """Note a look at a night."""
        log = self.log.bind(night=str(night), instrument=instrument)
        for name in looked.opened:
            log.info("group opened", group=name)
        for name, reason in looked.closed:
            log.info("group closed", group=name, reason=reason)
        for name in looked.submitted:
            log.info("job submitted", group=name)
        for name in looked.quick_looks:
            log.info("quick look submitted", frame=name)
        for name in looked.ended:
            log.info("group ended", group=name)
        log.debug("looked", seconds=round(seconds, 3))
        self.over("database")
        if not looked.unasked:
            self.over("calibrations")

    def kept(self, kept: Kept) -> None:
        """Note a round of housekeeping."""
        for job_id, decision in kept.reaped:
            self.log.warning("lease expired", job=str(job_id), decision=type(decision).__name__, reason=decision.reason)
        for job_id in kept.retried:
            self.log.info("job queued again", job=str(job_id))
        for job_id in kept.repeated:
            self.log.warning("job announced again", job=str(job_id))

    def trouble(self, what: str, reason: str) -> None:
        """Note something that failed and will be tried again."""
        if self._troubles.get(what) != reason:
            self._troubles[what] = reason
            self.log.warning("trouble", what=what, reason=reason)

    def over(self, what: str) -> None:
        """Note that something goes well; told once, if it had failed."""
        if self._troubles.pop(what, None):
            self.log.info("trouble is over", what=what)
