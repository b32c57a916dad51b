"""What the calibration service counts and measures; names and labels as operators look for them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram

from nightcrew.calmanager.core.states import State
from nightcrew.shared.association import Level
from nightcrew.shared.telemetry import exposition, instrument_label, new_registry
from nightcrew.shared.telemetry.registry import INSTRUMENTS, OTHER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nightcrew.shared.association import Answer, Target

SERVICE = "calmanager"
CALTYPES = (
    *("processed_dark", "processed_flat", "processed_bpm", "processed_arc", "processed_telluric"),
    *("processed_standard", "raw", OTHER),
)
"""Raw calibrations of all types count as one."""
COUNTED = ("processed_dark", "processed_flat", "processed_bpm")
"""Types that every night asks for: counted for from 0."""
RESULTS = ("hit", "miss", "vetoed", "error")
STATUSES = ("2xx", "3xx", "4xx", "5xx")
_AGES = tuple(hours * 3600.0 for hours in (1, 6, 24, 72, 168, 720, 8760))
_SECONDS = (0.01, 0.1, 0.5, 2.5, 10.0)


def caltype_label(caltype: str) -> str:
    """Return the label of a calibration type; the set of labels is closed."""
    if caltype in CALTYPES:
        return caltype
    return "raw" if not caltype.startswith("processed_") and caltype.isidentifier() else OTHER


class Metrics:
    """The metrics of the calibration service, in a registry of their own.

    Notes
    -----
    What alerts ask about is there from the start, with 0, so that rates and absences can be told: the types of
    calibrations that every night asks for.  Other types and instruments, routes and times begin with what happens.
    """

    def __init__(self) -> None:
        self.registry = new_registry(SERVICE)
        self._requests = Counter(
            "nightcrew_calibration_requests_total",
            "Questions which calibration belongs to a frame",
            ["instrument", "cal_type", "result"],
            registry=self.registry,
        )
        self._levels = Counter(
            "nightcrew_calibration_level_total",
            "Calibrations given out, by how well they fit",
            ["instrument", "cal_type", "level"],
            registry=self.registry,
        )
        self._ages = Histogram(
            "nightcrew_calibration_age_seconds",
            "Time between frame and calibration given out",
            ["instrument", "cal_type"],
            buckets=_AGES,
            registry=self.registry,
        )
        self._newest = Gauge(
            "nightcrew_calibration_newest_timestamp_seconds",
            "Observation time of the newest certified calibration, Unix time; 0: there is none",
            ["instrument", "cal_type"],
            registry=self.registry,
        )
        self._http = Counter(
            "http_requests_total", "Requests answered", ["method", "route", "status"], registry=self.registry
        )
        self._durations = Histogram(
            "http_request_duration_seconds",
            "Time to answer",
            ["method", "route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._routes: set[tuple[str, str]] = set()
        for instrument in INSTRUMENTS:
            for caltype in COUNTED:
                for result in RESULTS:
                    self._requests.labels(instrument, caltype, result)
                for level in Level:
                    self._levels.labels(instrument, caltype, level.name.lower())
                self._newest.labels(instrument, caltype)
        for status in STATUSES:
            self._http.labels(OTHER, OTHER, status)

    def know_routes(self, routes: Iterable[tuple[str, str]]) -> None:
        """Learn which methods and templates of routes there are; all that is asked besides counts as `other`."""
        self._routes.update(routes)

    def answered(self, target: Target, answer: Answer) -> None:
        """Count a question and its answer."""
        instrument, caltype = instrument_label(target.instrument), caltype_label(answer.caltype)
        best = answer.best
        if best is None:
            vetoed = any(miss.candidate.state == State.VETOED for miss in answer.near_misses[:1])
            self._requests.labels(instrument, caltype, "vetoed" if vetoed else "miss").inc()
            return
        self._requests.labels(instrument, caltype, "hit").inc()
        self._levels.labels(instrument, caltype, best.level.name.lower()).inc()
        moment = target.values.get("ut_datetime")
        taken = best.candidate.ut_datetime
        if isinstance(moment, datetime) and taken is not None:
            self._ages.labels(instrument, caltype).observe(abs((moment - taken).total_seconds()))

    def failed(self, instrument: str, caltype: str) -> None:
        """Count a question that could not be answered."""
        self._requests.labels(instrument_label(instrument), caltype_label(caltype), "error").inc()

    def newest(self, moments: Mapping[tuple[str, str], datetime]) -> None:
        """State when the newest certified calibration of each instrument and type was taken (UTC, without zone)."""
        latest: dict[tuple[str, str], float] = {}
        for (instrument, caltype), moment in moments.items():
            key = instrument_label(instrument), caltype_label(caltype)
            latest[key] = max(latest.get(key, 0.0), moment.replace(tzinfo=UTC).timestamp())
        for key, seconds in latest.items():
            self._newest.labels(*key).set(seconds)

    def responded(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count an answer and its time; `route` is the template, None if no route was meant."""
        key = (method, route or OTHER) if (method, route) in self._routes else (OTHER, OTHER)
        self._http.labels(*key, f"{status // 100}xx").inc()
        self._durations.labels(*key).observe(seconds)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return exposition(self.registry)
