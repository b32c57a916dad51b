"""Jobs in the ledger: submitted, claimed, fenced, tried again, paused, and their products."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from nightcrew.shared.ledger import (
    LEDGER,
    JobState,
    claims,
    jobs,
    pausing,
    products,
)
from nightcrew.shared.ledger.records import Claim, NotClaimed, Usage
from nightcrew.shared.ledger.retries import Done, Fenced, Retry
from nightcrew.shared.messages import JobClass, JobReady, decode
from nightcrew.shared.outcomes import Outcome, Status
from support.ledgers import (
    NIGHT,
    arrived,
    bodies,
    claimed,
    expire_leases,
    new_job,
    new_product,
    submitted,
)

GOOD = Outcome(Status.SUCCEEDED, products=("N1_dark.fits",))


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER,)


@pytest.fixture
def ledger(database):
    """A transaction that is rolled back."""
    with database.connect() as connection:
        yield connection


def test_a_job_is_submitted_once_and_announced(ledger):
    job, new = jobs.submit(ledger, new_job(key="dark/v1"))
    same, again = jobs.submit(ledger, new_job(key="dark/v1", recipe="other"))
    assert (new, again) == (True, False)
    assert (same.id, same.recipe) == (job.id, "makeProcessedDark")
    (told,) = map(json.loads, bodies(ledger))
    assert (told["type"], told["job_id"], told["job_class"]) == ("job.ready", str(job.id), "calibration")
    assert isinstance(decode(bodies(ledger)[0].encode()), JobReady)


def test_a_job_that_needs_something_waits_until_it_is_moved(ledger):
    deadline = datetime(2016, 1, 3, tzinfo=UTC)
    job = submitted(ledger, needs=({"caltype": "processed_dark"},), deadline=deadline)
    assert job.state is JobState.WAITING
    assert jobs.waiting(ledger) == [job]
    assert bodies(ledger) == []
    assert claims.claim(ledger, job.id, "reducer-1") == NotClaimed("it waits for calibrations")
    moved = jobs.move(ledger, job.id, JobState.QUEUED, request={"version": 1, "calibrations": {}}, provisional=True)
    assert moved is not None
    assert (moved.state, moved.provisional) == (JobState.QUEUED, True)
    assert len(bodies(ledger)) == 1


def test_a_claim_is_one_workers_until_it_ends(ledger):
    held = claimed(ledger)
    assert (held.attempt, held.job.state, held.job.worker) == (1, JobState.RUNNING, "reducer-1")
    assert claims.claim(ledger, held.job.id, "reducer-2") == NotClaimed("reducer-1 has it")
    assert claims.renew(ledger, held)
    decision = claims.commit(ledger, held, GOOD, [new_product()], Usage(1.5, 10, {"prepare": 0.1}), {"status": "ok"})
    assert decision == Done(JobState.SUCCEEDED, "")
    assert not claims.renew(ledger, held)
    assert claims.claim(ledger, held.job.id, "reducer-2") == NotClaimed("it has ended: succeeded")
    (product,) = products.of_jobs(ledger, [held.job.id])
    assert (product.name, product.attempt) == ("N1_dark.fits", 1)
    assert products.current(ledger, "N1_dark.fits") == product
    finished = json.loads(bodies(ledger)[-1])
    assert (finished["type"], finished["status"], finished["attempt"]) == ("job.finished", "succeeded", 1)
    row = ledger.execute(text("SELECT ended_by, cpu_seconds, primitives FROM ledger.attempts")).one()
    assert tuple(row) == ("outcome", 1.5, {"prepare": 0.1})


def test_there_is_no_claim_on_a_job_that_does_not_exist(ledger):
    assert claims.claim(ledger, uuid4(), "reducer-1") == NotClaimed("there is no such job")


def test_eight_workers_that_claim_at_once_get_it_once(database):
    with database.begin() as connection:
        job = submitted(connection)
    got = []

    def claim(worker: str) -> None:
        with database.begin() as connection:
            got.append(claims.claim(connection, job.id, worker))

    threads = [threading.Thread(target=claim, args=(f"reducer-{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sum(isinstance(one, Claim) for one in got) == 1
    assert len(got) == 8


def test_a_worker_that_fell_silent_loses_its_job_and_what_it_writes_then(ledger):
    held = claimed(ledger)
    assert claims.reap(ledger) == []
    expire_leases(ledger)
    ((job_id, decision),) = claims.reap(ledger)
    assert job_id == held.job.id
    assert isinstance(decision, Retry)
    ledger.execute(text("UPDATE ledger.jobs SET not_before = now()"))
    assert claims.queue_due(ledger) == [job_id]
    second = claims.claim(ledger, job_id, "reducer-2")
    assert isinstance(second, Claim)
    assert second.attempt == 2
    with pytest.raises(Fenced):
        claims.commit(ledger, held, GOOD, [new_product()])
    with pytest.raises(Fenced):
        claims.crash(ledger, held, "killed")
    assert not claims.release(ledger, held, "stopping")
    claims.commit(ledger, second, GOOD, [new_product()])
    (product,) = products.of_jobs(ledger, [job_id])
    assert product.attempt == 2


def test_a_job_that_kills_three_workers_is_set_aside_and_can_be_queued_again_by_hand(ledger):
    job = submitted(ledger)
    for attempt in (1, 2, 3):
        held = claims.claim(ledger, job.id, f"reducer-{attempt}")
        assert isinstance(held, Claim)
        claims.crash(ledger, held, "child killed by signal 9")
        ledger.execute(text("UPDATE ledger.jobs SET not_before = now() WHERE state = 'retry'"))
        claims.queue_due(ledger)
    aside = jobs.get(ledger, job.id)
    assert aside is not None
    assert (aside.state, aside.attempt) == (JobState.SET_ASIDE, 3)
    assert "3 times in all" in aside.reason
    again = jobs.again(ledger, job.id, "ada")
    assert again is not None
    assert (again.state, again.attempt) == (JobState.QUEUED, 0)
    held = claims.claim(ledger, job.id, "reducer-9")
    assert isinstance(held, Claim)
    claims.commit(ledger, held, GOOD, [new_product()])
    assert jobs.again(ledger, job.id, "ada") is None


def test_a_job_handed_back_at_a_stop_keeps_its_attempts(ledger):
    held = claimed(ledger)
    assert claims.release(ledger, held, "the worker was told to stop")
    again = claims.claim(ledger, held.job.id, "reducer-2")
    assert isinstance(again, Claim)
    assert again.attempt == 1
    assert sum("job.ready" in body for body in bodies(ledger)) == 2
    # The number of the attempt is the same, the worker is not.
    with pytest.raises(Fenced):
        claims.commit(ledger, held, GOOD)


def test_what_may_get_better_waits_for_its_time(ledger):
    held = claimed(ledger)
    decision = claims.commit(ledger, held, Outcome(Status.RETRYABLE, "disk full"))
    assert isinstance(decision, Retry)
    refused = claims.claim(ledger, held.job.id, "reducer-1")
    assert isinstance(refused, NotClaimed)
    assert "not before" in refused.reason
    assert claims.queue_due(ledger) == []


def test_a_job_whose_message_is_lost_is_announced_again(ledger):
    job = submitted(ledger)
    for minutes in (1, 2, 4):
        for seconds, again in ((-1, []), (1, [job.id])):
            wait = 60 * minutes + seconds
            ledger.execute(text(f"UPDATE ledger.jobs SET announced_at = now() - interval '{wait} seconds'"))
            assert jobs.announce_forgotten(ledger) == again
        assert jobs.announce_forgotten(ledger) == []
    assert len(bodies(ledger)) == 4


def test_a_cancelled_job_is_not_run_and_what_it_still_writes_is_refused(ledger):
    held = claimed(ledger)
    assert jobs.move(ledger, held.job.id, JobState.CANCELLED, "by ada") is not None
    assert jobs.move(ledger, held.job.id, JobState.CANCELLED, "by ada") is None
    with pytest.raises(Fenced):
        claims.commit(ledger, held, GOOD, [new_product()])
    assert products.of_jobs(ledger, [held.job.id]) == []


@pytest.mark.parametrize("scope", ["all", "class:calibration", "instrument:NIRI"])
def test_what_is_paused_is_not_claimed_until_it_is_resumed(scope, ledger):
    job, other = submitted(ledger), submitted(ledger, instrument="F2", job_class=JobClass.REALTIME)
    pausing.pause(ledger, scope, "ada", "detector warm-up")
    refused = claims.claim(ledger, job.id, "reducer-1")
    assert refused == NotClaimed(f"{scope} is paused by ada: detector warm-up")
    assert isinstance(claims.claim(ledger, other.id, "reducer-1"), Claim) is (scope != "all")
    assert [one.scope for one in pausing.paused(ledger)] == [scope]
    before = len(bodies(ledger))
    assert pausing.resume(ledger, scope)
    assert not pausing.resume(ledger, scope)
    assert len(bodies(ledger)) > before
    assert isinstance(claims.claim(ledger, job.id, "reducer-1"), Claim)


def test_listings_find_jobs_by_what_they_are_about(ledger):
    frame = arrived(ledger)
    one = submitted(ledger, frame_id=frame)
    two = submitted(ledger, needs=({},))
    assert jobs.of_frame(ledger, frame) == [one]
    assert {job.id for job in jobs.of_night(ledger, NIGHT, "NIRI")} == {one.id, two.id}
    assert [job.id for job in jobs.listing(ledger, frozenset({JobState.WAITING}))] == [two.id]
    assert jobs.listing(ledger, before=one.created_at) == []
    assert jobs.counts(ledger) == {
        (JobClass.CALIBRATION, JobState.QUEUED): 1,
        (JobClass.CALIBRATION, JobState.WAITING): 1,
    }


def test_a_product_is_written_once_for_each_job(ledger):
    held = claimed(ledger)
    with pytest.raises(IntegrityError):
        claims.commit(ledger, held, GOOD, [new_product(), new_product()])


def test_later_products_take_the_place_of_earlier_ones_kind_by_kind(ledger):
    first, second = claimed(ledger), claimed(ledger)
    claims.commit(ledger, first, GOOD, [new_product(), new_product("N1_dark.png", kind="preview")])
    claims.commit(ledger, second, GOOD, [new_product()])
    assert products.supersede(ledger, first.job.id, second.job.id) == 1
    current = products.current(ledger, "N1_dark.fits")
    assert current is not None
    assert current.job_id == second.job.id
    assert [product.superseded_by is None for product in products.named(ledger, "N1_dark.fits")] == [True, False]
    assert products.current(ledger, "nosuch.fits") is None
