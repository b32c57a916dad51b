"""Five hundred jobs: whoever runs for long does not grow, and the processes of jobs are replaced in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from nightcrew.calmanager.database import CALIBRATION
from nightcrew.reducer.worker.limits import resident
from nightcrew.shared.ledger import LEDGER
from support.observatory_suite import Suite, one_night, prepare_broker
from support.rabbitmq import own_node

if TYPE_CHECKING:
    from nightcrew.simulator import Night

JOBS, EARLY = 500, 100
RECYCLE = 200
MEGABYTE = 1_000_000
GROWTH = {"ingest": 15, "planner": 40, "realtime": 15}
"""Megabytes that a service may gain between the jobs number `EARLY` and `JOBS`; a leak of 100 kB a job gains 40."""
CHILD = 700
"""Megabytes of a process for jobs; the largest that is known is of 400."""
LONG = {
    "NIGHTCREW_PLANNER_QUIET": "3600",
    "NIGHTCREW_PLANNER_SETTLE": "3600",
    "NIGHTCREW_REDUCER_RECYCLE_JOBS": str(RECYCLE),  # the default
}


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER, CALIBRATION)


def many(number: int) -> Night:
    """Return a night with so many frames of the sky."""
    night = one_night()
    (first, *_) = night.group("sky")
    exposures = [
        replace(first, name=f"{first.name[:10]}{n + 1:04}", start=first.start + timedelta(seconds=30 * n))
        for n in range(number)
    ]
    return replace(night, exposures=tuple(exposures))


@pytest.mark.soak
def test_five_hundred_jobs_leave_nobody_larger(database, postgres_url, tmp_path, tmp_path_factory):
    night = many(JOBS)
    names = [one.name for one in night.exposures]
    with own_node(tmp_path_factory.mktemp("mq")) as node:
        prepare_broker(node.url)
        services = ("calmanager", "ingest", "planner", "realtime")
        with Suite(tmp_path, database, postgres_url, node.url, LONG, services) as suite:

            def done(jobs: int) -> bool:
                (child, *_) = suite.services["realtime"].children() or [0]
                largest.append(resident(child) if child else 0)
                return suite.states("jobs").get("succeeded", 0) >= jobs

            def sizes() -> dict[str, float]:
                pids = {name: suite.services[name].process.pid for name in GROWTH}
                return {name: resident(pid) / MEGABYTE for name, pid in pids.items()}

            largest: list[int] = []
            suite.deliver(night, names[:EARLY])
            suite.until(lambda: done(EARLY), 300)
            before = sizes()
            suite.deliver(night, names[EARLY:])
            suite.until(lambda: done(JOBS), 600)
            after = sizes()
            warm = suite.log("realtime").count("a process for jobs is warm")
            assert {name: one.starts for name, one in suite.services.items()} == dict.fromkeys(services, 1)
    growth = {name: after[name] - before[name] for name in GROWTH}
    print(f"MB after {EARLY} jobs {before}, after {JOBS} {after}; child at most {max(largest) / MEGABYTE:.0f}")
    assert all(growth[name] < limit for name, limit in GROWTH.items()), growth
    assert max(largest) < CHILD * MEGABYTE
    assert warm >= JOBS // RECYCLE, "a process goes on until its successor is warm, however long that takes"
