"""How things of the suite are written for people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nightcrew.cli.errors import UsageProblem
from nightcrew.cli.suite.scopes import scope_of, tell_pauses
from nightcrew.cli.suite.wording import balance, columns, counted, duration, moment, size
from nightcrew.shared.ledger.pausing import Pause


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (90, "90 s"), (600, "10 min"), (9000, "2.5 h")]
)
def test_durations_have_the_unit_that_fits(seconds, said):
    assert duration(timedelta(seconds=seconds)) == said


@pytest.mark.parametrize(
    ("count", "said"), [(512, "512 bytes"), (2880, "2.9 kB"), (4_200_000, "4.2 MB"), (3_100_000_000, "3.1 GB")]
)
def test_sizes_have_the_unit_that_fits(count, said):
    assert size(count) == said


def test_moments_are_utc_whatever_the_zone_they_come_in():
    there = datetime(2026, 1, 2, 5, 0, tzinfo=UTC).astimezone(tz=None)
    assert moment(there) == "2026-01-02 05:00:00"
    assert moment(None) == ""


def test_a_balance_names_the_largest_number_first():
    assert balance({"left_out": 2, "reduced": 33}) == "33 reduced, 2 left out"
    assert balance({}) == "none"
    assert (counted(1, "frame"), counted(0, "frame")) == ("1 frame", "0 frames")


def test_cells_keep_to_one_line():
    assert list(columns(("a", "why"), [("long name", "first\nsecond"), ("b", "")])) == [
        "a          why",
        "long name  first second",
        "b",
    ]


@pytest.mark.parametrize("text", ["", "moon", "class:NIRI", "instrument:science", "planet:mars"])
def test_what_cannot_be_paused_is_refused_with_what_can(text):
    with pytest.raises(UsageProblem, match="one of all, NIRI, F2, realtime, calibration, science, large"):
        scope_of(text)


def test_pauses_are_told_with_who_since_when_and_why():
    pause = Pause("all", "ada", "", datetime(2026, 1, 2, 5, tzinfo=UTC))
    assert list(tell_pauses([pause], as_json=False)) == ["all: paused by ada, 2026-01-02 05:00:00 UTC"]
    assert list(tell_pauses([], as_json=True)) == []
