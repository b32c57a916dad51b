"""What planning relies on, of the ledger in PostgreSQL and of the one in memory alike."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from nightcrew.planner.looking import Planner
from nightcrew.shared.frame_facts import to_json
from nightcrew.shared.ledger import LEDGER, FrameState, GroupState, JobState
from nightcrew.shared.ledger.memory import MemoryLedger
from nightcrew.shared.ledger.postgres import PostgresLedger
from nightcrew.shared.ledger.records import Claim, GroupRow, NewFrame, NewProduct, NotClaimed
from nightcrew.shared.ledger.retries import Done, Fenced, Retry, RetryPolicy
from nightcrew.shared.outcomes import Outcome, Status
from support.desks import PaperDesk
from support.ledgers import NIGHT, new_frame, new_job, new_product
from support.paper_night import niri_night
from support.suites import AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from nightcrew.shared.ledger.seam import Entries, Ledger

GOOD = Outcome(Status.SUCCEEDED, products=("N1_dark.fits",))
FAILS = Outcome(Status.RETRYABLE, "the disk is full")
ONE_DAY = timedelta(days=1)
PAPER = date(2016, 3, 1)


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER,)


@pytest.fixture(params=["memory", "postgresql"])
def ledger(request: pytest.FixtureRequest) -> Ledger:
    if request.param == "memory":
        return MemoryLedger()
    return PostgresLedger(request.getfixturevalue("database"))


@pytest.fixture
def entries(ledger: Ledger) -> Iterable[Entries]:
    with suppress(_Undone), ledger.begin() as open_entries:
        yield open_entries
        raise _Undone


class _Undone(Exception):
    """Ends a transaction that is not to be kept."""


def recorded(entries: Entries, *numbers: int) -> list[int]:
    return [one.frame_id for one in entries.record_frames([new_frame(number) for number in numbers])]


def opened(entries: Entries, **changes: Any) -> GroupRow:
    given: dict[str, Any] = {
        "name": "dark-N1", "night": NIGHT, "instrument": "NIRI", "kind": "dark", "plan": {"lead": "N1"}, "frames": (),
    }  # fmt: skip
    row = entries.group(entries.open_group(**{**given, **changes}))
    assert row is not None
    return row


def claimed(entries: Entries, **changes: Any) -> Claim:
    job, _ = entries.submit(new_job(**changes))
    held = entries.claim(job.id, "night")
    assert isinstance(held, Claim)
    return held


def states(entries: Entries) -> dict[str, FrameState]:
    return {row.name: row.state for row in entries.frames([NIGHT], "NIRI")}


# Transactions


def test_what_ends_badly_has_not_been(ledger):
    name = f"N{uuid4().hex}.fits"
    with suppress(_Undone), ledger.begin() as entries:
        entries.record_frames([new_frame(7, sha256=uuid4().hex * 2, name=name)])
        assert name in states(entries)
        raise _Undone
    with ledger.begin() as entries:
        assert name not in states(entries)


def test_what_ends_well_is_there_for_the_next_transaction(ledger):
    name = f"N{uuid4().hex}.fits"
    with ledger.begin() as entries:
        entries.record_frames([new_frame(7, sha256=uuid4().hex * 2, name=name)])
    with ledger.begin() as entries:
        assert states(entries)[name] is FrameState.RECEIVED


def test_the_time_is_that_of_the_transaction(entries):
    now = entries.in_turn("the night")
    assert now.tzinfo is not None
    assert abs(now - datetime.now(UTC)) < ONE_DAY
    assert entries.in_turn("another one") == now
    assert opened(entries).opened_at == now


# Planning


def test_a_night_comes_to_the_same_end(database, tmp_path):
    told = [paper_night_on(one, tmp_path) for one in (MemoryLedger(), PostgresLedger(database))]
    assert told[0] == told[1]
    assert {group["state"] for group in told[0].values()} == {GroupState.DONE, GroupState.FAILED}


def paper_night_on(ledger: Ledger, scratch: Path) -> dict[str, Any]:
    """Plan a night on paper, of whose two darks one comes to nothing; return what became of its groups."""
    planner = Planner(ledger, PaperDesk(scratch), AT_ONCE, quick_looks=False)
    instrument, failed = "NIRI", "N20160102S0423_dark.fits"
    with ledger.begin() as entries:
        entries.record_frames(
            [
                NewFrame(sha256(one.file.encode()).hexdigest(), one.file, f"/raw/{one.file}", 2880, instrument, "",
                         PAPER, one.ut_datetime, to_json(one))
                for one in niri_night()
            ]
        )  # fmt: skip
    while True:
        planner.look(PAPER, instrument)
        with ledger.begin() as entries:
            queued = [job for job in entries.jobs([PAPER], instrument) if job.state is JobState.QUEUED]
            for job in queued:
                held = entries.claim(job.id, "paper")
                assert isinstance(held, Claim)
                name = job.request["product"]
                outcome = Outcome(Status.UNPROCESSABLE, "too noisy") if name == failed else GOOD
                product = NewProduct(name, job.request["provides"] or "image", str(scratch / name), "ab", "cd", 1)
                entries.commit(held, outcome, [product] if outcome.ok else [], {"status": str(outcome.status)})
            if not queued:
                break
    with ledger.begin() as entries:
        names = {row.id: (row.name, row.state) for row in entries.frames([PAPER], instrument)}
        requests = {job.group_id: job.request for job in entries.jobs([PAPER], instrument)}
        return {
            row.name: {
                "state": row.state,
                "reason": row.reason,
                "frames": {names[number] for number in row.frames},
                "borrowed": {names[number] for number in row.borrowed},
                "calibrations": requests.get(row.id, {}).get("calibrations"),
                "parameters": requests.get(row.id, {}).get("parameters"),
            }
            for row in entries.groups([PAPER], instrument)
        }


# Frames


def test_a_content_is_one_frame_whatever_it_is_called(entries):
    (first,) = entries.record_frames([new_frame(1)])
    (again,) = entries.record_frames([new_frame(1, name="copy.fits", path="/raw/copy.fits")])
    assert (first.new, again.new, again.frame_id) == (True, False, first.frame_id)
    assert states(entries) == {"N1.fits": FrameState.RECEIVED}


def test_another_content_under_a_name_takes_its_place_for_good(entries):
    first, later = (entries.record_frames([new_frame(n, name="N1.fits")])[0] for n in (1, 2))
    assert (first.version, later.version, later.new) == (1, 2, True)
    entries.settle_frames([first.frame_id], FrameState.REDUCED)
    assert [row.id for row in entries.frames([NIGHT], "NIRI")] == [later.frame_id]


def test_frames_are_those_of_the_nights_and_the_instrument_in_the_order_of_arrival(entries):
    nights = {1: NIGHT, 2: NIGHT + ONE_DAY, 3: NIGHT - ONE_DAY, 4: NIGHT}
    entries.record_frames([new_frame(n, night=night) for n, night in nights.items()])
    entries.record_frames([new_frame(5, instrument="F2")])
    assert [row.name for row in entries.frames([NIGHT, NIGHT + ONE_DAY], "NIRI")] == ["N1.fits", "N2.fits", "N4.fits"]


def test_facts_come_back_as_json_and_a_state_with_its_reason(entries):
    (one,) = entries.record_frames([new_frame(1, facts={"tags": ("A", "B"), "values": {"x": None}})])
    entries.settle_frames([one.frame_id], FrameState.LEFT_OUT, "an acquisition")
    (row,) = entries.frames([NIGHT], "NIRI")
    assert row.facts == {"tags": ["A", "B"], "values": {"x": None}}
    assert (row.state, row.reason, row.path) == (FrameState.LEFT_OUT, "an acquisition", "/raw/N1.fits")


# Groups


def test_a_group_has_frames_of_its_own_and_others(entries):
    one, two, three = recorded(entries, 1, 2, 3)
    row = opened(entries, frames=[one, two], borrowed=[two, three])
    assert (row.frames, row.borrowed) == ({one, two}, {three})
    assert (row.state, row.version, row.supersedes, row.closed_at) == (GroupState.OPEN, 1, None, None)
    entries.change_group(row, name="dark-N3", plan={"lead": "N3"}, frames=[three], borrowed=())
    row = entries.group(row.id)
    assert (row.name, row.frames, row.borrowed, row.plan) == ("dark-N3", {three}, frozenset(), {"lead": "N3"})


def test_a_group_is_closed_once_and_its_notes_come_back_as_json(entries):
    row = opened(entries)
    entries.close_group(row.id, "complete")
    entries.settle_group(row.id, GroupState.SUBMITTED)
    entries.close_group(row.id, "by hand")
    entries.note_group(row.id, {"used": ({"file": "a"},)})
    row = entries.group(row.id)
    assert (row.state, row.close_reason, row.plan) == (GroupState.SUBMITTED, "complete", {"used": [{"file": "a"}]})
    assert row.closed_at is not None


def test_a_later_version_takes_the_place_of_a_group_for_good(entries):
    row = opened(entries)
    later = opened(entries, supersedes=row)
    entries.settle_group(row.id, GroupState.DONE)
    earlier = entries.group(row.id)
    assert (later.version, later.supersedes) == (2, row.id)
    assert (earlier.state, earlier.reason) == (GroupState.SUPERSEDED, "version 2 takes its place")
    assert [one.id for one in entries.groups([NIGHT], "NIRI")] == [later.id]
    assert entries.groups([NIGHT + ONE_DAY], "NIRI") == entries.groups([NIGHT], "F2") == []


def test_a_group_that_is_not_there_is_none(entries):
    assert entries.group(2**40) is None


# Jobs


def test_of_two_jobs_with_one_key_there_is_only_the_first(entries):
    job, new = entries.submit(new_job(key="group/1", request={"files": ("a",)}))
    same, again = entries.submit(new_job(key="group/1", recipe="another"))
    assert (new, again, same) == (True, False, job)
    assert (job.state, job.attempt, job.request) == (JobState.QUEUED, 0, {"files": ["a"]})
    assert entries.jobs([NIGHT], "NIRI") == [job]


def test_a_job_waits_for_what_it_needs_and_is_queued_then(entries):
    job, _ = entries.submit(new_job(needs=({"waits_for": "a dark"},)))
    assert (job.state, job.queued_at) == (JobState.WAITING, None)
    assert entries.claim(job.id, "night") == NotClaimed("it waits for calibrations")
    deadline = entries.in_turn("x") + ONE_DAY
    entries.wait_for(job.id, [{"waits_for": "a flat"}], deadline)
    (job,) = entries.jobs([NIGHT], "NIRI")
    assert (job.needs, job.deadline) == (({"waits_for": "a flat"},), deadline)
    moved = entries.move(job.id, JobState.QUEUED, request={"version": 1}, needs=[], deadline=None, provisional=True)
    assert (moved.state, moved.request, moved.needs, moved.provisional) == (JobState.QUEUED, {"version": 1}, (), True)
    assert moved.queued_at is not None
    entries.wait_for(job.id, [{"waits_for": "more"}], None)
    assert entries.jobs([NIGHT], "NIRI") == [moved]


def test_a_job_goes_only_where_its_state_allows(entries):
    held = claimed(entries)
    entries.commit(held, GOOD)
    assert entries.move(held.job.id, JobState.QUEUED) is None
    assert entries.move(uuid4(), JobState.QUEUED) is None
    job, _ = entries.submit(new_job())
    assert entries.move(job.id, JobState.SUPERSEDED, "a later one").ended_at is not None


def test_jobs_at_work_are_live_unless_they_give_way(entries):
    entries.submit(new_job(bulk=True))
    entries.submit(new_job(needs=({"waits_for": "a dark"},)))
    assert not entries.live_work()
    held = claimed(entries)
    assert entries.live_work()
    entries.commit(held, GOOD)
    assert not entries.live_work()


# Work


def test_a_job_is_claimed_once(entries):
    held = claimed(entries)
    assert (held.attempt, held.worker, held.job.state) == (1, "night", JobState.RUNNING)
    assert entries.claim(held.job.id, "another") == NotClaimed("night has it")
    entries.commit(held, GOOD)
    assert entries.claim(held.job.id, "another") == NotClaimed("it has ended: succeeded")
    assert entries.claim(uuid4(), "night") == NotClaimed("there is no such job")


def test_how_an_attempt_ended_is_kept_with_its_products(entries):
    held = claimed(entries, provisional=True)
    made = [new_product("N1_dark.fits"), new_product("N1_dark.png", kind="preview")]
    assert entries.commit(held, GOOD, made, {"status": "succeeded", "products": ("a",)}) == Done(JobState.SUCCEEDED, "")
    (job,) = entries.jobs([NIGHT], "NIRI")
    assert (job.state, job.outcome) == (JobState.SUCCEEDED, {"status": "succeeded", "products": ["a"]})
    kept = entries.products([job.id])
    assert [(one.name, one.kind, one.provisional, one.attempt) for one in kept] == [
        ("N1_dark.fits", "processed_dark", True, 1),
        ("N1_dark.png", "preview", True, 1),
    ]
    assert entries.products([]) == []


def test_an_attempt_that_may_help_is_followed_by_another_until_there_were_enough(entries):
    policy = RetryPolicy(attempts=2, first=timedelta(0))
    held = claimed(entries)
    assert isinstance(entries.commit(held, FAILS, policy=policy), Retry)
    again = entries.claim(held.job.id, "night")
    assert isinstance(again, Claim)
    assert again.attempt == 2
    with pytest.raises(Fenced):
        entries.commit(held, GOOD, [new_product()])
    assert entries.products([held.job.id]) == []
    assert entries.commit(again, FAILS, policy=policy) == Done(JobState.FAILED, "the disk is full (after 2 attempts)")


def test_a_job_is_not_claimed_before_its_next_attempt_is_due(entries):
    held = claimed(entries)
    entries.commit(held, FAILS, policy=RetryPolicy(first=ONE_DAY, longest=ONE_DAY))
    refused = entries.claim(held.job.id, "night")
    assert isinstance(refused, NotClaimed)
    assert refused.reason.startswith("its next attempt is not before")


def test_products_of_a_later_job_take_the_place_of_earlier_ones_kind_by_kind(entries):
    older, newer = claimed(entries), claimed(entries)
    entries.commit(older, GOOD, [new_product(), new_product("N1.json", kind="measurements")])
    entries.commit(newer, GOOD, [new_product()])
    assert entries.supersede(older.job.id, newer.job.id) == 1
    (later,) = entries.products([newer.job.id])
    assert [one.superseded_by for one in entries.products([older.job.id])] == [later.id, None]


def test_the_products_of_a_group_are_those_of_its_latest_version_that_has_any(entries):
    row = opened(entries)
    assert entries.succeeded_of_group(row.id) is None
    held = claimed(entries, group_id=row.id)
    entries.commit(held, GOOD)
    later = opened(entries, supersedes=row)
    entries.submit(new_job(group_id=later.id))
    assert entries.succeeded_of_group(later.id) == held.job.id
