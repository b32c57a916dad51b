"""Levels of a match: the same night, the rule, a relaxed rule; states, validities, modes and the order among all."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.shared.association import (
    Answer,
    Candidate,
    Level,
    Target,
    associate,
    explain,
    filter_set,
    longitude_of,
    night_of,
    parse_rules,
    reasons_of,
    survivors,
    why_not,
)
from nightcrew.shared.association.nights import NORTH, SOUTH

MOMENT = datetime(2016, 1, 2, 10)  # noqa: DTZ001
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SETUP: dict[str, Any] = {
    "ut_datetime": MOMENT,
    "data_section": (0, 1024, 0, 1024),
    "read_mode": "Medium Background",
    "well_depth_setting": "Shallow",
    "coadds": 1,
    "exposure_time": 20.0,
    "detector_binning": "1x1",
    "filter_name": "J_G0802&Open",
    "lyot_stop": "f/16",
    "disperser": "Open",
    "focal_plane_mask": "Open",
}
TARGET = Target("NIRI", frozenset({"NORTH", "IMAGE"}), SETUP, "N1.fits")
F2 = Target("F2", frozenset({"SOUTH", "IMAGE"}), SETUP, "S1.fits")
MOMENTS = st.datetimes(datetime(1995, 1, 1), datetime(2035, 1, 1))  # noqa: DTZ001


def master(
    name: str,
    kind: str = "DARK",
    *,
    apart: timedelta = HOUR,
    target: Target = TARGET,
    processed_as: str = "Science-Quality",
    **changes: Any,
) -> Candidate:
    values = {**SETUP, "ut_datetime": MOMENT + apart, "qa_state": "Pass", **changes}
    frame = Target(target.instrument, frozenset({kind, "CAL", "PROCESSED"}), values, name)
    return Candidate.from_target(frame, name, processed_as=processed_as)


def provisional(*candidates: Candidate, caltype: str = "processed_dark", target: Target = TARGET) -> Answer:
    return associate(target, caltype, candidates, max_level=Level.RELAXED)


def names(answer: Answer) -> list[str]:
    return [match.candidate.filename for match in answer.matches]


# nights


@pytest.mark.parametrize(
    ("longitude", "hour", "night"),
    [
        (NORTH, 22.35, date(2016, 1, 1)),  # 11:59 local mean time
        (NORTH, 22.37, date(2016, 1, 2)),
        (SOUTH, 16.70, date(2016, 1, 1)),
        (SOUTH, 16.73, date(2016, 1, 2)),
        (0.0, 11.99, date(2016, 1, 1)),
        (0.0, 12.0, date(2016, 1, 2)),
    ],
)
def test_a_night_begins_at_noon_of_the_telescope(longitude: float, hour: float, night: date) -> None:
    assert night_of(datetime(2016, 1, 2) + timedelta(hours=hour), longitude) == night  # noqa: DTZ001


@given(MOMENTS, st.sampled_from([NORTH, SOUTH, 0.0]))
def test_a_night_lasts_from_noon_to_noon(moment: datetime, longitude: float) -> None:
    night = night_of(moment, longitude)
    assert night_of(moment + DAY, longitude) == night + DAY
    local = moment + timedelta(hours=longitude / 15)
    noon = datetime(night.year, night.month, night.day, 12)  # noqa: DTZ001
    assert timedelta(0) <= local - noon < DAY


@pytest.mark.parametrize(
    ("instrument", "tags", "longitude"),
    [("GNIRS", {"SOUTH"}, SOUTH), ("GNIRS", set(), NORTH), ("F2", set(), SOUTH), ("BHROS", set(), 0.0)],
)
def test_the_telescope_follows_from_the_tags_else_from_the_instrument(instrument, tags, longitude) -> None:
    assert longitude_of(Target(instrument, frozenset(tags), {})) == longitude


# levels and order


def test_levels_are_those_of_night_rule_and_relaxed_rule() -> None:
    answer = provisional(master("tonight"), master("week", apart=-7 * DAY), master("old", apart=-210 * DAY))
    assert [match.level for match in answer.matches] == [Level.SAME_NIGHT, Level.RULE, Level.RELAXED]
    assert [match.provisional for match in answer.matches] == [False, False, True]
    assert answer.matches[2].relaxed == ("210 d apart, wanted less than 180 d",)
    assert explain(answer)[2].endswith("210 d apart; provisional: 210 d apart, wanted less than 180 d")


def test_provisional_ones_are_not_given_unless_asked_for() -> None:
    answer = associate(TARGET, "processed_dark", [master("old", apart=-210 * DAY)])
    assert answer.best is None
    assert why_not(answer).endswith("nearest is old: 210 d apart, wanted less than 180 d")


def test_the_archives_order_is_kept_among_nights() -> None:
    late = replace(TARGET, values={**SETUP, "ut_datetime": datetime(2016, 1, 2, 22)})  # noqa: DTZ001
    morning, evening = master("before noon", apart=5 * HOUR), master("after noon", apart=13 * HOUR)
    answer = associate(late, "processed_dark", [morning, evening])
    assert [(match.candidate.filename, match.level) for match in answer.matches] == [
        ("after noon", Level.RULE),
        ("before noon", Level.SAME_NIGHT),
    ]


def test_the_rule_comes_before_what_is_nearer_but_breaks_it_and_fewer_breaches_before_more() -> None:
    answer = provisional(
        master("two", exposure_time=20.05, read_mode="Low Background"),
        master("one", apart=9 * HOUR, exposure_time=20.05),
        master("none", apart=-90 * DAY),
    )
    assert names(answer) == ["none", "one", "two"]
    assert answer.matches[2].relaxed == (
        "read mode Low Background, wanted Medium Background",
        "exposure 20.05 s, wanted 20 s within 0.01",
    )
    assert answer.matches[2].reasons == ("same data section, well depth, coadds", "20.05 s", "1 h apart")


def test_only_this_night_can_be_asked_for() -> None:
    answer = associate(
        TARGET, "processed_dark", [master("last", apart=-DAY), master("now")], max_level=Level.SAME_NIGHT
    )
    assert names(answer) == ["now"]
    assert answer.near_misses[0].reason == "night of 2015-12-31, wanted the night of 2016-01-01"
    assert "of the same night" in answer.wishes
    timeless = master("timeless", "BPM", ut_datetime=None)
    timeless = replace(timeless, valid=(None, None))
    answer = associate(TARGET, "processed_bpm", [timeless], max_level=Level.SAME_NIGHT)
    assert answer.near_misses[0].reason == "time of observation unknown, wanted of the same night"


def test_what_even_the_relaxed_rule_refuses_is_told_by_its_measure() -> None:
    answer = provisional(master("ancient", apart=-400 * DAY), master("odd", read_mode="x", coadds=3))
    assert [miss.reason for miss in answer.near_misses] == [
        "400 d apart, wanted less than 365 d",
        "coadds 3, wanted 1",
    ]
    assert not any("read mode" in wish for wish in answer.wishes)


def test_flats_of_the_night_serve_as_a_provisional_mask_those_of_another_night_do_not() -> None:
    answer = provisional(
        master("morning", "BPM", apart=7 * HOUR), master("next", "BPM", apart=2 * DAY), caltype="processed_bpm"
    )
    assert names(answer) == ["morning"]
    assert answer.matches[0].relaxed == ("taken 7 h after the frame, wanted not after it",)
    assert answer.near_misses[0].reason == "2 d apart, wanted less than 24 h"


@pytest.mark.parametrize(
    ("kind", "change", "broken"),
    [
        ("FLAT", {"filter_name": "Open&J_G0802"}, "filter Open&J_G0802, wanted J_G0802&Open"),
        ("DARK", {"exposure_time": 20.00004}, "exposure 20.00004 s, wanted 20 s"),
    ],
)
def test_what_a_user_of_f2_would_rather_have_is_provisional(kind: str, change: dict[str, Any], broken: str) -> None:
    caltype = f"processed_{kind.lower()}"
    candidates = [master("m", kind, target=F2, **change)]
    assert associate(F2, caltype, candidates).best is None
    assert provisional(*candidates, caltype=caltype, target=F2).matches[0].relaxed == (broken,)


@pytest.mark.parametrize(("lamp", "served"), [("Off", True), ("IRhigh", False)])
def test_a_flat_of_the_m_grism_may_be_lamp_off(lamp: str, served: bool) -> None:
    values = {**SETUP, "camera": "f6", "central_wavelength": 4.7}
    target = Target("NIRI", frozenset({"SPECT"}), {**values, "disperser": "Mgrism_G5206"}, "N1.fits")
    flat = Target("NIRI", frozenset({"SPECT", "FLAT", "PROCESSED"}), {**values, "disperser": "Mgrism_G5206"}, "f.fits")
    off = Candidate.from_target(replace(flat, values={**flat.values, "gcal_lamp": "Off"}), "off")
    assert associate(target, "processed_flat", [off]).best is not None
    plain = replace(target, values={**target.values, "disperser": "Kgrism_G5204"})
    other = replace(flat, values={**flat.values, "disperser": "Kgrism_G5204", "gcal_lamp": lamp})
    answer = associate(plain, "processed_flat", [Candidate.from_target(other, "other")], max_level=Level.RELAXED)
    assert answer.best is not None
    assert answer.best.provisional is served


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("J_G0802&Open", "J_G0802"),
        ("Open&J_G0802", "J_G0802"),
        ("Open&Open", "Open"),
        ("K_G0204&H2_G0216", "H2_G0216&K_G0204"),
        (None, None),
    ],
)
def test_filters_are_compared_whichever_wheel_they_are_in(name: str | None, expected: str | None) -> None:
    assert filter_set(name) == expected


# states and validities


@pytest.mark.parametrize("level", list(Level))
def test_what_has_been_vetoed_never_serves_and_is_told_with_who_when_and_why(level: Level) -> None:
    note = "by ana at 2016-01-03 11:00: saturated"
    vetoed = replace(master("vetoed"), state="vetoed", state_note=note)
    answer = associate(TARGET, "processed_dark", [vetoed, master("far", coadds=2)], max_level=level)
    assert answer.best is None
    assert [miss.reason for miss in answer.near_misses] == [f"vetoed {note}", "coadds 2, wanted 1"]
    waiting = replace(vetoed, state="quarantined", state_note="")
    assert associate(TARGET, "processed_dark", [waiting]).near_misses[0].reason == "quarantined"


@pytest.mark.parametrize(
    ("valid", "serves"),
    [
        ((None, None), True),
        ((MOMENT, None), True),
        ((MOMENT + HOUR, None), False),
        ((None, MOMENT), False),
        ((None, MOMENT + HOUR), True),
    ],
)
def test_an_explicit_validity_replaces_the_rules_about_time(valid: Any, serves: bool) -> None:
    dark = replace(master("dark", apart=-999 * DAY), valid=valid)
    mask = replace(master("mask", "BPM", apart=9 * DAY), valid=valid)
    assert (associate(TARGET, "processed_dark", [dark]).best is not None) is serves
    assert (associate(TARGET, "processed_bpm", [mask]).best is not None) is serves


def test_outside_its_validity_nothing_serves_not_even_provisionally() -> None:
    answer = provisional(replace(master("dark"), valid=(MOMENT - DAY, MOMENT)))
    assert answer.near_misses[0].reason == (
        "valid from 2016-01-01 10:00:00 until 2016-01-02 10:00:00, wanted at 2016-01-02 10:00:00"
    )


def test_a_validity_is_no_help_where_the_time_of_the_frame_is_unknown() -> None:
    target = replace(TARGET, values={**SETUP, "ut_datetime": None})
    bounded, unbounded = (replace(master("m"), valid=valid) for valid in ((None, MOMENT), (None, None)))
    assert associate(target, "processed_dark", [bounded]).near_misses[0].reason.endswith("wanted at unknown")
    assert associate(target, "processed_dark", [unbounded]).best is not None


def test_what_somebody_has_declared_valid_precedes_what_is_nearer() -> None:
    declared = replace(master("declared", apart=-999 * DAY), valid=(None, None))
    assert names(associate(TARGET, "processed_dark", [master("near"), declared])) == ["declared", "near"]


# modes


def masters_of_all_kinds() -> list[Candidate]:
    kinds = ("Science-Quality", "Quick-Look", "Quality-Assessment", "Raw", "Failed")
    return [master(kind, apart=number * HOUR, processed_as=kind) for number, kind in enumerate(kinds)]


def test_a_science_reduction_refuses_masters_made_for_a_quick_look() -> None:
    answer = associate(TARGET, "processed_dark", masters_of_all_kinds(), mode="sq", max_level=Level.RELAXED)
    assert names(answer) == ["Science-Quality", "Raw"]
    assert [match.caveats for match in answer.matches] == [(), ("no keyword tells for what it was processed",)]
    assert answer.near_misses[0].reason == "processed as Quick-Look, wanted Science-Quality for mode sq"


@pytest.mark.parametrize("mode", ["ql", "qa"])
def test_a_quick_look_accepts_all_masters_and_says_what_they_are(mode: str) -> None:
    answer = associate(TARGET, "processed_dark", masters_of_all_kinds(), mode=mode)
    assert [match.caveats for match in answer.matches] == [
        (),
        ("processed as Quick-Look",),
        ("processed as Quality-Assessment",),
        ("no keyword tells for what it was processed",),
        ("processed as Failed",),
    ]
    assert reasons_of(answer.matches[1])[-1] == "but processed as Quick-Look"


def test_without_a_mode_nothing_is_refused_as_in_the_archive() -> None:
    answer = associate(TARGET, "processed_dark", masters_of_all_kinds())
    assert len(answer.matches) == 5
    assert answer.matches[3].caveats == ()


def test_raw_frames_are_of_no_mode() -> None:
    values = {**SETUP, "observation_type": "DARK"}
    raw = Candidate.from_target(
        Target("NIRI", frozenset({"DARK", "RAW"}), values, "raw"), "raw", processed_as="Quick-Look"
    )
    answer = associate(TARGET, "dark", [raw], mode="sq")
    assert names(answer) == ["raw"]


# why there is none


def test_an_empty_archive_is_told_apart_from_one_in_which_nothing_fits() -> None:
    flat = master("flat", "FLAT")
    other = master("other", target=F2)
    nothing = associate(TARGET, "processed_dark", [flat, other])
    assert nothing.ingested == 0
    assert why_not(nothing).endswith("; nothing of the kind was ever ingested")
    assert explain(nothing)[0].endswith("; nothing of the kind was ever ingested")
    some = associate(TARGET, "processed_dark", [flat, other, master("dark", coadds=2)])
    assert some.ingested == 1
    assert not any("ever ingested" in line for line in (*explain(some), why_not(some)))


def test_each_condition_tells_how_many_are_left() -> None:
    answer = associate(
        TARGET,
        "processed_dark",
        [
            *(master(f"c{n}", coadds=2) for n in range(3)),
            *(master(f"e{n}", exposure_time=1.0) for n in range(2)),
            master("fits"),
        ],
    )
    assert survivors(answer) == [("coadds 1", 3), ("exposure 20 s within 0.01", 1)]
    assert not any(line.startswith("of 6") for line in explain(answer))


def test_where_nothing_fits_the_last_line_tells_where_all_were_lost() -> None:
    candidates = [master("a", coadds=2), master("b", coadds=2), master("c", exposure_time=1.0)]
    line = explain(associate(TARGET, "processed_dark", candidates))[-1]
    assert line == "of 3 processed_dark: 1 left by coadds 1; 0 left by exposure 20 s within 0.01"


def test_an_image_rule_gives_spectra_a_reason_instead_of_an_answer() -> None:
    spectrum = Target("GNIRS", frozenset({"SPECT"}), SETUP, "N9.fits")
    answer = associate(spectrum, "processed_flat", [])
    assert answer.note == "the rule of GNIRS serves only if the frame is an image"


# order as data


def test_a_rule_may_put_the_verdict_on_quality_before_the_time() -> None:
    text = "{instrument: NIRI, calibrations: {dark: {processed: {where: {reduction: PROCESSED_DARK}, limit: 1}%s}}}"
    candidates = [master("usable", qa_state="Usable"), master("pass", apart=9 * HOUR)]
    archive = parse_rules(text % "", "own.yaml")
    own = parse_rules(text % ", order: [qa, time, processing, entry]", "own.yaml")
    assert names(associate(TARGET, "processed_dark", candidates, archive)) == ["usable", "pass"]
    assert names(associate(TARGET, "processed_dark", candidates, own)) == ["pass", "usable"]


def test_a_flat_of_ones_own_observation_comes_first_for_gnirs() -> None:
    values = {
        **SETUP, "observation_id": "mine", "camera": "ShortBlue", "array_name": "a", "gcal_lamp": "IRhigh",
        "central_wavelength": None,
    }  # fmt: skip
    target = Target("GNIRS", frozenset({"IMAGE"}), values, "N1.fits")
    flat = Target("GNIRS", frozenset({"FLAT", "PROCESSED"}), values, "f")
    other = replace(flat, values={**values, "observation_id": "other"})
    mine = replace(flat, values={**values, "ut_datetime": MOMENT - 9 * DAY})
    candidates = [Candidate.from_target(other, "other"), Candidate.from_target(mine, "mine")]
    assert names(associate(target, "processed_flat", candidates)) == ["mine", "other"]
