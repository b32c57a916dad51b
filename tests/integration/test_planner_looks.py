"""What a look costs: the night is loaded once, and the manager asked once, until something changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from nightcrew.planner.core.closing import Patience
from nightcrew.planner.remembering import RememberingDesk
from nightcrew.shared.calibration_desk import Master
from nightcrew.shared.calibrations import CouldNotAsk, NotFound
from nightcrew.shared.ledger import LEDGER
from support.counting import CountingDesk, loads, statements, writing
from support.desks import PaperDesk
from support.paper_night import niri_night
from support.suites import CALIBRATIONS, SCIENCE, PaperSuite, old_master

WAITS = Patience(timedelta(), timedelta(), timedelta(hours=1), timedelta(hours=1))
QUIET_LOOK = 6
"""Statements of a look at which nothing has happened: lock and time, frames, groups and theirs, jobs, products."""


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER,)


@pytest.fixture
def paper(tmp_path) -> PaperDesk:
    return PaperDesk(tmp_path)


@pytest.fixture
def counting(paper) -> CountingDesk:
    return CountingDesk(paper)


@pytest.fixture
def suite(database, counting, tmp_path) -> PaperSuite:
    """A suite whose planner remembers, and has begun to follow the changes of calibrations."""
    desk = RememberingDesk(counting)
    assert desk.changes(0) == ()
    return PaperSuite(database, desk, tmp_path, WAITS)


def test_a_look_at_a_night_that_waits_reads_it_once_writes_nothing_and_asks_nobody(suite, counting):
    suite.arrive(SCIENCE)
    suite.look()
    suite.work()
    suite.look()
    counting.asked.clear()
    with statements(suite.database) as told:
        looked = suite.look()
    assert looked.submitted == ()
    assert loads(told) == 1
    assert writing(told) == []
    assert len(told) <= QUIET_LOOK, told
    assert counting.asked == []


def test_over_a_whole_night_it_is_loaded_once_a_look_and_once_more_where_masters_are_handed_in(suite, counting):
    suite.arrive(niri_night())
    counts = []
    handed_in = 0
    for _ in range(20):
        before = suite.states()
        with statements(suite.database) as told:
            suite.look()
        now = len(counting.desk.handed_in)
        counts.append((loads(told), 1 + (now > handed_in)))
        handed_in = now
        if not suite.work() and suite.states() == before:
            break
    assert suite.balance().groups["done"] > 3
    assert handed_in > 3
    assert [loaded for loaded, _ in counts] == [expected for _, expected in counts]


def test_a_question_is_asked_once_until_a_calibration_changes(suite, counting, paper):
    suite.arrive(SCIENCE)
    suite.look()
    once = [one for one in counting.asked if one[0] == SCIENCE[0].file]
    counting.asked.clear()
    suite.look()
    assert counting.asked == []
    paper.offer(old_master("flat", 3, "flat.fits"))
    suite.look()
    assert counting.asked == []  # nobody has told the planner
    assert len(suite.desk.changes(0)) == 1
    suite.look()
    assert counting.asked
    assert set(counting.asked) <= set(once)


def target():
    return SCIENCE[0].target


def test_a_veto_is_not_outlived_by_an_answer(paper, counting):
    desk = RememberingDesk(counting)
    paper.offer(old_master("flat", 3, "flat.fits"))
    desk.changes(0)
    for _ in range(2):
        assert isinstance(desk.find(target(), "processed_flat", mode="sq"), Master)
    assert len(counting.asked) == 1
    paper.withdraw("flat.fits")
    assert [change.number for change in desk.changes(1)] == [2]
    assert isinstance(desk.find(target(), "processed_flat", mode="sq"), NotFound)


def test_changes_that_another_planner_has_seen_to_are_heard_of_all_the_same(paper, counting):
    desk = RememberingDesk(counting)
    desk.changes(0)
    assert isinstance(desk.find(target(), "processed_flat", mode="sq"), NotFound)
    paper.offer(old_master("flat", 3, "flat.fits"))
    assert desk.changes(1) == ()  # the mark in the ledger is further on
    assert isinstance(desk.find(target(), "processed_flat", mode="sq"), Master)


def test_what_the_manager_cannot_vouch_for_is_asked_again(paper, counting):
    desk = RememberingDesk(counting)
    paper.offer(old_master("flat", 3, "flat.fits"))
    desk.find(target(), "processed_flat", mode="sq")
    desk.find(target(), "processed_flat", mode="sq")
    assert len(counting.asked) == 2  # before changes are followed
    desk.changes(0)
    desk.find(target(), "processed_flat", mode="sq")
    paper.down = "http://calibrations: refused"
    assert isinstance(desk.find(target(), "processed_flat", mode="sq"), Master)
    assert isinstance(desk.changes(1), CouldNotAsk)
    assert isinstance(desk.find(target(), "processed_flat", mode="sq"), CouldNotAsk)
    paper.down = ""
    assert isinstance(desk.find(target(), "processed_flat", mode="sq"), Master)


def test_a_master_whose_file_is_gone_is_not_given_out_from_memory(paper, counting):
    desk = RememberingDesk(counting)
    path = paper.offer(old_master("flat", 3, "flat.fits"))
    desk.changes(0)
    desk.find(target(), "processed_flat", mode="sq")
    paper.masters.clear()
    path.unlink()
    assert isinstance(desk.find(target(), "processed_flat", mode="sq"), NotFound)


def test_answers_grow_old_and_those_that_break_a_rule_are_asked_for_each_time(paper, counting):
    now = [0.0]
    desk = RememberingDesk(counting, longest=60.0, clock=lambda: now[0])
    desk.changes(0)
    for now[0] in (0.0, 59.0, 61.0, 62.0):
        desk.find(target(), "processed_flat", mode="sq")
    assert len(counting.asked) == 2
    counting.asked.clear()
    for _ in range(2):
        desk.find(target(), "processed_flat", mode="sq", relaxed=True)
    assert len(counting.asked) == 2


def test_a_frame_that_came_again_with_other_headers_is_another_question(paper, counting):
    desk = RememberingDesk(counting)
    desk.changes(0)
    first = target()
    desk.find(first, "processed_flat", mode="sq")
    desk.find(replace(first, values={**first.values, "filter_name": "J"}), "processed_flat", mode="sq")
    assert len(counting.asked) == 2


def test_a_planner_that_starts_anew_comes_to_the_same_with_no_memory(suite, counting, database, tmp_path):
    suite.arrive([*SCIENCE, *CALIBRATIONS])
    suite.look()
    suite.work()
    other = PaperSuite(database, RememberingDesk(counting), tmp_path, WAITS)
    other.settle()
    assert set(other.balance().groups) == {"done"}
    assert other.balance().breaches == ()
