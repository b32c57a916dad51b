"""A reducer's log and numbers."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from nightcrew.reducer.worker.endings import Concluded, Crashed, Ending, HandedBack, NotBegun, Overtaken
from nightcrew.shared.outcomes import Status

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.reducer.worker.metrics import Metrics
    from nightcrew.reducer.worker.retaining import Cleaned
    from nightcrew.reducer.worker.wire import Begun, Ended, Ready, Said
    from nightcrew.shared.ledger.records import Claim
    from nightcrew.shared.ledger.retries import Decision
    from nightcrew.shared.telemetry import Pulse

LOOK = 10.0
"""Seconds between two looks at the free space."""


@dataclass(slots=True)
class Journal:
    """Counts, and writes lines; see `Watcher`.

    Parameters
    ----------
    metrics
        The numbers.
    pulse
        Is kept up to date.
    disk
        Directory whose free space is measured.
    """

    metrics: Metrics
    pulse: Pulse
    disk: Path
    log: structlog.stdlib.BoundLogger = field(default_factory=lambda: structlog.stdlib.get_logger("nightcrew.reducer"))
    _at_work: list[str] = field(default_factory=list)
    _next: float = 0.0

    def warm(self, ready: Ready) -> None:
        """Note that a child is warm."""
        self.metrics.warm(ready)
        self.pulse.waits_for = ""
        self.log.info("a process for jobs is warm", seconds=round(ready.seconds, 2))

    def refused(self, job: str, reason: str) -> None:
        """Note a message whose job is not to be run now."""
        self.log.info("job not taken", job=job, reason=reason)

    def claimed(self, claim: Claim, waited: float | None) -> None:
        """Note a job that is taken up."""
        self._at_work.clear()
        self.metrics.claimed(claim, waited)
        self.log.info("job taken", **_about(claim), waited=waited and round(waited, 2))

    def begun(self, claim: Claim, primitive: Begun) -> None:
        """Note that a primitive begins."""
        self._at_work.append(primitive.primitive)
        self.log.debug("primitive", job=str(claim.job.id), primitive=primitive.primitive, frames=primitive.frames)

    def ended(self, claim: Claim, primitive: Ended) -> None:
        """Note that a primitive has ended."""
        if self._at_work:
            self._at_work.pop()
        self.metrics.ended(claim, primitive)

    def said(self, claim: Claim, said: Said) -> None:
        """Note a remark or a warning of the recipe."""
        write = self.log.warning if said.event == "warning" else self.log.debug
        write(said.text, job=str(claim.job.id))

    def settled(self, claim: Claim, ending: Ending, decision: Decision | None, seconds: float) -> None:
        """Note how an attempt ended."""
        at_work = self._at_work[-1] if self._at_work else ""
        self.metrics.done(claim, ending, seconds, at_work)
        about = {**_about(claim), "seconds": round(seconds, 3), "then": type(decision).__name__ if decision else None}
        match ending:
            case Concluded(outcome, made) if outcome.ok:
                self.log.info("job done", **about, products=[one.name for one in made])
            case Concluded(outcome, record=record):
                severe = self.log.error if outcome.status is Status.FAILED else self.log.warning
                severe("job came to no product", **about, status=str(outcome.status), reason=outcome.reason)
                if record.get("trace"):
                    self.log.error("a defect", job=str(claim.job.id), trace=record["trace"])
            case Crashed(reason):
                self.log.error("job killed its process", **about, reason=reason, primitive=at_work)
            case Overtaken(reason):
                self.log.warning("job thrown away", **about, reason=reason)
            case HandedBack(reason) | NotBegun(reason):
                self.log.info("job handed back", **about, reason=reason)

    def swept(self, finished: int, discarded: int) -> None:
        """Note what was found of dead attempts."""
        if finished or discarded:
            self.log.info("dead attempts seen to", finished=finished, discarded=discarded)

    def cleaned(self, cleaned: Cleaned) -> None:
        """Note what was removed of old products and attempts."""
        self.metrics.cleaned(cleaned)
        self.log.info(
            "old products removed",
            superseded=cleaned.superseded,
            megabytes=round(cleaned.size / 1e6, 1),
            abandoned=cleaned.abandoned,
        )

    def trouble(self, what: str, reason: str) -> None:
        """Note what keeps the reducer from working."""
        self.log.warning(what, reason=reason)

    def beat(self) -> None:
        """Note that the loop goes round."""
        self.pulse.beat()
        now = time.monotonic()
        if now >= self._next:
            self._next = now + LOOK
            try:
                self.metrics.free(shutil.disk_usage(self.disk).free)
            except OSError as error:
                self.trouble("disk", str(error))


def _about(claim: Claim) -> dict[str, object]:
    name = claim.job.request.get("name")
    return {"job": str(claim.job.id), "attempt": claim.attempt, "recipe": claim.job.recipe, "name": name}
