"""A night as it is planned: order, names, calibrations and their reasons."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nightcrew.planner.core.model import Plan, Provider
from nightcrew.planner.core.outline import outline
from nightcrew.planner.core.plan import plan, plan_descriptions
from nightcrew.shared.frame_facts import FrameFacts
from nightcrew.shared.instruments import Headers, describe
from support.paper_night import f2_night, frame, niri_night, sequence


@pytest.fixture(scope="module")
def night() -> Plan:
    return plan(niri_night())


def files(numbers: list[int] | range, prefix: str = "N") -> tuple[str, ...]:
    return tuple(f"{prefix}20160102S{number:04d}.fits" for number in numbers)


def reasons(made: Plan) -> dict[str, str]:
    return dict(made.left_out)


def test_calibrations_are_made_before_what_uses_them(night: Plan) -> None:
    assert [group.name for group in night.groups] == [
        "dark-N20160102S0423",
        "dark-N20160102S0463",
        "bpm-N20160102S0373",
        "flat-N20160102S0373",
        "standard-N20160102S0296",
        "science-N20160102S0271",
    ]
    assert night.left_out == ()


def test_products_are_named_as_the_recipes_will_name_them(night: Plan) -> None:
    assert [group.product for group in night.groups] == [
        "N20160102S0423_dark.fits",
        "N20160102S0463_dark.fits",
        "N20160102S0373_bpm.fits",
        "N20160102S0373_flat.fits",
        "N20160102S0296_image.fits",
        "N20160102S0271_image.fits",
    ]


def test_lamp_off_and_lamp_on_flats_make_one_flat(night: Plan) -> None:
    flat = night.group("flat-N20160102S0373")
    assert flat.inputs == files([*range(363, 368), *range(373, 378)])
    assert (flat.recipe, flat.borrowed, flat.notes) == ("makeProcessedFlat", (), ())


def test_a_bad_pixel_mask_borrows_all_flats_then_the_shortest_darks(night: Plan) -> None:
    mask = night.group("bpm-N20160102S0373")
    assert mask.inputs == night.group("flat-N20160102S0373").inputs + files(range(463, 468))
    assert mask.borrowed == mask.inputs
    assert mask.owned == ()
    assert mask.recipe == "makeProcessedBPM"


def test_the_mask_is_used_by_flat_standard_and_science_but_not_by_darks(night: Plan) -> None:
    using = [
        group.kind for group in night.groups if group.parameters.get("addDQ:user_bpm") == "N20160102S0373_bpm.fits"
    ]
    assert using == ["flat", "standard", "science"]


def test_target_and_empty_field_are_one_group_and_the_sky_is_not_scaled(night: Plan) -> None:
    science = night.group("science-N20160102S0271")
    assert science.inputs == files(range(270, 280))
    assert science.parameters["skyCorrect:scale_sky"] is False
    (reason,) = [setting.reason for setting in science.settings if setting.name == "skyCorrect:scale_sky"]
    assert reason.startswith("5 of 9 frames show an empty field")


def test_a_dither_on_the_target_has_its_sky_scaled(night: Plan) -> None:
    assert "skyCorrect:scale_sky" not in night.group("standard-N20160102S0296").parameters


def test_links_say_why_this_calibration(night: Plan) -> None:
    links = {(link.group, link.caltype): link for link in night.links}
    dark = links["science-N20160102S0271", "processed_dark"]
    assert dark.provider == Provider("group", "dark-N20160102S0423", "N20160102S0423_dark.fits")
    assert dark.reason == "same data section, read mode, well depth, coadds; 20.001 s; 2.5 h apart"
    assert links["flat-N20160102S0373", "bpm"].reason == "made of the same flats"
    assert links["science-N20160102S0271", "bpm"].reason == "made of the flats that are used"


def test_a_standard_without_matching_dark_goes_without_and_says_so(night: Plan) -> None:
    standard = night.group("standard-N20160102S0296")
    assert standard.parameters["darkCorrect:do_cal"] == "skip"
    (reason,) = [setting.reason for setting in standard.settings if setting.name == "darkCorrect:do_cal"]
    assert "coadds 2, exposure 6.002 s within 0.01, within 180 d" in reason
    assert "N20160102S0423_dark.fits: coadds 1, wanted 2" in reason
    assert not standard.unprocessable


def test_science_without_flats_cannot_be_reduced_but_the_rest_can() -> None:
    made = plan([one for one in niri_night() if "FLAT" not in one.tags])
    assert {group.kind for group in made.groups if not group.unprocessable} == {"dark"}
    science = made.group("science-N20160102S0271")
    assert science.unprocessable.startswith("no processed_flat with")
    assert "--user_cal processed_flat:FILE" in science.unprocessable


def test_in_quick_look_a_missing_flat_is_only_a_caveat() -> None:
    made = plan([one for one in niri_night() if "FLAT" not in one.tags], mode="ql")
    science = made.group("science-N20160102S0271")
    assert not science.unprocessable
    assert any("not corrected for it in mode ql" in note for note in science.notes)
    assert made.group("dark-N20160102S0423").product == "N20160102S0423_ql_dark.fits"


def test_in_quality_assessment_no_first_frame_is_dropped() -> None:
    assert plan(sequence(1, 5), mode="qa").groups[0].product == "N20160102S0001_image.fits"


def test_lamp_off_flats_alone_are_left_out() -> None:
    made = plan([one for one in niri_night() if "LAMPON" not in one.tags])
    assert set(reasons(made)) == set(files(range(363, 368)))
    assert all("take lamp-on flats" in reason for reason in reasons(made).values())


def test_lamp_on_flats_alone_are_reduced_with_a_caveat() -> None:
    made = plan([one for one in niri_night() if "LAMPOFF" not in one.tags])
    (note,) = made.group("flat-N20160102S0373").notes
    assert note.startswith("no lamp-off flats")


def test_lamp_off_flats_of_another_filter_do_not_join() -> None:
    made = plan([*sequence(1, 3, "lamp-on"), *sequence(5, 3, "lamp-off", filter_name="J_G0202")])
    assert len(made.group("flat-N20160102S0001").inputs) == 3
    assert set(reasons(made)) == set(files(range(5, 8)))


def test_lamp_off_flats_join_the_nearest_lamp_on_flats() -> None:
    made = plan([*sequence(1, 3, "lamp-on"), *sequence(600, 3, "lamp-on"), *sequence(610, 3, "lamp-off")])
    assert made.group("flat-N20160102S0001").inputs == files(range(1, 4))
    assert made.group("flat-N20160102S0600").inputs == files([*range(600, 603), *range(610, 613)])


def test_without_short_darks_there_is_no_mask_and_a_note() -> None:
    made = plan([one for one in niri_night() if one.values["exposure_time"] != 1.001])
    assert "bpm" not in {group.kind for group in made.groups}
    flat = made.group("flat-N20160102S0373")
    assert flat.parameters == {}
    assert any(note.startswith("no bad-pixel mask") for note in flat.notes)


def test_short_darks_of_another_region_make_no_mask() -> None:
    darks = sequence(463, 5, "dark", exposure_time=1.001, data_section=(0, 512, 0, 512))
    made = plan([*sequence(373, 5, "lamp-on"), *darks])
    assert {group.kind for group in made.groups} == {"dark", "flat"}


def test_the_darks_nearest_to_one_second_make_the_mask() -> None:
    darks = [*sequence(463, 3, "dark", exposure_time=0.201), *sequence(470, 3, "dark", exposure_time=1.001)]
    made = plan([*sequence(373, 5, "lamp-on"), *darks])
    assert made.group("bpm-N20160102S0373").inputs[-3:] == files(range(470, 473))


def test_flats_of_two_filters_make_two_flats_and_two_masks() -> None:
    second = sequence(403, 3, "lamp-on", filter_name="J_G0202")
    made = plan([*niri_night(), *second, *sequence(280, 5, filter_name="J_G0202", observation_id="x")])
    assert sum(group.kind == "flat" for group in made.groups) == 2
    assert made.group("science-N20160102S0281").parameters["addDQ:user_bpm"] == "N20160102S0403_bpm.fits"
    assert made.group("science-N20160102S0271").parameters["addDQ:user_bpm"] == "N20160102S0373_bpm.fits"


def test_a_group_whose_flats_are_missing_still_gets_the_nearest_mask() -> None:
    made = plan([*niri_night(), *sequence(280, 5, filter_name="J_G0202", observation_id="x")])
    science = made.group("science-N20160102S0281")
    assert science.unprocessable
    (mask,) = [need for need in science.needs if need.caltype == "bpm"]
    assert mask.reason == "same region of the detector; 1.5 h apart"


def test_groups_know_when_to_take_no_more_frames(night: Plan) -> None:
    science = night.group("science-N20160102S0271")
    assert science.close.superseded
    assert science.close.quiet == timedelta(minutes=20)
    assert science.last - science.first == timedelta(minutes=9)
    with pytest.raises(KeyError):
        night.group("science-of-tomorrow")


def test_the_outline_tells_the_plan_to_people() -> None:
    text = "\n".join(outline(plan([*niri_night(), frame(1, "acquisition")])))
    assert "6. N20160102S0271_image.fits: science of 10 frames, reduce (NIRI, 2016-01-02 09:30 UT)" in text
    assert "dark N20160102S0423_dark.fits: same data section" in text
    assert "darkCorrect:do_cal=skip: no processed_dark" in text
    assert "left out: 1 frame\n    N20160102S0001.fits: acquisition image" in text
    sad = "\n".join(outline(plan([*f2_night("Open&Ks_G0804", "K"), *sequence(1, 5, "acquisition")])))
    assert "cannot be reduced: no processed_dark" in sad
    assert "S0003.fits and 2 more: acquisition" in sad
    k_band = [*f2_night("Open&Ks_G0804", "K"), *sequence(390, 3, "dark", "F2", exposure_time=20.0)]
    assert "flat of 6 frames, 3 of other groups, makeProcessedFlat" in "\n".join(outline(plan(k_band)))
    assert "note: only 1 frame" in "\n".join(outline(plan([frame(1, "dark")])))


def test_headers_are_enough_to_plan() -> None:
    phu = {
        "INSTRUME": "NIRI", "OBSERVAT": "Gemini-North", "OBSTYPE": "DARK", "OBSCLASS": "dayCal", "OBJECT": "Dark",
        "DATE-OBS": "2016-01-02", "UT": "16:00:00.0", "EXPTIME": 10.0, "COADDS": 2, "LNRS": 1, "NDAVGS": 16,
        "A_VDDUC": -3.489, "A_VDET": -2.907, "FILTER1": "open", "FILTER2": "open", "FILTER3": "blank", "CAMERA": "f6",
    }  # fmt: skip
    extension = {"NAXIS": 2, "NAXIS1": 1024, "NAXIS2": 1024}
    made = plan_descriptions([("in/N1.fits.bz2", describe(Headers(phu, (extension,), "N1.fits.bz2")))])
    (dark,) = made.groups
    assert (dark.name, dark.product, dark.inputs) == ("dark-N1", "N1_dark.fits", ("in/N1.fits.bz2",))
    facts = FrameFacts.from_description("N1.fits", describe(Headers(phu, (extension,), "N1.fits")))
    assert facts.number("exposure_time") == 20.0
    assert facts.value("data_section") == (0, 1024, 0, 1024)
    assert facts.value("observation_id|object") == "Dark"
    assert facts.value("read_mode") == "Medium Background"
    assert facts.value("nothing|of_the_kind") is None
