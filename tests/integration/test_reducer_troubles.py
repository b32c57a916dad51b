"""The reducer as a worker: processes that die, leases that run out, disks and databases that fail."""

from __future__ import annotations

import os
import random
import resource
import signal
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from nightcrew.shared.ledger import LEDGER, AttemptEnd, JobState, claims
from nightcrew.shared.ledger.records import Claim
from nightcrew.shared.messages import JobClass, JobReady, Route, encode
from nightcrew.shared.outcomes import Outcome, Status
from support.command import nightcrew
from support.reducers import AT_ONCE
from support.reducers_at_work import attempts, on, running, site, slow, works

__all__ = ["nightcrew", "site", "works"]


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER,)


def test_a_frame_that_kills_every_process_is_set_aside_after_three_and_blocks_nobody(works, site):
    poisoned = works.dark_job(recipe=works.user_recipe("    os.kill(os.getpid(), 9)"), kind="poison", product=None)
    good = works.dark_job()
    with works.housekeeping(site.bus()), works.reducer(on(site)) as hand:
        bad, fine = works.wait_ended(poisoned, good)
    assert bad.state is JobState.SET_ASIDE
    assert "killed by SIGKILL" in bad.reason
    assert "3 times" in bad.reason
    assert [end for _, end, _ in attempts(works, poisoned)] == [AttemptEnd.CRASH] * 3
    assert fine.state is JobState.SUCCEEDED
    assert works.left_over() == []
    assert works.breaches() == ()
    assert hand.value("nightcrew_job_attempts_total", recipe="other", reason="crash") == 3


def test_a_child_killed_at_any_instant_leaves_one_product_a_job_and_nothing_else(works, site):
    rng = random.Random(3)
    done = []
    with works.housekeeping(site.bus()), works.reducer(on(site)) as hand:
        for _ in range(8):
            job_id = works.dark_job()
            works.wait(lambda one=job_id: works.job(one).attempt > 0)
            time.sleep(rng.uniform(0, 0.08))
            with suppress(ProcessLookupError):
                os.kill(hand.child_pid, signal.SIGKILL)
            works.wait_ended(job_id)
            done.append(job_id)
        ended = works.wait_ended(*done)
        works.wait(lambda: not works.left_over())
    assert [job.state for job in ended] == [JobState.SUCCEEDED] * len(done)
    for job_id in done:
        assert len(works.made(job_id)) == 2
    works.check_products(done[-1])
    assert works.left_over() == []
    assert works.breaches() == ()
    assert {path.suffix for path in works.published.iterdir()} == {".fits", ".png"}


@pytest.mark.parametrize("fault", ["none", "connection cut"])
def test_a_job_longer_than_its_lease_is_done_once_whatever_becomes_of_the_subscription(works, site, fault):
    job_id = works.dark_job(recipe=slow(works, 2.0), product=None)
    with works.housekeeping(site.bus()), works.reducer(on(site), lease=1.0, renew=0.3) as hand:
        works.wait(lambda: running(works, job_id))
        if fault != "none":
            site.cut(hand.bus)
        (job,) = works.wait_ended(job_id)
        works.wait(lambda: site.take("reduce.calibration") is None if fault == "none" else True)
    assert job.state is JobState.SUCCEEDED, job.reason
    assert [end for _, end, _ in attempts(works, job_id)] == [AttemptEnd.OUTCOME]
    works.check_products(job_id)
    assert hand.error is None


def test_what_a_zombie_makes_is_thrown_away(works, site):
    job_id = works.dark_job(recipe=slow(works, 30.0), product=None)
    with works.reducer(on(site), lease=2.0, renew=0.3) as hand:
        works.keep_house(site.bus())
        works.wait(lambda: running(works, job_id) and list(works.products.glob(".scratch/*")))
        child = hand.child_pid
        with works.database.begin() as connection:
            connection.execute(text("UPDATE ledger.jobs SET lease_until = now() - interval '1 s'"))
            claims.reap(connection, AT_ONCE)
            claims.queue_due(connection)
            other = claims.claim(connection, job_id, "other")
        assert isinstance(other, Claim)
        works.wait(lambda: works.left_over() == [])
        works.wait(lambda: not Path(f"/proc/{child}").exists())
        with works.database.begin() as connection:
            claims.commit(connection, other, Outcome(Status.SUCCEEDED))
    assert works.made(job_id) == []
    assert [end for _, end, _ in attempts(works, job_id)] == [AttemptEnd.LOST, AttemptEnd.OUTCOME]
    assert hand.value("nightcrew_jobs_total", instrument="NIRI", recipe="other", outcome="lost") == 1


def test_a_full_disk_is_tried_again_and_leaves_nothing_half_written(works, site):
    job_id = works.dark_job()
    with works.reducer(on(site), retry_pause=1.0) as hand:
        works.wait(lambda: not hand.pulse.waits_for)
        resource.prlimit(hand.child_pid, resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
        works.keep_house(site.bus())
        works.wait(lambda: works.job(job_id).state is JobState.RETRY)
        assert "cannot be written" in works.job(job_id).reason
        works.wait(lambda: works.left_over() == [])
        assert not works.published.exists()
        infinite = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(hand.child_pid, resource.RLIMIT_FSIZE, infinite)
        with works.housekeeping(site.bus()):
            (job,) = works.wait_ended(job_id)
    assert job.state is JobState.SUCCEEDED
    works.check_products(job_id)


def test_without_room_on_the_disk_no_job_is_begun(works, site):
    job_id = works.dark_job()
    with works.reducer(on(site), least_free=1e9) as hand:
        works.keep_house(site.bus())
        works.wait(lambda: not hand.pulse.waits_for)
        time.sleep(0.5)
        assert works.job(job_id).attempt == 0
    assert hand.error is None


def test_names_that_a_dead_reducer_did_not_make_are_made_by_the_next_and_orphans_go(works, site):
    job_id = works.dark_job()
    with works.housekeeping(site.bus()), works.reducer(on(site)):
        works.wait_ended(job_id)
        works.wait(lambda: not works.left_over())
    kept = Path(works.made(job_id)[0].path).parent
    for path in works.published.iterdir():
        path.unlink()
    (works.products / ".scratch" / f"{job_id}.{kept.name.replace('-', '.')}").mkdir()
    orphan = works.products / ".jobs" / str(job_id) / "2-00000000"
    orphan.mkdir()
    (orphan / "half.fits").write_bytes(b"")
    (works.products / ".scratch" / f"{job_id}.2.00000000" / "products").mkdir(parents=True)
    stranger = works.products / ".scratch" / f"{uuid4()}.1.00000000"
    stranger.mkdir()
    with works.reducer(on(site)) as hand:
        works.wait(lambda: works.left_over() == [stranger.name])
        works.wait(lambda: not hand.pulse.waits_for)
    assert not orphan.exists()
    works.check_products(job_id)


def test_a_job_outlives_the_absence_of_the_database(works, site, postgres_server, postgres_url):
    name = postgres_url.rpartition("/")[2].partition("?")[0]
    job_id = works.dark_job(recipe=slow(works, 1.0), product=None)
    with works.reducer(on(site)) as hand:
        works.keep_house(site.bus())
        works.wait(lambda: running(works, job_id))
        allow(postgres_server, name, "false")
        try:
            time.sleep(2.5)
        finally:
            allow(postgres_server, name, "true")
        (job,) = works.wait_ended(job_id)
    assert job.state is JobState.SUCCEEDED
    assert [end for _, end, _ in attempts(works, job_id)] == [AttemptEnd.OUTCOME]
    works.check_products(job_id)
    assert hand.error is None


def test_a_process_that_died_before_it_had_its_job_costs_the_job_no_attempt(works, site):
    with works.reducer(on(site), spare=False, recycle_jobs=1) as hand:
        works.wait(lambda: not hand.pulse.waits_for)
        first = hand.child_pid
        os.kill(first, signal.SIGSTOP)
        job_id = works.dark_job()
        works.keep_house(site.bus())
        works.wait(lambda: running(works, job_id))
        os.kill(first, signal.SIGKILL)
        with works.housekeeping(site.bus()):
            (job,) = works.wait_ended(job_id)
        works.wait(lambda: hand.crew.recycled == 1)
    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)
    assert hand.value("nightcrew_jobs_total", instrument="NIRI", recipe="makeProcessedDark", outcome="released") == 1
    assert works.breaches() == ()


def test_products_that_cannot_be_moved_are_tried_again_and_names_that_cannot_be_made_are_made_later(works, site):
    jobs_directory, aside = works.products / ".jobs", works.products / "aside"
    with works.reducer(on(site), sweep=0.2) as hand:
        works.wait(lambda: not hand.pulse.waits_for)
        jobs_directory.rename(aside)
        works.published.write_text("in the way")
        job_id = works.dark_job()
        works.keep_house(site.bus())
        works.wait(lambda: works.job(job_id).state is JobState.RETRY)
        assert "cannot be written" in works.job(job_id).reason
        aside.rename(jobs_directory)
        with works.housekeeping(site.bus()):
            (job,) = works.wait_ended(job_id)
        assert job.state is JobState.SUCCEEDED
        works.published.unlink()
        works.wait(lambda: not works.left_over())
    works.check_products(job_id)


def test_a_reducer_told_to_stop_while_it_waits_for_the_database_gives_the_message_back(
    works, site, postgres_server, postgres_url
):
    name = postgres_url.rpartition("/")[2].partition("?")[0]
    job_id = works.dark_job()
    with works.reducer(on(site)) as hand:
        works.wait(lambda: not hand.pulse.waits_for)
        works.keep_house(site.bus())
        works.wait_ended(job_id)
        allow(postgres_server, name, "false")
        try:
            body = encode(JobReady(producer="test", job_id=job_id, job_class=JobClass.CALIBRATION))
            site.put(Route("nightcrew.jobs", "calibration"), body)
            time.sleep(1.5)
            hand.stop.set()
            hand.thread.join(30)
            assert not hand.thread.is_alive()
        finally:
            allow(postgres_server, name, "true")
    assert hand.error is None
    assert site.take("reduce.calibration") is not None


def allow(server, name: str, whether: str) -> None:
    """Let a database take connections, or take them all away."""
    import psycopg

    with psycopg.connect(
        server.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True
    ) as connection:
        connection.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS {whether}')
        if whether == "false":
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
