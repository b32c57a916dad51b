"""Which calibration belongs to a frame, and what is said about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nightcrew.shared.association import (
    Answer,
    Candidate,
    Level,
    Target,
    applicable,
    associate,
    explain,
    parse_rules,
    processing,
    reduction,
    rule_set,
    rules_for,
    why_not,
)
from nightcrew.shared.association.facts import COMPARED, canonical_instrument, plain
from nightcrew.shared.association.linting import lint_rules
from nightcrew.shared.association.reading import INSTRUMENTS, duration
from nightcrew.shared.association.ruleset import OneOf
from nightcrew.shared.association.wording import apart, spoken
from nightcrew.shared.errors import CalibrationError
from nightcrew.shared.instruments import Headers, describe

NIGHT = datetime(2016, 1, 2, 10)  # noqa: DTZ001
SETUP: dict[str, Any] = {
    "ut_datetime": NIGHT,
    "observation_type": "OBJECT",
    "observation_class": "science",
    "data_section": (0, 1024, 0, 1024),
    "read_mode": "Medium Background",
    "well_depth_setting": "Shallow",
    "coadds": 1,
    "exposure_time": 20.001,
    "qa_state": "Pass",
    "filter_name": "J_G0202",
    "gcal_lamp": None,
    "detector_x_bin": 1,
    "detector_y_bin": 1,
    "detector_binning": "1x1",
}
TARGET = Target("NIRI", frozenset({"NIRI", "IMAGE", "RAW"}), SETUP, "N1.fits")


def dark(
    name: str = "d.fits", *, hours: float = 1, entry: int = 0, processed_as: str = "Science-Quality", **changes: Any
) -> Candidate:
    values = SETUP | {"observation_type": "DARK", "ut_datetime": NIGHT + timedelta(hours=hours)} | changes
    master = Target("NIRI", frozenset({"NIRI", "DARK", "CAL", "PROCESSED", "PREPARED"}), values, name)
    return Candidate.from_target(master, name, None, entry, processed_as)


def found(*candidates: Candidate, target: Target = TARGET, caltype: str = "processed_dark") -> Answer:
    return associate(target, caltype, candidates)


def names(answer: Answer) -> list[str]:
    return [match.candidate.filename for match in answer.matches]


def test_a_match_says_why() -> None:
    answer = found(dark(hours=-6.8))
    assert answer.best is not None
    assert answer.best.reasons == ("same data section, read mode, well depth, coadds", "20.001 s", "6.8 h apart")
    assert (answer.best.level, answer.best.relaxed, answer.best.caveats) == (Level.SAME_NIGHT, (), ())
    assert explain(answer) == ["d.fits: same data section, read mode, well depth, coadds; 20.001 s; 6.8 h apart"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"coadds": 2}, "coadds 2, wanted 1"),
        ({"read_mode": "Low Background"}, "read mode Low Background, wanted Medium Background"),
        ({"read_mode": "odd"}, "read mode unknown, wanted Medium Background"),
        ({"data_section": (0, 512, 0, 512)}, "data section [1:512,1:512], wanted [1:1024,1:1024]"),
        ({"exposure_time": 20.02}, "exposure 20.02 s, wanted 20.001 s within 0.01"),
        ({"exposure_time": None}, "exposure unknown, wanted 20.001 s within 0.01"),
        ({"exposure_time": 10000.0}, "exposure unknown, wanted 20.001 s within 0.01"),
        ({"hours": 24 * 180}, "180 d apart, wanted less than 180 d"),
        ({"ut_datetime": None}, "time of observation unknown, wanted within 180 d"),
        ({"qa_state": "Fail"}, "QA state Fail, wanted not Fail"),
        ({"coadds": True}, "coadds True, wanted 1"),
    ],
)
def test_a_near_miss_names_the_first_rule_that_failed_and_both_values(change: dict[str, Any], reason: str) -> None:
    answer = found(dark(**change))
    assert answer.best is None
    (miss,) = answer.near_misses
    assert miss.reason == reason
    assert explain(answer)[1] == f"not d.fits: {reason}"
    assert why_not(answer).endswith(f"nearest is d.fits: {reason}")


def test_the_nearest_miss_comes_first() -> None:
    answer = found(dark("far", coadds=2, hours=1), dark("near", exposure_time=3.0, hours=9))
    assert [miss.candidate.filename for miss in answer.near_misses] == ["near", "far"]


def test_order_is_time_then_processing_then_entry() -> None:
    answer = found(
        dark("first", hours=2),
        dark("quick", hours=1, processed_as="Quick-Look", entry=9),
        dark("later", hours=-1, entry=2),
        dark("entered", hours=1, entry=1),
        dark("odd", hours=1, processed_as="nobody knows", entry=99),
    )
    assert names(answer) == ["later", "entered", "quick", "odd", "first"]


def test_doubtful_matches_are_told_not_refused() -> None:
    answer = found(dark("a", qa_state="Usable"), dark("b", hours=2, processed_as="Quick-Look"), dark("c", hours=3))
    assert [match.caveats for match in answer.matches] == [("QA state Usable",), ("processed as Quick-Look",), ()]
    assert explain(answer)[0].endswith("1 h apart; but QA state Usable")


def test_a_file_that_is_gone_is_passed_over() -> None:
    answer = found(replace(dark("gone"), present=False), dark("there", hours=5))
    assert names(answer) == ["there"]
    assert answer.near_misses[0].reason == "its file is gone"


def test_calibrations_of_other_kinds_and_instruments_are_not_even_near_misses() -> None:
    flat = dark("f", hours=0)
    flat = replace(flat, columns={**flat.columns, "reduction": "PROCESSED_FLAT"})
    other = replace(flat, columns={**flat.columns, "reduction": "PROCESSED_DARK", "instrument": "F2"})
    answer = found(flat, other)
    assert (answer.matches, answer.near_misses) == ((), ())
    assert why_not(answer).startswith("no processed_dark with data section [1:1024,1:1024], read mode Medium")


def test_a_target_that_does_not_know_its_exposure_does_not_care() -> None:
    target = replace(TARGET, values={**SETUP, "exposure_time": None})
    answer = found(dark(), target=target)
    assert answer.best is not None
    assert answer.best.reasons[1:] == ("1 h apart",)
    assert not any("exposure" in wish for wish in answer.wishes)


def test_a_target_without_time_matches_nothing() -> None:
    target = replace(TARGET, values={**SETUP, "ut_datetime": None})
    assert found(dark(), target=target).best is None
    answer = found(dark(), target=target, caltype="processed_bpm")
    assert answer.best is None


def test_an_unknown_value_equals_only_an_unknown_value() -> None:
    target = replace(TARGET, values={**SETUP, "read_mode": None})
    assert names(found(dark("known"), dark("unknown", read_mode="odd"), target=target)) == ["unknown"]


def test_engineering_data_are_refused_if_the_request_asks_for_it() -> None:
    odd = dark()
    odd = replace(odd, columns={**odd.columns, "engineering": True})
    assert names(found(odd)) == ["d.fits"]
    assert names(found(odd, target=replace(TARGET, values={**SETUP, "engineering": False}))) == []


def test_a_mask_serves_only_frames_that_are_not_older() -> None:
    def mask(name: str, hours: float) -> Candidate:
        values = SETUP | {"observation_type": "FLAT", "ut_datetime": NIGHT + timedelta(hours=hours)}
        return Candidate.from_target(Target("NIRI", frozenset({"BPM", "FLAT", "CAL", "PROCESSED"}), values), name)

    answer = found(mask("old", -999), mask("same", 0), mask("new", 1), caltype="processed_bpm")
    assert names(answer) == ["same", "old"]
    assert answer.near_misses[0].reason == "taken 1 h after the frame, wanted not after it"
    assert "not taken after the frame" in answer.wishes
    timeless = mask("timeless", 0)
    timeless = replace(timeless, columns={**timeless.columns, "ut_datetime": None})
    assert found(timeless, caltype="processed_bpm").near_misses[0].reason.startswith("time of observation unknown")


def test_headers_and_the_request_of_a_reduction_say_the_same() -> None:
    phu = {"INSTRUME": "Flam", "DATE-OBS": "2016-01-02", "UT": "10:00:00", "EXPTIME": 2.0, "LNRS": 1, "OBSTYPE": "DARK"}
    target = Target.from_description(describe(Headers(phu, ({"NAXIS": 2, "NAXIS1": 8, "NAXIS2": 8},), "S1.fits")), "S1")
    request = {name: value for name, value in target.values.items() if name != "ut_datetime"}
    sent = Target.from_request(target.tags, {**request, "ut_datetime": "2016-01-02T10:00:00"}, "S1")
    assert sent == target
    assert sent.value("instrument") == "F2"
    without_time = Target.from_request(target.tags, {**request, "ut_datetime": None})
    assert without_time.value("ut_datetime") is None


def test_types_without_rule_have_an_empty_answer_that_says_so() -> None:
    assert found(caltype="processed_fringe").note == "NIRI has no rule for processed_fringe"
    assert found(caltype="processed_lampoff_flat").note == "NIRI has no rule for processed_lampoff_flat"
    unknown = found(target=replace(TARGET, instrument="BHROS"))
    assert why_not(unknown) == "no processed_dark: there are no association rules for BHROS"
    assert explain(unknown) == ["no processed_dark for N1.fits: there are no association rules for BHROS"]
    assert applicable(replace(TARGET, instrument="BHROS")) == ()


def test_nothing_at_all_says_what_was_wanted() -> None:
    (line,) = explain(found())
    assert line.startswith("no processed_dark for N1.fits: wanted data section [1:1024,1:1024]")
    assert explain(found(target=replace(TARGET, name="")))[0].startswith("no processed_dark: wanted")


def test_a_request_that_lacks_what_a_rule_compares_is_refused() -> None:
    values = {name: value for name, value in SETUP.items() if name != "coadds"}
    with pytest.raises(CalibrationError, match=r"N1.fits: the request lacks 'coadds'"):
        found(dark(), target=replace(TARGET, values=values))


def test_a_rule_may_prefer_the_same_observation_among_equals() -> None:
    rules = parse_rules(
        "{instrument: NIRI, calibrations: {dark: {processed: {where: {reduction: PROCESSED_DARK}, limit: 1},"
        " prefer: [observation_id]}}}",
        "own.yaml",
    )
    assert rules.descriptors == {"observation_id"}
    target = replace(TARGET, values={**SETUP, "observation_id": "mine"})
    candidates = [dark("other", observation_id="x", entry=5), dark("mine", observation_id="mine")]
    assert names(associate(target, "processed_dark", candidates, rules)) == ["mine", "other"]


def test_a_telluric_is_known_by_its_tag() -> None:
    values = SETUP | {
        "disperser": "JH",
        "lyot_stop": "f/16",
        "focal_plane_mask": "2pix-slit",
        "central_wavelength": 1.39,
    }
    target = Target("F2", frozenset({"SPECT"}), values)
    plain_star = Target("F2", frozenset({"SPECT", "PROCESSED", "STANDARD"}), values)
    star = replace(plain_star, tags=plain_star.tags | {"TELLURIC"})
    candidates = [Candidate.from_target(star, "t"), Candidate.from_target(plain_star, "s")]
    assert names(associate(target, "processed_telluric", candidates)) == ["t"]
    assert names(associate(target, "processed_standard", candidates)) == ["s", "t"]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("RAW", "RAW"),
        ("PREPARED", "PREPARED"),
        ("PROCESSED", "PROCESSED_UNKNOWN"),
        ("PROCESSED FLAT BPM CAL", "PROCESSED_BPM"),
        ("PROCESSED TELLURIC STANDARD", "PROCESSED_TELLURIC"),
        ("PROCESSED DARK FLAT", "PROCESSED_DARK"),
        ("PROCESSED PROCESSED_SCIENCE FLAT", "PROCESSED_SCIENCE"),
    ],
)
def test_what_a_processed_frame_is_does_not_depend_on_chance(tags: str, expected: str) -> None:
    assert reduction(frozenset(tags.split())) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({}, "Raw"),
        ({"PROCMODE": "sq"}, "Science-Quality"),
        ({"PROCMODE": "qa"}, "Quality-Assessment"),
        ({"PROCMODE": "xx"}, "Raw"),
        ({"PROCSCI": "ql"}, "Quick-Look"),
        ({"PROCITNT": "Quick-Look", "PROCMODE": "sq"}, "Quick-Look"),
        ({"PROCREVW": "odd", "PROCITNT": "Failed"}, "Failed"),
        ({"PROCMODE": 3}, "Raw"),
    ],
)
def test_keywords_tell_with_what_intent_a_frame_was_processed(header: dict[str, object], expected: str) -> None:
    assert processing(header) == expected


def test_a_candidate_is_registered_from_its_headers() -> None:
    phu = {
        "INSTRUME": "NIRI", "OBSERVAT": "Gemini-North", "OBSTYPE": "DARK", "OBSCLASS": "odd", "DATE-OBS": "1999-12-31",
        "UT": "23:59:58.5", "EXPTIME": 10.0, "COADDS": 2, "PROCDARK": "now", "PREPARE": "now", "PROCMODE": "sq",
    }  # fmt: skip
    description = describe(Headers(phu, ({"NAXIS": 2, "NAXIS1": 1024, "NAXIS2": 1024},), "N1_dark.fits"))
    candidate = Candidate.from_description(description, "N1_dark.fits", Path("/c/N1_dark.fits"), 7, phu)
    assert candidate.entry == 7
    assert candidate.path == Path("/c/N1_dark.fits")
    assert candidate.seconds == -1
    expected = {
        "reduction": "PROCESSED_DARK", "processing": "Science-Quality", "observation_class": None, "read_mode": None,
        "exposure_time": 10.0, "data_section": (0, 1024, 0, 1024), "detector_binning": "1x1", "spectroscopy": False,
        "qa_state": "Undefined", "instrument": "NIRI",
    }  # fmt: skip
    assert {name: candidate.columns[name] for name in expected} == expected


def test_tags_overrule_the_observation_type() -> None:
    lamp = Target("GNIRS", frozenset({"PINHOLE"}), {"observation_type": "FLAT", "qa_state": "odd"})
    assert Candidate.from_target(lamp, "p").columns["observation_type"] == "PINHOLE"
    mask = Target("GMOS-N", frozenset(), {"observation_type": "MASK", "qa_state": None})
    columns = Candidate.from_target(mask, "m").columns
    assert (columns["qa_state"], columns["coadds"], columns["detector_binning"]) == ("Pass", 1, None)


def test_a_request_with_an_unreadable_time_is_refused() -> None:
    with pytest.raises(CalibrationError, match=r"request for a frame: ut_datetime is not ISO 8601"):
        Target.from_request([], {"ut_datetime": "yesterday"})


def test_a_request_with_a_zone_is_understood_as_utc() -> None:
    target = Target.from_request([], {"ut_datetime": "2016-01-02T10:00:00+02:00"})
    assert target.values["ut_datetime"] == datetime(2016, 1, 2, 8)  # noqa: DTZ001 (UTC)
    with pytest.raises(CalibrationError, match="ut_datetime is not ISO 8601"):
        Target.from_request([], {"ut_datetime": "0001-01-01T00:00:00+02:00"})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([5, 5], 5),
        ([5, 6], "5+6"),
        ([], None),
        ([[0, 10, 0, 10]], (0, 10, 0, 10)),
        ([0, 10, 0, 10], (0, 10, 0, 10)),
        (np.float32(1.5), 1.5),
        (date(2016, 1, 2), date(2016, 1, 2)),
        (Path("x"), "x"),
    ],
)
def test_values_are_made_plain(value: object, expected: object) -> None:
    assert plain(value) == expected


def test_old_flamingos_headers_are_f2() -> None:
    assert canonical_instrument("Flam") == "F2"
    assert canonical_instrument(None) == ""


@pytest.mark.parametrize("instrument", sorted(INSTRUMENTS))
def test_rules_compare_only_what_frames_are_registered_with(instrument: str) -> None:
    rules = rule_set(instrument)
    assert rules is not None
    assert instrument in rules.instruments
    assert rules.descriptors <= {*COMPARED, "detector_binning"}
    assert set(rules_for(instrument)) == set(rules.rules)


def test_an_instrument_without_rules_has_none() -> None:
    assert rules_for("BHROS") == {}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{instrument: X, calibrations: {dark: {equals: [coadds]}}}", "nobody knows 'equals' here"),
        ("{instrument: X, calibrations: {dark: {raw: {limit: 1, were: {}}}}}", "nobody knows 'were' here"),
        ("{instrument: X, calibrations: {dark: {raw: {where: {}}}}}", "limit"),
        ("{instrument: X, calibrations: {dark: {max_interval: 3 weeks}}}", "not a length of time"),
        ("{instrument: X, calibrations: {}, aplicable: {}}", "nobody knows 'aplicable' here"),
        ("{instrument: X, calibrations: {dark: {where: {a: {in: [1]}}}}}", "nobody knows 'in' here"),
        ("{instrument: X", "X"),
        ("", ""),
    ],
)
def test_rules_that_cannot_be_understood_are_refused_by_name(text: str, fault: str) -> None:
    with pytest.raises(CalibrationError, match=r"^own.yaml: not a set of association rules") as caught:
        parse_rules(text, "own.yaml")
    assert fault in str(caught.value)
    assert "'nightcrew rules lint own.yaml' tells where" in str(caught.value)
    assert lint_rules(text, "own.yaml")


def test_constants_say_themselves() -> None:
    assert str(OneOf(("IRhigh", "QH*"))) == "IRhigh or QH*"
    assert str(OneOf(("Fail",), negated=True)) == "not Fail"
    assert OneOf((True,)).holds(True)
    assert not OneOf((True,)).holds(1)
    assert not OneOf(("QH*",)).holds(None)


def test_lengths_of_time_are_said_shortly() -> None:
    texts = ["30 s", "1.5 h", "10 min", "180 d"]
    assert [apart(duration(text)) for text in texts] == texts
    assert apart(-timedelta(seconds=90)) == "90 s"
    assert apart(timedelta(hours=30)) == "30 h"
    assert spoken("exposure_time", 20) == "20 s"
    assert spoken("ut_datetime", NIGHT) == "2016-01-02 10:00:00"
