"""What a night of frames becomes: groups, products, calibrations, and what is left out."""

from __future__ import annotations

from dataclasses import replace
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


@pytest.mark.parametrize(("count", "kept"), [(1, True), (3, True), (4, False)])
def test_the_first_frame_is_dropped_only_from_sequences_of_four_or_more(count: int, kept: bool) -> None:
    (science,) = plan(sequence(1, count)).groups
    assert (science.parameters.get("removeFirstFrame:remove_first") is False) == kept
    assert science.product == ("N20160102S0001_image.fits" if kept else "N20160102S0002_image.fits")
    assert bool(science.notes) == (count < 3)


def test_a_single_dark_is_reduced_with_a_caveat() -> None:
    (dark,) = plan([frame(1, "dark")]).groups
    assert dark.notes == ("only 1 frame: 3 or more would do better",)


def test_darks_of_slightly_different_exposure_are_one_group_and_others_are_not() -> None:
    darks = [frame(n, "dark", exposure_time=seconds) for n, seconds in enumerate([20.001, 20.008, 20.012, 60.0])]
    assert [group.inputs for group in plan(darks).groups] == [files([0, 1]), files([2]), files([3])]


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("dark", {"coadds": 2}),
        ("dark", {"read_mode": "Low Background"}),
        ("dark", {"well_depth_setting": "Deep"}),
        ("dark", {"data_section": (0, 512, 0, 512)}),
        ("lamp-on", {"filter_name": "J_G0202"}),
        ("lamp-on", {"camera": "f32"}),
        ("science", {"observation_id": "GN-2016A-Q-1-99"}),
        ("science", {"exposure_time": 30.001}),
        ("science", {"observation_id": None}),
    ],
)
def test_frames_of_different_set_up_are_different_groups(kind: str, change: dict[str, object]) -> None:
    made = plan([*sequence(1, 3, kind), *sequence(5, 3, kind, **change)])
    assert [group.inputs for group in made.groups] == [files(range(1, 4)), files(range(5, 8))]


def test_frames_without_observation_id_are_told_apart_by_their_object() -> None:
    unlabelled = {"observation_id": None, "program_id": None}
    made = plan([*sequence(1, 3, **unlabelled), *sequence(5, 3, object="M31", **unlabelled)])
    assert len(made.groups) == 2


@pytest.mark.parametrize(("kind", "minutes"), [("dark", 360), ("lamp-on", 180), ("standard", 60), ("science", 180)])
def test_a_long_pause_begins_a_new_group(kind: str, minutes: int) -> None:
    for pause, groups in ((minutes, 1), (minutes + 1, 2)):
        made = plan([frame(1, kind, minute=0), frame(2, kind, minute=pause)])
        assert len(made.groups) == groups


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        (frame(1, "acquisition"), "acquisition image"),
        (frame(1, "spectrum"), "spectroscopy"),
        (frame(1, qa_state="Fail"), "QA state Fail"),
        (frame(1, tags="PREPARED"), "already (partly) reduced"),
        (frame(1, tags="RAW TWILIGHT FLAT CAL"), "twilight flat"),
        (frame(1, filter_name="blank"), "a blank in the filter wheel"),
        (frame(1, observation_class="dayCal"), "no rule for a frame of this type and class (OBJECT/dayCal)"),
        (frame(1, minute=None), "when it was taken"),
        (frame(1, "science", "F2", tags="RAW THRUSLIT"), "image through a slit"),
        (replace(frame(1), instrument="GNIRS"), "no grouping rules for GNIRS"),
        (replace(frame(1), instrument=""), "no grouping rules for its instrument"),
    ],
)
def test_what_is_left_out_and_why(odd: FrameFacts, why: str) -> None:
    made = plan([odd])
    assert made.groups == ()
    ((file, reason),) = made.left_out
    assert file == odd.file
    assert why in reason


def test_a_frame_listed_twice_is_used_once() -> None:
    made = plan([*sequence(1, 3), frame(2)])
    assert made.left_out == ((files([2])[0], "listed twice"),)
    assert made.groups[0].inputs == files(range(1, 4))


@pytest.mark.parametrize("ending", [".fits", ".FITS", ".fit", ".fits.bz2", ".FITS.GZ", ".fits.fz"])
def test_products_are_named_without_the_endings_of_raw_files(ending: str) -> None:
    made = plan([frame(n, "dark", file=f"N{n}{ending}") for n in (1, 2, 3)])
    assert [group.product for group in made.groups] == ["N1_dark.fits"]


def test_a_copy_under_another_name_is_used_once() -> None:
    first, second, third = (frame(n, data_label=f"GN-1-{n}") for n in (1, 2, 3))
    made = plan([first, second, third, replace(second, file="Copy of N20160102S0002.fits")])
    assert made.left_out == (("Copy of N20160102S0002.fits", f"the same as {second.file}"),)
    assert len(made.groups[0].inputs) == 3


def test_frames_of_one_label_but_another_time_are_different_exposures() -> None:
    made = plan([frame(n, data_label="GN-1-1") for n in (1, 2, 3)])
    assert made.left_out == ()


def test_a_frame_that_lies_there_compressed_too_is_used_once() -> None:
    made = plan([*sequence(1, 3), frame(2, file="N20160102S0002.fits.bz2")])
    assert made.left_out == (("N20160102S0002.fits.bz2", "the same as N20160102S0002.fits"),)


def test_finished_calibrations_are_used_and_not_reduced_again() -> None:
    old = {"minute": -60 * 24 * 30, "processing": "Science-Quality"}
    masters = [
        frame(1, "dark", file="old_dark.fits", tags="PREPARED PROCESSED", **old),
        frame(2, "lamp-on", file="sub/old_flat.fits", tags="PREPARED PROCESSED", **old),
        frame(3, "lamp-on", file="old_bpm.fits", tags="BPM PROCESSED", **old),
    ]
    made = plan([*sequence(10, 5), *masters])
    (science,) = made.groups
    assert {need.caltype: need.provider for need in science.needs} == {
        "processed_dark": Provider("file", "old_dark.fits", "old_dark.fits"),
        "processed_flat": Provider("file", "sub/old_flat.fits", "old_flat.fits"),
        "processed_bpm": Provider("file", "old_bpm.fits", "old_bpm.fits"),
    }
    assert science.parameters == {"prepare:bad_wcs": "fix"}
    assert all(reason.startswith("finished already") for reason in reasons(made).values())
    assert len(made.left_out) == 3


def test_a_new_dark_is_preferred_to_a_finished_one_that_is_farther_away() -> None:
    master = frame(1, "dark", file="old_dark.fits", tags="PREPARED PROCESSED", minute=-5000)
    made = plan([*niri_night(), master])
    (dark,) = [need for need in made.group("science-N20160102S0271").needs if need.caltype == "processed_dark"]
    assert dark.provider == Provider("group", "dark-N20160102S0423", "N20160102S0423_dark.fits")


@pytest.mark.parametrize(
    ("days_old", "valid", "used"),
    [
        (200, None, False),
        (200, (-10, 10), True),
        (200, (-10, None), True),
        (200, (-300, -10), False),
        (1, (-300, 0), False),  # the end does not belong to it
        (1, None, True),
    ],
)
def test_a_finished_calibration_is_used_for_the_time_that_it_was_certified_for(
    days_old: int, valid: tuple[int | None, int | None] | None, used: bool
) -> None:
    light = sequence(10, 5)
    ends = None
    if valid is not None:
        now = light[0].time
        since, until = (None if days is None else now + timedelta(days=days) for days in valid)
        ends = since, until
    dark = frame(1, "dark", file="old_dark.fits", tags="PREPARED PROCESSED", minute=-60 * 24 * days_old)
    made = plan([*light, replace(dark, valid=ends)])
    providers = [need.provider for need in made.groups[0].needs if need.caltype == "processed_dark"]
    assert providers == [Provider("file", "old_dark.fits", "old_dark.fits") if used else None]


def test_an_f2_night_is_planned_by_f2_rules() -> None:
    made = plan(f2_night())
    assert [group.product for group in made.groups] == [
        "S20160102S0369_dark.fits",
        "S20160102S0380_dark.fits",
        "S20160102S0320_bpm.fits",
        "S20160102S0320_flat.fits",
        "S20160102S0075_image.fits",
    ]
    science = made.groups[-1]
    assert science.parameters == {"prepare:bad_wcs": "fix", "addDQ:user_bpm": "S20160102S0320_bpm.fits"}
    assert [need.provider.name for need in science.needs if need.provider] == [
        "dark-S20160102S0380",
        "flat-S20160102S0320",
        "bpm-S20160102S0320",
    ]


def test_an_f2_flat_in_k_takes_darks_of_its_own_exposure() -> None:
    made = plan([*f2_night("Open&Ks_G0804", "K"), *sequence(390, 3, "dark", "F2", exposure_time=20.0)])
    flat = made.group("flat-S20160102S0326")
    assert flat.inputs == files([*range(326, 329), *range(390, 393)], "S")
    assert flat.borrowed == files(range(390, 393), "S")
    assert [need.caltype for need in flat.needs] == ["bpm"]
    mask = made.group("bpm-S20160102S0326")
    assert [need.provider.name for need in mask.needs if need.provider] == ["dark-S20160102S0390"]
    assert not made.group("science-S20160102S0075").unprocessable


def test_an_f2_flat_in_k_may_use_a_finished_dark() -> None:
    master = frame(390, "dark", "F2", file="k_dark.fits", tags="PREPARED PROCESSED", exposure_time=20.0)
    flat = plan([*f2_night("Open&Ks_G0804", "K"), master]).group("flat-S20160102S0326")
    assert [need.provider.name for need in flat.needs if need.provider] == ["k_dark.fits", "bpm-S20160102S0326"]


def test_an_f2_flat_in_k_without_dark_cannot_be_made() -> None:
    made = plan(f2_night("Open&Ks_G0804", "K"))
    stuck = {group.kind: group.unprocessable for group in made.groups if group.unprocessable}
    assert set(stuck) == {"bpm", "flat", "science"}
    assert "put darks with exactly the exposure time of the flats" in stuck["flat"]


def test_f2_sky_offsets_are_judged_by_the_round_field() -> None:
    dither = [
        frame(n, "science", "F2", detector_x_offset=1400.0 * (n % 2), detector_y_offset=1400.0 * (n % 2))
        for n in range(6)
    ]
    (science,) = plan(dither).groups
    assert science.parameters["skyCorrect:scale_sky"] is False
    assert science.product == "S20160102S0000_image.fits"


@pytest.mark.parametrize(
    ("offsets", "section"),
    [
        ([0.0, 1800.0, 900.0], (0, 1024, 0, 1024)),
        ([0.0, None, 0.0], (0, 1024, 0, 1024)),
        ([0.0, 5000.0], None),
    ],
)
def test_pointings_that_a_third_one_connects_or_that_are_unknown_are_one_field(
    offsets: list[float | None], section: tuple[int, ...] | None
) -> None:
    (science,) = plan([frame(n, detector_x_offset=x, data_section=section) for n, x in enumerate(offsets)]).groups
    assert "skyCorrect:scale_sky" not in science.parameters


def test_two_instruments_in_one_directory_are_planned_side_by_side() -> None:
    made = plan([*niri_night(), *f2_night()])
    assert {group.instrument for group in made.groups} == {"NIRI", "F2"}
    assert [group.kind for group in made.groups] == sorted(
        [group.kind for group in made.groups], key=["dark", "bpm", "flat", "standard", "science"].index
    )


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
