"""Clouds from stars of known magnitude."""

from __future__ import annotations

import numpy as np
import pytest

from nightcrew.reducer.catalogue.columns import UNKNOWN, make_catalogue
from nightcrew.reducer.quality.cc import cloud_cover, zero_points

NOMINAL, EXPOSURE = 26.0, 10.0


def catalogue(magnitudes, clouds=0.0, **columns):
    """Make a catalogue of clean stars of these magnitudes, seen through clouds of so many magnitudes."""
    known = np.asarray(magnitudes, dtype=float)
    measured = known + clouds - NOMINAL - 2.5 * np.log10(EXPOSURE)
    usual = {
        "MAG_AUTO": measured, "MAGERR_AUTO": 0.02, "REF_MAG": known, "REF_MAG_ERR": 0.02, "FLAGS": 0,
        "ISOAREA_IMAGE": 100, "NIMAFLAGS_ISO": 0, "IMAFLAGS_ISO": 0,
    }  # fmt: skip
    return make_catalogue(usual | columns, len(known))


def points(table, **given):
    return zero_points(table, nominal=NOMINAL, exposure=EXPOSURE, **given)


def test_the_extinction_by_clouds_is_recovered() -> None:
    stars, zeropoint, extinction = cloud_cover([points(catalogue([14.0, 15.0, 16.0, 17.0], clouds=0.35))])
    assert stars == 4
    assert zeropoint.value == pytest.approx(25.65, abs=1e-5)
    assert extinction.value == pytest.approx(0.35, abs=1e-5)
    # No scatter: what is left is the error of a star.
    assert extinction.error == pytest.approx(0.02 * np.sqrt(2), rel=1e-3)


def test_the_clear_atmosphere_counts_apart() -> None:
    _, zeropoint, _ = cloud_cover([points(catalogue([14.0, 15.0]), extinction=0.1)])
    assert zeropoint.value == pytest.approx(25.9, abs=1e-5)


@pytest.mark.parametrize(
    "bad",
    [
        {"REF_MAG": UNKNOWN},
        {"MAG_AUTO": 99.0},
        {"MAG_AUTO": UNKNOWN},
        {"REF_MAG": np.nan},
        {"FLAGS": 2},
        {"NIMAFLAGS_ISO": 2},
        {"NIMAFLAGS_ISO": 1, "IMAFLAGS_ISO": 4},
        {"MAGERR_AUTO": 0.3},
    ],
)
def test_stars_that_are_unknown_flagged_or_uncertain_do_not_count(bad) -> None:
    assert cloud_cover([points(catalogue([14.0, 15.0], **bad))]) is None


def test_pixels_whose_flags_nobody_looked_at_do_not_count_against_a_star() -> None:
    unseen = {"NIMAFLAGS_ISO": UNKNOWN, "IMAFLAGS_ISO": UNKNOWN}
    assert cloud_cover([points(catalogue([14.0, 15.0], **unseen))])[0] == 2


def test_many_stars_must_be_more_certain_than_few() -> None:
    assert cloud_cover([points(catalogue([14.0] * 5, MAGERR_AUTO=0.15))])[0] == 5
    assert cloud_cover([points(catalogue([14.0] * 6, MAGERR_AUTO=0.15))]) is None


def test_a_variable_star_is_left_out() -> None:
    clouds = np.array([0.1, 0.1, 0.1, 0.1, 0.1, 1.5])
    stars, _, extinction = cloud_cover([points(catalogue([14.0] * 6, clouds=clouds))])
    assert stars == 5
    assert extinction.value == pytest.approx(0.1, abs=1e-5)


def test_extensions_count_together_and_none_tells_nothing() -> None:
    both = [points(catalogue([14.0, 15.0], clouds=0.1)), points(catalogue([16.0, 17.0], clouds=0.1))]
    assert cloud_cover(both)[0] == 4
    assert cloud_cover([]) is None
