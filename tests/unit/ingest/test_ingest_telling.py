"""What ingest tells: numbers, and lines of the log."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import structlog

from nightcrew.ingest.metrics import Metrics, closed
from nightcrew.ingest.recording import Recorded
from nightcrew.ingest.telling import Teller
from nightcrew.ingest.watching import Polled, Unwatched
from nightcrew.shared.fits.containers import Identity
from nightcrew.shared.ledger import ArrivalState
from nightcrew.shared.ledger.records import NewFrame

FILE = Identity(4_000_000, 1, 1)


def frame(**changes) -> NewFrame:
    taken = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=50)
    facts = {"values": {"exposure_time": 10.0, "coadds": 2}}
    given = {"sha256": "0" * 64, "name": "N1.fits", "path": "/raw/N1.fits", "size": 4_000_000, "instrument": "NIRI",
             "kind": "dark", "night": date(2016, 1, 1), "ut_datetime": taken, "facts": facts}  # fmt: skip
    return NewFrame(**{**given, **changes})


def accepted(**changes) -> Recorded:
    return Recorded("/raw/N1.fits", FILE, ArrivalState.ACCEPTED, 7, frame(**changes))


def quarantined(code: str) -> Recorded:
    return Recorded("/raw/N2.fits", FILE, ArrivalState.QUARANTINED, code=code, reason=f"N2.fits: {code}; look")


def value(metrics: Metrics, name: str, **labels: str) -> float:
    found = metrics.registry.get_sample_value(name, labels)
    assert found is not None, (name, labels)
    return found


def frames(metrics: Metrics, outcome: str, instrument: str = "NIRI", frame_type: str = "dark") -> float:
    return value(metrics, "nightcrew_frames_total", instrument=instrument, frame_type=frame_type, outcome=outcome)


def test_every_end_is_there_from_the_start_with_zero():
    metrics = Metrics()
    for outcome in ("accepted", "duplicate"):
        for instrument in ("NIRI", "F2", "other"):
            assert frames(metrics, outcome, instrument) == 0
    for outcome in ("incomplete", "quarantined"):
        assert frames(metrics, outcome, "other", "other") == 0
    assert value(metrics, "nightcrew_amqp_connected", service="ingest") == 0
    assert value(metrics, "nightcrew_ingest_trouble_total", what="database") == 0


def test_frames_are_counted_by_what_they_are_and_how_they_ended():
    metrics = Metrics()
    metrics.recorded(accepted(), 1.5)
    metrics.recorded(accepted(instrument="GNIRS"), 1.5)
    metrics.recorded(replace(accepted(), state=ArrivalState.DUPLICATE), 1.5)
    metrics.recorded(quarantined("keyword"), 1.5)
    metrics.recorded(quarantined("truncated"), 61.5)
    assert frames(metrics, "accepted") == frames(metrics, "accepted", "other") == frames(metrics, "duplicate") == 1
    assert frames(metrics, "quarantined", "other", "other") == frames(metrics, "incomplete", "other", "other") == 1
    assert value(metrics, "nightcrew_frame_size_bytes_sum", instrument="NIRI") == 4_000_000
    assert value(metrics, "nightcrew_ingest_settle_seconds_sum", instrument="other") == 64.5
    assert value(metrics, "nightcrew_last_frame_timestamp_seconds", instrument="NIRI") > 1.7e9


def test_the_time_since_the_shutter_closed_is_measured():
    metrics = Metrics()
    metrics.recorded(accepted(), 1.0)
    told = {"instrument": "NIRI", "frame_type": "dark", "stage": "ingested"}
    assert 30 <= value(metrics, "nightcrew_frame_latency_seconds_sum", **told) < 60
    future = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1)
    metrics.recorded(accepted(ut_datetime=future), 1.0)
    assert value(metrics, "nightcrew_clock_skew_total", instrument="NIRI") == 1


@pytest.mark.parametrize("changes", [{"ut_datetime": None}, {"facts": {}}, {"facts": {"values": {}}}])
def test_a_frame_that_does_not_say_when_its_shutter_closed_has_no_such_time(changes):
    assert closed(frame(**changes)) is None


def test_a_frame_and_a_bad_file_get_a_line_each_and_the_poll_one_for_all():
    teller = Teller(Metrics())
    with structlog.testing.capture_logs() as lines:
        teller.recorded(accepted(), 1.0)
        teller.recorded(quarantined("keyword"), 1.0)
        teller.recorded(replace(accepted(), state=ArrivalState.DUPLICATE, reason="the same as N0.fits"), 1.0)
        teller.unfinished("/raw/N3.fits", "it ends")
        teller.polled(Polled(3, 1))
        teller.polled(Polled(3, 1))
    assert [line["event"] for line in lines] == ["accepted", "quarantined", "duplicate", "unfinished", "polled"]
    assert lines[0]["frame"] == 7
    assert lines[1]["log_level"] == "warning"
    assert (lines[4]["accepted"], lines[4]["quarantined"], lines[4]["duplicate"]) == (1, 1, 1)
    assert value(teller.metrics, "nightcrew_ingest_settling") == 1


def test_a_crowd_of_files_gets_lines_of_progress():
    now = 0.0
    teller = Teller(Metrics(), clock=lambda: now)
    with structlog.testing.capture_logs() as lines:
        for _ in range(25):
            now += 1
            teller.recorded(accepted(), 1.0)
    assert [line["accepted"] for line in lines if line["event"] == "progress"] == [10, 20]
    assert teller.heard == 25


def test_the_same_trouble_is_told_once_a_minute_and_counted_always():
    now = 0.0
    teller = Teller(Metrics(), clock=lambda: now)
    with structlog.testing.capture_logs() as lines:
        for _ in range(130):
            now += 1
            teller.trouble("database", "connection refused")
    assert len(lines) == 3
    assert value(teller.metrics, "nightcrew_ingest_trouble_total", what="database") == 130


def test_nobody_need_watch():
    Unwatched().recorded(accepted(), 1.0)
    Unwatched().unfinished("", "")
    Unwatched().polled(Polled())
    Unwatched().trouble("", "")
