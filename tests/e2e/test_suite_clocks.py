"""A night on machines whose clocks are wrong by years, each by another, and jump."""

from __future__ import annotations

import os
import random
from pathlib import Path
from threading import Event, Thread

import pytest

from nightcrew.calmanager.database import CALIBRATION
from nightcrew.shared.ledger import LEDGER
from support.observatory_suite import ALL, Suite, one_night, prepare_broker, reduce_by_hand
from support.rabbitmq import own_node

PLACES = (os.environ.get("NIGHTCREW_TEST_FAKETIME", ""), *(
    f"/usr/lib/{machine}-linux-gnu/faketime/libfaketime.so.1" for machine in ("x86_64", "aarch64")
))  # fmt: skip
"""Where the library may be that tells a process another time."""


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER, CALIBRATION)


@pytest.mark.soak
def test_services_whose_clocks_are_wrong_and_jump_reduce_a_night_all_the_same(
    database, postgres_url, tmp_path, tmp_path_factory
):
    library = next((place for place in PLACES if place and Path(place).exists()), None)
    if library is None:
        pytest.skip("clocks cannot be set wrong: install libfaketime, or name it in NIGHTCREW_TEST_FAKETIME")
    rng = random.Random(2)
    night = one_night()
    night.write(tmp_path / "source")
    by_hand = reduce_by_hand(tmp_path / "source", tmp_path / "hand")
    clocks = {name: tmp_path / f"clock-{name}" for name in ALL}
    over = Event()

    def jump() -> None:
        """Set one clock after the other to some other time; the file appears whole."""
        while not over.wait(0.3):
            path = clocks[rng.choice(ALL)]
            new = path.with_suffix(".new")
            new.write_text(f"{rng.randint(-3000, 3000):+d}d\n")
            new.replace(path)

    with own_node(tmp_path_factory.mktemp("mq")) as node:
        prepare_broker(node.url)
        suite = Suite(tmp_path, database, postgres_url, node.url)
        for name, path in clocks.items():
            path.write_text(f"{rng.randint(-3000, 3000):+d}d\n")
            suite.services[name].environment = {
                **suite.services[name].environment,
                "LD_PRELOAD": library,
                "FAKETIME_TIMESTAMP_FILE": str(path),
                "FAKETIME_NO_CACHE": "1",
                "DONT_FAKE_MONOTONIC": "1",
                "NO_FAKE_STAT": "1",
            }
        thread = Thread(target=jump)
        with suite:
            thread.start()
            try:
                suite.deliver(night, pause=0.2)
                suite.until_over(len(night.exposures))
            finally:
                over.set()
                thread.join()
            suite.check()
            suite.check_same(by_hand)
            assert {row.attempt for row in suite.rows("SELECT attempt FROM ledger.jobs")} == {1}
            assert {name: one.starts for name, one in suite.services.items()} == dict.fromkeys(ALL, 1)
            assert len({line[:4] for line in years(suite.log("planner"))}) > 1
            # What the ledger says of times is the database's.
            (span,) = suite.rows(
                "SELECT 1 FROM ledger.jobs HAVING max(ended_at) - min(created_at) < interval '5 minutes'"
                " AND max(lease_until) IS NULL"
            )
            assert span


def years(log: str) -> list[str]:
    """Return the times that a service has put on its lines."""
    return [line.partition('"timestamp": "')[2] for line in log.splitlines() if '"timestamp": "' in line]
