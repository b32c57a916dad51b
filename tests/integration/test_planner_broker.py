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
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from nightcrew.planner.main import main
from nightcrew.shared.bus import Topology
from nightcrew.shared.bus.declaring import declare
from nightcrew.shared.bus.settings import RabbitSettings
from nightcrew.shared.ledger import LEDGER, JobState, jobs, outbox
from support.buses import PATIENCE
from support.desks import PaperDesk
from support.observatory_suite import free_port
from support.paper_night import sequence
from support.proxy import Proxy
from support.rabbitmq import own_node
from support.suites import PaperSuite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nightcrew.shared.database import Database

TROUBLE = re.compile(r'^nightcrew_planner_trouble_total\{what="broker"\} [1-9]', re.MULTILINE)
SHORT = "heartbeat=2&socket_timeout=1&stack_timeout=1"
"""Of pika: how soon a broker that hangs is given up."""


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER,)


@pytest.fixture(scope="module")
def node_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker with the queues under their real names."""
    with own_node(tmp_path_factory.mktemp("mq")) as node:
        declare(RabbitSettings.load(rabbitmq_url=node.url), Topology.load())
        yield node.url


@pytest.fixture
def wire(node_url: str) -> Iterator[Proxy]:
    parts = urlsplit(node_url)
    assert parts.hostname is not None
    assert parts.port is not None
    with Proxy(parts.hostname, parts.port) as proxy:
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
def at_work(
    station: Station, url: str, monkeypatch: pytest.MonkeyPatch, story: Callable[[], None]
) -> Iterator[list[BaseException]]:
    """Run the command in this thread, and a story in another that ends it."""
    errors: list[BaseException] = []
    address = station.suite.database.url.render_as_string(hide_password=False)
    monkeypatch.setenv("NIGHTCREW_DATABASE_URL", address)
    monkeypatch.setenv("NIGHTCREW_RABBITMQ_URL", url)
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
        yield errors
    finally:
        teller.join()
        for number, handler in before.items():
            signal.signal(number, handler)
    if errors:
        raise errors[0]


def through(wire: Proxy, node_url: str) -> str:
    parts = urlsplit(node_url)
    return f"amqp://{parts.username}:{parts.password}@127.0.0.1:{wire.port}{parts.path}?{SHORT}"


def run(station: Station, url: str, monkeypatch: pytest.MonkeyPatch, story: Callable[[], None]) -> int:
    with at_work(station, url, monkeypatch, story):
        return main(["--port", str(station.port), "--calmanager", "http://127.0.0.1:9"])


def test_a_broker_that_never_answers_keeps_nobody_from_planning_and_is_told_of(suite, wire, node_url, monkeypatch):
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
    assert run(station, through(wire, node_url), monkeypatch, story) == 0


def test_a_broker_that_begins_to_hang_and_comes_back_is_followed(suite, wire, node_url, monkeypatch):
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

    assert run(station, through(wire, node_url), monkeypatch, story) == 0


def test_a_planner_is_told_to_stop_while_its_broker_hangs(suite, wire, node_url, monkeypatch):
    station = Station(suite)
    wire.freeze()
    assert run(station, through(wire, node_url), monkeypatch, lambda: comes(lambda: station.lacks("broker"))) == 0
