"""The ledger on a real PostgreSQL: frames, groups, jobs, messages, and that nothing is lost."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from nightcrew.shared.database import DatabaseSettings, differences, downgrade, open_database, upgrade
from nightcrew.shared.ledger import (
    LEDGER,
    ArrivalState,
    FrameState,
    GroupState,
    JobState,
    arrivals,
    claims,
    conservation,
    frames,
    groups,
    inbox,
    jobs,
    outbox,
    pausing,
    products,
)
from nightcrew.shared.ledger.records import Claim, NotClaimed, Usage
from nightcrew.shared.ledger.retries import Done, Fenced, Retry
from nightcrew.shared.messages import FrameArrived, JobClass, JobReady, decode
from nightcrew.shared.outcomes import Outcome, Status
from support.ledgers import (
    NIGHT,
    arrived,
    bodies,
    claimed,
    expire_leases,
    new_frame,
    new_job,
    new_product,
    sighting,
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


def test_the_migrations_make_the_tables_of_the_model_and_remove_them(database):
    assert differences(database, LEDGER) == ()
    downgrade(database, LEDGER, "base")
    upgrade(database, LEDGER)
    assert differences(database, LEDGER) == ()


# What arrives


def test_a_file_that_grows_settles_anew(ledger):
    arrivals.see(ledger, [sighting(size=2880)])
    ledger.execute(text("UPDATE ledger.arrivals SET steady_since = steady_since - interval '1 minute'"))
    (before,) = arrivals.settling(ledger)
    arrivals.see(ledger, [sighting(size=2880)])
    assert arrivals.settling(ledger) == [before]
    arrivals.see(ledger, [sighting(size=5760)])
    (after,) = arrivals.settling(ledger)
    assert (after.id, after.first_seen_at, after.sighting.size) == (before.id, before.first_seen_at, 5760)
    assert after.steady_since > before.steady_since


def test_an_arrival_ends_once_and_the_last_one_at_a_path_is_remembered(ledger):
    arrivals.see(ledger, [sighting(1), sighting(2)])
    first, second = arrivals.settling(ledger)
    assert arrivals.end(ledger, first.id, ArrivalState.QUARANTINED, code="truncated", reason="N1.fits: cut short")
    assert not arrivals.end(ledger, first.id, ArrivalState.GONE)
    assert arrivals.settling(ledger, "/raw") == [second]
    assert arrivals.settling(ledger, "/ra") == []
    arrivals.see(ledger, [sighting(1, mtime_ns=99)])
    last = arrivals.latest(ledger, ["/raw/N1.fits", "/raw/N2.fits", "/raw/N3.fits"])
    assert last["/raw/N1.fits"].state is ArrivalState.SETTLING
    assert last["/raw/N2.fits"] == second
    assert "/raw/N3.fits" not in last


@pytest.mark.parametrize(("state", "again"), [(ArrivalState.QUARANTINED, False), (ArrivalState.GONE, True)])
def test_a_file_noted_while_another_ends_it_is_no_second_arrival_unless_it_was_gone(database, state, again):
    noted: list[set[str]] = []

    def note() -> None:
        with database.begin() as connection:
            noted.append(arrivals.see_new(connection, [sighting(1), sighting(2)]))

    with database.begin() as other:
        arrivals.see(other, [sighting(1)])
    late = threading.Thread(target=note)
    with database.begin() as other:
        (held,) = arrivals.hold(other, [sighting(1).path]).values()
        arrivals.end(other, held.id, state, reason="N1.fits: cut short")
        late.start()
        time.sleep(0.1)  # it waits for this transaction: that it came later changes nothing but what is tested
    late.join(10)
    expected = {sighting(2).path} | ({sighting(1).path} if again else set())
    with database.begin() as connection:
        assert {one.sighting.path for one in arrivals.settling(connection)} == expected
        assert arrivals.see_new(connection, []) == set()
    assert noted == [{sighting(1).path} - expected]


def test_the_same_content_is_one_frame_and_another_content_a_new_version(ledger):
    first = frames.record(ledger, new_frame(1))
    again = frames.record(ledger, new_frame(1, path="/elsewhere/N1.fits"))
    assert (first.new, first.version) == (True, 1)
    assert (again.frame_id, again.new) == (first.frame_id, False)
    changed = frames.record(ledger, new_frame(1, sha256="f" * 64))
    assert (changed.new, changed.version) == (True, 2)
    newest, oldest = frames.named(ledger, "N1.fits")
    assert (newest.state, oldest.state) == (FrameState.RECEIVED, FrameState.SUPERSEDED)
    assert "another content" in oldest.reason
    assert [row.id for row in frames.of_night(ledger, NIGHT, "NIRI")] == [changed.frame_id]
    frames.settle(ledger, [oldest.id, newest.id], FrameState.LEFT_OUT, "spectroscopy")
    assert [row.state for row in frames.named(ledger, "N1.fits")] == [FrameState.LEFT_OUT, FrameState.SUPERSEDED]
    assert frames.open_nights(ledger) == []


def test_one_content_recorded_twice_at_once_is_one_frame(database):
    found = []

    def record() -> None:
        with database.begin() as connection:
            found.append(frames.record(connection, new_frame(7)))

    threads = [threading.Thread(target=record) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 8
    assert len({one.frame_id for one in found}) == 1
    assert sum(one.new for one in found) == 1


# Messages


def arrived_message(number: int = 1) -> FrameArrived:
    return FrameArrived(
        producer="ingest", frame_id=number, content_hash="ab" * 32, instrument="NIRI", kind="dark", night=NIGHT
    )


def test_a_message_is_published_after_its_transaction_and_only_if_that_is_committed(database):
    with database.connect() as connection:
        outbox.add(connection, arrived_message(1))
    with database.begin() as connection:
        outbox.add(connection, arrived_message(2))
    told = []
    assert outbox.relay(database, lambda message: told.append(message) or "").published == 1
    assert [message.frame_id for message in told] == [2]
    assert outbox.relay(database, lambda message: told.append(message) or "").published == 0


def test_what_the_broker_does_not_confirm_stays_and_keeps_its_identity(database):
    first, second = arrived_message(1), arrived_message(2)
    with database.begin() as connection:
        outbox.add(connection, first)
        outbox.add(connection, second)
    done = outbox.relay(database, lambda message: "" if message == first else "broker blocked")
    assert (done.published, done.stopped) == (1, "broker blocked")
    with database.connect() as connection:
        waits = outbox.pending(connection)
        assert waits.messages == 1
        assert waits.oldest_seconds >= 0
    told = []
    outbox.relay(database, lambda message: told.append(message) or "")
    assert told == [second]
    with database.begin() as connection:
        assert outbox.prune(connection, timedelta(hours=1)) == 0
        assert outbox.prune(connection, timedelta()) == 2
        assert outbox.pending(connection) == outbox.Pending(0, 0.0)


def test_a_broker_may_take_longer_than_a_transaction_may_be_idle(database, postgres_url):
    settings = DatabaseSettings(database_url=postgres_url, database_idle_timeout=0.2)
    with database.begin() as connection:
        submitted(connection)
    with open_database(settings, application="tests") as impatient:
        assert outbox.relay(impatient, lambda message: time.sleep(0.5) or "").published == 1


def test_what_cannot_be_read_back_stops_the_relay_and_says_so(database):
    with database.begin() as connection:
        connection.execute(text("INSERT INTO ledger.outbox (id, body) VALUES (gen_random_uuid(), 'junk')"))
    assert "no JSON" in outbox.relay(database, lambda message: "").stopped


def test_two_relays_at_once_publish_each_message_once(database):
    with database.begin() as connection:
        for number in range(1, 51):
            outbox.add(connection, arrived_message(number))
    told: list[int] = []

    def relay() -> None:
        while outbox.relay(database, lambda message: told.append(message.frame_id) or "", limit=5).published:
            pass

    threads = [threading.Thread(target=relay) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(told) == list(range(1, 51))


def test_a_message_that_comes_again_has_no_effects(database):
    message = arrived_message()
    with database.begin() as connection:
        assert inbox.first_time(connection, "planner", message.message_id)
        assert inbox.first_time(connection, "console", message.message_id)
    with database.begin() as connection:
        assert not inbox.first_time(connection, "planner", message.message_id)
        assert inbox.prune(connection, timedelta()) == 2


# Jobs


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


# Groups


def opened(connection, members, **changes):
    given = {"name": "dark-N1", "night": NIGHT, "instrument": "NIRI", "kind": "dark", "plan": {}, "frames": members}
    number = groups.open_group(connection, **{**given, **changes})
    group = groups.get(connection, number)
    assert group is not None
    return group


def test_a_group_takes_frames_until_it_is_closed(ledger):
    first, second = arrived(ledger, 1), arrived(ledger, 2)
    group = opened(ledger, [first])
    groups.change(ledger, group, name="dark-N1", plan={"more": True}, frames=[first], borrowed=[second])
    (changed,) = groups.of_night(ledger, NIGHT, "NIRI")
    assert (changed.frames, changed.borrowed, changed.plan) == ({first}, {second}, {"more": True})
    groups.close(ledger, group.id, "quiet for 10 min")
    closed = groups.get(ledger, group.id)
    assert closed is not None
    assert (closed.state, closed.close_reason) == (GroupState.CLOSED, "quiet for 10 min")
    assert groups.of_frame(ledger, second) == [closed]
    assert groups.get(ledger, 10**6) is None


def test_a_later_version_of_a_group_ends_the_earlier_one(ledger):
    first, second = arrived(ledger, 1), arrived(ledger, 2)
    group = opened(ledger, [first])
    later = opened(ledger, [first, second], supersedes=group)
    assert (later.version, later.supersedes) == (2, group.id)
    assert groups.of_night(ledger, NIGHT, "NIRI") == [later]
    groups.settle(ledger, group.id, GroupState.DONE)
    earlier = groups.get(ledger, group.id)
    assert earlier is not None
    assert earlier.state is GroupState.SUPERSEDED


# Conservation


def reduced_night(connection) -> int:
    """Let a frame arrive and be reduced."""
    frame = arrived(connection)
    group = opened(connection, [frame])
    frames.settle(connection, [frame], FrameState.PLANNED)
    held = claimed(connection, group_id=group.id)
    groups.settle(connection, group.id, GroupState.SUBMITTED)
    claims.commit(connection, held, GOOD, [new_product()])
    groups.settle(connection, group.id, GroupState.DONE)
    frames.settle(connection, [frame], FrameState.REDUCED)
    return frame


def test_a_night_that_was_reduced_adds_up(ledger):
    reduced_night(ledger)
    balance = conservation.check(ledger)
    assert balance.breaches == ()
    assert (balance.arrivals, balance.frames, balance.jobs) == ({"accepted": 1}, {"reduced": 1}, {"succeeded": 1})


@pytest.mark.parametrize(
    ("damage", "law"),
    [
        ("UPDATE ledger.arrivals SET frame_id = NULL", "an accepted or repeated arrival has its frame"),
        ("UPDATE ledger.arrivals SET state = 'quarantined'", "a quarantined arrival has a reason"),
        ("UPDATE ledger.arrivals SET state = 'gone'", "a frame came by an arrival"),
        ("UPDATE ledger.frames SET state = 'planned'", "a planned frame is in a group that is open"),
        ("UPDATE ledger.frames SET state = 'left_out'", "a frame without product has a reason"),
        ("UPDATE ledger.groups SET state = 'failed'", "a reduced frame is in a group that is done"),
        (
            "UPDATE ledger.groups SET state = 'submitted'; UPDATE ledger.jobs SET ended_at = now() - interval '1 hour'",
            "a submitted group has a job that has not ended, or only just",
        ),
        ("DELETE FROM ledger.products", "a group that is done has products"),
        ("UPDATE ledger.jobs SET state = 'running'", "a running job has a lease, a worker and an attempt"),
        ("UPDATE ledger.jobs SET state = 'failed'", "a job that came to no product has a reason"),
        ("UPDATE ledger.products SET attempt = 2", "a product belongs to the attempt with which its job succeeded"),
    ],
)
def test_what_does_not_add_up_is_told_by_name(damage, law, ledger):
    reduced_night(ledger)
    for statement in damage.split(";"):
        ledger.execute(text(statement))
    breaches = conservation.check(ledger).breaches
    assert law in {breach.law for breach in breaches}
    assert all(str(breach).startswith("broken: ") for breach in breaches)
