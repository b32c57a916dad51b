"""The ledger on a real database: its tables, arrivals and frames, groups, and that nothing is lost."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import text

from nightcrew.shared.database import differences, downgrade, upgrade
from nightcrew.shared.ledger import (
    LEDGER,
    ArrivalState,
    FrameState,
    GroupState,
    arrivals,
    claims,
    conservation,
    frames,
    groups,
)
from nightcrew.shared.outcomes import Outcome, Status
from support.ledgers import (
    NIGHT,
    arrived,
    claimed,
    new_frame,
    new_product,
    sighting,
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
        ("UPDATE ledger.products SET removed_at = now()", "a product that was removed has a successor"),
    ],
)
def test_what_does_not_add_up_is_told_by_name(damage, law, ledger):
    reduced_night(ledger)
    for statement in damage.split(";"):
        ledger.execute(text(statement))
    breaches = conservation.check(ledger).breaches
    assert law in {breach.law for breach in breaches}
    assert all(str(breach).startswith("broken: ") for breach in breaches)
