"""The planner on a real ledger: nights on paper, from the first frame to the last product."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from nightcrew.planner.core.closing import Patience
from nightcrew.planner.core.plan import plan
from nightcrew.shared.fits import md5_of
from nightcrew.shared.ledger import LEDGER, GroupState, JobState, groups, jobs, products
from nightcrew.shared.messages import JobClass
from nightcrew.shared.outcomes import Outcome, Status
from support.desks import PaperDesk
from support.paper_night import frame, niri_night, sequence
from support.suites import AT_ONCE, CALIBRATIONS, NIGHT, SCIENCE, PaperSuite, old_master

WAITS = Patience(timedelta(), timedelta(), timedelta(hours=1), timedelta(hours=1))


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER,)


@pytest.fixture
def suite(database, tmp_path) -> PaperSuite:
    return PaperSuite(database, PaperDesk(tmp_path), tmp_path)


def held_groups(suite: PaperSuite) -> dict[str, groups.GroupRow]:
    with suite.database.begin() as connection:
        return {group.kind: group for group in groups.of_night(connection, NIGHT, "NIRI")}


def test_a_night_comes_to_the_products_of_its_plan_and_adds_up(suite):
    suite.arrive(niri_night())
    done = suite.settle()
    made = plan(niri_night())
    assert {job.request["product"] for job in done if job.group_id} == {group.product for group in made.groups}
    for group in made.groups:
        job = next(job for job in done if job.request["name"] == group.name)
        assert [one["name"] for one in job.request["files"]] == list(group.inputs)
        assert job.request["parameters"].keys() == group.parameters.keys()
        assert job.job_class is (JobClass.CALIBRATION if group.provides else JobClass.SCIENCE)
    balance = suite.balance()
    assert balance.breaches == ()
    assert set(balance.frames) == {"reduced"}
    assert set(balance.groups) == {"done"}


def test_calibrations_are_made_before_what_they_are_for_and_named_in_its_request(suite):
    suite.arrive(niri_night())
    order = [job.request["kind"] for job in suite.settle() if job.group_id]
    assert order.index("science") > max(order.index("dark"), order.index("flat"), order.index("bpm"))
    science = next(job for job in suite.done if job.request["kind"] == "science")
    used = {one["caltype"]: one for one in science.request["calibrations"]}
    assert used["processed_dark"]["path"].endswith("N20160102S0423_dark.fits")
    assert used["processed_dark"]["id"] is not None
    assert science.request["parameters"]["addDQ:user_bpm"] == used["bpm"]["path"]


def test_every_frame_of_the_sky_gets_a_quick_look_once_with_what_there_is(suite):
    suite.arrive(SCIENCE[:2])
    looked = suite.look()
    assert set(looked.quick_looks) == {one.file for one in SCIENCE[:2]}
    assert suite.look().quick_looks == ()
    quick = [job for job in suite.work() if job.job_class is JobClass.REALTIME]
    assert [job.request["calibrations"] for job in quick] == [[], []]
    assert all(job.recipe == "quickLook" and job.request["mode"] == "ql" for job in quick)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_the_order_of_arrival_each_group_is_reduced_with_the_right_calibrations(seed, suite):
    frames = niri_night()
    random.Random(seed).shuffle(frames)
    suite.patience = WAITS
    for start in range(0, len(frames), 7):
        suite.arrive(frames[start : start + 7])
        suite.settle()
    suite.patience = AT_ONCE
    suite.settle()
    final = {group.kind: group for group in held_groups(suite).values()}
    made = {group.kind: group for group in plan(niri_night()).groups}
    assert final.keys() == made.keys()
    with suite.database.begin() as connection:
        for kind, group in final.items():
            assert group.state is GroupState.DONE, (kind, group.reason)
            current = products.current(connection, made[kind].product)
            job = jobs.of_group(connection, group.id)[-1]
            assert [one["name"] for one in job.request["files"]] == list(made[kind].inputs)
            assert current is not None
            assert current.job_id == job.id
    assert suite.balance().breaches == ()


def test_science_before_its_calibrations_waits_and_is_reduced_once(suite):
    suite.patience = WAITS
    suite.arrive(SCIENCE)
    suite.settle()
    with suite.database.begin() as connection:
        (waiting,) = jobs.waiting(connection)
    assert any("processed_flat" in need["waits_for"] for need in waiting.needs)
    assert waiting.deadline is not None
    suite.arrive(CALIBRATIONS)
    suite.settle()
    science = [job for job in suite.done if job.request["kind"] == "science"]
    assert len(science) == 1
    assert science[0].id == waiting.id
    assert {one["caltype"] for one in science[0].request["calibrations"]} >= {"processed_dark", "processed_flat"}
    assert not science[0].provisional


def test_masters_of_the_manager_serve_where_the_night_has_none(suite):
    suite.desk.offer(old_master("dark", 3, "old_dark.fits"))
    suite.desk.offer(old_master("flat", 3, "old_flat.fits"))
    suite.arrive(SCIENCE)
    suite.settle()
    science = next(job for job in suite.done if job.request["kind"] == "science")
    used = {one["caltype"]: one for one in science.request["calibrations"]}
    assert used["processed_flat"]["path"].endswith("old_flat.fits")
    assert not science.provisional


def test_a_mask_of_an_earlier_night_serves_a_night_that_makes_none(suite):
    mask = old_master("flat", 3, "old_bpm.fits")
    suite.desk.offer(replace(mask, tags=(mask.tags - {"FLAT", "LAMPON"}) | {"BPM", "CAL", "PROCESSED"}))
    suite.desk.offer(old_master("dark", 3, "old_dark.fits"))
    suite.desk.offer(old_master("flat", 3, "old_flat.fits"))
    suite.arrive(SCIENCE)
    suite.settle()
    science = next(job for job in suite.done if job.request["kind"] == "science")
    used = {one["caltype"]: one for one in science.request["calibrations"]}
    assert used["processed_bpm"]["path"].endswith("old_bpm.fits")
    assert suite.settle() == []


def test_at_the_deadline_the_next_best_is_used_and_said_to_be_provisional(suite):
    suite.desk.offer(old_master("dark", 200, "stale_dark.fits"))
    suite.desk.offer(old_master("flat", 200, "stale_flat.fits"))
    suite.patience = WAITS
    suite.arrive(SCIENCE)
    suite.settle()
    assert [job.request["kind"] for job in suite.done if job.group_id] == []
    suite.patience = AT_ONCE
    suite.settle()
    science = next(job for job in suite.done if job.request["kind"] == "science")
    assert science.provisional
    used = {one["caltype"]: one for one in science.request["calibrations"]}
    assert used["processed_flat"]["provisional"]
    assert "wanted less than 180 d" in used["processed_flat"]["reason"]
    with suite.database.begin() as connection:
        product = products.current(connection, science.request["product"])
    assert product is not None
    assert product.provisional


def test_calibrations_that_come_the_next_day_make_a_version_that_supersedes(suite):
    suite.desk.offer(old_master("flat", 200, "stale_flat.fits"))
    suite.arrive(SCIENCE)
    suite.settle()
    suite.arrive(CALIBRATIONS)
    suite.settle()
    science = [job for job in suite.done if job.request["kind"] == "science"]
    assert len(science) == 2
    assert (science[0].provisional, science[1].provisional, science[1].bulk) == (True, False, True)
    assert science[1].supersedes == science[0].id
    with suite.database.begin() as connection:
        newest, oldest = products.named(connection, science[0].request["product"])
    assert oldest.superseded_by == newest.id
    assert held_groups(suite)["science"].version == 2
    assert suite.balance().breaches == ()


def test_without_any_flat_science_is_told_to_be_unprocessable_and_is_reduced_when_one_comes(suite):
    suite.arrive(SCIENCE)
    suite.settle()
    group = held_groups(suite)["science"]
    assert group.state is GroupState.FAILED
    assert "processed_flat" in group.reason
    assert suite.balance().frames == {"unreduced": len(SCIENCE)}
    suite.arrive(CALIBRATIONS)
    suite.settle()
    assert held_groups(suite)["science"].state is GroupState.DONE


def test_a_frame_that_comes_late_makes_a_version_that_supersedes(suite):
    suite.arrive(CALIBRATIONS[:-1])
    suite.settle()
    suite.arrive(CALIBRATIONS[-1:])
    suite.settle()
    dark = next(job for job in suite.done if job.request["product"] == "N20160102S0463_dark.fits" and job.supersedes)
    assert len(dark.request["files"]) == 5
    assert suite.balance().breaches == ()


def test_what_uses_a_master_that_was_made_anew_is_made_anew_too(suite):
    frames = niri_night()
    suite.arrive([one for one in frames if one.file != "N20160102S0427.fits"])
    suite.settle()
    suite.arrive([one for one in frames if one.file == "N20160102S0427.fits"])
    suite.settle()
    science = [job for job in suite.done if job.request["kind"] == "science"]
    assert len(science) == 2
    assert science[1].bulk


def test_a_master_that_the_manager_refuses_is_used_by_nobody(suite):
    suite.desk.refuse.add("N20160102S0423_dark.fits")
    suite.arrive(niri_night())
    suite.settle()
    science = next(job for job in suite.done if job.request["kind"] == "science")
    assert "processed_dark" not in {one["caltype"] for one in science.request["calibrations"]}
    assert science.request["parameters"]["darkCorrect:do_cal"] == "skip"


def test_a_veto_makes_what_used_the_calibration_again_with_another_one(suite):
    bad = suite.desk.offer(old_master("dark", 3, "bad_dark.fits"))
    suite.desk.offer(old_master("dark", 5, "good_dark.fits"))
    suite.desk.offer(old_master("flat", 3, "flat.fits"))
    suite.arrive(SCIENCE)
    suite.settle()
    suite.desk.withdraw("bad_dark.fits")
    suite.settle(withdrawn=[md5_of(bad)])
    used = [
        next(one["path"] for one in job.request["calibrations"] if one["caltype"] == "processed_dark")
        for job in suite.done
        if job.request["kind"] == "science"
    ]
    assert [path.rpartition("/")[2] for path in used] == ["bad_dark.fits", "good_dark.fits"]


def test_a_master_that_was_made_anew_under_its_name_is_not_taken_for_the_one_that_it_replaces(suite):
    suite.desk.offer(old_master("flat", 3, "flat.fits"))
    suite.arrive(sequence(1, 3, "dark"))
    suite.arrive(SCIENCE)
    suite.settle()
    with suite.database.begin() as connection:
        first = products.current(connection, "N20160102S0001_dark.fits")
    suite.arrive(sequence(4, 1, "dark"))
    suite.settle()
    assert first is not None
    done = len(suite.done)
    suite.settle(withdrawn=[first.md5])  # the manager tells that the first one was replaced
    assert len(suite.done) == done
    (science,) = [group for group in held_groups(suite).values() if group.kind == "science"]
    used = [one for one in science.plan["used"] if one["caltype"] == "processed_dark"]
    assert [(one["file"], one["vetoed"]) for one in used] == [("N20160102S0001_dark.fits", False)]


def test_a_calibration_job_that_fails_keeps_nobody_waiting(suite):
    suite.fate = lambda job: Outcome(
        Status.UNPROCESSABLE if job.request["product"] == "N20160102S0423_dark.fits" else Status.SUCCEEDED,
        "not one good pixel is left",
    )
    suite.arrive(niri_night())
    suite.settle()
    science = next(job for job in suite.done if job.request["kind"] == "science")
    assert science.request["parameters"]["darkCorrect:do_cal"] == "skip"
    balance = suite.balance()
    assert balance.breaches == ()
    assert balance.frames["unreduced"] == 5


def test_a_job_queued_again_by_hand_brings_its_group_back(suite):
    fates = iter([Outcome(Status.FAILED, "defect"), Outcome(Status.SUCCEEDED)])
    suite.fate = lambda job: next(fates)
    suite.arrive(sequence(1, 3, "dark"))
    suite.settle()
    assert held_groups(suite)["dark"].state is GroupState.FAILED
    with suite.database.begin() as connection:
        assert jobs.again(connection, suite.done[0].id, "ada") is not None
    suite.settle()
    assert held_groups(suite)["dark"].state is GroupState.DONE
    assert suite.balance().breaches == ()


def test_a_job_that_was_queued_again_and_done_between_two_looks_brings_its_group_back(suite):
    fates = iter([Outcome(Status.FAILED, "defect"), Outcome(Status.SUCCEEDED)])
    suite.fate = lambda job: next(fates)
    suite.arrive(sequence(1, 3, "dark"))
    suite.settle()
    with suite.database.begin() as connection:
        jobs.again(connection, suite.done[0].id, "ada")
    suite.work()
    suite.look()
    assert held_groups(suite)["dark"].state is GroupState.DONE
    assert suite.balance().frames == {"reduced": 3}


def test_reprocessing_waits_for_the_live_night(suite):
    suite.desk.offer(old_master("flat", 200, "stale_flat.fits"))
    suite.arrive(SCIENCE)
    suite.settle()
    suite.arrive([frame(900, "science", observation_id="GN-2016A-Q-1-other")])
    suite.desk.offer(old_master("flat", 3, "fresh_flat.fits"))
    suite.look()
    with suite.database.begin() as connection:
        (bulk,) = [job for job in jobs.waiting(connection) if job.bulk]
    assert bulk.needs[0]["waits_for"] == "the live night goes first"
    suite.settle()
    with suite.database.begin() as connection:
        again = jobs.get(connection, bulk.id)
    assert again is not None
    assert again.state is JobState.SUCCEEDED


def test_a_manager_that_cannot_be_asked_loses_nothing(suite):
    suite.desk.down = "http://calibrations: refused"
    suite.patience = WAITS
    suite.arrive(niri_night())
    suite.settle()
    assert "refused" in suite.look().unasked
    suite.desk.down = ""
    suite.patience = AT_ONCE
    suite.settle()
    assert set(suite.balance().groups) == {"done"}


def test_a_master_that_comes_in_among_the_frames_is_used(suite):
    suite.arrive([old_master("flat", 3, "flat_of_old.fits"), *SCIENCE])
    suite.settle()
    (job,) = (job for job in suite.done if job.request["kind"] == "science")
    assert "/raw/flat_of_old.fits" in {one["path"] for one in job.request["calibrations"]}
    assert suite.balance().breaches == ()


def test_frames_that_no_group_takes_are_left_out_with_a_reason(suite):
    suite.arrive([frame(1, "spectrum"), frame(2, "acquisition")])
    suite.settle()
    balance = suite.balance()
    assert (balance.frames, balance.breaches) == ({"left_out": 2}, ())


def test_a_group_that_somebody_closes_takes_no_more_frames(suite):
    suite.patience = Patience()
    suite.arrive(sequence(1, 3, "dark"))
    assert suite.look().closed == ()
    with suite.database.begin() as connection:
        groups.close(connection, held_groups(suite)["dark"].id, "by ada")
    assert suite.look().submitted == ("dark-N20160102S0001",)


def test_two_planners_at_once_do_everything_once(suite):
    import threading

    suite.arrive(niri_night())
    errors: list[BaseException] = []

    def look() -> None:
        try:
            suite.look()
        except BaseException as error:  # noqa: BLE001 (shown below)
            errors.append(error)

    for _ in range(4):
        threads = [threading.Thread(target=look) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        suite.work()
    assert errors == []
    suite.settle()
    with suite.database.begin() as connection:
        twice = connection.execute(
            text("SELECT name FROM ledger.groups WHERE state <> 'superseded' GROUP BY name HAVING count(*) > 1")
        ).all()
    assert twice == []
    assert suite.balance().breaches == ()
    assert set(suite.balance().groups) == {"done"}


def test_darks_of_the_next_morning_make_the_mask_of_a_night_and_what_was_made_without_is_made_anew(suite):
    short = [one for one in niri_night() if one.values["exposure_time"] == 1.001]
    suite.arrive([one for one in niri_night() if one not in short])
    suite.settle()
    first = held_groups(suite)
    assert first["science"].state is GroupState.DONE
    assert "bpm" not in first
    tomorrow = NIGHT + timedelta(days=1)
    suite.arrive(short, tomorrow)
    for _ in range(6):
        suite.look(night=tomorrow)
        suite.look(night=NIGHT - timedelta(days=1))
        suite.settle()
    final = held_groups(suite)
    assert final["bpm"].state is GroupState.DONE
    assert (final["flat"].version, final["science"].version) == (2, 2)
    mask = next(job for job in suite.done if job.request["kind"] == "bpm")
    assert {one["name"] for one in mask.request["files"]} >= {one.file for one in short}
    with suite.database.begin() as connection:
        (dark,) = groups.of_night(connection, tomorrow, "NIRI")
        assert dark.state is GroupState.DONE
        assert groups.of_night(connection, NIGHT - timedelta(days=1), "NIRI") == []
    assert suite.balance().breaches == ()
    assert set(suite.balance().frames) == {"reduced"}
