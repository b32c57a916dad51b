"""A reducer on a real ledger, with real children and small frames: from a message to products, whatever happens."""

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

from nightcrew.shared.bus import Topology
from nightcrew.shared.ledger import LEDGER, AttemptEnd, JobState, claims, pausing
from nightcrew.shared.ledger.records import Claim
from nightcrew.shared.messages import FrameArrived, JobClass, JobReady, Route, encode
from nightcrew.shared.outcomes import Outcome, Status
from support.buses import MemorySite
from support.command import nightcrew
from support.reducers import AT_ONCE, EPOCH, Works, raw_sky

__all__ = ["nightcrew"]


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER,)


@pytest.fixture
def works(database, tmp_path) -> Works:
    return Works(database, tmp_path)


@pytest.fixture
def site() -> MemorySite:
    return MemorySite(Topology.load())


def on(site):
    return lambda stop, observer: site.bus(stop=stop, observer=observer)


def test_a_message_becomes_a_master_with_preview_the_same_bytes_as_on_the_command_line(
    works, site, nightcrew, tmp_path, monkeypatch
):
    job_id = works.dark_job()
    with works.housekeeping(site.bus()), works.reducer(on(site)) as hand:
        (job,) = works.wait_ended(job_id)
        works.wait(lambda: not works.left_over())
    assert job.state is JobState.SUCCEEDED, job.reason
    assert {product.name: product.kind for product in works.made(job_id)} == {
        "N20160102S0400_dark.fits": "processed_dark",
        "N20160102S0400_dark.png": "preview",
    }
    works.check_products(job_id)
    assert works.breaches() == ()
    assert job.outcome["status"] == "succeeded"
    assert hand.value("nightcrew_jobs_total", instrument="NIRI", recipe="makeProcessedDark", outcome="succeeded") == 1
    assert (
        hand.value("nightcrew_primitive_duration_seconds_count", recipe="makeProcessedDark", primitive="stackDarks")
        == 1
    )
    assert hand.value("nightcrew_worker_busy") == 0
    by_hand = tmp_path / "by-hand"
    by_hand.mkdir()
    monkeypatch.chdir(by_hand)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", EPOCH)
    said = nightcrew("reduce", *map(str, sorted(works.raw.glob("*.fits"))))
    assert said.code == 0
    assert (by_hand / "N20160102S0400_dark.fits").read_bytes() == (
        works.published / "N20160102S0400_dark.fits"
    ).read_bytes()


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


def test_a_message_that_comes_five_times_is_one_job_with_one_set_of_products(works, site):
    job_id = works.dark_job()
    body = encode(JobReady(producer="test", job_id=job_id, job_class=JobClass.CALIBRATION))
    for _ in range(4):
        site.put(Route("nightcrew.jobs", "calibration"), body)
    with works.housekeeping(site.bus()), works.reducer(on(site)) as hand:
        works.wait_ended(job_id)
        works.wait(
            lambda: (
                hand.value("nightcrew_messages_total", service="reducer", queue="reduce.calibration", outcome="acked")
                == 5
            )
        )
    assert [end for _, end, _ in attempts(works, job_id)] == [AttemptEnd.OUTCOME]
    assert len(works.made(job_id)) == 2
    assert works.left_over() == []


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


def test_told_to_stop_a_reducer_ends_the_job_that_it_has(works, site):
    job_id = works.dark_job(recipe=slow(works, 1.0), product=None)
    with works.reducer(on(site)) as hand:
        works.keep_house(site.bus())
        works.wait(lambda: running(works, job_id))
        hand.stop.set()
        hand.thread.join(30)
        assert not hand.thread.is_alive()
    assert works.job(job_id).state is JobState.SUCCEEDED
    works.check_products(job_id)


def test_told_to_stop_a_reducer_hands_back_what_takes_too_long_and_the_attempt_does_not_count(works, site):
    job_id = works.dark_job(recipe=slow(works, 60.0), product=None)
    with works.reducer(on(site), drain=0.2) as hand:
        works.keep_house(site.bus())
        works.wait(lambda: running(works, job_id))
        child = hand.child_pid
        hand.stop.set()
        hand.thread.join(30)
        assert not hand.thread.is_alive()
    job = works.job(job_id)
    assert (job.state, job.attempt) == (JobState.QUEUED, 0)
    assert not Path(f"/proc/{child}").exists()
    assert works.left_over() == []
    works.keep_house(site.bus())
    assert site.take("reduce.calibration") is not None


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


def test_a_job_that_takes_more_memory_than_it_may_ends_with_resource_and_is_not_tried_again(works, site):
    hog = works.user_recipe("    keep = [bytearray(os.urandom(1000) * 10000) for _ in range(100)]\n    time.sleep(20)")
    job_id, good = works.dark_job(recipe=hog, product=None), works.dark_job()
    with works.housekeeping(site.bus()), works.reducer(on(site), memory=0.6):
        job, fine = works.wait_ended(job_id, good)
    assert job.state is JobState.FAILED
    assert "GB of memory" in job.reason
    assert job.outcome["status"] == "resource"
    assert fine.state is JobState.SUCCEEDED
    assert works.left_over() == []


def test_a_job_that_takes_longer_than_it_may_is_ended(works, site):
    job_id = works.dark_job(recipe=slow(works, 60), product=None)
    with works.housekeeping(site.bus()), works.reducer(on(site), time_limit=0.5):
        (job,) = works.wait_ended(job_id)
    assert job.state is JobState.FAILED
    assert "NIGHTCREW_REDUCER_TIME_LIMIT" in job.reason


def test_requests_that_cannot_be_carried_out_say_why_and_missing_files_are_tried_again_first(works, site):
    newer = works.dark_job(version=7)
    sky = raw_sky(works.raw)
    number = works.arrive(sky)
    look = {"name": sky.name, "path": str(sky), "frame": number}
    changed = works.dark_job(files=[look], recipe="quickLook", mode="ql", provides=None, product=None)
    wrong = {"caltype": "processed_dark", "path": str(sky), "md5": "0" * 32}
    doubtful = works.dark_job(calibrations=[wrong])
    missing = {"name": "N1.fits", "path": "/nowhere/N1.fits", "frame": None}
    gone = works.dark_job(files=[missing])
    with sky.open("ab") as file:
        file.write(b"more")
    with works.housekeeping(site.bus()), works.reducer(on(site)):
        ended = works.wait_ended(newer, gone, changed, doubtful)
    assert [job.state for job in ended] == [JobState.UNPROCESSABLE] * 4
    assert "version 7" in ended[0].reason
    assert "/nowhere/N1.fits" in ended[1].reason
    assert f"{sky}: has changed since it came in" in ended[2].reason
    assert "is not the processed_dark that was certified" in ended[3].reason
    assert [len(attempts(works, job.id)) for job in ended] == [1, 3, 3, 3]
    assert works.breaches() == ()


def test_children_are_replaced_after_some_jobs_by_ones_that_are_warm_and_do_not_pile_up(works, site):
    sky = raw_sky(works.raw)
    with works.housekeeping(site.bus()), works.reducer(on(site), recycle_jobs=2) as hand:
        pids = set()
        for changes in (1, 2):
            works.wait_ended(*(works.quick_look(sky) for _ in range(2)))
            pids.add(hand.child_pid)
            works.wait(lambda number=changes: hand.crew is not None and hand.crew.recycled == number)
        pids.add(hand.child_pid)
        children = Path(f"/proc/self/task/{hand.thread.native_id}/children").read_text().split()
        assert children == [str(hand.child_pid)]
    assert len(pids) == 3
    assert hand.value("nightcrew_worker_children_total") == hand.crew.recycled + 1


def test_a_later_product_takes_over_the_public_name_and_the_earlier_one_stays_where_it_was(works, site):
    sky = raw_sky(works.raw)
    with works.housekeeping(site.bus()), works.reducer(on(site)):
        first = works.quick_look(sky)
        works.wait_ended(first)
        raw_sky(works.raw, side=288).rename(sky)
        works.wait((works.published / "N20160102S0001_quicklook.json").exists)
        before = (works.published / "N20160102S0001_quicklook.fits").read_bytes()
        second = works.quick_look(sky)
        works.wait_ended(second)
        works.wait(lambda: not works.left_over())
    kinds = {product.name: product.kind for product in works.made(second)}
    assert kinds == {
        "N20160102S0001_quicklook.fits": "quick-look",
        "N20160102S0001_quicklook.png": "preview",
        "N20160102S0001_quicklook.json": "measurements",
    }
    works.check_products(second)
    (old,) = (one for one in works.made(first) if one.kind == "quick-look")
    assert Path(old.path).read_bytes() == before
    assert not os.access(old.path, os.W_OK) or os.geteuid() == 0


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


def test_a_paused_class_is_left_alone_and_what_is_no_job_is_set_aside(works, site):
    job_id = works.dark_job()
    with works.database.begin() as connection:
        pausing.pause(connection, "class:calibration", "observer")
    site.put(
        Route("nightcrew.jobs", "calibration"),
        encode(
            FrameArrived(
                producer="test", frame_id=1, content_hash="0" * 64, instrument="NIRI", kind="dark", night="2016-01-02"
            )
        ),
    )
    with works.housekeeping(site.bus()), works.reducer(on(site)) as hand:
        where = {"service": "reducer", "queue": "reduce.calibration"}
        works.wait(lambda: hand.value("nightcrew_messages_total", **where, outcome="dead_lettered") == 1)
        works.wait(lambda: hand.value("nightcrew_messages_total", **where, outcome="acked") == 1)
        assert works.job(job_id).attempt == 0
        with works.database.begin() as connection:
            pausing.resume(connection, "class:calibration")
        (job,) = works.wait_ended(job_id)
    assert job.state is JobState.SUCCEEDED


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
