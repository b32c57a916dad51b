"""Settings, numbers, probes and the supervisor of a reducer."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time
from threading import Event, Thread

import pytest

from nightcrew.reducer.worker import supervising
from nightcrew.reducer.worker.endings import Crashed, HandedBack, NotBegun, Overtaken, failed
from nightcrew.reducer.worker.journal import Journal
from nightcrew.reducer.worker.main import main, worker_name
from nightcrew.reducer.worker.metrics import Metrics
from nightcrew.reducer.worker.patience import Patience
from nightcrew.reducer.worker.settings import ReducerSettings
from nightcrew.reducer.worker.supervising import command_of, supervise
from nightcrew.reducer.worker.wire import Begun, Ready, Said
from nightcrew.shared.bus import Backoff
from nightcrew.shared.errors import SettingsError
from nightcrew.shared.ledger.records import Claim
from nightcrew.shared.messages import JobClass
from nightcrew.shared.outcomes import Status
from nightcrew.shared.telemetry import Pulse
from support.reducers import JOB, log_of

CLAIM = Claim(JOB, 2, "worker")


@pytest.fixture(autouse=True)
def _bare(monkeypatch):
    for name in [name for name in os.environ if name.startswith("NIGHTCREW_")]:
        monkeypatch.delenv(name)


def test_settings_come_from_the_environment_and_what_is_given_goes_first(monkeypatch, tmp_path):
    monkeypatch.setenv("NIGHTCREW_REDUCER_PRODUCTS", str(tmp_path))
    monkeypatch.setenv("NIGHTCREW_REDUCER_MEMORY", "3")
    settings = ReducerSettings.load(job_class=JobClass.LARGE, threads=5)
    assert settings.workspaces == tmp_path / ".scratch"
    assert settings.share().memory == 3_000_000_000
    assert settings.share().threads == 5
    assert settings.recycle_above(settings.share()) == 1_500_000_000
    assert ReducerSettings.load(scratch=tmp_path / "s", recycle_memory=1).workspaces == tmp_path / "s"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "NIGHTCREW_REDUCER_PRODUCTS: Field required"),
        ({"products": "/p", "lease": "soon"}, "NIGHTCREW_REDUCER_LEASE: Input should be a valid number"),
        ({"products": "/p", "renew": 20}, "NIGHTCREW_REDUCER_RENEW must be at most half of NIGHTCREW_REDUCER_LEASE"),
    ],
)
def test_settings_that_make_no_sense_are_named(given, said):
    with pytest.raises(SettingsError, match=said):
        ReducerSettings.load(**given)


def test_a_reducer_is_ready_once_a_child_is_warm(tmp_path):
    pulse = Pulse(waits_for="a process for jobs to be warm")
    Journal(Metrics("reduce.science"), pulse, tmp_path, log_of(50)).warm(Ready(recipes=(), seconds=1.0))
    assert pulse.waits_for == ""


def test_everything_is_counted_from_nothing():
    text = Metrics("reduce.science").text().decode()
    assert 'nightcrew_messages_total{outcome="acked",queue="reduce.science",service="reducer"} 0.0' in text
    assert re.search(r'nightcrew_build_info\{revision="\w+",service="reducer"', text)


def test_a_recipe_is_counted_for_from_the_claim_of_its_first_job():
    metrics = Metrics("reduce.science")
    metrics.warm(Ready(recipes=("reduce",), seconds=1.0))
    metrics.claimed(CLAIM, None)
    text = metrics.text().decode()
    assert 'nightcrew_jobs_total{instrument="NIRI",outcome="crash",recipe="reduce"} 0.0' in text
    assert 'nightcrew_job_attempts_total{reason="crash",recipe="reduce"} 0.0' in text


def test_all_ends_of_attempts_are_counted_and_the_primitive_that_did_not_end(tmp_path, capsys):
    metrics = Metrics("reduce.science")
    journal = Journal(metrics, Pulse(), tmp_path / "missing", log_of(0))
    journal.warm(Ready(recipes=("reduce",), seconds=1.0))
    endings = {
        "crash": Crashed("killed by SIGBUS"),
        "lost": Overtaken("another attempt has begun"),
        "released": HandedBack("told to stop"),
        "resource": failed(Status.RESOURCE, "too much"),
        "failed": failed(Status.FAILED, "a defect"),
    }
    for end, ending in endings.items():
        journal.claimed(CLAIM, -0.1)
        assert metrics.registry.get_sample_value("nightcrew_worker_busy") == 1
        journal.begun(CLAIM, Begun(primitive="stackFrames", level=0, frames=3))
        journal.said(CLAIM, Said(event="warning", text="hot pixels"))
        journal.settled(CLAIM, ending, None, 2.0)
        labels = {"instrument": "NIRI", "recipe": "reduce", "outcome": end}
        assert metrics.registry.get_sample_value("nightcrew_jobs_total", labels) == 1
    journal.settled(CLAIM, NotBegun("dead"), None, 2.0)
    journal.beat()
    journal.swept(1, 2)
    journal.refused("job", "paused")
    failures = metrics.registry.get_sample_value(
        "nightcrew_primitive_failures_total", {"recipe": "reduce", "primitive": "stackFrames"}
    )
    assert failures == 4
    said = capsys.readouterr().out
    for text in ("killed by SIGBUS", "another attempt has begun", "told to stop", "hot pixels", "paused", "missing"):
        assert text in said


def test_patience_begins_when_the_reducer_is_told_to_stop():
    stop = Event()
    patience = Patience(stop, 0.05)
    assert not patience.over()
    stop.set()
    assert not patience.over()
    time.sleep(0.06)
    assert patience.over()


def test_no_two_reducers_have_one_name():
    assert worker_name() != worker_name()


def test_reducers_that_die_are_started_again_and_all_end_with_the_supervisor(tmp_path, monkeypatch):
    pace = Backoff(first=0.05, ceiling=0.1, attempts=3)
    monkeypatch.setattr(supervising, "GRACE", 0.3)
    mortal, stubborn = tmp_path / "mortal", tmp_path / "stubborn"
    commands = [
        (sys.executable, "-c", f"open({str(mortal)!r}, 'a').write('x')"),
        (
            sys.executable, "-c",
            f"import signal, time; signal.signal(15, signal.SIG_IGN); open({str(stubborn)!r}, 'w'); time.sleep(60)",
        ),
    ]  # fmt: skip
    stop, told = Event(), []
    supervisor = Thread(target=supervise, args=(commands, stop, 0.2, told.append, pace))
    supervisor.start()
    end = time.monotonic() + 30
    while not (mortal.exists() and len(mortal.read_text()) >= 3 and stubborn.exists()):
        assert time.monotonic() < end
        time.sleep(0.02)
    stop.set()
    supervisor.join(30)
    assert not supervisor.is_alive()
    assert "a reducer ended with 0; it is started again in" in told[0]


def test_each_of_several_reducers_knows_its_number_and_its_parent():
    command = command_of(1, "science", 3)
    assert command[-2:] == ("--parent", str(os.getpid()))
    assert command[command.index("--number") :][:2] == ("--number", "1")


def test_the_command_says_what_is_wrong_in_one_line(capsys):
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        assert threading.current_thread() is threading.main_thread()
        assert main(["--class", "science"]) == 2
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert capsys.readouterr().err == (
        "nightcrew-reducer: NIGHTCREW_REDUCER_PRODUCTS: Field required; see docs/reference/settings.md\n"
    )
