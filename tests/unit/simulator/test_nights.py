import json

import numpy as np
import pytest
from astropy.io import fits

from nightcrew.simulator import (
    Night,
    SimulationError,
    dark_frame,
    f2_night,
    flat_frame,
    niri_night,
    science_frame,
)


def names(night, group):
    return [exposure.name for exposure in night.group(group)]


@pytest.fixture(scope="module")
def niri() -> Night:
    return niri_night(size=256)


@pytest.fixture(scope="module")
def f2() -> Night:
    return f2_night(frames=1)


def numbered(prefix, first, last):
    return [f"{prefix}{i:04d}" for i in range(first, last + 1)]


def test_the_niri_night_has_the_files_of_the_tutorial(niri):
    assert len(niri.exposures) == 55
    assert names(niri, "target") == numbered("N20160102S", 270, 274)
    assert names(niri, "sky") == numbered("N20160102S", 275, 279)
    assert names(niri, "standard") == numbered("N20160102S", 295, 299)
    assert names(niri, "lamp-off") == numbered("N20160102S", 363, 372)
    assert names(niri, "lamp-on") == numbered("N20160102S", 373, 382)
    assert names(niri, "dark") == numbered("N20160102S", 423, 432)
    assert names(niri, "short-dark") == numbered("N20160103S", 463, 472)


def test_the_f2_night_has_six_of_each_calibration():
    night = f2_night()
    assert names(night, "target") == numbered("S20131128S", 75, 83)
    assert names(night, "lamp-on") == numbered("S20131129S", 320, 325)
    assert names(night, "lamp-off") == numbered("S20131129S", 326, 331)
    assert names(night, "short-dark") == numbered("S20131129S", 369, 374)
    assert names(night, "dark") == numbered("S20131129S", 380, 385)
    assert [e.exptime for e in (night.group("dark")[0], night.group("short-dark")[0])] == [120.0, 2.0]


def test_fewer_frames_keep_their_names_and_more_make_room(niri):
    few, many = niri_night(size=256, frames=3), niri_night(size=256, frames=40)
    assert names(few, "sky") == numbered("N20160102S", 275, 277)
    assert len({exposure.name for exposure in many.exposures}) == 280
    starts = [exposure.start for exposure in many.exposures]
    assert starts == sorted(starts)
    assert few.group("target")[0].start == many.group("target")[0].start == niri.group("target")[0].start
    assert [e.number for e in few.group("sky")] == [4, 5, 6]


@pytest.mark.parametrize("frames", [0, 1000])
def test_an_impossible_number_of_frames_is_refused(frames):
    with pytest.raises(SimulationError, match="ask for 1 to 999"):
        niri_night(frames=frames)


def test_the_same_seed_gives_the_same_bytes_and_another_one_does_not(tmp_path):
    for folder, seed, workers in (("a", 5, 1), ("b", 5, 3), ("c", 6, 2)):
        niri_night(seed, size=256, frames=1).write(tmp_path / folder, workers=workers)
    files = {folder: {p.name: p.read_bytes() for p in (tmp_path / folder).iterdir()} for folder in "abc"}
    assert files["a"] == files["b"]
    assert files["a"].keys() == files["c"].keys()
    assert all(files["a"][name] != files["c"][name] for name in files["a"])


def test_frames_are_sound_fits_files(niri, f2, tmp_path):
    for night, shape, kind in ((niri, (256, 256), ">f4"), (f2, (1, 2048, 2048), ">i4")):
        path = tmp_path / "frame.fits"
        path.write_bytes(night.file(night.exposures[0].filename))
        with fits.open(path, memmap=False) as hdus:
            hdus.verify("exception")
            assert len(hdus) == 2
            assert (hdus[1].data.shape, hdus[1].data.dtype.str) == (shape, kind)
            assert "EXTNAME" not in hdus[1].header
            assert (hdus[1].data == np.rint(hdus[1].data)).all()


def test_sky_frames_lie_beyond_nine_tenths_of_the_field_and_the_target_is_nearer():
    night = niri_night()
    field = night.size * night.camera.pixel_scale
    for exposure in night.group("sky"):
        assert np.hypot(*exposure.offset) > 3 * field
    assert all(np.hypot(*exposure.offset) < 0.2 * field for exposure in night.group("target"))
    assert {exposure.obsid for exposure in night.group("sky")} == {night.exposures[0].obsid}


def test_pointing_errs_by_an_arcsecond_or_so(niri):
    errors = [np.hypot(*e.pointing_error) * niri.camera.pixel_scale for e in niri.exposures if e.on_sky]
    assert max(errors) < 1.5
    assert np.median(errors) > 0.5
    assert not any(any(e.pointing_error) for e in niri.exposures if not e.on_sky)


def test_the_sky_drifts_without_jumps_from_target_to_sky_frames():
    levels = [e.background for e in niri_night().exposures[:10]]
    assert 0.003 < np.ptp(levels) / np.mean(levels) < 0.2
    assert np.abs(np.diff(levels)).max() / np.mean(levels) < 0.04


def test_only_the_first_frame_of_an_observation_on_the_sky_has_an_unsettled_bias(niri):
    unsettled = [e.name for e in niri.exposures if "unsettled-bias" in e.defects]
    assert unsettled == ["N20160102S0270", "N20160102S0295"]
    first, second = (niri.pixels(e) - niri.detector.flat * e.background * 20 / 12.3 for e in niri.group("target")[:2])
    assert np.median(first[:30, :30]) - np.median(second[:30, :30]) > 30


def electrons(night: Night, name: str) -> np.ndarray:
    """Return electrons above the dark level per second: linearised, as a reduction would."""
    exposure = night.exposure(name)
    response, gain, coadds = night.camera.response(night.size), night.camera.gain, exposure.coadds
    measured = (night.pixels(exposure) / coadds - exposure.pedestal) * gain
    lit = response.corrected(measured.astype(np.float32))
    return lit / (exposure.exptime + response.dead_time) - night.detector.dark


def aperture(image, x, y, radius):
    yy, xx = np.indices(image.shape)
    r = np.hypot(xx - x, yy - y)
    ring = (r > 2 * radius) & (r < 3 * radius)
    return (image[r <= radius] - np.median(image[ring])).sum()


def test_a_reduction_finds_the_standard_as_bright_as_the_truth_says():
    night = niri_night(size=512)
    truth = night.truth()
    star = next(o for o in truth.objects if o["name"] == "FS 17")
    frame = truth.frames[12]
    image = electrons(night, frame["file"]) / np.where(night.detector.bad, np.nan, night.detector.flat)
    image = np.where(np.isnan(image), np.nanmedian(image), image)
    centre = night.camera.centre_of_field(512)
    x, y = (c - 1 + s for c, s in zip(centre, frame["shift"], strict=True))
    found = aperture(image, x, y, 10)
    within = night.psf.fraction_within(10 * night.camera.pixel_scale)
    assert found == pytest.approx(star["flux"] * frame["transparency"] * within, rel=0.01)
    assert np.median(image) == pytest.approx(frame["background"], rel=0.002)


def test_lamp_on_minus_lamp_off_is_the_flat(niri):
    def stack(group):
        return np.mean([electrons(niri, e.name) for e in niri.group(group)[:5]], axis=0)

    good = ~niri.detector.bad
    flat = stack("lamp-on") - stack("lamp-off")
    flat /= np.median(flat[good])
    ratio = (flat / niri.detector.flat)[good]
    assert np.median(ratio) == pytest.approx(np.median(1 / niri.detector.flat[good]), rel=0.01)
    assert ratio.std() < 0.006


def test_darks_repeat_the_dark_current(niri):
    stack = np.median([niri.pixels(e) for e in niri.group("dark")], axis=0)
    warm = (niri.detector.dark > 50) & (niri.detector.dark < 5000)
    expected = niri.detector.dark[warm] * 20 / 12.3 + 6
    assert stack[warm] == pytest.approx(expected, rel=0.2)
    assert np.median(stack) == pytest.approx(6.4, abs=0.6)


def test_f2_looks_like_f2(f2):
    pixels = f2.pixels(f2.group("target")[0])
    detector = f2.detector
    assert np.median(pixels[detector.lit]) == pytest.approx(54 * 120 / 4.44, rel=0.08)
    assert np.median(pixels[:100, :100]) < 40


def test_the_truth_lies_beside_the_frames(tmp_path):
    night = niri_night(2, size=256, frames=1, variants=("trailed",))
    told = night.write(tmp_path)
    written = json.loads((tmp_path / "truth.json").read_text())
    assert written == json.loads(json.dumps(told.facts))
    assert written["schema"] == "nightcrew-simulator-truth/1"
    assert (written["seed"], written["size"], written["variants"]) == (2, 256, ["trailed"])
    assert [frame["file"] for frame in written["frames"]] == [e.filename for e in night.exposures]
    assert sorted(p.name for p in tmp_path.glob("*.fits")) == sorted(e.filename for e in night.exposures)
    with np.load(tmp_path / "truth.npz") as arrays:
        assert arrays["flat"].shape == arrays["dark_current"].shape == arrays["bad_pixels"].shape == (256, 256)
        assert int(arrays["bad_pixels"].sum()) == written["detector"]["bad_pixels"]
    assert told.frame("N20160102S0270")["group"] == "target"
    galaxy = next(o for o in written["objects"] if o["kind"] == "galaxy")
    assert galaxy["half_light_radius"] == 4.0


def test_an_unknown_frame_is_named(niri):
    with pytest.raises(SimulationError, match=r"N20990101S0001\.fits: no such frame"):
        niri.exposure("N20990101S0001.fits")


def test_single_frames_come_quickly():
    dark = dark_frame(1.001, coadds=3)
    assert (dark[0].header["EXPTIME"], dark[0].header["COADDS"], dark[1].data.shape) == (1.001, 3, (256, 256))
    assert np.median(dark[1].data) == pytest.approx(18, abs=3)
    on, off = flat_frame(), flat_frame("closed")
    assert np.median(on[1].data) > 20 * np.median(off[1].data)
    assert (on[1].data != flat_frame(number=2)[1].data).any()
    science = science_frame((9.0, 6.0))
    assert (science[0].header["OBSTYPE"], science[0].header["POFFSET"]) == ("OBJECT", 9.0)
