import numpy as np
import pytest

from nightcrew.shared.instruments import describe, nonlinearity, science_headers
from nightcrew.simulator import dark_frame
from nightcrew.simulator.cameras import F2, NIRI, Response, SimulationError
from nightcrew.simulator.detector import Detector, make_detector, poisson


@pytest.fixture(scope="module")
def niri():
    return make_detector(NIRI, 1)


def even(camera, size=256, flat=1.0, dark=0.0):
    """Return a detector without features."""
    full = np.full((size, size), flat, np.float32)
    nothing = np.zeros((size, size), bool)
    return Detector(camera, full, np.full_like(full, dark), nothing, ~nothing)


@pytest.mark.parametrize("response", [NIRI.response(1024), NIRI.response(256), F2.response(2048), Response()])
def test_the_correction_undoes_what_the_detector_does_to_light(response):
    light = np.geomspace(1, 300000, 400, dtype=np.float32)
    assert response.corrected(response.measured(light)) == pytest.approx(light, rel=1e-6)


def test_a_region_without_coefficients_is_linear():
    assert NIRI.response(512) == Response()


@pytest.mark.parametrize("size", [1024, 256])
def test_the_coefficients_are_those_that_the_correction_uses(size):
    frame = dark_frame(size=size)
    table = nonlinearity(describe(science_headers([hdu.header for hdu in frame], "dark.fits")))
    ours = NIRI.response(size)
    assert (ours.dead_time, ours.quadratic, ours.cubic) == (table.dt, table.gamma, table.eta)


def test_counts_scatter_as_photons_and_read_noise_do():
    rng = np.random.default_rng(3)
    for level in (0.0, 50.0, 3000.0):
        counts = even(F2, 512).expose(level, 10.0, 1, rng)
        electrons = counts.astype(float) * F2.gain
        assert electrons.mean() == pytest.approx(level * 10, abs=0.003 * level * 10 + 0.2)
        expected = level * 10 + F2.read_noise**2 + F2.gain**2 / 12
        assert electrons.var() == pytest.approx(expected, rel=0.02)


def test_coadds_add_up_counts_and_read_noise():
    rng = np.random.default_rng(4)
    dark = even(NIRI).expose(0.0, 1.0, 16, rng, bias=6.0)
    assert dark.mean() == pytest.approx(96, abs=0.2)
    assert dark.std() * NIRI.gain == pytest.approx(35 * 4, rel=0.02)


def test_light_is_gathered_during_the_dead_time_too():
    rng = np.random.default_rng(5)
    detector, response = even(NIRI), NIRI.response(256)
    counts = detector.expose(100.0, 0.1, 1, rng)
    expected = response.measured(np.array([100.0 * (0.1 + response.dead_time)], np.float32))[0]
    assert counts.mean() * NIRI.gain == pytest.approx(expected, abs=0.6)


def test_no_pixel_reads_more_than_the_electronics_can():
    counts = even(NIRI).expose(1e6, 20.0, 3, np.random.default_rng(6))
    assert counts.min() == counts.max() == 3 * NIRI.ceiling
    assert NIRI.ceiling > NIRI.full_well / NIRI.gain


def test_few_photons_come_as_whole_ones():
    counts = poisson(np.full((400, 400), 4.0, np.float32), np.random.default_rng(7))
    assert (counts == np.rint(counts)).all()
    assert (counts.mean(), counts.var()) == (pytest.approx(4, rel=0.01), pytest.approx(4, rel=0.02))


def test_good_pixels_pass_and_bad_pixels_fail_the_limits_of_a_bad_pixel_mask(niri):
    short_dark = niri.dark * 1.001 + NIRI.pedestal * NIRI.gain
    fails = (niri.flat < 0.8) | (niri.flat > 1.25) | (short_dark > 1300)
    assert (fails == niri.bad).mean() > 0.99999
    assert 0.003 < niri.bad.mean() < 0.008


def test_the_flat_is_one_in_the_middle_and_falls_into_the_corners(niri):
    good = niri.flat[~niri.bad]
    assert np.median(good) == pytest.approx(1, abs=1e-6)
    assert niri.flat[:60, :60].mean() < niri.flat[480:540, 480:540].mean()
    assert 0.01 < good.std() < 0.06


def test_a_sub_array_is_the_middle_of_the_same_detector(niri):
    small = niri.central(256)
    assert small.shape == (256, 256)
    assert (small.flat == niri.flat[384:640, 384:640]).all()


def test_f2_is_dark_outside_its_circle():
    detector = make_detector(F2, 1)
    assert 4 * 10**5 < (~detector.lit).sum() < 9 * 10**5
    assert detector.flat[~detector.lit].max() < 0.6
    assert np.median(detector.flat[:50, :50]) < 0.02
    assert np.median(detector.flat[detector.lit & ~detector.bad]) == pytest.approx(1, abs=1e-6)


def test_a_size_that_cannot_be_read_is_refused():
    with pytest.raises(SimulationError, match="300 x 300 pixels: choose one of 1024"):
        NIRI.check_size(300)
