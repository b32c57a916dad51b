"""The time of an exposure is found wherever it is written."""

# ruff: noqa: DTZ001 (FITS times are UTC and carry no zone)
from __future__ import annotations

from datetime import date, datetime, time

import pytest

from nightcrew.shared.instruments import DescriptorError

from .headers_of import described

WHEN = datetime(2026, 1, 30, 7, 12, 37, 100000)


def frame(filename="", extensions=(), **cards):
    return described({"INSTRUME": "NIRI"}, *extensions, filename=filename, **cards)


@pytest.mark.parametrize(
    "cards",
    [
        {"DATE-OBS": "2026-01-30T07:12:37.1"},
        {"DATE-OBS": "2026-01-30", "UT": "7:12:37.1"},
        {"DATE-OBS": "2026-01-30", "UT": "unknown", "TIME-OBS": "07:12:37.1000009"},
        {"DATE-OBS": "unknown", "DATE": "2026-01-30", "STARTUT": "07:12:37.1"},
        {"DATE-OBS": "30/01/126", "UTSTART": "07:12:37.1"},
        {"OBSSTART": "2026-01-30T07:12:37.1Z"},
    ],
)
def test_keywords_that_tell_the_time(cards):
    of = frame(**cards)
    assert of("ut_datetime") == of("ut_datetime", strict=True) == WHEN
    assert of("ut_date") == date(2026, 1, 30)
    assert of("ut_time") == time(7, 12, 37, 100000)


def test_the_julian_date_is_a_last_resort():
    assert frame(**{"MJD-OBS": 61070.5})("ut_datetime") == datetime(2026, 1, 30, 12)


def test_a_blank_in_place_of_t_hides_the_time():
    assert frame(**{"DATE-OBS": "2026-01-30 07:12:37"})("ut_datetime") == datetime(2026, 1, 30)


def test_the_name_of_the_file_tells_the_day_unless_asked_strictly():
    of = frame(filename="N20260130S0001.fits")
    assert of("ut_datetime") == datetime(2026, 1, 30)
    assert of("ut_datetime", dateonly=True) == date(2026, 1, 30)
    assert of("ut_datetime", strict=True) is None
    assert of("ut_time") is None


def test_the_name_of_the_detector_frame_tells_the_day():
    of = frame(filename="stack.fits", extensions=[{"FRMNAME": "N20260130S0001:1"}])
    assert of("ut_date") == date(2026, 1, 30)


def test_without_any_day_there_is_only_midnight():
    of = frame(filename="dark.fits")
    assert of("ut_datetime") is None
    assert of("ut_datetime", timeonly=True) == time(0)


def test_impossible_values():
    assert frame(**{"DATE-OBS": "2026-01-30", "UT": "07:12:60"}).get("ut_datetime") is None
    assert frame(**{"DATE-OBS": 2026})("ut_date") is None
    assert frame(**{"DATE-OBS": 2026})("ut_time") is None
    with pytest.raises(DescriptorError, match="ut_datetime"):
        frame(**{"DATE-OBS": 2026})("ut_datetime")


def test_local_time():
    assert frame(LT="21:12:37.5")("local_time") == time(21, 12, 37, 500000)
    assert frame(LT="21:12:61")("local_time") is None
    assert frame(LT=5)("local_time") is None
    assert frame()("local_time") is None
