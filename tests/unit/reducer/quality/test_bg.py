"""The brightness of the sky in physical units."""

from __future__ import annotations

import math

import pytest

from nightcrew.reducer.quality.bg import sky_level, together
from nightcrew.reducer.quality.measurements import Amount

FACTS = {"exposure": 20.0, "scale": 0.1, "zeropoint": 26.0, "electrons_per_unit": 1.0}


def test_a_level_becomes_electrons_and_magnitudes_per_square_arcsec() -> None:
    level = sky_level(Amount(2000.0, 20.0), 500, **FACTS)
    assert level.electrons == Amount(pytest.approx(1e4), pytest.approx(100.0))
    assert level.magnitude.value == pytest.approx(26.0 - 2.5 * 4)
    assert level.magnitude.error == pytest.approx(2.5 * math.log10(1.01))


def test_adu_count_by_their_gain() -> None:
    level = sky_level(Amount(2000.0, 20.0), 500, **FACTS | {"electrons_per_unit": 12.3})
    assert level.electrons.value == pytest.approx(12.3e4)


@pytest.mark.parametrize(
    ("level", "facts"), [(-5.0, {}), (0.0, {}), (2000.0, {"zeropoint": None}), (2000.0, {"exposure": None})]
)
def test_no_magnitude_without_light_zero_point_or_exposure_time(level, facts) -> None:
    assert sky_level(Amount(level, 20.0), 500, **FACTS | facts).magnitude is None


def test_without_gain_there_are_no_electrons() -> None:
    assert sky_level(Amount(2000.0, 20.0), 500, **FACTS | {"electrons_per_unit": None}).electrons is None


def test_extensions_count_by_their_pixels() -> None:
    one, other = sky_level(Amount(100.0, 3.0), 300, **FACTS), sky_level(Amount(108.0, 5.0), 100, **FACTS)
    both = together([one, other])
    assert both.samples == 400
    assert both.level.value == pytest.approx(102.0)
    # Weighted variance 12 and mean square error 13.
    assert both.level.error == pytest.approx(5.0)
    assert one.magnitude.value > both.magnitude.value > other.magnitude.value
    assert together([one]) is one


def test_a_unit_that_an_extension_lacks_is_left_out() -> None:
    both = together([sky_level(Amount(100.0, 3.0), 300, **FACTS), sky_level(Amount(-1.0, 3.0), 300, **FACTS)])
    assert both.magnitude is None
    assert both.electrons is not None
