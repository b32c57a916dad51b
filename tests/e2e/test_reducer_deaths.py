"""Reducers as processes, on a broker of their own: killed, told to stop, and slower than the broker likes."""

from __future__ import annotations

import os
import random
import signal
import time
import urllib.error
import urllib.request
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from nightcrew.shared.bus import Topology
from nightcrew.shared.bus.declaring import declare
from nightcrew.shared.bus.rabbit import RabbitBus
from nightcrew.shared.bus.settings import RabbitSettings
from nightcrew.shared.ledger import LEDGER, AttemptEnd, JobState
from nightcrew.shared.ledger.retries import RetryPolicy
from support.rabbitmq import Node, own_node
from support.reducers import Works, reducer_process, two_free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

IMPATIENT = "consumer_timeout = 2000\n"
"""For RabbitMQ: a message in hand for more than two seconds is taken away."""
OFTEN = RetryPolicy(attempts=50, first=timedelta())


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER,)


@pytest.fixture(scope="module")
def node(tmp_path_factory) -> Iterator[Node]:
    with own_node(tmp_path_factory.mktemp("mq"), IMPATIENT) as node:
        node.control("eval", "application:set_env(rabbit, channel_tick_interval, 500).")  # looks every minute otherwise
        declare(RabbitSettings.load(rabbitmq_url=node.url), Topology.load())
        yield node


@pytest.fixture
def works(database, tmp_path) -> Works:
    return Works(database, tmp_path, policy=OFTEN)


@pytest.fixture
def bus(node) -> RabbitBus:
    return RabbitBus(RabbitSettings.load(rabbitmq_url=node.url), Topology.load(), stop=Event())


@pytest.fixture
def environment(node, postgres_url, works) -> dict[str, str]:
    return {
        "NIGHTCREW_DATABASE_URL": postgres_url,
        "NIGHTCREW_RABBITMQ_URL": node.url,
        "NIGHTCREW_REDUCER_PRODUCTS": str(works.products),
        "NIGHTCREW_REDUCER_LEASE": "1.5",
        "NIGHTCREW_REDUCER_RENEW": "0.5",
        "NIGHTCREW_REDUCER_RETRY_PAUSE": "0",
        "NIGHTCREW_REDUCER_SWEEP": "1",
        "NIGHTCREW_REDUCER_MEMORY": "2",
        "NIGHTCREW_REDUCER_LEAST_FREE": "0",
        "NIGHTCREW_REDUCER_DRAIN": "10",
        "NIGHTCREW_REDUCER_PORT": "0",
        "SOURCE_DATE_EPOCH": "1577836800",
    }


def slow(works: Works, seconds: float) -> str:
    return works.user_recipe(f"    if type(p).__name__ == 'Running':\n        time.sleep({seconds})")


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    return [int(one) for task in Path(f"/proc/{pid}/task").glob("*/children") for one in task.read_text().split()]


def ends(works: Works) -> list[str]:
    with works.database.begin() as connection:
        return list(connection.execute(text("SELECT ended_by FROM ledger.attempts ORDER BY started_at")).scalars())


def test_reducers_killed_at_any_instant_lose_no_job_and_make_no_product_twice(works, bus, environment, tmp_path):
    rng = random.Random(5)
    takes_a_while = slow(works, 0.4)
    ids = [
        works.dark_job(name=f"dark-{number}")
        if number % 2
        else works.dark_job(name=f"slow-{number}", recipe=takes_a_while, product=None)
        for number in range(20)
    ]
    arguments = ("--class", "calibration", "--concurrency", "2")
    with works.housekeeping(bus), reducer_process(environment, *arguments, log=tmp_path / "log") as supervisor:
        for _ in range(4):
            works.wait(lambda: any(works.job(one).state is JobState.RUNNING for one in ids))
            time.sleep(rng.uniform(0.0, 0.5))
            works.wait(lambda: children(supervisor.pid) != [])
            os.kill(rng.choice(children(supervisor.pid)), signal.SIGKILL)
        jobs = works.wait_ended(*ids)
        works.wait(lambda: not works.left_over())
    assert {job.state for job in jobs} == {JobState.SUCCEEDED}
    assert AttemptEnd.LOST in ends(works)
    assert ends(works).count(AttemptEnd.OUTCOME) == len(ids)
    assert [len(works.made(one)) for one in ids] == [6, 2] * 10
    for name in {product.name for one in ids for product in works.made(one)}:
        assert (works.published / name).stat().st_size > 0
    assert {path.name[0] for path in works.published.iterdir()} == {"N"}
    assert works.breaches() == ()


def test_told_to_stop_reducers_finish_what_they_have_and_leave_no_process(works, bus, environment, tmp_path):
    port = two_free_ports()
    environment |= {"NIGHTCREW_REDUCER_PORT": str(port)}
    ids = [works.dark_job(recipe=slow(works, 2.0), product=None) for _ in range(4)]
    arguments = ("--class", "calibration", "--concurrency", "2")
    with works.housekeeping(bus), reducer_process(environment, *arguments, log=tmp_path / "log") as supervisor:
        works.wait(lambda: [works.job(one).state for one in ids].count(JobState.RUNNING) == 2)
        assert get(port, "/readyz") == (200, "ready\n")
        assert get(port, "/healthz") == (200, "alive\n")
        assert 'nightcrew_amqp_connected{service="reducer"} 1.0' in get(port, "/metrics")[1]
        assert get(port, "/secrets")[0] == 404
        family = [one for parent in children(supervisor.pid) for one in (parent, *children(parent))]
        assert len(family) == 4
        supervisor.terminate()
        assert supervisor.wait(30) == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in family)
        states = [works.job(one).state for one in ids]
    assert states.count(JobState.SUCCEEDED) == 2
    assert states.count(JobState.QUEUED) == 2
    assert works.left_over() == []
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_a_job_longer_than_the_brokers_patience_is_done_once(works, bus, environment, tmp_path):
    job_id = works.dark_job(recipe=slow(works, 6.0), product=None)
    with works.housekeeping(bus), reducer_process(environment, "--class", "calibration", log=tmp_path / "log"):
        (job,) = works.wait_ended(job_id)
        later = works.dark_job()
        works.wait_ended(later)
    assert job.state is JobState.SUCCEEDED
    assert ends(works) == [AttemptEnd.OUTCOME, AttemptEnd.OUTCOME]
    works.check_products(job_id)


@pytest.mark.parametrize(
    ("changes", "said", "code"),
    [
        ({"NIGHTCREW_REDUCER_PRODUCTS": ""}, "NIGHTCREW_REDUCER_PRODUCTS: Field required", 2),
        (
            {"NIGHTCREW_REDUCER_LEASE": "5", "NIGHTCREW_REDUCER_RENEW": "4"},
            "at most half of NIGHTCREW_REDUCER_LEASE",
            2,
        ),
        ({"NIGHTCREW_REDUCER_SCRATCH": "/dev/shm/nightcrew-test"}, "another file system", 2),
        ({"NIGHTCREW_REDUCER_PRODUCTS": "/proc/products"}, "cannot be written", 1),
        ({"NIGHTCREW_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"}, "127.0.0.1:9", 1),
    ],
)
def test_what_makes_no_sense_ends_the_start_with_one_line(environment, tmp_path, changes, said, code):
    with reducer_process(
        environment | changes | {"NIGHTCREW_REDUCER_LOG_LEVEL": "error"}, log=tmp_path / "log"
    ) as process:
        assert process.wait(30) == code
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert line.startswith("nightcrew-reducer: ")
    assert said in line


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
