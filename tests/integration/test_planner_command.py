"""The command nightcrew-planner, with a real ledger and a broker of its own."""

from __future__ import annotations

import os
import signal
import threading
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from nightcrew.planner.main import main
from nightcrew.shared.bus import Topology
from nightcrew.shared.bus.declaring import declare
from nightcrew.shared.bus.settings import RabbitSettings
from nightcrew.shared.ledger import LEDGER
from support.observatory_suite import free_port
from support.rabbitmq import own_node

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nightcrew.shared.database import Database, Schema

PATIENCE = 30.0
TOLD = (
    "nightcrew_state_timestamp_seconds 1.",
    'nightcrew_amqp_connected{service="planner"} 1.0',
    'nightcrew_jobs{job_class="science",state="queued"} 0.0',
)


@pytest.fixture(scope="module")
def schemas() -> tuple[Schema, ...]:
    return (LEDGER,)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Give the signals back that a command takes."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def asked(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, ""
    except OSError:
        return 0, ""


def test_the_planner_comes_to_readiness_tells_of_the_suite_and_ends_as_told(
    database: Database, postgres_url: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    seen = {"ready": 0, "metrics": ""}

    def told() -> bool:
        return seen["ready"] == 200 and all(one in str(seen["metrics"]) for one in TOLD)

    def look() -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and not told():
            seen["ready"], _ = asked(port, "/readyz")
            _, seen["metrics"] = asked(port, "/metrics")
            time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGTERM)

    with own_node(tmp_path_factory.mktemp("mq")) as node:
        declare(RabbitSettings.load(rabbitmq_url=node.url), Topology.load())
        monkeypatch.setenv("NIGHTCREW_DATABASE_URL", postgres_url)
        monkeypatch.setenv("NIGHTCREW_RABBITMQ_URL", node.url)
        monkeypatch.setenv("NIGHTCREW_PLANNER_CALIBRATIONS", str(tmp_path_factory.mktemp("masters")))
        looker = threading.Thread(target=look)
        looker.start()
        assert main(["--port", str(port), "--calmanager", "http://127.0.0.1:9"]) == 0
        looker.join()
    assert told(), seen


def test_a_planner_whose_tables_are_missing_says_what_to_run(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NIGHTCREW_DATABASE_URL", postgres_url.rpartition("/")[0] + "/postgres")
    monkeypatch.setenv("NIGHTCREW_PLANNER_CALIBRATIONS", str(tmp_path))
    assert main(["--port", "0"]) == 1
    assert "nightcrew database upgrade" in capsys.readouterr().err
