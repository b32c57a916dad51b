import math

import numpy as np
import pytest

from nightcrew.simulator.pointing import Wcs, orientation
from nightcrew.simulator.scene import HALF_LIGHT_OF_DISC, Galaxy, Moffat, Star, gamma_nodes, paint_sources

SCALE = 0.1171
PSF = Moffat(fwhm=0.5)
WCS = Wcs((30.0, 10.0), (150.3, 148.6), orientation(SCALE, 0.0, flipped=False))


def star(flux=1e6, dx=0.0, dy=0.0):
    ra, dec = WCS.sky(149.3 + dx, 147.6 + dy)
    return Star("a", "f", ra, dec, 15.0, flux)


def paint(*sources, wcs=WCS, shape=(300, 300), **more):
    return paint_sources(shape, sources, wcs, SCALE, PSF, **more).astype(float)


def radii(x, y, shape=(300, 300)):
    yy, xx = np.indices(shape)
    return np.hypot(xx - x, yy - y)


@pytest.mark.parametrize("shape", [1.5, 2.5, 3.0])
@pytest.mark.parametrize(("step", "error"), [(0.5, 1e-5), (0.6, 2e-4)])
def test_gamma_nodes_integrate_the_mean_of_a_smooth_function(shape, step, error):
    nodes, weights = gamma_nodes(shape, step)
    assert weights.sum() == pytest.approx(1)
    assert (weights * nodes).sum() == pytest.approx(shape, rel=error)
    fine, density = gamma_nodes(shape, 0.05)
    assert (weights / (1 + nodes)).sum() == pytest.approx((density / (1 + fine)).sum(), rel=error)


@pytest.mark.parametrize(("dx", "dy"), [(0.0, 0.0), (0.31, -0.47), (0.5, 0.5)])
def test_a_star_holds_its_light_to_a_part_in_a_thousand(dx, dy):
    image = paint(star(dx=dx, dy=dy))
    assert image.sum() == pytest.approx(1e6, rel=1e-3)
    r = radii(149.3 + dx, 147.6 + dy)
    for radius in (12.0, 20.0):
        assert image[r <= radius].sum() == pytest.approx(1e6 * PSF.fraction_within(radius * SCALE), rel=4e-3)


def test_a_star_lies_where_its_coordinates_say():
    image = paint(star(dx=0.31, dy=-0.47))
    y, x = np.indices(image.shape)
    assert (image * x).sum() / image.sum() == pytest.approx(149.61, abs=2e-3)
    assert (image * y).sum() / image.sum() == pytest.approx(147.13, abs=2e-3)


def test_a_star_is_a_moffat_integrated_over_pixels():
    image = paint(star(flux=1.0))
    sub = 21
    alpha = PSF.alpha / SCALE
    for x, y in ((149, 148), (152, 146), (160, 150)):
        fine = np.arange(sub) / sub - 0.5 + 0.5 / sub
        r2 = (x + fine[None, :] - 149.3) ** 2 + (y + fine[:, None] - 147.6) ** 2
        expected = ((PSF.beta - 1) / (math.pi * alpha**2) * (1 + r2 / alpha**2) ** -PSF.beta).mean()
        assert image[y, x] == pytest.approx(expected, rel=1e-3)


def test_a_star_off_the_array_leaves_no_light():
    assert not paint(star(dx=500)).any()
    assert 0 < paint(star(dx=149.7)).sum() < 1e6


def test_a_trail_smears_a_star_without_losing_light():
    image = paint(star(), trail=(18.0, 11.0))
    assert image.sum() == pytest.approx(1e6, rel=1e-3)
    assert image.max() < 0.3 * paint(star()).max()


@pytest.mark.parametrize("angle", [0.0, 21.7, 90.0])
@pytest.mark.parametrize("flipped", [False, True])
def test_a_galaxy_holds_its_light_and_half_of_it_within_its_ellipse(angle, flipped):
    wcs = Wcs((30.0, 10.0), (300.5, 300.5), orientation(SCALE, angle, flipped=flipped))
    galaxy = Galaxy("g", "f", 30.0, 10.0, 12.0, 1e6, half_light_radius=4.0, axis_ratio=0.6, position_angle=35.0)
    image = paint(galaxy, wcs=wcs, shape=(600, 600))
    assert image.sum() == pytest.approx(1e6, rel=3e-3)  # what is missing lies outside the array
    y, x = np.indices(image.shape) - 299.5
    t = math.radians(35.0)
    (a, b), (c, d) = np.array(wcs.cd) * 3600
    east, north = a * x + b * y, c * x + d * y
    major, minor = east * math.sin(t) + north * math.cos(t), east * math.cos(t) - north * math.sin(t)
    inside = major**2 + (minor / 0.6) ** 2 < 4.0**2
    assert image[inside].sum() == pytest.approx(0.5e6, rel=0.02)  # the seeing moves a little of it outwards


def test_a_galaxy_in_good_seeing_is_an_exponential_disc():
    sharp = Moffat(fwhm=0.05)
    galaxy = Galaxy("g", "f", *WCS.sky(150.0, 150.0), 12.0, 1e6, 3.0, 1.0, 0.0)
    image = paint_sources((300, 300), (galaxy,), WCS, SCALE, sharp)
    h = 3.0 / HALF_LIGHT_OF_DISC / SCALE
    for r in (8, 20, 60):
        expected = 1e6 / (2 * math.pi * h * h) * math.exp(-r / h)
        assert image[150, 150 + r] == pytest.approx(expected, rel=0.01)


def test_the_truth_names_what_a_source_is():
    assert star().describe()["kind"] == "star"
    galaxy = Galaxy("g", "f", 1.0, 2.0, 12.0, 5.0, 3.0, 0.6, 35.0).describe()
    assert (galaxy["kind"], galaxy["profile"], galaxy["half_light_radius"]) == ("galaxy", "exponential", 3.0)
