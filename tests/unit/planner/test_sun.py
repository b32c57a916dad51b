"""How high the sun stands over the telescopes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import astropy.units as u
import pytest
from astropy.coordinates import AltAz, EarthLocation, get_body
from astropy.time import Time
from astropy.utils import iers

from nightcrew.planner.core.sun import SITES, sun_altitude


@pytest.mark.parametrize("instrument", sorted(SITES))
def test_the_sun_stands_where_astropy_has_it(instrument: str) -> None:
    latitude, longitude = SITES[instrument]
    moments = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=17, hours=5) * number for number in range(22)]
    with iers.conf.set_temp("auto_download", False), iers.conf.set_temp("auto_max_age", None):
        times = Time(moments)
        place = EarthLocation.from_geodetic(longitude * u.deg, latitude * u.deg)
        expected = get_body("sun", times, place).transform_to(AltAz(obstime=times, location=place)).alt.deg
    found = [sun_altitude(moment, latitude, longitude) for moment in moments]
    assert found == pytest.approx(expected, abs=0.05)


def test_midnight_on_maunakea_is_night_and_noon_is_day() -> None:
    site = SITES["NIRI"]
    assert sun_altitude(datetime(2026, 6, 21, 10, 22, tzinfo=UTC), *site) < -40
    assert sun_altitude(datetime(2026, 6, 21, 22, 22, tzinfo=UTC), *site) > 80
