"""The suite in numbers, read from a real ledger."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url

from nightcrew.planner.housekeeping import Kept
from nightcrew.planner.looked import Looked
from nightcrew.planner.metrics import Metrics
from nightcrew.planner.watching import StateWatch, watching
from nightcrew.shared.database import DatabaseSettings, open_database
from nightcrew.shared.ledger import LEDGER, ArrivalState, GroupState, arrivals, claims, frames, gauging, groups, jobs
from nightcrew.shared.ledger.records import Usage
from nightcrew.shared.ledger.retries import Done, Retry
from nightcrew.shared.ledger.states import JobState
from nightcrew.shared.messages import JobClass
from nightcrew.shared.outcomes import Outcome, Status
from support.ledgers import claimed, new_frame, new_product, sighting, submitted
from support.proxy import Proxy

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from nightcrew.shared.database import Database, Schema

TONIGHT = datetime.now(UTC)


@pytest.fixture(scope="module")
def schemas() -> tuple[Schema, ...]:
    return (LEDGER,)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def science_frame(connection: Connection, taken: datetime, number: int = 1, exposure: float = 20.0) -> int:
    """Let a frame of tonight's sky arrive."""
    facts = {"instrument": "NIRI", "values": {"exposure_time": exposure, "wavelength_band": "K"}}
    new = new_frame(number, kind="science", night=taken.date(), ut_datetime=taken.replace(tzinfo=None), facts=facts)
    arrivals.see(connection, [sighting(number)])
    (arrival,) = arrivals.settling(connection)
    recorded = frames.record(connection, new)
    arrivals.end(connection, arrival.id, ArrivalState.ACCEPTED, frame_id=recorded.frame_id)
    return recorded.frame_id


def quick_look(connection: Connection, frame_id: int, measurements: list[dict[str, Any]]) -> UUID:
    """Do the quick look of a frame."""
    held = claimed(connection, job_class=JobClass.REALTIME, frame_id=frame_id, night=TONIGHT.date(), recipe="quickLook")
    outcome = Outcome(Status.SUCCEEDED)
    record = {"status": "succeeded", "reason": "", "measurements": measurements}
    claims.commit(connection, held, outcome, [new_product(f"N{frame_id}_ql.fits")], usage=Usage(), record=record)
    return held.job.id


SHARP = {
    "kind": "image_quality", "extension": None, "zenith_fwhm": {"value": 0.61, "error": 0.02},
    "ellipticity": {"value": 0.07, "error": 0.0}, "bands": {"band": 70, "met": True},
}  # fmt: skip
CLOUDY = {
    "kind": "cloud_cover", "extension": 1, "zeropoint": {"value": 23.1, "error": 0.1},
    "extinction": {"value": 0.4, "error": 0.1}, "bands": {"band": 80, "met": False},
}  # fmt: skip


def test_open_jobs_are_told_by_class_and_state(database: Database, metrics: Metrics) -> None:
    with database.begin() as connection:
        submitted(connection, job_class=JobClass.SCIENCE)
        submitted(connection, job_class=JobClass.SCIENCE, needs=({"waits_for": "dark"},))
        claimed(connection, job_class=JobClass.REALTIME)
    StateWatch(database, metrics).look()
    assert value(metrics, "nightcrew_jobs", job_class="science", state="queued") == 1
    assert value(metrics, "nightcrew_jobs", job_class="science", state="waiting") == 1
    assert value(metrics, "nightcrew_jobs", job_class="realtime", state="running") == 1
    assert value(metrics, "nightcrew_jobs", job_class="large", state="queued") == 0
    assert value(metrics, "nightcrew_jobs_waiting", reason="calibration") == 1
    assert value(metrics, "nightcrew_outbox_pending") == 2
    assert value(metrics, "nightcrew_outbox_oldest_age_seconds") is not None


def test_jobs_that_end_are_told_no_more(database: Database, metrics: Metrics) -> None:
    watch = StateWatch(database, metrics)
    with database.begin() as connection:
        job = submitted(connection, job_class=JobClass.SCIENCE)
    watch.look()
    with database.begin() as connection:
        jobs.move(connection, job.id, JobState.CANCELLED, "by hand")
    watch.look()
    assert value(metrics, "nightcrew_jobs", job_class="science", state="queued") == 0


def test_open_groups_and_frames_are_told_by_instrument(database: Database, metrics: Metrics) -> None:
    with database.begin() as connection:
        frame = science_frame(connection, TONIGHT)
        group = groups.open_group(
            connection, name="a", night=TONIGHT.date(), instrument="NIRI", kind="science", plan={}, frames=[frame]
        )
    watch = StateWatch(database, metrics)
    watch.look()
    assert value(metrics, "nightcrew_groups_open", instrument="NIRI", state="open") == 1
    assert value(metrics, "nightcrew_frames_open", instrument="NIRI", state="received") == 1
    assert value(metrics, "nightcrew_jobs_waiting", reason="frames") == 1
    with database.begin() as connection:
        groups.settle(connection, group, GroupState.FAILED, "no stars")
    watch.look()
    assert value(metrics, "nightcrew_groups_open", instrument="NIRI", state="open") == 0


def test_the_last_frame_and_the_last_product_are_told_after_a_restart_too(database: Database, metrics: Metrics) -> None:
    with database.begin() as connection:
        quick_look(connection, science_frame(connection, TONIGHT - timedelta(seconds=30)), [])
    StateWatch(database, metrics).look()
    read = value(metrics, "nightcrew_state_timestamp_seconds") or 0
    for name, labels in (
        ("nightcrew_last_frame_timestamp_seconds", {"instrument": "NIRI"}),
        ("nightcrew_last_product_timestamp_seconds", {}),
    ):
        assert read - 60 < (value(metrics, name, **labels) or 0) <= read
    assert value(metrics, "nightcrew_last_frame_timestamp_seconds", instrument="F2") is None


def test_a_quick_look_tells_how_long_it_took_from_the_shutter_and_what_it_saw(
    database: Database, metrics: Metrics
) -> None:
    watch = StateWatch(database, metrics)
    with database.begin() as connection:
        quick_look(connection, science_frame(connection, TONIGHT - timedelta(seconds=60)), [SHARP, CLOUDY])
    watch.look()
    watch.look()
    labels = {"instrument": "NIRI", "frame_type": "science", "stage": "product"}
    assert value(metrics, "nightcrew_frame_latency_seconds_count", **labels) == 1
    assert 40 <= (value(metrics, "nightcrew_frame_latency_seconds_sum", **labels) or 0) < 600
    for stage in ("planned", "started"):
        assert value(metrics, "nightcrew_frame_latency_seconds_count", **{**labels, "stage": stage}) == 1
    of = {"instrument": "NIRI", "band": "K"}
    assert value(metrics, "nightcrew_qa_value", metric="fwhm", **of) == 0.61
    assert value(metrics, "nightcrew_qa_value", metric="zeropoint", **of) == 23.1
    checks = {"instrument": "NIRI", "metric": "image_quality"}
    assert value(metrics, "nightcrew_qa_checks_total", verdict="pass", **checks) == 1
    assert value(metrics, "nightcrew_qa_checks_total", verdict="fail", **{**checks, "metric": "cloud_cover"}) == 1


def test_a_night_of_long_ago_shows_what_was_measured_and_no_latency(database: Database, metrics: Metrics) -> None:
    watch = StateWatch(database, metrics)
    with database.begin() as connection:
        quick_look(connection, science_frame(connection, TONIGHT - timedelta(days=4000)), [SHARP])
    watch.look()
    labels = {"instrument": "NIRI", "frame_type": "science", "stage": "product"}
    assert value(metrics, "nightcrew_frame_latency_seconds_count", **labels) == 0
    assert value(metrics, "nightcrew_qa_value", metric="fwhm", instrument="NIRI", band="K") == 0.61


def test_quick_looks_of_the_same_instant_are_followed_one_by_one(database: Database) -> None:
    with database.begin() as connection:
        done = {quick_look(connection, science_frame(connection, TONIGHT, number), []) for number in range(1, 6)}
    place = (TONIGHT - timedelta(days=1), UUID(int=0))
    seen = []
    for _ in range(7):
        with database.begin() as connection:
            looks, place = gauging.quick_looks_since(connection, place, limit=1)
        seen += [place[1]] if looks else []
    assert len(seen) == 5
    assert set(seen) == done


def test_laws_that_do_not_hold_are_counted(database: Database, metrics: Metrics) -> None:
    watch = StateWatch(database, metrics, clock=iter(float(n) * 400 for n in range(20)).__next__)
    watch.look()
    assert value(metrics, "nightcrew_conservation_breaches") == 0
    with database.begin() as connection:
        frames.record(connection, new_frame(1))
    watch.look()
    assert value(metrics, "nightcrew_conservation_breaches") == 1


def test_a_database_that_does_not_answer_is_trouble_and_the_old_numbers_stay(
    database: Database, postgres_url: str, metrics: Metrics
) -> None:
    with database.begin() as connection:
        submitted(connection, job_class=JobClass.SCIENCE)
    server = make_url(postgres_url)
    with Proxy(server.host or "127.0.0.1", server.port or 5432) as wire:
        through = server.set(host="127.0.0.1", port=wire.port).render_as_string(hide_password=False)
        with open_database(DatabaseSettings(database_url=SecretStr(through)), application="watch") as behind:
            watch = StateWatch(behind, metrics)
            watch.look()
            wire.cut(refuse=True)
            watch.look()
    assert value(metrics, "nightcrew_planner_trouble_total", what="state") == 1
    assert value(metrics, "nightcrew_jobs", job_class="science", state="queued") == 1


def test_the_ledger_is_read_as_long_as_the_planner_runs(database: Database, metrics: Metrics) -> None:
    with watching(StateWatch(database, metrics), every=0.01):
        pass
    assert (value(metrics, "nightcrew_state_timestamp_seconds") or 0) > 0


def test_the_planners_own_work_is_counted(metrics: Metrics) -> None:
    closed = (("a", "quiet for 10 min"), ("b", "complete: 5 frames"), ("c", "alice wants it so"))
    metrics.looked(date(2026, 11, 28), "NIRI", Looked(closed=closed), 0.2)
    later = Retry(datetime.now(UTC), "lost")
    metrics.kept(Kept(reaped=((uuid4(), later), (uuid4(), Done(JobState.SET_ASIDE, "3 times"))), repeated=(uuid4(),)))
    metrics.trouble("relay", "nobody there")
    metrics.trouble("the weather", "rain")
    closings = ("complete", "timeout", "superseded", "manual")
    counted = [value(metrics, "nightcrew_group_close_total", instrument="NIRI", reason=one) for one in closings]
    assert counted == [1, 1, 0, 1]
    assert value(metrics, "nightcrew_leases_expired_total", decision="retry") == 1
    assert value(metrics, "nightcrew_leases_expired_total", decision="set_aside") == 1
    assert value(metrics, "nightcrew_jobs_announced_again_total") == 1
    assert value(metrics, "nightcrew_planner_trouble_total", what="relay") == 1
    assert value(metrics, "nightcrew_planner_trouble_total", what="other") == 1
    assert b'nightcrew_build_info{revision="' in metrics.text()
