"""Which frames of a night are reduced together, and which are left out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nightcrew.planner.core.plan import plan
from nightcrew.shared.frame_facts import FrameFacts
from support.paper_night import f2_night, frame, niri_night, sequence


def files(numbers: list[int] | range, prefix: str = "N") -> tuple[str, ...]:
    return tuple(f"{prefix}20160102S{number:04d}.fits" for number in numbers)


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
