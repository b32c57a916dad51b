"""Reducers at a bus in memory, and what is seen of their jobs."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from nightcrew.shared.bus import Topology
from nightcrew.shared.ledger import JobState
from support.buses import MemorySite
from support.reducers import Works


@pytest.fixture
def works(database, tmp_path) -> Works:
    return Works(database, tmp_path)


@pytest.fixture
def site() -> MemorySite:
    return MemorySite(Topology.load())


def on(site):
    return lambda stop, observer: site.bus(stop=stop, observer=observer)


def slow(works: Works, seconds: float) -> str:
    """Return a recipe that takes so long; that it is called a second time to be written down costs nothing."""
    return works.user_recipe(f"    if type(p).__name__ == 'Running':\n        time.sleep({seconds})")


def running(works: Works, job_id) -> bool:
    return works.job(job_id).state is JobState.RUNNING


def attempts(works: Works, job_id) -> list[tuple[int, str, str]]:
    """Return number, end and reason of each attempt."""
    query = text("SELECT attempt, ended_by, reason FROM ledger.attempts WHERE job_id = :job ORDER BY attempt")
    with works.database.begin() as connection:
        return [tuple(row) for row in connection.execute(query, {"job": job_id})]
