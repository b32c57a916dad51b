"""What a reducer counts and measures; children report over their pipes, so there is one registry, in the parent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram, Summary

from nightcrew.reducer.worker.endings import Concluded, Crashed, Ending, HandedBack, NotBegun, Overtaken
from nightcrew.reducer.worker.store_metrics import StoreMetrics
from nightcrew.shared.outcomes import Status
from nightcrew.shared.telemetry import BusMetrics, exposition, instrument_label, new_registry
from nightcrew.shared.telemetry.registry import OTHER

if TYPE_CHECKING:
    from nightcrew.reducer.worker.retaining import Cleaned
    from nightcrew.reducer.worker.wire import Ended, Ready
    from nightcrew.shared.ledger.records import Claim

SERVICE = "reducer"
ENDS = (*(str(status) for status in Status), "crash", "lost", "released")
"""How attempts end: with an outcome, or without."""
_JOB = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200)
_MESSAGE = (1, 10, 60, 600, 3600)
REMOVED = ("superseded", "abandoned")
"""Why products were removed: a later one took their place, or their attempt did not count."""
FURTHER = ("crash", "lost", str(Status.RETRYABLE))
"""Ends after which a job is tried again."""


class Metrics:
    """The metrics of one reducer, in a registry of their own; `bus` observes its bus, `store` the store of products.

    Parameters
    ----------
    queue
        The one that is consumed.

    Notes
    -----
    Labels are closed sets: recipes are those that the children know, all others count as `other`.  A recipe is counted
    for from the claim of its first job, with 0 for every end: a reducer of one class meets few of them.
    """

    def __init__(self, queue: str) -> None:
        self.registry = new_registry(SERVICE)
        self.bus = BusMetrics(self.registry, SERVICE, [queue])
        self.store = StoreMetrics(self.registry)
        self._queue = queue
        self._recipes: frozenset[str] = frozenset()
        self._message_seconds = self._histogram(
            "nightcrew_message_duration_seconds", "Time from a claim to its end", _MESSAGE, "service", "queue"
        )
        self._in_progress = self._gauge("nightcrew_messages_in_progress", "Messages in hand", "service", "queue")
        self._jobs = self._counter("nightcrew_jobs_total", "Attempts at jobs", "instrument", "recipe", "outcome")
        self._job_seconds = self._histogram("nightcrew_job_duration_seconds", "Time of an attempt", _JOB, "recipe")
        self._waits = self._histogram(
            "nightcrew_job_queue_wait_seconds", "Time that a job was queued for", _JOB, "queue"
        )
        self._attempts = self._counter(
            "nightcrew_job_attempts_total", "Attempts that a job needed beyond the first, by why", "recipe", "reason"
        )
        self._primitive_seconds = Summary(
            "nightcrew_primitive_duration_seconds", "CPU time of a primitive", ("recipe", "primitive"),
            registry=self.registry,
        )  # fmt: skip
        self._primitive_failures = self._counter(
            "nightcrew_primitive_failures_total", "Primitives that did not come to their end", "recipe", "primitive"
        )
        self._peak = self._gauge("nightcrew_job_peak_rss_bytes", "Largest resident size of the last job", "recipe")
        self._cpu = self._counter("nightcrew_job_cpu_seconds_total", "CPU time of jobs", "recipe")
        self._busy = self._gauge("nightcrew_worker_busy", "Whether a job is being done")
        self._free = self._gauge("nightcrew_scratch_free_bytes", "Free space where products are written")
        self._removed = self._counter(
            "nightcrew_products_removed_total", "Products removed after later ones superseded them, or with attempts "
            "that did not count", "reason"
        )  # fmt: skip
        self._removed_bytes = self._counter(
            "nightcrew_products_removed_bytes_total", "Bytes of products removed after later ones superseded them"
        )
        for reason in REMOVED:
            self._removed.labels(reason)
        self._recycled = self._counter("nightcrew_worker_children_total", "Children that became warm")
        self._in_progress.labels(SERVICE, queue)
        self._message_seconds.labels(SERVICE, queue)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(name, text, labels, buckets=buckets, registry=self.registry)

    def warm(self, ready: Ready) -> None:
        """Count a child, and learn which recipes it knows."""
        self._recipes |= frozenset(ready.recipes)
        self._recycled.inc()

    def claimed(self, claim: Claim, waited: float | None) -> None:
        """Note that a job is taken up, and begin to count for its recipe."""
        recipe, instrument = self._recipe(claim), instrument_label(claim.job.instrument)
        for end in ENDS:
            self._jobs.labels(instrument, recipe, end)
        for reason in FURTHER:
            self._attempts.labels(recipe, reason)
        self._cpu.labels(recipe)
        self._busy.set(1)
        self._in_progress.labels(SERVICE, self._queue).set(1)
        if waited is not None:
            self._waits.labels(self._queue).observe(max(waited, 0.0))

    def ended(self, claim: Claim, primitive: Ended) -> None:
        """Note the time of a primitive."""
        self._primitive_seconds.labels(self._recipe(claim), primitive.primitive).observe(primitive.seconds)

    def done(self, claim: Claim, ending: Ending, seconds: float, at_work: str) -> None:
        """Note the end of an attempt; `at_work` is the primitive that did not come to its end."""
        recipe = self._recipe(claim)
        instrument = instrument_label(claim.job.instrument)
        end = _end(ending)
        self._busy.set(0)
        self._in_progress.labels(SERVICE, self._queue).set(0)
        self._jobs.labels(instrument, recipe, end).inc()
        self._job_seconds.labels(recipe).observe(seconds)
        self._message_seconds.labels(SERVICE, self._queue).observe(seconds)
        if end in FURTHER:
            self._attempts.labels(recipe, end).inc()
        if at_work and end not in (str(Status.SUCCEEDED), "released"):
            self._primitive_failures.labels(recipe, at_work).inc()
        if isinstance(ending, Concluded | Crashed):
            self._cpu.labels(recipe).inc(ending.usage.cpu_seconds)
            self._peak.labels(recipe).set(ending.usage.peak_rss)

    def cleaned(self, cleaned: Cleaned) -> None:
        """Count what was removed of old products and attempts."""
        self._removed.labels("superseded").inc(cleaned.superseded)
        self._removed.labels("abandoned").inc(cleaned.abandoned)
        self._removed_bytes.inc(cleaned.size)

    def free(self, size: int) -> None:
        """Note the free space."""
        self._free.set(size)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return exposition(self.registry)

    def _recipe(self, claim: Claim) -> str:
        return claim.job.recipe if claim.job.recipe in self._recipes else OTHER


def _end(ending: Ending) -> str:
    match ending:
        case Concluded(outcome):
            return str(outcome.status)
        case Crashed():
            return "crash"
        case Overtaken():
            return "lost"
        case HandedBack() | NotBegun():
            return "released"
