"""For which time a calibration is certified, and which others are of its kind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.calmanager.core.validity import Validity, kind_key, validity_between
from nightcrew.calmanager.errors import BadValidity
from nightcrew.shared.association import rules_for

DAY = timedelta(days=1)
NOON = datetime(2016, 1, 2, 12)  # noqa: DTZ001 (UTC)
DARK = rules_for("NIRI")["dark"]
COLUMNS: dict[str, Any] = {
    "data_section": (0, 1024, 0, 1024),
    "read_mode": "Low Background",
    "well_depth_setting": "Shallow",
    "coadds": 1,
    "exposure_time": 20.0,
}
ends = st.one_of(st.none(), st.integers(-5, 5).map(lambda days: NOON + days * DAY))


@st.composite
def validities(draw: st.DrawFn) -> Validity:
    since, until = draw(ends), draw(ends)
    if since is None and until is None:
        since = NOON
    if since is not None and until is not None and since >= until:
        until = since + DAY
    return Validity(since, until)


def test_the_end_does_not_belong_to_it() -> None:
    validity = Validity(NOON, NOON + DAY)
    assert NOON in validity
    assert NOON + DAY not in validity
    assert NOON - timedelta(microseconds=1) not in validity


@given(one=validities(), other=validities())
def test_two_validities_overlap_if_a_moment_belongs_to_both(one: Validity, other: Validity) -> None:
    moments = [NOON + days * DAY / 2 for days in range(-24, 24)]
    assert one.overlaps(other) == any(moment in one and moment in other for moment in moments)
    assert one.overlaps(other) == other.overlaps(one)


@pytest.mark.parametrize(
    ("since", "until", "said"),
    [
        (NOON, NOON, "is empty"),
        (NOON + DAY, NOON, "is empty"),
        (None, None, "says nothing"),
        (NOON.replace(tzinfo=UTC), None, "no zone"),
    ],
)
def test_a_validity_that_makes_no_sense_is_refused(since: Any, until: Any, said: str) -> None:
    with pytest.raises(BadValidity, match=said):
        Validity(since, until)


def test_without_ends_the_rules_decide() -> None:
    assert validity_between(None, None) is None
    assert str(validity_between(NOON, None)) == "since 2016-01-02 12:00:00"
    assert str(validity_between(None, NOON)) == "until 2016-01-02 12:00:00"


def test_darks_within_the_tolerance_are_of_one_kind() -> None:
    keys = {kind_key("NIRI", "processed_dark", {**COLUMNS, "exposure_time": t}, DARK) for t in (20, 20.0, 20.002)}
    assert len(keys) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"coadds": 2},
        {"coadds": True},
        {"exposure_time": 30.0},
        {"exposure_time": None},
        {"data_section": (0, 512, 0, 512)},
    ],
)
def test_what_the_rule_tells_apart_is_of_another_kind(change: dict[str, Any]) -> None:
    assert kind_key("NIRI", "processed_dark", {**COLUMNS, **change}, DARK) != kind_key(
        "NIRI", "processed_dark", COLUMNS, DARK
    )


def test_instrument_and_type_are_part_of_the_kind_even_without_a_rule() -> None:
    keys = {kind_key(instrument, caltype, {}, None) for instrument in ("NIRI", "F2") for caltype in ("dark", "flat")}
    assert len(keys) == 4
