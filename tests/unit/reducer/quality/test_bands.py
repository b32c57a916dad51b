"""Bands of observing conditions: limits by filter, the band of a value, probabilities."""

from __future__ import annotations

import pytest

from nightcrew.reducer.quality.bands import (
    CC_LIMITS,
    band_of,
    bg_limits,
    by_probability,
    by_value,
    iq_limits,
    probabilities_of,
    remarks,
)
from nightcrew.reducer.quality.measurements import Amount


@pytest.mark.parametrize(
    ("wavelength", "fwhm", "band"),
    [
        (1.25, 0.39, 20),
        (1.25, 0.40, 70),  # the limit itself is no longer reached
        (1.65, 0.84, 85),
        (1.65, 0.85, 100),
        (2.12, 0.34, 20),
        (2.12, 0.36, 70),
        (3.78, 0.51, 85),
        (0.63, 0.74, 70),
        (18.3, 0.53, 20),
        (18.3, 0.54, 100),
    ],
)
def test_the_band_of_image_quality_depends_on_the_nearest_wavelength(wavelength, fwhm, band) -> None:
    assert band_of(fwhm, iq_limits(wavelength)) == band


def test_with_adaptive_optics_the_natural_seeing_has_limits_of_its_own() -> None:
    limits = iq_limits(None, adaptive_optics=True)
    assert [band_of(seeing, limits) for seeing in (0.4, 0.79, 1.0, 1.3)] == [20, 70, 85, 100]
    assert iq_limits(None) is None


@pytest.mark.parametrize(
    ("filter_name", "magnitude", "band"),
    [
        ("g", 22.0, 20),
        ("g", 21.0, 50),
        ("g", 20.0, 80),
        ("g", 19.0, 100),
        ("J", 16.3, 20),
        ("J", 16.1, 100),
        ("H", 13.81, 20),
        ("K", 14.5, 100),
        ("K(short)", 14.7, 20),
        ("kshort", 14.7, 20),
    ],
)
def test_a_sky_fainter_than_the_limit_is_dark_also_where_all_bands_share_one(filter_name, magnitude, band) -> None:
    assert band_of(magnitude, bg_limits(filter_name)) == band


def test_filters_without_limits_have_no_band() -> None:
    assert bg_limits("Kprime") is None
    assert bg_limits(None) is None
    bands = by_value("BG", Amount(15.0), None, 80)
    assert (bands.band, bands.probabilities, bands.met, str(bands)) == (None, (), None, "BG: no band")


def test_probabilities_are_those_of_a_normal_distribution_and_sum_to_one() -> None:
    found = dict(probabilities_of(Amount(0.40, 0.1), iq_limits(1.2)))
    assert found[20] == pytest.approx(0.5)
    assert found[70] == pytest.approx(0.47725, abs=1e-5)  # within 2 sigma above
    assert sum(found.values()) == pytest.approx(1.0)
    assert list(found) == [20, 70, 85, 100]


def test_bands_that_share_a_limit_share_no_probability() -> None:
    found = dict(probabilities_of(Amount(16.20, 0.2), bg_limits("J")))
    assert found == {20: pytest.approx(0.5), 50: 0.0, 80: 0.0, 100: pytest.approx(0.5)}


def test_a_value_without_error_is_certain() -> None:
    assert dict(probabilities_of(Amount(0.5), iq_limits(1.2))) == {20: 0.0, 70: 1.0, 85: 0.0, 100: 0.0}


def test_a_requirement_is_met_by_its_band_and_better_ones() -> None:
    limits = iq_limits(1.2)
    assert by_value("IQ", Amount(0.5, 0.01), limits, 85).met is True
    assert by_value("IQ", Amount(0.5, 0.01), limits, 70).met is True
    missed = by_value("IQ", Amount(0.5, 0.01), limits, 20)
    assert missed.met is False
    assert remarks(missed) == ("IQ requirement not met: IQ70, IQ20 was asked for",)
    assert by_value("IQ", Amount(9.0), limits, None).met is None
    assert remarks(by_value("IQ", Amount(9.0), limits, 100)) == ()


def test_clouds_are_given_the_benefit_of_the_doubt() -> None:
    doubtful = by_probability("CC", Amount(0.15, 0.1), CC_LIMITS, 50)
    assert doubtful.band == 70
    assert doubtful.likely == (50, 70, 80)
    assert doubtful.met is True
    certain = by_probability("CC", Amount(1.5, 0.05), CC_LIMITS, 70)
    assert (certain.band, certain.likely, certain.met, str(certain)) == (100, (100,), False, "CCAny")
    assert by_probability("CC", Amount(0.0, 0.05), CC_LIMITS, None).met is None
