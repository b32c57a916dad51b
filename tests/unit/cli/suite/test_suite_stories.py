"""The story of a frame, told from rows that are written down here."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from nightcrew.cli.suite.stories import FrameStory, GroupStory, JobStory, tell, tell_group, tell_job
from nightcrew.cli.suite.wording import since, why
from nightcrew.shared.ledger import ArrivalState, AttemptEnd, FrameState, GroupState, JobState
from nightcrew.shared.ledger.browsing import AttemptRow
from nightcrew.shared.ledger.records import Arrival, FrameRow, GroupRow, JobRow, ProductRow, Sighting
from nightcrew.shared.messages import JobClass

T0 = datetime(2026, 1, 2, 5, tzinfo=UTC)
NIGHT = date(2026, 1, 1)
NUMBER = UUID(int=7)
FRAME = FrameRow(
    1, "N1.fits", 1, "/raw/N1.fits", "ab", "NIRI", "science", NIGHT, None, {}, FrameState.PLANNED, "", T0
)  # fmt: skip
ARRIVAL = Arrival(1, Sighting("/raw/N1.fits", 2880, 1, 1), ArrivalState.ACCEPTED, "", "", 1, T0, T0)
REQUEST = {"recipe": "reduce", "mode": "sq", "profile": "standard", "calibrations": [], "without": []}
JOB = JobRow(
    NUMBER, "group/1", JobClass.SCIENCE, False, NIGHT, "NIRI", "reduce", 1, None, None, REQUEST, (), False,
    JobState.QUEUED, "", 0, None, None, None, None, None, T0, T0, None, None,
)  # fmt: skip
GROUP = GroupRow(
    1, "science-N1", 1, NIGHT, "NIRI", "science", GroupState.OPEN, {}, "", None, T0, T0, None, "", frozenset({1})
)  # fmt: skip
ATTEMPT = AttemptRow(1, "reducer-1", T0 + timedelta(seconds=1), None, None, "", None, None, {})


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def test_a_file_that_took_long_to_be_whole_and_is_kept_elsewhere_says_so():
    slow = replace(ARRIVAL, steady_since=T0 + minutes(5))
    lines = list(tell(FrameStory(replace(FRAME, path="/archive/N1.fits"), (slow,))))
    assert "whole 5 min later; size, checksums, instrument and keywords are good" in lines[1]
    assert lines[2] == "  It is kept at /archive/N1.fits"


@pytest.mark.parametrize(
    ("state", "reason", "said"),
    [
        (ArrivalState.DUPLICATE, "", "the same content once more"),
        (ArrivalState.GONE, "it vanished", "gone, it vanished"),
    ],
)
def test_a_file_that_came_again_or_vanished_is_told(state, reason, said):
    lines = list(tell(FrameStory(FRAME, (replace(ARRIVAL, state=state, reason=reason),))))
    assert lines[1].endswith(said)


def test_an_open_group_says_when_its_last_frame_came():
    assert "  open: takes frames; the last came 05:00:00" in tell_group(GroupStory(GROUP, own=True))


def test_a_master_that_was_not_certified_says_why():
    group = replace(GROUP, state=GroupState.DONE, plan={"master": [7, "noise 90 above 20"]}, closed_at=T0)
    assert "  Its product is not certified: noise 90 above 20" in tell_group(GroupStory(group, own=True))


def test_a_queued_job_says_how_long_it_has_waited_for_calibrations():
    waited = replace(JOB, queued_at=T0 + minutes(12))
    assert next(tell_job(JobStory(waited))) == "waited 12 min for calibrations"


def test_a_job_that_ran_late_says_how_long_it_waited():
    late = replace(ATTEMPT, started_at=T0 + minutes(3))
    assert next(tell_job(JobStory(JOB, (late,)))) == "waited 3 min for calibrations and a reducer"


def test_provisional_calibrations_profiles_and_what_there_was_none_of_are_told():
    request = {
        **REQUEST,
        "profile": "best",
        "calibrations": [{"caltype": "processed_flat", "path": "/c/f.fits", "provisional": True, "reason": "old"}],
        "without": [{"caltype": "processed_dark", "reason": "none with 6 s"}],
    }
    lines = list(tell_job(JobStory(replace(JOB, request=request))))
    assert lines[:3] == [
        "recipe reduce (mode sq, profile best)", "processed_flat: f.fits (provisional: old)",
        "without processed_dark: none with 6 s",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        (ATTEMPT, "attempt 1 by reducer-1, 05:00:01: at work"),
        (
            replace(ATTEMPT, ended_at=T0 + timedelta(seconds=4), ended_by=AttemptEnd.CRASH, reason="killed"),
            "attempt 1 by reducer-1, 05:00:01: crash after 3.0 s: killed",
        ),
    ],
)
def test_attempts_say_how_they_ended(attempt, said):
    assert said in tell_job(JobStory(JOB, (attempt,)))


def test_a_product_that_was_superseded_names_what_took_its_place_and_pictures_are_not_told():
    product = ProductRow(1, NUMBER, 1, "N1_image.fits", "image", "/p/N1_image.fits", "a", "b", 5760, True, 2, T0)
    picture = replace(product, id=2, kind="preview", path="/p/N1_image.png")
    lines = list(tell_job(JobStory(JOB, (), ((product, "/q/N1_image.fits"), (picture, None)))))
    assert lines[-1] == "made /p/N1_image.fits (image, 5.8 kB, provisional); superseded by /q/N1_image.fits"


@pytest.mark.parametrize(
    ("changes", "said", "moment"),
    [
        ({"state": JobState.RETRY, "not_before": T0 + minutes(1), "reason": "full"}, "not before 05:01:00: full", T0),
        ({"state": JobState.WAITING, "needs": ({"waits_for": "flat"}, {"waits_for": "dark"})}, "flat; dark", T0),
        ({"state": JobState.RUNNING, "worker": "w", "started_at": T0 + minutes(2)}, "at w", T0 + minutes(2)),
        ({"state": JobState.FAILED, "reason": "defect", "ended_at": T0 + minutes(3)}, "defect", T0 + minutes(3)),
    ],
)  # fmt: skip
def test_the_state_of_a_job_is_told_with_its_reason_and_since_when(changes, said, moment):
    job = replace(JOB, **changes)
    assert (why(job), since(job)) == (said, moment)
