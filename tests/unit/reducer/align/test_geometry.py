"""The tangent plane: between pixels and the sky."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io.fits import Header
from astropy.wcs import WCS

from nightcrew.reducer.geometry import TangentPlane, field_centre, rotated, tangent_plane
from nightcrew.reducer.kernels.affine import Affine
from nightcrew.shared.errors import FrameError
from support.fields import exposure

PLANE = TangentPlane((0.001, 69.67), (127.5, 252.5), ((-3.2e-5, 1e-6), (2e-6, 3.3e-5)))
PIXELS = np.random.default_rng(1).uniform(-500, 2500, (50, 2))


def test_it_agrees_with_astropy_across_the_meridian() -> None:
    header = Header()
    PLANE.write(header)
    theirs = WCS(header)
    sky = np.array(PLANE.sky(*PIXELS.T)).T
    assert sky == pytest.approx(theirs.all_pix2world(PIXELS, 0), abs=1e-10)
    assert pytest.approx(PIXELS, abs=1e-7) == np.array(PLANE.pixels(*sky.T)).T


def test_the_far_side_of_the_sky_has_no_pixel() -> None:
    assert np.isnan(PLANE.pixels(180.0, -69.0)[0])


def test_an_affine_map_before_the_projection_becomes_part_of_it() -> None:
    first = rotated(3.0, (-5.0, 2.0), (40.0, -7.0))
    after = PLANE.after(first)
    assert np.array(after.sky(*PIXELS.T)) == pytest.approx(np.array(PLANE.sky(*first(PIXELS).T)), abs=1e-11)


def test_a_shift_moves_the_reference_pixel_the_other_way() -> None:
    shifted = PLANE.after(Affine.shift(3.0, -2.0))
    assert shifted.origin == pytest.approx((124.5, 254.5))
    assert shifted.cd == PLANE.cd


def test_the_affine_map_between_two_projections_is_exact_to_a_thousandth_of_a_pixel() -> None:
    other = TangentPlane((0.02, 69.68), (500.0, 10.0), PLANE.cd)
    affine = PLANE.affine_onto(other, (1024, 1024))
    inside = np.random.default_rng(1).uniform(0, 1023, (50, 2))
    assert affine(inside) == pytest.approx(PLANE.onto(other, inside), abs=1e-3)


def test_the_pixel_scale_and_the_middle_of_a_field() -> None:
    square = TangentPlane((0.0, 0.0), (0.0, 0.0), ((-1e-5, 0.0), (0.0, 1e-5)))
    assert square.pixel_scale == pytest.approx(0.036)
    assert field_centre((1, 100, 200)) == (99.5, 49.5)


def test_the_wcs_may_be_written_with_steps_and_a_rotation_or_stand_in_the_primary_header() -> None:
    frame = exposure(1)
    expected = tangent_plane(frame)
    header = frame.planes[0].header
    for keyword in ("CD1_1", "CD1_2", "CD2_1", "CD2_2"):
        del header[keyword]
    header["CDELT1"], header["CDELT2"], header["PC2_1"] = expected.cd[0][0], expected.cd[1][1], 0.0
    assert tangent_plane(frame) == expected
    expected.write(header)
    assert "CDELT1" not in header
    frame.phu.update(header)
    del header["CTYPE1"]
    assert tangent_plane(frame) == expected


@pytest.mark.parametrize(
    ("card", "text"),
    [
        ({"CTYPE1": "RA---SIN"}, "only RA---TAN"), ({"CRVAL1": None}, "no usable WCS"),
        ({"CRPIX1": "x"}, "no usable WCS"),
        ({"CD1_1": 0.0}, "singular"),
    ],
)  # fmt: skip
def test_a_frame_without_a_usable_wcs_is_named(card, text) -> None:
    frame = exposure(1)
    for keyword, value in card.items():
        if value is None:
            del frame.planes[0].header[keyword]
        else:
            frame.planes[0].header[keyword] = value
    with pytest.raises(FrameError, match=f"N20160102S0001.fits: .*{text}"):
        tangent_plane(frame)
