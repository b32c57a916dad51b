"""A reducer that is started on demand ends when there is nothing more to do."""

from __future__ import annotations

import pytest

from nightcrew.reducer.worker.settings import ReducerSettings
from nightcrew.shared.bus import Topology
from nightcrew.shared.errors import SettingsError
from nightcrew.shared.ledger import LEDGER, JobState
from support.buses import MemorySite
from support.reducers import Works


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER,)


def test_a_reducer_on_demand_does_what_there_is_and_ends(database, tmp_path) -> None:
    works, site = Works(database, tmp_path), MemorySite(Topology.load())
    job_id = works.dark_job()
    with (
        works.housekeeping(site.bus()),
        works.reducer(lambda stop, observer: site.bus(stop=stop, observer=observer), idle_exit=1.0) as hand,
    ):
        (job,) = works.wait_ended(job_id)
        works.wait(hand.stop.is_set)
    assert job.state is JobState.SUCCEEDED, job.reason


def test_several_reducers_under_one_supervisor_do_not_end_by_themselves(tmp_path) -> None:
    with pytest.raises(SettingsError, match="NIGHTCREW_REDUCER_IDLE_EXIT is for one reducer"):
        ReducerSettings.load(products=tmp_path, concurrency=2, idle_exit=60.0)
