"""Finished calibrations in a plan, and nights of Flamingos-2."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from nightcrew.planner.core.model import Plan, Provider
from nightcrew.planner.core.plan import plan
from support.paper_night import f2_night, frame, niri_night, sequence


def files(numbers: list[int] | range, prefix: str = "N") -> tuple[str, ...]:
    return tuple(f"{prefix}20160102S{number:04d}.fits" for number in numbers)


def reasons(made: Plan) -> dict[str, str]:
    return dict(made.left_out)


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
