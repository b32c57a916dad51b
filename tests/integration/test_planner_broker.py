"""A broker that hangs, or is away, costs the planner news and nothing else."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from nightcrew.planner.main import main
from nightcrew.shared.bus import Topology
from nightcrew.shared.ledger import LEDGER, JobState, jobs, outbox
from support.buses import PATIENCE, RabbitSite, rabbit_site
from support.desks import PaperDesk
from support.observatory_suite import free_port
from support.paper_night import sequence
from support.proxy import Proxy
from support.rabbitmq import rabbitmq_url
from support.suites import PaperSuite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nightcrew.shared.database import Database

__all__ = ["rabbitmq_url"]

TROUBLE = re.compile(r'^nightcrew_planner_trouble_total\{what="broker"\} [1-9]', re.MULTILINE)
SHORT = "heartbeat=2&socket_timeout=1&stack_timeout=1"
"""Of pika: how soon a broker that hangs is given up."""


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER,)


@pytest.fixture(scope="module")
def site(rabbitmq_url: str) -> Iterator[RabbitSite]:
    with rabbit_site(rabbitmq_url, Topology.load()) as made:
        yield made


@pytest.fixture
def wire(site: RabbitSite, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """What connects the planner, which finds the queues under the names of this site."""
    monkeypatch.setattr("nightcrew.planner.main.Topology", SimpleNamespace(load=lambda: site.topology))
    parameters = site.settings.parameters()
    credentials, vhost = parameters.credentials, parameters.virtual_host.replace("/", "%2F")
    with Proxy(parameters.host, parameters.port) as proxy:
        url = f"amqp://{credentials.username}:{credentials.password}@127.0.0.1:{proxy.port}/{vhost}?{SHORT}"
        monkeypatch.setenv("NIGHTCREW_RABBITMQ_URL", url)
        yield proxy


@pytest.fixture
def suite(database: Database, tmp_path) -> PaperSuite:
    return PaperSuite(database, PaperDesk(tmp_path), tmp_path)


class Station:
    """A planner as a process has it, and what it tells."""

    def __init__(self, suite: PaperSuite) -> None:
        self.suite = suite
        self.port = free_port()

    def asked(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()
        except OSError:
            return 0, ""

    def ready(self) -> bool:
        return self.asked("/readyz")[0] == 200

    def lacks(self, what: str) -> bool:
        status, told = self.asked("/readyz")
        return status == 503 and what in told

    def queued(self) -> int:
        with self.suite.database.begin() as connection:
            return len(jobs.listing(connection, frozenset({JobState.QUEUED})))

    def untold(self) -> int:
        with self.suite.database.begin() as connection:
            return outbox.pending(connection).messages


def comes(true: Callable[[], bool], seconds: float = 3 * PATIENCE) -> bool:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


@contextmanager
def at_work(station: Station, monkeypatch: pytest.MonkeyPatch, story: Callable[[], None]) -> Iterator[None]:
    """Run the command in this thread, and a story in another that ends it."""
    errors: list[BaseException] = []
    address = station.suite.database.url.render_as_string(hide_password=False)
    monkeypatch.setenv("NIGHTCREW_DATABASE_URL", address)
    monkeypatch.setenv("NIGHTCREW_PLANNER_CALIBRATIONS", str(station.suite.directory))
    for name in ("QUIET", "SETTLE", "OPTIONAL"):
        monkeypatch.setenv(f"NIGHTCREW_PLANNER_{name}", "0")
    monkeypatch.setenv("NIGHTCREW_PLANNER_LOOK", "0.2")
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def told() -> None:
        try:
            story()
        except BaseException as error:  # noqa: BLE001 (raised again below)
            errors.append(error)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    teller = threading.Thread(target=told)
    teller.start()
    try:
        yield
    finally:
        teller.join()
        for number, handler in before.items():
            signal.signal(number, handler)
    if errors:
        raise errors[0]


def run(station: Station, monkeypatch: pytest.MonkeyPatch, story: Callable[[], None]) -> int:
    with at_work(station, monkeypatch, story):
        return main(["--port", str(station.port), "--calmanager", "http://127.0.0.1:9"])


def test_a_broker_that_never_answers_keeps_nobody_from_planning_and_is_told_of(suite, wire, monkeypatch):
    station = Station(suite)

    def story() -> None:
        assert comes(lambda: station.lacks("broker"))
        assert station.asked("/healthz")[0] == 200
        suite.arrive(sequence(1, 3, "dark"))
        assert comes(lambda: station.queued() == 1)
        assert comes(lambda: TROUBLE.search(station.asked("/metrics")[1]) is not None)
        assert comes(lambda: station.lacks("RabbitMQ at"))
        assert station.untold() > 0
        wire.thaw()
        assert comes(station.ready)
        assert comes(lambda: station.untold() == 0)

    wire.freeze()
    assert run(station, monkeypatch, story) == 0


def test_a_broker_that_begins_to_hang_and_comes_back_is_followed(suite, wire, monkeypatch):
    station = Station(suite)

    def story() -> None:
        assert comes(station.ready)
        wire.freeze()
        suite.arrive(sequence(1, 3, "dark"))
        assert comes(lambda: station.queued() == 1)
        assert comes(lambda: station.lacks("broker"))
        assert station.asked("/healthz")[0] == 200
        wire.cut()
        wire.thaw()
        assert comes(station.ready)
        assert comes(lambda: station.untold() == 0)

    assert run(station, monkeypatch, story) == 0


def test_a_planner_is_told_to_stop_while_its_broker_hangs(suite, wire, monkeypatch):
    station = Station(suite)
    wire.freeze()
    assert run(station, monkeypatch, lambda: comes(lambda: station.lacks("broker"))) == 0
