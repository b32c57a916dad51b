"""What people ask of a suite, on a real ledger: lists, stories, reports; as text and as JSON."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from uuid import uuid4

import pytest
from sqlalchemy import text

from nightcrew.cli.suite.watching import watch_jobs
from nightcrew.planner.core.closing import Patience
from nightcrew.shared.ledger import LEDGER, ArrivalState, arrivals, frames
from nightcrew.shared.ledger.records import NewFrame
from support.command import nightcrew
from support.ledgers import sighting
from support.paper_night import frame
from support.suite_states import DARKS, dark, documents, failed, quarantine, reduced, suite
from support.suites import SCIENCE

__all__ = ["dark", "failed", "nightcrew", "reduced", "suite"]


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER,)


LISTS = (("jobs", "list"), ("frames", "list"), ("groups", "list"), ("dead", "list"))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        *zip(LISTS, ("no jobs", "no frames", "no groups", "nothing needs a person"), strict=True),
        (("night", "status"), "nothing has arrived yet"),
        (("night", "report"), "nothing has arrived yet"),
    ],
)
def test_an_empty_ledger_is_told_as_such(command, said, suite, nightcrew):
    answer = nightcrew(*command)
    assert (answer.code, answer.lines[0]) == (0, said)
    assert nightcrew(*command, "--json").code == 0


@pytest.mark.parametrize("command", LISTS)
def test_an_empty_list_is_no_line_of_json(command, suite, nightcrew):
    assert nightcrew(*command, "--json").out == ""


@pytest.mark.parametrize(
    "command",
    [
        ("jobs", "show", str(uuid4())), ("jobs", "retry", "dark-N1"), ("jobs", "cancel", "12"),
        ("frames", "show", "N1"), ("groups", "show", "77"), ("groups", "close", "dark-N1"), ("explain", "N1.fits"),
        ("dead", "show", "file-9"), ("dead", "replay", "file-9"),
    ],
)  # fmt: skip
def test_what_nobody_knows_is_an_error_in_one_line_that_says_where_to_look(command, suite, nightcrew):
    answer = nightcrew(*command)
    assert (answer.code, answer.out) == (1, "")
    assert command[-1] in answer.err
    assert "nightcrew " in answer.err
    assert answer.err.count("\n") == 1


def test_a_list_has_a_line_for_each_and_json_an_object(reduced, nightcrew):
    lines = nightcrew("groups", "list").lines
    assert lines[0].split() == ["number", "group", "state", "version", "frames", "night", "opened", "why"]
    assert len(lines) == 7
    told = documents(nightcrew("groups", "list", "--json"))
    assert [one["name"] for one in told] == [line.split()[1] for line in lines[1:]]
    assert told[0]["close_reason"].startswith("quiet for ")
    assert isinstance(told[0]["opened_at"], str)


def test_lists_are_narrowed_down(reduced, nightcrew):
    assert len(documents(nightcrew("jobs", "list", "--json", "--class", "calibration"))) == 4
    assert documents(nightcrew("jobs", "list", "--json", "--open")) == []
    assert len(documents(nightcrew("jobs", "list", "--json", "--limit", "2"))) == 2
    assert documents(nightcrew("frames", "list", "--json", "--state", "left_out")) == []
    assert documents(nightcrew("frames", "list", "--json", "--night", "20160103")) == []
    assert len(documents(nightcrew("groups", "list", "--json", "--night", "2016-01-02", "--instrument", "niri"))) == 6


def test_a_state_that_there_is_not_is_a_wrong_command_line(suite, nightcrew):
    answer = nightcrew("jobs", "list", "--state", "asleep")
    assert answer.code == 2
    assert "one of waiting, queued, running" in answer.err


def test_the_story_of_a_frame_is_whole(reduced, nightcrew):
    told = nightcrew("explain", "N20160102S0271").out
    for part in (
        "N20160102S0271.fits: NIRI", "/raw/N20160102S0271.fits (2.9 kB) was seen", "Quick look, asked for",
        "Group science-N20160102S0271 (10 frames), opened", "closed", "quiet for ", "recipe reduce (mode sq)",
        "processed_dark: N20160102S0423_dark.fits (same data section", "attempt 1 by paper",
        "N20160102S0271_image.fits (image, ", "It is reduced",
    ):  # fmt: skip
        assert part in told, part
    (document,) = documents(nightcrew("explain", "N20160102S0271.fits", "--json"))
    assert document["frame"]["state"] == "reduced"
    assert document["groups"][0]["jobs"][0]["products"][0]["name"] == "N20160102S0271_image.fits"
    assert document["quick_looks"][0]["attempts"][0]["ended_by"] == "outcome"


def test_the_story_of_a_calibration_frame_says_whether_its_master_is_certified_and_who_borrows_it(reduced, nightcrew):
    told = nightcrew("explain", "N20160102S0363").out
    assert "certified, number" in told
    assert "Group bpm-N20160102S0373 (15 frames), which borrows it" in told


def test_a_group_that_waits_says_for_what_and_until_when(suite, nightcrew):
    suite.patience = Patience(quiet=Patience().settle * 0, settle=Patience().settle * 0)
    suite.arrive(SCIENCE)
    suite.settle()
    told = nightcrew("explain", SCIENCE[0].file).out
    assert "waits for processed_flat: " in told
    assert "at the longest" in told
    assert "waits for" not in nightcrew("jobs", "list", "--state", "waiting").out
    assert "processed_flat" in nightcrew("jobs", "list", "--state", "waiting").out
    assert "under way" in nightcrew("night", "status").out


def test_what_is_known_of_a_frame_is_shown_with_what_planning_compares(dark, nightcrew):
    shown = nightcrew("frames", "show", "N20160102S0001").out
    assert shown.startswith("N20160102S0001.fits, version 1: reduced\n")
    assert "exposure_time          20.001" in shown
    assert "left_out" not in nightcrew("frames", "list").out
    (document,) = documents(nightcrew("frames", "show", "N20160102S0001.fits", "--json"))
    assert document["facts"]["values"]["coadds"] == 1


def test_open_jobs_are_watched_until_somebody_has_seen_enough(suite):
    suite.arrive(DARKS)
    suite.look()
    turns = iter((suite.work, suite.look))

    def pause(_seconds: float) -> None:
        try:
            next(turns)()
        except StopIteration:
            raise KeyboardInterrupt from None

    screen = io.StringIO()
    with pytest.raises(KeyboardInterrupt), redirect_stdout(screen):
        watch_jobs(suite.database, (), pause)
    said = [line.partition(" ")[2] for line in screen.getvalue().splitlines()]
    assert said == ["dark-N20160102S0001: queued", "dark-N20160102S0001: succeeded"]


def test_versions_of_a_frame_are_told_one_after_the_other(suite, nightcrew):
    suite.arrive(DARKS)
    suite.settle()
    with suite.database.begin() as connection:
        first = frames.named(connection, DARKS[0].file)[0]
        arrivals.see(connection, [sighting(path=first.path, size=5760)])
        (arrival,) = arrivals.settling(connection)
        new = {
            name: getattr(first, name)
            for name in ("name", "path", "instrument", "kind", "night", "ut_datetime", "facts")
        }
        again = frames.record(connection, NewFrame(sha256="ab" * 32, size=5760, **new))
        arrivals.end(connection, arrival.id, ArrivalState.ACCEPTED, frame_id=again.frame_id)
    suite.settle()
    told = nightcrew("explain", DARKS[0].file).out
    assert told.index("Another content has taken its place") < told.index(f"{DARKS[0].file}, version 2")
    assert "version 2 (3 frames)" in told
    assert "superseded by " in told


def test_a_night_that_adds_up_is_reported_with_its_products(reduced, nightcrew):
    report = nightcrew("night", "report", "--night", "2016-01-02")
    assert report.code == 0
    assert "it adds up" in report.out
    assert "N20160102S0271_image.fits" in report.out
    (document,) = documents(nightcrew("night", "report", "--json"))
    assert document["balance"]["breaches"] == []
    assert {one["kind"] for one in document["products"]} == {"image", "processed_dark", "processed_flat", "bpm"}
    (status,) = documents(nightcrew("night", "status", "--json"))
    assert (status["finished"], status["frames"]) == (True, {"reduced": 35})


def test_a_report_names_what_came_to_nothing_and_why(failed, nightcrew):
    number = quarantine(failed, "/raw/N20160102S0009.fits")
    failed.arrive([frame(8, "spectrum")])
    failed.settle()
    report = nightcrew("night", "report").out
    assert "1 file in quarantine: `nightcrew dead list`" in report
    assert "N20160102S0001.fits  unreduced" in report
    assert "N20160102S0008.fits  left_out" in report
    assert "/raw/N20160102S0009.fits  truncated" in report
    assert number


def test_a_night_that_does_not_add_up_fails_the_report_and_names_what_is_lost(dark, nightcrew):
    with dark.database.begin() as connection:
        connection.execute(text("DELETE FROM ledger.group_frames"))
    report = nightcrew("night", "report")
    assert report.code == 1
    assert "broken: a reduced frame is in a group that is done: N20160102S" in report.out


def test_status_and_report_are_words_of_night_and_a_directory_of_that_name_is_written_as_a_path(
    suite, nightcrew, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "status").mkdir()
    assert nightcrew("night", "status").out.startswith("nothing has arrived yet")
    answer = nightcrew("night", "./status", "--plan")
    assert "no FITS files in it" in answer.err
    assert "Usage: nightcrew night report" in nightcrew("night", "report", "--help").out


def test_without_a_suite_the_remedy_is_told(nightcrew, monkeypatch, tmp_path):
    monkeypatch.delenv("NIGHTCREW_DATABASE_URL", raising=False)
    monkeypatch.setenv("NIGHTCREW_DATA_DIR", str(tmp_path))
    said = nightcrew("jobs", "list")
    assert said.code == 1
    assert "no suite has run here; start one with `nightcrew up DIRECTORY`" in said.err
    assert list(tmp_path.iterdir()) == []
