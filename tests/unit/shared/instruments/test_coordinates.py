"""Coordinates come out in ICRS, scales and references out of a few WCS keywords."""

# ruff: noqa: DTZ001 (FITS times are UTC and carry no zone)
from __future__ import annotations

from datetime import datetime

import pytest

from nightcrew.shared.instruments import DescriptorError
from nightcrew.shared.instruments.astrometry import to_icrs
from nightcrew.shared.instruments.components import angle
from nightcrew.shared.instruments.view import Keywords
from nightcrew.shared.instruments.wcs import read_wcs

from .headers_of import WCS, niri

WHEN = datetime(2015, 3, 4, 5, 6, 7)
MILLIARCSEC = 1 / 3.6e6


@pytest.mark.parametrize(
    ("frame", "tolerance"), [("ICRS", 0.0), ("FK5", 0.01), ("FK4", 5.0), ("GALACTIC", 50.0), ("AZEL_TOPO", 0.01)]
)
def test_frames_convert_as_astropy_does(frame, tolerance):
    from astropy.coordinates import SkyCoord
    from astropy.time import Time
    from astropy.utils import iers

    time = {"obstime": Time(WHEN)} if frame == "AZEL_TOPO" else {}
    with iers.conf.set_temp("auto_download", False):
        theirs = SkyCoord(123.4, -45.6, unit="deg", frame="cirs" if time else frame.lower(), **time).icrs
    assert to_icrs(frame, 123.4, -45.6, WHEN) == pytest.approx(
        (theirs.ra.deg, theirs.dec.deg), abs=max(tolerance * MILLIARCSEC, 1e-13)
    )


def test_apparent_places_count_from_the_equinox():
    """Precession in right ascension since 2000 is about 46 arcsec a year."""
    apparent, intermediate = (to_icrs(frame, 123.4, 0.0, WHEN)[0] for frame in ("APPT", "CIRS"))
    assert (intermediate - apparent) * 3600 == pytest.approx(46.1 * 15.17, rel=0.01)


def test_times_before_leap_seconds_and_after_the_last_known_one_are_no_obstacle():
    assert to_icrs("APPT", 1.0, 1.0, datetime(1950, 1, 1))
    assert to_icrs("APPT", 1.0, 1.0, datetime(2090, 1, 1))


def test_impossible_coordinates_do_not_convert():
    with pytest.raises(ValueError, match="not a declination"):
        to_icrs("FK5", 0.0, -9999.0, WHEN)
    with pytest.raises(TypeError, match="time of observation"):
        to_icrs("APPT", 0.0, 0.0, None)


def test_non_sidereal_frames_are_converted():
    assert niri(RATRACK=1.0)("ra") != 150.0


def test_targets_move():
    frame = niri(PMRA=0.1, PMDEC=-1.0, RAOFFSET=36.0, DECOFFSE=3.6, EPOCH=2000.0)
    years = 26.0 + 29.3 / 365
    assert frame("target_ra", pm=False) == 150.0
    assert frame("target_ra") == pytest.approx(150.0 + 0.1 * years * 15 / 3600, abs=1e-6)
    assert frame("target_dec", offset=True) == pytest.approx(20.001 - years / 3600, abs=1e-6)
    assert frame("target_ra", offset=True, pm=False) == pytest.approx(150.0 + 0.01 / 0.9396926, abs=1e-5)


def test_targets_in_icrs():
    frame = niri()
    assert frame("target_ra", icrs=True) == pytest.approx(150.0, abs=1e-4)
    assert frame("target_dec", icrs=True) == pytest.approx(20.0, abs=1e-4)
    with pytest.raises(DescriptorError) as impossible:
        niri(DEC=-9999.0)("target_dec", icrs=True)
    assert impossible.value.kind == "ValueError"
    nowhere = niri(RA=None, DEC=None)
    assert nowhere("target_ra") is nowhere("target_dec") is None
    with pytest.raises(DescriptorError) as missing:
        nowhere("target_ra", icrs=True)
    assert missing.value.kind == "TypeError"


def test_a_proper_motion_needs_a_date():
    assert niri(PMRA=1.0, filename="x.fits", UT=None, **{"DATE-OBS": None}).get("target_ra") is None


@pytest.mark.parametrize(
    ("text", "degrees"),
    [("12:30:00", 187.5), ("12 30 00 degrees", 12.5), ("1.5 hours", 22.5), ("-1:30", -22.5), ("7.5", 7.5), ("x", None)],
)
def test_right_ascensions_are_read_as_written(text, degrees):
    assert angle(text, hours=True) == degrees


class TestWcs:
    def read(self, **changes):
        cards = {"NAXIS": 2, **WCS, **changes}
        return read_wcs(Keywords({key: value for key, value in cards.items() if value is not None}))

    def test_the_scale_is_the_root_of_the_area_of_a_pixel(self):
        wcs = self.read()
        assert (wcs.longitude, wcs.latitude) == (150.0, 20.0)
        assert wcs.scale == pytest.approx(0.117)

    def test_cdelt_and_pc_will_do(self):
        bare = {key: None for key in WCS if key.startswith("CD")}
        assert self.read(**bare, CDELT1=-1e-5, CDELT2=1e-5).scale == pytest.approx(0.036)

    def test_an_axis_without_cause_or_effect_stays_apart(self):
        assert self.read(NAXIS=3).scale == pytest.approx(0.117)

    def test_axes_may_be_counted_by_the_header(self):
        assert self.read(WCSAXES=3).scale == pytest.approx(0.117)

    def test_a_sky_that_depends_on_three_axes_is_no_wcs(self):
        assert self.read(NAXIS=3, CD1_3=1e-5) is None

    def test_a_lone_sky_axis_is_like_any_other(self):
        assert self.read(CTYPE2="LINEAR").longitude is None
        assert self.read(CTYPE2="LINEAR", CD1_2=1e-5) is None

    def test_a_sky_along_a_slit_has_no_scale(self):
        assert self.read(NAXIS=1, CD2_2=None).scale is None

    def test_keywords_that_are_not_numbers_are_no_wcs(self):
        assert self.read(CD1_1="broken") is None

    def test_no_keywords_no_wcs(self):
        assert read_wcs(Keywords({"NAXIS": 2})) is None
        assert read_wcs(Keywords({"NAXIS": 0})) is None
