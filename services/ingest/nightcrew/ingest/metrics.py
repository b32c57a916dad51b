"""What ingest counts and measures; names and labels as operators look for them.

What waits in the outbox is a state of the suite and told by the planner, so that there is one series of it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram

from nightcrew.ingest.core.kinds import KINDS
from nightcrew.shared.ledger import ArrivalState
from nightcrew.shared.messages import EVENTS
from nightcrew.shared.telemetry import BusMetrics, FrameLatency, Stage, exposition, instrument_label, new_registry
from nightcrew.shared.telemetry.registry import INSTRUMENTS, OTHER

if TYPE_CHECKING:
    from nightcrew.ingest.recording import Recorded
    from nightcrew.ingest.watching import Polled
    from nightcrew.shared.ledger.records import NewFrame

SERVICE = "ingest"
OUTCOMES = ("accepted", "duplicate", "incomplete", "quarantined")
READ = ("accepted", "duplicate")
"""Of files that were read: whose frames they are is known only then."""
INCOMPLETE = frozenset({"empty", "truncated", "compressed_stream_damaged"})
"""Codes of files that were never whole."""
TROUBLES = ("files", "database", "relay")
_SETTLE = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)
_SIZES = tuple(2.0**20 * size for size in (1, 4, 16, 64, 256, 2048))


class Metrics:
    """The metrics of ingest, in a registry of their own; a `Watcher` of its work.

    Notes
    -----
    Every combination of labels that can occur is there from the start, with 0, so that rates and absences can be
    told; histograms begin with what they first measure.
    """

    def __init__(self) -> None:
        self.registry = new_registry(SERVICE)
        self.bus = BusMetrics(self.registry, SERVICE, (), (EVENTS,))
        self._latency = FrameLatency(self.registry, (Stage.INGESTED,))
        self._frames = self._counter(
            "nightcrew_frames_total", "Files that have come to their end", "instrument", "frame_type", "outcome"
        )
        self._settle = self._histogram(
            "nightcrew_ingest_settle_seconds", "Time from the first sight of a file to its end", _SETTLE
        )
        self._size = self._histogram("nightcrew_frame_size_bytes", "Size of frames", _SIZES)
        self._last = self._gauge(
            "nightcrew_last_frame_timestamp_seconds", "When the last frame was recorded, Unix time", "instrument"
        )
        self._settling = self._gauge("nightcrew_ingest_settling", "Files that have not come to their end")
        self._files = self._gauge("nightcrew_ingest_files", "Files in the watched directories")
        self._polled = self._gauge("nightcrew_ingest_poll_timestamp_seconds", "Last look at the directories, Unix time")
        self._trouble = self._counter("nightcrew_ingest_trouble_total", "What failed and is tried again", "what")
        for what in TROUBLES:
            self._trouble.labels(what)
        for instrument in (*INSTRUMENTS, OTHER):
            self._last.labels(instrument)
            for kind in KINDS:
                for outcome in READ:
                    self._frames.labels(instrument, kind, outcome)
        for outcome in OUTCOMES:
            self._frames.labels(OTHER, OTHER, outcome)

    def recorded(self, one: Recorded, seconds: float) -> None:
        """Count a file that has come to its end."""
        instrument, kind = (instrument_label(one.frame.instrument), one.frame.kind) if one.frame else (OTHER, OTHER)
        outcome = "incomplete" if one.code in INCOMPLETE else str(one.state)
        self._frames.labels(instrument, kind, outcome).inc()
        self._settle.labels(instrument).observe(seconds)
        if one.frame is not None and one.state is ArrivalState.ACCEPTED:
            now = datetime.now(UTC)
            self._size.labels(instrument).observe(one.frame.size)
            self._last.labels(instrument).set(now.timestamp())
            self._latency.note(one.frame.instrument, kind, Stage.INGESTED, closed(one.frame), now)

    def unfinished(self, path: str, reason: str) -> None:
        """Ignore it: it is counted when it ends."""

    def polled(self, polled: Polled) -> None:
        """Note what is there."""
        self._settling.set(polled.settling)
        self._files.set(polled.files)
        self._polled.set(datetime.now(UTC).timestamp())

    def trouble(self, what: str, reason: str) -> None:  # noqa: ARG002 - the log has the reason
        """Count what failed."""
        self._trouble.labels(what).inc()

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return exposition(self.registry)

    def _gauge(self, name: str, what: str, *labels: str) -> Gauge:
        return Gauge(name, what, labels, registry=self.registry)

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(name, what, labels, registry=self.registry)

    def _histogram(self, name: str, what: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, what, ["instrument"], buckets=buckets, registry=self.registry)


def closed(frame: NewFrame) -> datetime | None:
    """Return when the shutter of a frame closed: start of the exposure + exposure time x coadds; None if unknown."""
    values = frame.facts.get("values", {})
    exposure, coadds = values.get("exposure_time"), values.get("coadds")
    if frame.ut_datetime is None or not isinstance(exposure, int | float):
        return None
    seconds = exposure * (coadds if isinstance(coadds, int | float) else 1)
    return frame.ut_datetime.replace(tzinfo=UTC) + timedelta(seconds=seconds)
