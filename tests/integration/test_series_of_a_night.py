"""A night of ten thousand frames of both instruments makes few series, and another one makes none."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from nightcrew.calmanager.metrics import COUNTED
from nightcrew.calmanager.metrics import Metrics as CalmanagerMetrics
from nightcrew.ingest.metrics import Metrics as IngestMetrics
from nightcrew.ingest.recording import Recorded
from nightcrew.planner.metrics import Metrics as PlannerMetrics
from nightcrew.planner.watching import StateWatch
from nightcrew.reducer.engine.recipe import calls_of
from nightcrew.reducer.recipes import RECIPES
from nightcrew.reducer.worker.endings import Concluded, Crashed
from nightcrew.reducer.worker.metrics import Metrics as ReducerMetrics
from nightcrew.reducer.worker.wire import Ended, Ready
from nightcrew.shared.association import Level
from nightcrew.shared.fits.containers import Identity
from nightcrew.shared.ledger import LEDGER, ArrivalState
from nightcrew.shared.ledger.gauging import RECENT
from nightcrew.shared.ledger.records import Claim, NewFrame
from nightcrew.shared.messages import JobClass
from nightcrew.shared.outcomes import Outcome, Status
from support.reducers import JOB

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nightcrew.shared.database import Database, Schema

FRAMES = 10_000
SERIES = 1500
"""Most that all services of a deployment tell of together."""
INSTRUMENTS = ("NIRI", "F2")
KINDS = ("science", "standard", "dark", "flat", "acquisition")
RECIPES_OF = {
    "realtime": ("quickLook",),
    "calibration": ("makeProcessedDark", "makeProcessedFlat", "makeProcessedBPM"),
    "science": ("reduce",),
    "large": ("reduce",),
}
ROUTES = (
    *(("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics"), ("POST", "/v1/associate"), ("GET", "/v1/changes")),
    *(("GET", "/v1/calibrations"), ("PUT", "/v1/calibrations/{name}"), ("GET", "/v1/calibrations/{which}/file")),
    *(("POST", "/v1/calibrations/{which}/certify"), ("POST", "/v1/explain")),
)
FRAMES_SQL = """
    INSERT INTO ledger.frames (sha256, name, path, size, instrument, kind, night, ut_datetime, facts, state)
    SELECT md5(:night || n::text) || md5(n::text || :night), 'X' || :night || n || '.fits', '/raw/X' || n || '.fits',
           4200000, (ARRAY['NIRI', 'F2'])[1 + n % 2], (CAST(:kinds AS text[]))[1 + n / 2 % 5], CAST(:night AS date),
           now() AT TIME ZONE 'UTC' - n % 3000 * interval '1 s',
           jsonb_build_object('values', jsonb_build_object(
               'exposure_time', 10, 'wavelength_band', (ARRAY['J', 'H', 'K', 'Y'])[1 + n % 4])),
           (ARRAY['received', 'planned', 'reduced'])[1 + n % 3]
    FROM generate_series(1, :frames) AS n
"""
MEASUREMENTS = """[
    {"kind": "image_quality", "zenith_fwhm": {"value": 0.6}, "ellipticity": {"value": 0.1}, "bands": {"met": true}},
    {"kind": "background", "magnitude": {"value": 13.0}, "bands": {"met": false}},
    {"kind": "cloud_cover", "zeropoint": {"value": 23.0}, "extinction": {"value": 0.1}, "bands": {"met": true}}]"""
LOOKS_SQL = """
    INSERT INTO ledger.jobs (id, key, job_class, night, instrument, recipe, frame_id, request, state, outcome,
                             created_at, started_at, ended_at)
    SELECT gen_random_uuid(), 'look/' || id, 'realtime', night, instrument, 'quickLook', id, '{}', 'succeeded',
           jsonb_build_object('measurements', CAST(:measurements AS jsonb)), now(), now(),
           now() + id * interval '1 ms'
    FROM ledger.frames WHERE night = CAST(:night AS date) AND kind IN ('science', 'standard')
"""
JOBS_SQL = """
    INSERT INTO ledger.jobs (id, key, job_class, night, instrument, recipe, request, state)
    SELECT gen_random_uuid(), :night || 'job/' || n, (ARRAY['realtime', 'calibration', 'science', 'large'])[1 + n % 4],
           CAST(:night AS date), (ARRAY['NIRI', 'F2'])[1 + n % 2], 'reduce', '{}',
           (ARRAY['queued', 'waiting', 'retry', 'failed', 'succeeded'])[1 + n % 5]
    FROM generate_series(1, 1000) AS n
"""
GROUPS_SQL = """
    INSERT INTO ledger.groups (name, night, instrument, kind, state, plan)
    SELECT :night || n, CAST(:night AS date), (ARRAY['NIRI', 'F2'])[1 + n % 2], 'science',
           (ARRAY['open', 'closed', 'submitted', 'failed'])[1 + n % 4], '{}'
    FROM generate_series(1, 1000) AS n
"""


@pytest.fixture(scope="module")
def schemas() -> tuple[Schema, ...]:
    return (LEDGER,)


class Suite:
    """The metrics of all services of a deployment, each told by the ones who tell it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.ingest, self.planner, self.calmanager = IngestMetrics(), PlannerMetrics(), CalmanagerMetrics()
        self.calmanager.know_routes(ROUTES)
        self.watch = StateWatch(database, self.planner)
        self.reducers = {one: ReducerMetrics(f"reduce.{one}") for one in JobClass}

    def series(self) -> dict[str, int]:
        every = {"ingest": self.ingest, "planner": self.planner, "calmanager": self.calmanager, **self.reducers}
        pages = {str(name): one.text().decode().splitlines() for name, one in every.items()}
        return {name: sum(not line.startswith("#") for line in lines) for name, lines in pages.items()}

    def night(self, night: date) -> None:
        """Let ten thousand frames come, be looked at, and reduced."""
        self._arrive(night)
        self._fill(str(night))
        for _ in range(FRAMES // 200):
            self.watch.look()
        for job_class, names in RECIPES_OF.items():
            self._reduce(self.reducers[JobClass(job_class)], names)
        self._ask()

    def _arrive(self, night: date) -> None:
        now, file = datetime.now(UTC).replace(tzinfo=None), Identity(4_000_000, 1, 1)
        facts = {"values": {"exposure_time": 10.0}}
        frame = NewFrame("0" * 64, "N1.fits", "/raw/N1.fits", 4_000_000, "NIRI", "dark", night, now, facts)
        for n in range(FRAMES):
            taken = now - timedelta(seconds=10 + n % 3000)
            one = replace(frame, instrument=INSTRUMENTS[n % 2], kind=KINDS[n // 2 % 5], ut_datetime=taken)
            self.ingest.recorded(Recorded("/raw/N1.fits", file, ArrivalState.ACCEPTED, n, one), 1.0)
        strange = replace(frame, instrument="GNIRS")
        self.ingest.recorded(Recorded("/raw/N1.fits", file, ArrivalState.DUPLICATE, 1, strange), 1.0)
        self.ingest.recorded(Recorded("/raw/N1.fits", file, ArrivalState.QUARANTINED, code="empty"), 1.0)

    def _fill(self, night: str) -> None:
        with self.database.begin() as connection:
            connection.execute(text(FRAMES_SQL), {"night": night, "frames": FRAMES, "kinds": list(KINDS)})
            connection.execute(text(LOOKS_SQL), {"night": night, "measurements": MEASUREMENTS})
            connection.execute(text(JOBS_SQL), {"night": night})
            connection.execute(text(GROUPS_SQL), {"night": night})

    def _reduce(self, metrics: ReducerMetrics, names: Sequence[str]) -> None:
        metrics.warm(Ready(recipes=tuple({one.name for one in RECIPES}), seconds=1.0))
        for instrument, name in itertools.product(INSTRUMENTS, names):
            claim = Claim(replace(JOB, instrument=instrument, recipe=name), 1, "worker")
            metrics.claimed(claim, 1.0)
            recipes = [one for one in RECIPES if one.name == name and instrument in one.tags]
            for called in {called for one in recipes for called, _ in calls_of(one)}:
                metrics.ended(claim, Ended(primitive=called, level=0, seconds=0.1))
            usage = Crashed("killed").usage
            metrics.done(claim, Concluded(Outcome(Status.SUCCEEDED), (), usage=usage), 1.0, "")
        metrics.done(claim, Crashed("killed"), 1.0, "stackFrames")
        metrics.free(10**12)

    def _ask(self) -> None:
        moment = datetime(2026, 11, 28, 8)  # noqa: DTZ001 (as descriptors are)
        for instrument, caltype, level in itertools.product((*INSTRUMENTS, "GNIRS"), COUNTED, Level):
            target = SimpleNamespace(instrument=instrument, values={"ut_datetime": moment})
            best = SimpleNamespace(level=level, candidate=SimpleNamespace(ut_datetime=moment))
            self.calmanager.answered(target, SimpleNamespace(caltype=caltype, best=best, near_misses=()))
            self.calmanager.answered(target, SimpleNamespace(caltype=caltype, best=None, near_misses=()))
            self.calmanager.newest({(instrument, caltype): moment})
        for (method, route), status in itertools.product(ROUTES, (200, 409)):
            self.calmanager.responded(method, route, status, 0.01)
        self.calmanager.responded("GET", None, 404, 0.01)


def test_ten_thousand_frames_of_both_instruments_make_few_series_and_another_night_none(database: Database) -> None:
    suite = Suite(database)
    suite.night(date(2026, 11, 28))
    first = suite.series()
    print(sum(first.values()), first)
    assert sum(first.values()) < SERIES, first
    assert suite.planner.registry.get_sample_value(
        "nightcrew_frame_latency_seconds_count", {"instrument": "F2", "frame_type": "standard", "stage": "product"}
    ) == pytest.approx(RECENT / 10, rel=0.01)
    suite.night(date(2026, 11, 29))
    assert suite.series() == first
