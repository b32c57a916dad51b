"""The reducer as a worker: jobs, their products and their limits, on a real ledger."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nightcrew.shared.ledger import LEDGER, AttemptEnd, JobState, pausing
from nightcrew.shared.messages import FrameArrived, JobClass, JobReady, Route, encode
from support.command import nightcrew
from support.reducers import EPOCH, raw_sky
from support.reducers_at_work import attempts, on, running, site, slow, works

__all__ = ["nightcrew", "site", "works"]


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER,)


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
