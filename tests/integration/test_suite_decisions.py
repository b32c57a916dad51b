"""What people decide about a suite, on a real ledger: jobs, groups, pauses, and what needs a person."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console
from sqlalchemy import text

from nightcrew.cli.suite.status import glance, picture
from nightcrew.cli.suite.watching import table
from nightcrew.planner.core.closing import Patience
from nightcrew.shared.ledger import LEDGER, JobState, claims, groups, jobs, pausing
from nightcrew.shared.ledger.records import Claim
from nightcrew.shared.outcomes import Outcome, Status
from support.command import nightcrew
from support.paper_night import sequence
from support.suite_states import DARKS, dark, documents, failed, quarantine, suite
from support.suites import NIGHT, SCIENCE

__all__ = ["dark", "failed", "nightcrew", "suite"]


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER,)


def test_a_failed_job_is_tried_again_by_its_name(failed, nightcrew):
    said = nightcrew("jobs", "retry", "dark-N20160102S0001", "--who", "ada")
    assert (said.code, said.out.split()[1]) == (0, "queued")
    with failed.database.begin() as connection:
        (job,) = jobs.listing(connection)
    assert (job.state, job.attempt, job.reason) == (JobState.QUEUED, 0, "again, by ada")


def test_what_ended_well_is_not_tried_again(dark, nightcrew):
    said = nightcrew("jobs", "retry", "dark-N20160102S0001")
    assert said.code == 1
    assert "is succeeded: cannot be tried again" in said.err


def test_a_job_is_found_by_the_beginning_of_its_number(failed, nightcrew):
    with failed.database.begin() as connection:
        (job,) = jobs.listing(connection)
    (document,) = documents(nightcrew("jobs", "show", str(job.id)[:8], "--json"))
    assert document["id"] == str(job.id)
    assert document["attempts"][0]["reason"] == "NoHope: a defect"
    assert "failed: NoHope: a defect" in nightcrew("jobs", "show", str(job.id)).out
    assert nightcrew("jobs", "show", str(job.id)[:3]).code == 1


def test_the_beginning_of_several_numbers_is_not_enough(suite, nightcrew):
    for number in range(20):
        suite.arrive(sequence(20 * number + 1, 1, "dark", exposure_time=float(number + 1)))
    suite.look()
    with suite.database.begin() as connection:
        connection.execute(text("UPDATE ledger.jobs SET id = ('abcdef' || right(id::text, 30))::uuid"))
    said = nightcrew("jobs", "show", "abcdef")
    assert said.code == 1
    assert "could be any of abcdef" in said.err


def test_a_job_that_is_cancelled_while_it_runs_is_thrown_away(suite, nightcrew):
    suite.arrive(DARKS)
    suite.look()
    with suite.database.begin() as connection:
        (job,) = jobs.listing(connection)
        held = claims.claim(connection, job.id, "reducer-1")
    assert isinstance(held, Claim)
    said = nightcrew("jobs", "cancel", "dark-N20160102S0001", "--who", "ada", "--why", "wrong filter")
    assert (said.code, said.out) == (0, f"{job.id} cancelled\n")
    with suite.database.begin() as connection:
        assert not claims.renew(connection, held)
    assert "cannot be cancelled; it has ended" in nightcrew("jobs", "cancel", str(job.id)).err
    suite.settle()
    assert "cancelled: by ada: wrong filter" in nightcrew("groups", "list").out
    assert suite.balance().breaches == ()


def test_a_watched_job_that_failed_fails_the_watching(failed, nightcrew):
    said = nightcrew("jobs", "watch", "dark-N20160102S0001")
    assert said.code == 1
    assert "dark-N20160102S0001: failed: NoHope: a defect" in said.out


def test_a_watched_job_is_told_as_json_too(dark, nightcrew):
    (document,) = documents(nightcrew("jobs", "watch", "dark-N20160102S0001", "--json"))
    assert document["state"] == "succeeded"


def test_the_suite_at_a_glance_shows_what_is_at_work_waiting_and_done(suite, nightcrew):
    suite.arrive(DARKS)
    suite.settle()
    suite.arrive(SCIENCE[:2])
    suite.look()
    nightcrew("pause", "F2", "--why", "warming up", "--who", "ada")
    with suite.database.begin() as connection:
        quick = next(job for job in jobs.listing(connection) if job.job_class == "realtime")
        claims.claim(connection, quick.id, "reducer-1")
        screen = Console(width=160, record=True, file=io.StringIO())
        screen.print(picture(glance(connection)))
        screen.print(table(jobs.listing(connection)))
    shown = screen.export_text()
    for part in (
        "5 frames: 3 reduced", "1 done", "instrument:F2 is paused by ada: warming up",
        f"running    quick-look-{quick.request['files'][0]['name']} at reducer-1", "succeeded  dark-N20160102S0001",
    ):  # fmt: skip
        assert part in shown, part


def test_a_group_is_closed_by_hand_with_who_and_why(suite, nightcrew):
    suite.patience = Patience()
    suite.arrive(DARKS)
    suite.settle()
    said = nightcrew("groups", "close", "dark-N20160102S0001", "--who", "ada", "--why", "clouds")
    assert (said.code, said.out) == (0, "dark-N20160102S0001 closed\n")
    with suite.database.begin() as connection:
        (group,) = groups.of_night(connection, NIGHT, "NIRI")
    assert group.close_reason == "by hand, by ada: clouds"
    again = nightcrew("groups", "close", str(group.id))
    assert again.code == 1
    assert "only an open group can be closed" in again.err
    suite.settle()
    shown = nightcrew("groups", "show", str(group.id))
    assert "closed" in shown.out
    assert "N20160102S0002.fits" in shown.out
    (document,) = documents(nightcrew("groups", "show", str(group.id), "--json"))
    assert [one["name"] for one in document["frames"]] == [one.file for one in DARKS]


def test_what_is_paused_is_not_taken_up_and_everybody_learns_why(suite, nightcrew):
    said = nightcrew("pause", "niri", "--why", "cold head", "--who", "ada")
    assert said.out.startswith("instrument:NIRI: paused by ada, ")
    assert said.out.endswith("UTC: cold head\n")
    suite.arrive(DARKS)
    suite.look()
    with suite.database.begin() as connection:
        (job,) = jobs.listing(connection)
        refused = claims.claim(connection, job.id, "reducer-1")
    assert getattr(refused, "reason", "") == "instrument:NIRI is paused by ada: cold head"
    assert "instrument:NIRI is paused by ada: cold head" in nightcrew("night", "status").out
    assert nightcrew("resume", "NIRI").out == "nothing is paused\n"
    assert "instrument:NIRI was not paused" in nightcrew("resume", "instrument:NIRI").err
    assert suite.settle() != []


@pytest.mark.parametrize(
    ("word", "scope"), [("all", "all"), ("F2", "instrument:F2"), ("class:science", "class:science")]
)
def test_scopes_are_what_people_call_them(word, scope, suite, nightcrew):
    (document,) = documents(nightcrew("pause", word, "--json"))
    assert document["scope"] == scope
    assert nightcrew("pause", "moon").code == 2


def test_draining_waits_for_jobs_at_work_and_begins_no_others(suite, nightcrew):
    assert nightcrew("drain").code == 0
    with suite.database.begin() as connection:
        assert [one.scope for one in pausing.paused(connection)] == ["all"]
        pausing.resume(connection, "all")
    suite.arrive(DARKS)
    suite.look()
    with suite.database.begin() as connection:
        (job,) = jobs.listing(connection)
        claims.claim(connection, job.id, "reducer-1")
    said = nightcrew("drain", "--timeout", "0.1", "--json")
    assert (said.code, json.loads(said.out)) == (1, {"running": 1})


def test_failed_jobs_and_files_in_quarantine_need_a_person(failed, nightcrew, tmp_path):
    bad = tmp_path / "N20160102S0009.fits"
    bad.write_bytes(b"SIMPLE")
    number = quarantine(failed, bad)
    told = documents(nightcrew("dead", "list", "--json"))
    assert [(one["what"], one["name"]) for one in told] == [("job", "dark-N20160102S0001"), ("file", bad.name)]
    assert "truncated: ends after 2880 bytes" in nightcrew("dead", "list").out
    shown = nightcrew("dead", "show", f"file-{number}").out
    assert str(bad) in shown
    before = bad.stat().st_mtime_ns
    assert nightcrew("dead", "replay", f"file-{number}").out == f"file-{number} will be looked at\n"
    assert bad.stat().st_mtime_ns > before
    assert nightcrew("dead", "replay", told[0]["number"][:8]).code == 0
    assert [one["what"] for one in documents(nightcrew("dead", "list", "--json"))] == ["file"]


def test_a_file_that_is_kept_in_quarantine_is_to_be_repaired_first(suite, nightcrew, tmp_path):
    number = quarantine(suite, tmp_path / "gone.fits", moved_to="/quarantine/gone.fits")
    said = nightcrew("dead", "replay", f"file-{number}")
    assert said.code == 1
    assert "the file is kept at /quarantine/gone.fits; repair it and put it at" in said.err


def test_a_job_whose_group_was_made_again_needs_nobody(failed, nightcrew):
    failed.fate = lambda job: Outcome(Status.SUCCEEDED)
    failed.arrive(sequence(4, 1, "dark"))
    failed.settle()
    assert nightcrew("dead", "list").out == "nothing needs a person\n"
