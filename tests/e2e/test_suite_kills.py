"""Two nights in which ingest, planner, reducers and the processes of their jobs are killed again and again."""

from __future__ import annotations

import random
import time
from pathlib import Path
from threading import Event, Thread

import pytest

from nightcrew.calmanager.database import CALIBRATION
from nightcrew.shared.ledger import LEDGER
from support.observatory_suite import Suite, one_night, prepare_broker, reduce_by_hand, shifted
from support.rabbitmq import own_node

KILLS = 50
VICTIMS = ("ingest", "planner", "parent", "child")
SHARES = (15, 15, 6, 14)
"""Of the kills: the death of a parent takes its child with it, and a new child has a long way to its first job."""
BEARING = 600.0
"""Seconds; each of twenty kills costs a process that has to become warm, on a busy machine for ten seconds and more."""
HASTE = {"NIGHTCREW_REDUCER_LEASE": "1", "NIGHTCREW_REDUCER_RENEW": "0.3"}


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER, CALIBRATION)


def strike(suite: Suite, rng: random.Random, left: list[str]) -> None:
    """Kill one of those that are left: a reducer in the middle of a job if there is any, else ingest or planner."""
    running = [row.job_class for row in suite.rows("SELECT job_class FROM ledger.jobs WHERE state = 'running'")]
    wanted = {"parent", "child"} if running else {"ingest", "planner"}
    victim = next((one for one in left if one in wanted), None)
    if victim is None:
        return
    time.sleep(rng.uniform(0.0, 0.05 if running else 0.6))
    name = rng.choice(running) if running else victim
    # Who has not been started again since he died cannot be killed.
    killed = suite.kill_child(name) if victim == "child" else suite.services[name].alive
    if not killed:
        return
    if victim != "child":
        suite.kill(name)
    left.remove(victim)


@pytest.mark.parametrize("seed", [1, *(pytest.param(number, marks=pytest.mark.soak) for number in range(2, 11))])
def test_fifty_kills_lose_nothing_and_double_nothing(database, postgres_url, tmp_path, tmp_path_factory, seed):
    rng = random.Random(seed)
    nights = [one_night(1), shifted(one_night(2), 3)]
    expected = [by_hand(night, tmp_path / f"hand{number}") for number, night in enumerate(nights)]
    frames = sum(len(night.exposures) for night in nights)
    left = rng.sample(VICTIMS, counts=SHARES, k=KILLS)
    over = Event()

    def observe() -> None:
        for night in nights:
            for exposure in night.exposures:
                suite.deliver(night, [exposure.name], pause=0.1)
                over.wait(0.4)

    def tend() -> None:
        while not over.wait(0.5):
            suite.as_a_person()

    with own_node(tmp_path_factory.mktemp("mq")) as node:
        prepare_broker(node.url)
        with Suite(tmp_path, database, postgres_url, node.url, HASTE) as suite:
            helpers = [Thread(target=observe), Thread(target=tend)]
            for one in helpers:
                one.start()
            try:
                suite.until(lambda: strike(suite, rng, left) or not left, BEARING)
                suite.until_over(frames, BEARING)
            finally:
                over.set()
                for one in helpers:
                    one.join()
            suite.check()
            assert suite.states("frames") == {"reduced": frames}
            for products in expected:
                suite.check_same(products)
            assert sum(one.starts for one in suite.services.values()) >= len(suite.services) + sum(SHARES[:3])
            ends = suite.rows("SELECT ended_by, count(*) FROM ledger.attempts GROUP BY ended_by")
            assert {"outcome", "crash", "lost"} <= {row.ended_by for row in ends}


def by_hand(night, directory: Path) -> Path:
    night.write(directory / "raw")
    return reduce_by_hand(directory / "raw", directory / "out")
