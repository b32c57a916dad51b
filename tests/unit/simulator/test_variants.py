import numpy as np
import pytest
from astropy.io import fits

from nightcrew.simulator import VARIANTS, SimulationError, f2_night, niri_night
from nightcrew.simulator.defects import DEFECTS
from nightcrew.simulator.probe import probe_shade


def niri(*variants, **more):
    return niri_night(size=256, variants=variants, **more)


PLAIN = niri()


def names(night):
    return {exposure.name for exposure in night.exposures}


def changed(night):
    """Return the frames that differ from the plain night."""
    return {e.name for e, plain in zip(night.exposures, PLAIN.exposures, strict=True) if e != plain}


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_makes_a_night(name):
    make = {"NIRI": niri_night, "F2": f2_night}[VARIANTS[name].instruments[0]]
    night = make(variants=(name,))
    assert night.variants == (name,)


def test_a_variant_that_is_unknown_or_for_another_camera_is_refused():
    with pytest.raises(SimulationError, match="no variant 'fog': choose from offset-sky"):
        niri("fog")
    with pytest.raises(SimulationError, match="'guide-probe' is for F2, not for NIRI"):
        niri("guide-probe")


def test_offset_to_sky_is_what_the_night_does_anyway():
    assert changed(niri("offset-sky")) == set()


def test_on_target_the_sky_frames_dither_around_the_target():
    night = niri("on-target")
    assert names(night) == names(PLAIN)
    assert len(night.group("target")) == 10
    assert max(np.hypot(*e.offset) for e in night.group("target")) < 15


def test_sequences_can_be_missing():
    assert names(PLAIN) - names(niri("no-standard")) == {e.name for e in PLAIN.group("standard")}
    assert names(PLAIN) - names(niri("missing-darks")) == {e.name for e in PLAIN.group("dark")}


@pytest.mark.parametrize(("name", "arcsec"), [("bad-wcs", 300), ("shifted-wcs", 5)])
def test_one_frame_has_a_wrong_wcs(name, arcsec):
    night = niri(name)
    assert changed(night) == {"N20160102S0271"}
    right, wrong = PLAIN.headers(PLAIN.exposures[1])[1], night.headers(night.exposures[1])[1]
    north = (wrong["CRVAL2"] - right["CRVAL2"]) * 3600
    east = (wrong["CRVAL1"] - right["CRVAL1"]) * 3600 * np.cos(np.radians(right["CRVAL2"]))
    assert np.hypot(north, east) == pytest.approx(arcsec, rel=0.01)
    assert (night.pixels(night.exposures[1]) == PLAIN.pixels(PLAIN.exposures[1])).all()


def test_the_guide_probe_may_be_frozen_in_the_sky_frames():
    night = niri("unguided-sky")
    assert {night.headers(e)[0]["PWFS2_ST"] for e in night.group("sky")} == {"frozen"}
    assert {night.headers(e)[0]["PWFS2_ST"] for e in night.group("target")} == {"guiding"}


def test_one_frame_is_trailed():
    night = niri("trailed")
    assert changed(night) == {"N20160102S0272"}
    trailed, sharp = night.light(night.exposures[2]), PLAIN.light(PLAIN.exposures[2])
    assert trailed.max() < sharp.max()
    assert trailed.sum() == pytest.approx(sharp.sum(), rel=1e-3)


def test_pattern_noise_repeats_every_sixteen_columns():
    night = niri("pattern-noise")
    assert changed(night) == {e.name for e in PLAIN.exposures if e.on_sky}
    pattern = DEFECTS["pattern-noise"].bias((256, 256), np.random.default_rng(1))
    band = pattern[32:40, :128]
    assert band.std() == pytest.approx(20, rel=1e-5)
    assert (band[:, :-16] == band[:, 16:]).all()
    assert (band[:4] == band[4:]).all()
    assert (pattern == pattern[::-1]).all()
    assert not pattern[:32].any()


def test_some_pixels_are_not_numbers():
    night = niri("nan-pixels")
    assert 36 <= np.isnan(night.pixels(night.exposures[1])).sum() <= 76


def test_one_frame_was_taken_through_another_filter():
    night = niri("mixed-filters")
    assert [night.headers(e)[0]["FILTER1"] for e in night.group("target")] == ["Kprime_G0206"] * 4 + ["J_G0202"]


def test_a_star_saturates():
    night = niri("saturated")
    exposure = night.group("target")[0]
    assert (night.pixels(exposure) >= 16260).sum() > (PLAIN.pixels(exposure) >= 16260).sum() + 10


def test_nothing_is_seen_without_sources():
    night = niri("no-sources")
    assert night.truth().objects == []
    light = night.light(night.group("target")[0])
    assert np.ptp(light) / light.mean() < 0.02


def test_the_guide_probe_shades_a_part_of_the_field():
    shade = probe_shade((512, 512), (330.0, 280.0), (255.5, 255.5), 0.7)
    assert shade.min() == pytest.approx(0.3, abs=0.01)
    assert 0.01 < (shade < 0.9).mean() < 0.15
    assert (shade[:, :256] == 1).all()
    assert shade[280, 330] == pytest.approx(0.3, abs=0.01)
    assert shade[int(280 + 24.5 * 2), 330 + 75 * 2] == pytest.approx(0.3, abs=0.01)  # outward, on the same line
    night = f2_night(variants=("guide-probe",))
    assert all((e.probe is not None) == e.on_sky for e in night.exposures)


def test_headers_say_where_the_guide_probe_is():
    night, plain = f2_night(variants=("guide-probe",)), f2_night()
    first, second = (night.headers(e)[0] for e in night.group("target")[:2])
    assert (first["PWFS2_ST"], first["OIWFS_ST"], "OIARA" in first) == ("guiding", "parked", False)
    assert (second["P2ARA"], second["P2ADEC"]) == (first["P2ARA"], first["P2ADEC"])
    usual = plain.headers(plain.group("target")[0])[0]
    assert (usual["PWFS2_ST"], usual["OIWFS_ST"], "P2ARA" in usual) == ("parked", "guiding", False)


def test_damaged_files_are_damaged_as_said(tmp_path):
    night = niri("truncated", "trailing-bytes", "empty-file", "not-fits", frames=2)
    plain = niri(frames=2)

    def pair(group):
        return night.file(night.group(group)[1]), plain.file(plain.group(group)[1])

    short, whole = pair("dark")
    assert whole.startswith(short)
    assert len(short) == len(whole) * 3 // 5
    longer, whole = pair("lamp-on")
    assert longer == whole + bytes(777)
    assert pair("lamp-off")[0] == b""
    page = pair("short-dark")[0]
    (tmp_path / "page.fits").write_bytes(page)
    with pytest.raises(OSError, match="SIMPLE"):
        fits.open(tmp_path / "page.fits")
    assert [frame["damage"] for frame in night.truth().frames].count(None) == len(night.exposures) - 4
