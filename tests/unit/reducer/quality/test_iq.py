"""Image quality from catalogues of stars of known shape."""

from __future__ import annotations

import numpy as np
import pytest

from nightcrew.reducer.catalogue.columns import make_catalogue
from nightcrew.reducer.catalogue.stars import clipped_stars
from nightcrew.reducer.quality.iq import at_zenith, ideal_peak, shape_remarks, shapes_of, strehl_ratio
from nightcrew.reducer.quality.measurements import Amount

SCALE = 0.117


def catalogue(fwhm, **columns):
    """Make a catalogue of round, bright, clean stars of these widths in pixels."""
    fwhm = np.asarray(fwhm, dtype=float)
    usual = {
        "PROFILE_FWHM": fwhm, "PROFILE_EE50": 1.2 * fwhm, "FWHM_IMAGE": 1.08 * fwhm,
        "FWHM_WORLD": fwhm * SCALE / 3600, "ELLIPTICITY": 0.05, "B_IMAGE": 2.0, "CLASS_STAR": 0.95,
        "FLUX_AUTO": 1e5, "FLUXERR_AUTO": 100.0, "ISOAREA_IMAGE": 100, "NIMAFLAGS_ISO": 0, "IMAFLAGS_ISO": 0,
        "THETA_WORLD": 30.0, "FLUX_MAX": 5e3,
    }  # fmt: skip
    return make_catalogue(usual | columns, len(fwhm))


def test_the_width_of_the_stars_is_recovered_among_galaxies_and_blends() -> None:
    rng = np.random.default_rng(1)
    stars = rng.normal(5.0, 0.1, 40)
    widths = np.concatenate([stars, np.full(10, 9.0), np.full(5, 5.0)])
    is_star = np.concatenate([np.ones(40), np.zeros(10), np.ones(5)])
    elongated = np.concatenate([np.full(50, 0.05), np.full(5, 0.6)])
    chosen = clipped_stars(catalogue(widths, CLASS_STAR=is_star, ELLIPTICITY=elongated))
    shapes = shapes_of([(chosen, SCALE)])
    assert 30 <= shapes.stars <= 40
    assert shapes.fwhm.value == pytest.approx(5.0 * SCALE, rel=0.01)
    assert shapes.fwhm.error < 0.12 * SCALE
    assert shapes.ee50.value == pytest.approx(6.0, rel=0.01)
    assert shapes.isophotal_fwhm.value == pytest.approx(shapes.fwhm.value, rel=1e-5)
    assert (shapes.ellipticity.value, shapes.ellipticity.error) == pytest.approx((0.05, 0.0))
    assert shapes.position_angle.value == pytest.approx(30.0)


def test_extensions_of_different_scale_count_together() -> None:
    shapes = shapes_of([(catalogue([4.0, 4.0]), 0.1), (catalogue([3.0]), 0.2), (catalogue([]), 1.0)])
    assert shapes.stars == 3
    assert shapes.fwhm.value == pytest.approx((0.4 + 0.4 + 0.6) / 3)
    assert shapes.fwhm.error == pytest.approx(np.std([0.4, 0.4, 0.6]))


def test_no_star_tells_nothing() -> None:
    assert shapes_of([]) is None
    assert shapes_of([(catalogue([]), SCALE)]) is None


def test_seeing_is_better_at_the_zenith() -> None:
    assert at_zenith(Amount(1.0, 0.1), 2.0) == Amount(pytest.approx(2**-0.6), pytest.approx(0.1 * 2**-0.6))
    assert at_zenith(Amount(1.0, 0.1), None) == Amount(1.0, 0.1)


def test_elongated_and_single_stars_are_remarked_on() -> None:
    assert shape_remarks(shapes_of([(catalogue([5.0, 5.0]), SCALE)])) == ()
    remarks = shape_remarks(shapes_of([(catalogue([5.0], ELLIPTICITY=0.2), SCALE)]))
    assert len(remarks) == 2
    assert "ellipticity" in remarks[0]
    assert "Single" in remarks[1]


def test_the_ideal_peak_is_that_of_the_aperture() -> None:
    # A pixel much smaller than the pattern sees its peak only: area of the aperture over wavelength squared.
    tiny, wavelength = 1e-4, 2.2e-6
    area = np.pi / 4 * (8.1**2 - 1.2**2)
    assert ideal_peak(tiny, wavelength) == pytest.approx(area / wavelength**2 * np.radians(tiny / 3600) ** 2, rel=1e-3)
    assert 0.05 < ideal_peak(0.0219, 2.12e-6) < ideal_peak(0.04, 2.12e-6) < 0.6


def test_the_strehl_ratio_is_weighted_by_flux_and_leaves_hot_pixels_out() -> None:
    peak = ideal_peak(0.0219, 2.12e-6)
    flux = np.array([1e5, 1e5, 2e5, 1e3])
    ratio = np.array([0.30, 0.30, 0.33, 0.95])
    stars = catalogue([4.0] * 4, FLUX_AUTO=flux, FLUX_MAX=ratio * flux * peak)
    found = strehl_ratio(stars, 0.0219, 2.12e-6)
    assert found.value == pytest.approx(0.315, rel=1e-3)
    assert found.error == pytest.approx(0.015, rel=1e-3)
    assert strehl_ratio(catalogue([4.0], FLUX_MAX=1e5), 0.0219, 2.12e-6) is None
