"""Which frames show the target and which the sky."""

from __future__ import annotations

import pytest

from nightcrew.reducer.geometry import TangentPlane
from nightcrew.reducer.sky.grouping import Circle, Exposure, Rectangle, group_centre, group_pointings, separate

SCALE = 0.1171 / 3600
TARGET = (150.0, 0.0)


def pointing(name: str, east: float, north: float = 0.0, **marks: bool) -> Exposure:
    """Point somewhere, arcsec from the target."""
    plane = TangentPlane((150.0 + east / 3600, north / 3600), (511.5, 511.5), ((-SCALE, 0.0), (0.0, SCALE)))
    return Exposure(name, plane, (1024, 1024), **marks)


def separated(exposures, target=TARGET, **named):
    groups = group_pointings(exposures, Rectangle(0.9))
    return separate(exposures, groups, target, **named)


def roles(found):
    return sorted(found.objects), sorted(found.skies)


def test_frames_overlap_within_a_fraction_of_the_field() -> None:
    field = 0.9 * 1024 * 0.1171
    here = pointing("here", 0.0)
    assert Rectangle(0.9)(pointing("near", field - 1), here)
    assert not Rectangle(0.9)(pointing("far", field + 1), here)
    assert not Rectangle(0.9)(pointing("diagonal", 10, field + 1), here)
    assert Circle(100.0, (511.5, 511.5))(pointing("near", 99), here)
    assert not Circle(100.0, (511.5, 511.5))(pointing("far", 101), here)


def test_a_frame_between_two_groups_joins_them() -> None:
    exposures = [pointing("a", 0), pointing("b", 200), pointing("c", 500), pointing("d", 100)]
    assert group_pointings(exposures, Rectangle(0.9)) == [[0, 1, 3], [2]]


def test_a_dither_on_target_is_both() -> None:
    exposures = [pointing(str(i), 5 * i) for i in range(4)]
    assert roles(separated(exposures)) == ([0, 1, 2, 3], [0, 1, 2, 3])


def test_the_group_nearest_to_the_target_is_on_target() -> None:
    exposures = [pointing("a", 300), pointing("b", 10), pointing("c", 305), pointing("d", 0)]
    assert roles(separated(exposures)) == ([1, 3], [0, 2])


def test_groups_equally_far_go_by_their_order() -> None:
    exposures = [pointing("a", -100), pointing("b", 100)]
    assert roles(separated(exposures)) == ([0], [1])


def test_of_many_groups_the_nearest_half_is_on_target() -> None:
    exposures = [pointing(str(i), 400 * i) for i in range(4)]
    assert roles(separated(exposures)) == ([0, 1], [2, 3])


def test_a_large_group_on_target_may_leave_no_sky_but_itself() -> None:
    everything = [[0, 1, 2], [3], [4]]
    exposures = [pointing("a", 0), pointing("b", 1), pointing("c", 2), pointing("d", 400), pointing("e", 800)]
    found = separate(exposures, everything, TARGET)
    assert roles(found) == ([0, 1, 2], [3, 4])


def test_without_a_target_the_first_group_is_on_target() -> None:
    exposures = [pointing("a", 300), pointing("b", 0)]
    assert roles(separated(exposures, target=None)) == ([0], [1])


def test_marks_of_the_headers_hold_for_the_whole_group() -> None:
    exposures = [pointing("a", 0), pointing("b", 300, is_object=True), pointing("c", 5), pointing("d", 305)]
    assert roles(separated(exposures)) == ([1, 3], [0, 2])


def test_unguided_frames_are_sky() -> None:
    exposures = [pointing("a", 300), pointing("b", 0, unguided=True), pointing("c", 305)]
    assert roles(separated(exposures)) == ([0, 2], [1])


def test_an_unguided_frame_that_is_said_to_be_on_target_stays_there() -> None:
    exposures = [pointing("a", 0, unguided=True, is_object=True), pointing("b", 300)]
    found = separated(exposures)
    assert roles(found) == ([0], [1])
    assert "no wavefront sensor guided" in found.remarks[0]


def test_what_the_user_names_outweighs_the_header_and_leaves_the_rest_out() -> None:
    exposures = [pointing("a", 0, is_sky=True), pointing("b", 300), pointing("c", 600)]
    found = separated(exposures, as_objects=[0], as_skies=[1])
    assert roles(found) == ([0], [0, 1])
    assert found.left_out == (2,)
    assert "marked as a frame of the sky and named as one of the target" in found.remarks[0]


def test_all_frames_marked_as_sky_are_their_own_targets() -> None:
    exposures = [pointing("a", 0, is_sky=True), pointing("b", 5)]
    assert roles(separated(exposures)) == ([0, 1], [0, 1])


def test_the_centre_of_a_group_is_the_mean_of_its_pointings() -> None:
    exposures = [pointing("a", 0), pointing("b", 30), pointing("c", 60), pointing("d", 60)]
    ra, dec = group_centre(exposures, [0, 1, 2])
    assert (ra - 150.0) * 3600 == pytest.approx(30.0)
    assert dec == pytest.approx(0.0, abs=1e-9)
    assert group_centre(exposures, [2, 3])[0] == pytest.approx(150.0 + 60 / 3600)
