"""The suite in numbers, as the ledger has it, and the planner's own work.

Whatever is a state of the suite rather than of a process is told here and nowhere else, so there is one series of it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from prometheus_client import Counter, Gauge, Histogram

from nightcrew.planner.core.sun import SITES, sun_altitude
from nightcrew.planner.listening import QUEUES
from nightcrew.shared.ledger import GroupState, JobState
from nightcrew.shared.ledger.retries import Done
from nightcrew.shared.ledger.states import FRAME_OPEN, GROUP_OPEN, JOB_OPEN
from nightcrew.shared.messages import EVENTS, JOBS, JobClass
from nightcrew.shared.telemetry import BusMetrics, FrameLatency, Stage, exposition, instrument_label, new_registry
from nightcrew.shared.telemetry.registry import INSTRUMENTS, OTHER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from nightcrew.planner.housekeeping import Kept
    from nightcrew.planner.looked import Looked
    from nightcrew.shared.ledger.conservation import Balance
    from nightcrew.shared.ledger.gauging import QuickLook, Standing

SERVICE = "planner"
CLOSINGS = ("complete", "timeout", "superseded", "manual")
_CLOSING_WORDS = {"complete": "complete", "the": "complete", "quiet": "timeout", "superseded": "superseded"}
"""First words of the reasons of `nightcrew.planner.core.closing`; all others come from people."""
TROUBLES = ("database", "calibrations", "broker", "relay", "state", OTHER)
VERDICTS = ("pass", "fail")
BANDS = frozenset("YJHKLM")
"""Photometric bands that series are told apart by."""
_LOOK = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
QUALITIES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "image_quality": (("fwhm", "zenith_fwhm"), ("ellipticity", "ellipticity")),
    "background": (("sky_brightness", "magnitude"),),
    "cloud_cover": (("zeropoint", "zeropoint"), ("extinction", "extinction")),
}
"""By kind of measurement: what is told of it, and under which key it has that.

fwhm: arcsec at the zenith; sky_brightness: mag/arcsec2; zeropoint, extinction: mag.
"""


class Metrics:
    """The metrics of a planner, in a registry of their own; a `Watcher` of its work.

    Notes
    -----
    What is read from the database is kept until it is read again: a scrape never waits for a query.
    """

    def __init__(self) -> None:
        self.registry = new_registry(SERVICE)
        self.bus = BusMetrics(self.registry, SERVICE, QUEUES, (EVENTS, JOBS))
        self.latency = FrameLatency(self.registry, (Stage.PLANNED, Stage.STARTED, Stage.PRODUCT))
        self._make_state()
        self._make_work()
        self._make_quality()

    def _make_state(self) -> None:
        self._jobs = self._gauge("nightcrew_jobs", "Jobs that have not ended", "job_class", "state")
        self._waiting = self._gauge("nightcrew_jobs_waiting", "Jobs that cannot be done yet, by what for", "reason")
        self._groups = self._gauge("nightcrew_groups_open", "Groups that have not ended", "instrument", "state")
        self._frames = self._gauge("nightcrew_frames_open", "Frames in no product yet", "instrument", "state")
        self._pending = self._gauge("nightcrew_outbox_pending", "Messages that wait to be published")
        self._oldest = self._gauge("nightcrew_outbox_oldest_age_seconds", "Age of the oldest of them")
        self._last_frame = self._gauge(
            "nightcrew_last_frame_timestamp_seconds", "When the last frame was recorded, Unix time", "instrument"
        )
        self._last_product = self._gauge(
            "nightcrew_last_product_timestamp_seconds", "When the last product was made, Unix time"
        )
        self._read = self._gauge("nightcrew_state_timestamp_seconds", "When the ledger was last read, Unix time")
        self._breaches = self._gauge("nightcrew_conservation_breaches", "Laws of conservation that do not hold")
        self._sun = self._gauge(
            "nightcrew_sun_altitude_degrees", "Altitude of the sun over the instrument's telescope", "instrument"
        )

    def _make_work(self) -> None:
        self._closed = self._counter(
            "nightcrew_group_close_total", "Groups that take no more frames, by why", "instrument", "reason"
        )
        self._leases = self._counter(
            "nightcrew_leases_expired_total",
            "Jobs taken from workers that fell silent, by what became of them",
            "decision",
        )
        self._repeats = self._counter("nightcrew_jobs_announced_again_total", "Jobs whose message seems to be lost")
        self._looks = Histogram(
            "nightcrew_planner_look_seconds", "Time of a look at a night", buckets=_LOOK, registry=self.registry
        )
        self._trouble = self._counter("nightcrew_planner_trouble_total", "What failed and is tried again", "what")
        for instrument in (*INSTRUMENTS, OTHER):
            for reason in CLOSINGS:
                self._closed.labels(instrument, reason)
        for decision in ("retry", "set_aside"):
            self._leases.labels(decision)
        for what in TROUBLES:
            self._trouble.labels(what)

    def _make_quality(self) -> None:
        self._quality = self._gauge(
            "nightcrew_qa_value", "What was measured last, by photometric band", "instrument", "metric", "band"
        )
        self._checks = self._counter(
            "nightcrew_qa_checks_total", "Measurements against what was asked for", "instrument", "metric", "verdict"
        )
        for instrument in (*INSTRUMENTS, OTHER):
            for kind in QUALITIES:
                for verdict in VERDICTS:
                    self._checks.labels(instrument, kind, verdict)

    def _gauge(self, name: str, what: str, *labels: str) -> Gauge:
        return Gauge(name, what, labels, registry=self.registry)

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(name, what, labels, registry=self.registry)

    # As the ledger has it.

    def stands(self, now: Standing) -> None:
        """State what is open; what is not is 0."""
        for job_class in JobClass:
            for state in sorted(JOB_OPEN):
                self._jobs.labels(job_class, state).set(now.jobs.get((job_class, state), 0))
        waiting = sum(count for (_, state), count in now.jobs.items() if state is JobState.WAITING)
        self._waiting.labels("calibration").set(waiting)
        self._waiting.labels("frames").set(sum(n for (_, state), n in now.groups.items() if state is GroupState.OPEN))
        for gauge, states, counted in (
            (self._groups, GROUP_OPEN, now.groups),
            (self._frames, FRAME_OPEN, now.frames),
        ):
            totals = dict.fromkeys(((name, str(state)) for name in (*INSTRUMENTS, OTHER) for state in states), 0)
            for (instrument, standing), count in counted.items():
                totals[instrument_label(instrument), str(standing)] += count
            for labels, total in totals.items():
                gauge.labels(*labels).set(total)
        self._pending.set(now.outbox.messages)
        self._oldest.set(now.outbox.oldest_seconds)
        for instrument, moment in now.last_frame.items():
            self._last_frame.labels(instrument_label(instrument)).set(moment.timestamp())
        if now.last_product is not None:
            self._last_product.set(now.last_product.timestamp())
        self._read.set(now.now.timestamp())
        for instrument, (latitude, longitude) in SITES.items():
            self._sun.labels(instrument).set(sun_altitude(now.now, latitude, longitude))

    def balanced(self, balance: Balance) -> None:
        """State how many laws of conservation are broken."""
        self._breaches.set(len(balance.breaches))

    def quick_looks(self, looks: Iterable[QuickLook]) -> None:
        """Note quick looks that have ended: how long they took from the shutter, and what they measured."""
        for look in looks:
            closed = _shutter_closed(look.ut_datetime, look.facts.get("values", {}).get("exposure_time"))
            self.latency.note(look.instrument, look.kind, Stage.PLANNED, closed, look.created_at)
            if look.started_at is not None:
                self.latency.note(look.instrument, look.kind, Stage.STARTED, closed, look.started_at)
            if look.state is JobState.SUCCEEDED:
                self.latency.note(look.instrument, look.kind, Stage.PRODUCT, closed, look.ended_at)
            for measured in look.measurements:
                self._measured(look, measured)

    def _measured(self, look: QuickLook, measured: Mapping[str, Any]) -> None:
        kind, instrument = measured.get("kind", ""), instrument_label(look.instrument)
        if kind not in QUALITIES or measured.get("extension") not in {None, 1}:
            return
        filter_band = str(look.facts.get("values", {}).get("wavelength_band") or "")
        band = filter_band if filter_band in BANDS else OTHER
        for metric, key in QUALITIES[kind]:
            amount = measured.get(key)
            if isinstance(amount, dict) and isinstance(amount.get("value"), int | float):
                self._quality.labels(instrument, metric, band).set(amount["value"])
        met = (measured.get("bands") or {}).get("met")
        if met is not None:
            self._checks.labels(instrument, kind, "pass" if met else "fail").inc()

    # The planner's own work (`Watcher`).

    def looked(self, night: date, instrument: str, looked: Looked, seconds: float) -> None:  # noqa: ARG002 (nights are no labels)
        """Note a look at a night."""
        self._looks.observe(seconds)
        for _, reason in looked.closed:
            word = _CLOSING_WORDS.get(reason.partition(" ")[0].rstrip(":"), "manual")
            self._closed.labels(instrument_label(instrument), word).inc()

    def kept(self, kept: Kept) -> None:
        """Note a round of housekeeping."""
        for _, decision in kept.reaped:
            self._leases.labels("set_aside" if isinstance(decision, Done) else "retry").inc()
        self._repeats.inc(len(kept.repeated))

    def trouble(self, what: str, reason: str) -> None:  # noqa: ARG002 (reasons are for the log)
        """Count something that failed."""
        self._trouble.labels(what if what in TROUBLES else OTHER).inc()

    def over(self, what: str) -> None:
        """Count nothing: that something goes well is no event."""

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return exposition(self.registry)


def _shutter_closed(began: datetime | None, exposure: Any) -> datetime | None:
    """Return when the shutter closed; the descriptor `exposure_time` counts all coadds."""
    if began is None or not isinstance(exposure, int | float):
        return None
    return began.replace(tzinfo=UTC) + timedelta(seconds=exposure)
