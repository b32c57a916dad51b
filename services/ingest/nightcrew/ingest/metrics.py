"""What ingest counts and measures; names and labels as operators look for them."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

from nightcrew.ingest.core.kinds import KINDS, OTHER
from nightcrew.shared.association.reading import INSTRUMENTS
from nightcrew.shared.bus import PublishOutcome
from nightcrew.shared.ledger import ArrivalState
from nightcrew.shared.messages import EVENTS

if TYPE_CHECKING:
    from nightcrew.ingest.recording import Recorded
    from nightcrew.ingest.watching import Polled
    from nightcrew.shared.bus import DeliveryOutcome, Side
    from nightcrew.shared.ledger.outbox import Pending

SERVICE = "ingest"
OUTCOMES = ("accepted", "duplicate", "incomplete", "quarantined")
INCOMPLETE = frozenset({"empty", "truncated", "compressed_stream_damaged"})
"""Codes of files that were never whole."""
_SETTLE = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0)
_SIZES = tuple(2.0**20 * size for size in (0.25, 1, 2, 4, 8, 16, 32, 64, 128, 512, 2048))
_LATENCY = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 86400.0)


class Metrics:
    """The metrics of one service, in a registry of their own; told of its work, and of that of its bus.

    Notes
    -----
    Every combination of labels is there from the start, with 0, so that rates and absences can be told.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.up = False
        self._build()
        self._work()

    def _build(self) -> None:
        """Make what every service has."""
        build = Gauge(
            "nightcrew_build_info", "What runs here", ["service", "version", "revision"], registry=self.registry
        )
        build.labels(SERVICE, version("nightcrew-ingest"), "unknown").set(1)
        self._connected = self._gauge("nightcrew_amqp_connected", "Whether the broker is connected", "service")
        self._reconnects = self._counter("nightcrew_amqp_reconnects_total", "Attempts to connect again", "service")
        self._published = self._counter(
            "nightcrew_published_messages_total", "Messages published", "service", "exchange", "outcome"
        )
        self._pending = self._gauge("nightcrew_outbox_pending", "Messages that wait to be published")
        self._oldest = self._gauge("nightcrew_outbox_oldest_age_seconds", "Age of the oldest of them")
        self._connected.labels(SERVICE)
        self._reconnects.labels(SERVICE)
        for outcome in PublishOutcome:
            self._published.labels(SERVICE, EVENTS, outcome)

    def _work(self) -> None:
        """Make what ingest has."""
        self._frames = self._counter(
            "nightcrew_frames_total", "Files that have come to their end", "instrument", "frame_type", "outcome"
        )
        self._settle = self._histogram(
            "nightcrew_ingest_settle_seconds", "Time from the first sight of a file to its end", _SETTLE, "instrument"
        )
        self._size = self._histogram("nightcrew_frame_size_bytes", "Size of frames", _SIZES, "instrument")
        self._last = self._gauge(
            "nightcrew_last_frame_timestamp_seconds", "When the last frame was recorded, Unix time", "instrument"
        )
        self._latency = self._histogram(
            "nightcrew_frame_latency_seconds",
            "Time from the end of an exposure, where known, to its record",
            _LATENCY,
            *("instrument", "frame_type", "stage"),
        )
        self._skew = self._counter("nightcrew_clock_skew_total", "Frames from the future", "instrument")
        self._settling = self._gauge("nightcrew_ingest_settling", "Files that have not come to their end")
        self._files = self._gauge("nightcrew_ingest_files", "Files in the watched directories")
        self._polled = self._gauge("nightcrew_ingest_poll_timestamp_seconds", "Last look at the directories, Unix time")
        self._trouble = self._counter("nightcrew_ingest_trouble_total", "What failed and is tried again", "what")
        for what in ("files", "database", "relay"):
            self._trouble.labels(what)
        for instrument in (*INSTRUMENTS, OTHER):
            self._settle.labels(instrument)
            for kind in KINDS:
                for outcome in OUTCOMES:
                    self._frames.labels(instrument, kind, outcome)
        for instrument in INSTRUMENTS:
            self._size.labels(instrument)
            self._last.labels(instrument)
            self._skew.labels(instrument)
            for kind in KINDS:
                self._latency.labels(instrument, kind, "ingested")

    # Told by ingest.

    def recorded(self, one: Recorded, seconds: float) -> None:
        """Count a file that has come to its end."""
        instrument, kind = (one.frame.instrument, one.frame.kind) if one.frame else (OTHER, OTHER)
        outcome = "incomplete" if one.code in INCOMPLETE else str(one.state)
        self._frames.labels(instrument, kind, outcome).inc()
        self._settle.labels(instrument).observe(seconds)
        if one.frame is None or one.state is not ArrivalState.ACCEPTED:
            return
        now = datetime.now(UTC)
        self._size.labels(instrument).observe(one.frame.size)
        self._last.labels(instrument).set(now.timestamp())
        if one.frame.ut_datetime is None:
            return
        exposure = one.frame.facts.get("values", {}).get("exposure_time")
        ended = one.frame.ut_datetime.replace(tzinfo=UTC).timestamp() + (
            exposure if isinstance(exposure, int | float) else 0.0
        )
        late = now.timestamp() - ended
        if late < 0:
            self._skew.labels(instrument).inc()
        else:
            self._latency.labels(instrument, kind, "ingested").observe(late)

    def unfinished(self, path: str, reason: str) -> None:
        """Ignore it: it is counted when it ends."""

    def polled(self, polled: Polled) -> None:
        """Note what is there."""
        self._settling.set(polled.settling)
        self._files.set(polled.files)
        self._polled.set(datetime.now(UTC).timestamp())

    def trouble(self, what: str, reason: str) -> None:  # noqa: ARG002
        """Count what failed."""
        self._trouble.labels(what).inc()

    # Told by the bus.

    def connected(self, side: Side, up: bool) -> None:  # noqa: ARG002 - ingest only publishes
        """Note whether the broker is connected."""
        self.up = up
        self._connected.labels(SERVICE).set(int(up))

    def reconnecting(self, side: Side, attempt: int, delay: float, reason: str) -> None:  # noqa: ARG002
        """Count an attempt to connect."""
        self._reconnects.labels(SERVICE).inc()

    def published(self, exchange: str, outcome: PublishOutcome) -> None:
        """Count a publication."""
        self._published.labels(SERVICE, exchange, outcome).inc()

    def settled(self, queue: str, outcome: DeliveryOutcome) -> None:
        """Ignore it: ingest consumes nothing."""

    # Asked by whoever scrapes.

    def pending(self, pending: Pending) -> None:
        """Note what waits to be published."""
        self._pending.set(pending.messages)
        self._oldest.set(pending.oldest_seconds)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)

    def _gauge(self, name: str, what: str, *labels: str) -> Gauge:
        return Gauge(name, what, labels, registry=self.registry)

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(name, what, labels, registry=self.registry)

    def _histogram(self, name: str, what: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(name, what, labels, buckets=buckets, registry=self.registry)
