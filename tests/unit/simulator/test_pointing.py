from datetime import UTC, datetime

import erfa
import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from nightcrew.simulator.cameras import F2, NIRI
from nightcrew.simulator.pointing import (
    Wcs,
    horizon,
    julian_date,
    modified_julian_date,
    offset_position,
    on_sky,
    orientation,
    sidereal_degrees,
    tangent_plane,
)


def header(wcs):
    cards = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": wcs.crval[0], "CRVAL2": wcs.crval[1]}
    cards |= {"CRPIX1": wcs.crpix[0], "CRPIX2": wcs.crpix[1]}
    cards |= {f"CD{i + 1}_{j + 1}": wcs.cd[i][j] for i in (0, 1) for j in (0, 1)}
    return fits.Header(cards)


@pytest.mark.parametrize("angle", [0.0, 21.7, 230.857])
@pytest.mark.parametrize("flipped", [False, True])
def test_the_projection_is_that_of_a_fits_header(angle, flipped):
    wcs = Wcs((148.9, 69.7), (527.9, 499.6), orientation(0.1171, angle, flipped=flipped))
    reference = WCS(header(wcs))
    for x, y in ((0.0, 0.0), (100.5, 900.25)):
        assert wcs.sky(x, y) == pytest.approx(reference.wcs_pix2world([[x, y]], 0)[0], abs=1e-10)
        assert wcs.pixel(*wcs.sky(x, y)) == pytest.approx((x, y), abs=1e-8)


def test_real_headers_have_these_matrices():
    assert np.array(orientation(3600 * 3.2318e-5, 21.7, flipped=False)) == pytest.approx(
        np.array([[-2.9932e-5, 1.2189e-5], [1.2133e-5, 2.9888e-5]]), abs=5e-7
    )  # NIRI, PA 21.7, side-looking port
    f2 = np.array(orientation(0.1791, 80 + F2.angle, flipped=False))
    assert f2 == pytest.approx(np.array([[4.899e-5, 8.684e-6], [8.688e-6, -4.902e-5]]), abs=5e-7)


def test_offsets_turn_with_the_position_angle():
    assert on_sky((8.8, -4.91), 80.0) == pytest.approx((-3.307302, -9.518921), abs=1e-5)
    ra, dec = offset_position((55.0, -30.0), (420.0, 30.0), 0.0)
    assert tangent_plane((55.0, -30.0), ra, dec) == pytest.approx((420 / 3600, 30 / 3600), abs=1e-12)


def test_a_moved_projection_puts_everything_farther_on():
    wcs = Wcs((10.0, 0.0), (50.0, 50.0), orientation(0.1, 0.0, flipped=False))
    x, y = wcs.pixel(10.001, 0.001)
    assert wcs.moved(3.0, -2.0).pixel(10.001, 0.001) == pytest.approx((x + 3, y - 2))


def test_sidereal_time_agrees_with_the_standards_of_fundamental_astronomy():
    when = datetime(2016, 1, 2, 12, 20, tzinfo=UTC)
    jd = julian_date(when)
    assert modified_julian_date(when) == pytest.approx(57389.5138889, abs=1e-6)
    greenwich = np.degrees(erfa.gmst82(jd, 0.0))
    assert sidereal_degrees(when, NIRI.site) == pytest.approx((greenwich + NIRI.site.longitude) % 360, abs=1e-3)


def test_a_star_on_the_meridian_is_highest():
    when = datetime(2016, 1, 2, 12, 20, tzinfo=UTC)
    lst = sidereal_degrees(when, NIRI.site)
    zenith = horizon((lst, NIRI.site.latitude), when, NIRI.site)
    assert zenith.elevation == pytest.approx(90, abs=1e-3)
    assert zenith.airmass == 1.0
    south = horizon((lst, NIRI.site.latitude - 30), when, NIRI.site)
    assert (south.elevation, abs(south.azimuth)) == (pytest.approx(60), pytest.approx(180))
    assert south.airmass == 1.155
    east = horizon((lst + 45, NIRI.site.latitude), when, NIRI.site)
    assert east.hour_angle == pytest.approx(-45)
    assert 0 < east.azimuth < 90
