"""The whole suite in this process: from frames that arrive to a master that is certified and given out."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import socket
import threading
import time
from contextlib import ExitStack
from types import SimpleNamespace
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pika
import pytest
import structlog

from nightcrew.calmanager.database import CALIBRATION
from nightcrew.calmanager.manager import CalibrationManager
from nightcrew.cli.commands.up import _shown
from nightcrew.cli.suite.all_classes import AllClasses
from nightcrew.cli.suite.running import Settings, opened
from nightcrew.shared.bus import Topology
from nightcrew.shared.errors import NightcrewError, ServiceError
from nightcrew.shared.ledger import LEDGER, JobState, browsing, conservation, frames, pausing
from nightcrew.shared.ledger.browsing import Wanted
from nightcrew.shared.messages import JOBS, JobClass
from support.buses import rabbit_site
from support.command import nightcrew
from support.frames import write_niri
from support.observatory_suite import prepare_broker
from support.observing import HASTE
from support.rabbitmq import own_node, rabbitmq_url
from support.reducers import Works, raw_sky
from support.runs import DARK

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Connection

    from nightcrew.cli.suite.running import Suite
    from nightcrew.shared.ledger.records import JobRow
    from nightcrew.shared.telemetry import BusMetrics

__all__ = ["nightcrew", "rabbitmq_url"]

PATIENCE = 30.0


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER, CALIBRATION)


@pytest.fixture
def place(tmp_path, monkeypatch, database) -> Path:
    """Return a directory with three darks in `raw`; nothing is known yet."""
    for name, value in {
        **HASTE,
        "NIGHTCREW_PLANNER_QUIET": "0.5",
        "NIGHTCREW_DATA_DIR": str(tmp_path / "data"),
    }.items():
        monkeypatch.setenv(name, value)
    for number in range(3):
        pixels = np.random.default_rng(number).normal(100.0, 8.0, (256, 256)).astype(np.float32)
        cards = {**DARK, "UT": f"09:1{number}:00.0", "DATALAB": f"GN-2016A-Q-1-2-00{number}"}
        write_niri(tmp_path / "raw" / f"N20160102S042{number}.fits", pixels, **cards)
    return tmp_path


def run_until(suite: Suite, condition: Callable[[Connection], bool]) -> None:
    """Run a suite until something is so."""
    late = threading.Timer(PATIENCE, suite.stop.set)
    late.start()
    met: list[bool] = []

    def beat() -> None:
        with suite.database.begin() as connection:
            if condition(connection):
                met.append(True)
                suite.stop.set()

    try:
        suite.run(beat)
    finally:
        late.cancel()
    assert met, "nothing came of it"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def test_darks_that_arrive_become_a_master_that_the_calibration_manager_gives_out(place, postgres_url):
    port = free_port()
    settings = Settings(
        place / "raw", place / "out", archive=place / "archive", database=postgres_url, port=port, reducers=1
    )
    told: list[dict] = []

    def certified(connection: Connection) -> bool:
        told[:] = httpx.get(f"http://127.0.0.1:{port}/v1/calibrations").json()["calibrations"]
        return bool(told)

    with opened(settings) as suite:
        with pytest.raises(ServiceError, match="another `nightcrew up` works on this database"), opened(settings):
            pass
        run_until(suite, certified)
        with suite.database.begin() as connection:
            (job,) = browsing.list_jobs(connection, Wanted())
            (frame, *_) = frames.named(connection, "N20160102S0420.fits")
            balance = conservation.check(connection)
    assert [(one["name"], one["state"]) for one in told] == [("N20160102S0420_dark.fits", "certified")]
    assert job.state is JobState.SUCCEEDED
    assert frame.path.startswith(str(place / "archive"))
    assert balance.breaches == ()
    assert balance.frames == {"reduced": 3}
    assert (place / "out" / "20160101" / "N20160102S0420_dark.fits").is_file()


def test_a_master_that_somebody_submits_is_given_out_by_the_suite(place, postgres_url, nightcrew):
    mine = (place / "raw").rename(place / "mine")
    (place / "raw").mkdir()
    said = nightcrew("submit", *map(str, sorted(mine.iterdir())), "--suffix", "_mine", "--database", postgres_url)
    assert said.code == 0, said.err
    with opened(Settings(place / "raw", place / "out", database=postgres_url)) as suite:
        run_until(suite, lambda connection: "master" in (_only(connection).outcome or {}))
        (certified,) = CalibrationManager.open(suite.database).list()
    assert (certified.name, str(certified.state)) == ("N20160102S0420_mine.fits", "certified")
    assert (place / "out" / "20160101" / "N20160102S0420_mine.fits").is_file()


def _only(connection: Connection) -> JobRow:
    (job,) = browsing.list_jobs(connection, Wanted())
    return job


def test_what_is_paused_waits_for_the_next_run(place, postgres_url):
    settings = Settings(place / "raw", place / "out", database=postgres_url)
    with opened(settings) as suite:
        with suite.database.begin() as connection:
            pausing.pause(connection, "all", "ada")
        run_until(suite, lambda connection: bool(_queued(connection)))
    with opened(settings) as suite:
        with suite.database.begin() as connection:
            assert _queued(connection)
            pausing.resume(connection, "all")
        run_until(suite, lambda connection: not _queued(connection))


def test_a_service_that_cannot_work_ends_the_suite_and_is_named(place, postgres_url):
    (place / "out").write_text("in the way")
    with opened(Settings(place / "raw", place / "out", database=postgres_url)) as suite:
        with pytest.raises(NightcrewError, match=r"^reducer-1: .*out"):
            suite.run(lambda: None)
        assert suite.stop.is_set()


def test_with_a_broker_jobs_go_through_it_and_what_nobody_can_read_is_shown_to_people(
    place, postgres_url, nightcrew, tmp_path_factory
):
    with own_node(tmp_path_factory.mktemp("broker")) as node:
        prepare_broker(node.url)
        connection = pika.BlockingConnection(pika.URLParameters(node.url))
        connection.channel().basic_publish(JOBS, "science", b"nonsense")
        connection.close()
        settings = Settings(place / "raw", place / "out", database=postgres_url, rabbitmq=node.url)
        with opened(settings) as suite:
            run_until(suite, lambda connection: bool(_of_state(connection, JobState.SUCCEEDED)))
        where = ("--database", postgres_url, "--rabbitmq", node.url)
        (found,) = [json.loads(line) for line in nightcrew("dead", "list", "--json", *where).lines]
        assert (found["what"], found["name"], found["record"]["queue"]) == ("message", "unreadable", "reduce.science")
        assert "nonsense" in nightcrew("dead", "show", found["number"], *where).out
        refused = nightcrew("dead", "replay", found["number"], *where)
        assert refused.code == 1
        assert "it can only be thrown away" in refused.err
        assert len(nightcrew("dead", "list", "--json", *where).lines) == 1


def test_while_one_reducer_has_a_long_job_the_other_takes_the_waiting_one_of_another_class(
    database, tmp_path, rabbitmq_url
):
    works = Works(database, tmp_path)
    look = raw_sky(tmp_path)
    hold = works.user_recipe(f"    while not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.02)")
    with rabbit_site(rabbitmq_url, Topology.load()) as site, ExitStack() as stack:
        stack.enter_context(works.housekeeping(site.bus()))

        def bus(stop: threading.Event, observer: BusMetrics) -> AllClasses:
            return AllClasses(site.bus(stop=stop, observer=observer))

        hands = [stack.enter_context(works.reducer(bus)) for _ in range(2)]
        works.wait(lambda: not any(hand.pulse.waits_for for hand in hands))
        long = works.dark_job(recipe=hold, product=None)
        works.wait(lambda: works.job(long).state is JobState.RUNNING)
        # With two of another class there is one for the hands that are full, if these take it.
        short = [works.quick_look(look, JobClass.REALTIME) for _ in range(2)]
        works.wait_ended(*short)
        assert works.job(long).state is JobState.RUNNING
        (tmp_path / "go").touch()
        works.wait_ended(long)
        states = {works.job(one).state for one in (long, *short)}
    assert states == {JobState.SUCCEEDED}


def test_a_broker_that_is_not_there_is_told_before_anything_runs(place, postgres_url):
    settings = Settings(place / "raw", place / "out", database=postgres_url, rabbitmq="amqp://ana:secret@127.0.0.1:9/")
    with pytest.raises(NightcrewError, match="RabbitMQ at ana@127.0.0.1:9") as caught, opened(settings):
        pass
    assert "secret" not in str(caught.value)


def _queued(connection: Connection) -> list[object]:
    return _of_state(connection, JobState.QUEUED)


def _of_state(connection: Connection, state: JobState) -> list[object]:
    return list(browsing.list_jobs(connection, Wanted(states=frozenset({state}))))


@pytest.fixture
def logging_as_before():
    """Leave the log of the test process as it was."""
    root, configured = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**configured)


class Terminal(io.StringIO):
    """A screen."""

    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("logging_as_before")
def test_on_a_terminal_the_picture_is_shown_and_the_log_goes_above_it(database, monkeypatch):
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with _shown(SimpleNamespace(database=database), debug=False) as beat:
        beat()
        structlog.stdlib.get_logger("nightcrew.up").warning("clouds")
    shown = screen.getvalue()
    assert "0 frames: none" in shown
    assert "Ctrl-C to stop" in shown
    assert "clouds" in shown


@pytest.mark.usefixtures("logging_as_before")
def test_the_command_runs_until_it_is_told_to_stop(place, postgres_url, database, nightcrew):
    def stop_when_done() -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with database.begin() as connection:
                if browsing.list_jobs(connection, Wanted(states=frozenset({JobState.SUCCEEDED}))):
                    break
            time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGTERM)

    operator = threading.Thread(target=stop_when_done)
    operator.start()
    said = nightcrew("up", str(place / "raw"), "--database", postgres_url, "--reducers", "1")
    operator.join()
    assert said.code == 0
    assert (place / "raw-reduced" / "20160101" / "N20160102S0420_dark.fits").is_file()
    assert '"event": "stopping: jobs at work are finished or handed back"' in said.err
