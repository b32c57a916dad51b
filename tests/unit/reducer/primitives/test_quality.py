"""measureIQ, measureBG, measureCC, reference catalogues and the look at a single frame, on small made-up frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nightcrew.reducer.geometry import tangent_plane
from nightcrew.shared.errors import FrameError
from nightcrew.shared.frames import Frame, ProvenanceRow
from support.fields import FLUX, STARS, exposure
from support.runs import SCALE, running

FWHM, WINGS = 4.7, 3.5
"""Of the stars: pixels, and the exponent of Moffat's profile."""
ZERO_POINT = 26.40
"""Of NIRI f/6 with K(prime), electrons."""


def field(number=1, sources=STARS, flux=FLUX, **given):
    """Make a frame with stars as the atmosphere draws them: with wings, and not in the middle of pixels."""
    frame = exposure(number, sources=(), **given)
    sources = np.array(sources) + np.random.default_rng(number).uniform(-0.5, 0.5, (len(sources), 2))
    y, x = np.mgrid[:128, :128]
    core = FWHM / (2 * np.sqrt(2 ** (1 / WINGS) - 1))
    image = frame.planes[0].data.astype(float)
    for cx, cy in sources:
        r2 = (x - cx) ** 2 + (y - cy) ** 2
        image += flux * (WINGS - 1) / (np.pi * core**2) * (1 + r2 / core**2) ** -WINGS
    frame.planes[0].data = image.astype(np.float32)
    return frame


@pytest.fixture
def run(tmp_path):
    with running(tmp_path, exposure(1), mode="qa") as run:
        yield run


def measured(run, name, frame: Frame, **given):
    """Run a primitive on a frame; return the frame and what it measured."""
    before = len(run.measurements)
    (frame,) = run.call(name, [frame], **given)
    return frame, run.measurements[before:]


def detected(run, frame: Frame) -> Frame:
    (frame,) = run.call("detectSources", [frame])
    return frame


def star_table(tmp_path, *, offset=(0.0, 0.0), magnitude=None):
    """Write the stars of the field as a reference catalogue, moved by arcsec to the east and north."""
    plane = tangent_plane(exposure(1))
    ra, dec = plane.sky(*np.array(STARS).T)
    rows = ["RA,DEC,filtermag,filtermag_err"]
    for a, d in zip(ra + offset[0] / 3600 / np.cos(np.radians(dec)), dec + offset[1] / 3600, strict=True):
        rows.append(f"{a:.8f},{d:.8f},{'' if magnitude is None else magnitude},0.01")
    path = tmp_path / "stars.csv"
    path.write_text("\n".join(rows))
    return str(path)


def test_the_width_of_drawn_stars_is_measured(run) -> None:
    frame, (iq,) = measured(run, "measureIQ", detected(run, field(1, REQIQ="20-percentile")))
    assert iq.stars >= 4
    assert iq.fwhm.value == pytest.approx(FWHM * SCALE, rel=0.05)
    assert iq.zenith_fwhm.value == pytest.approx(iq.fwhm.value * 1.1**-0.6)
    assert iq.bands.band == 70
    assert iq.bands.met is False
    assert sum(p for _, p in iq.bands.probabilities) == pytest.approx(1.0)
    assert frame.phu["MEANFWHM"] == pytest.approx(iq.fwhm.value, abs=1e-6)
    assert frame.phu["MEANELLP"] < 0.1
    assert frame.filename == "N20160102S0001_iqMeasured.fits"
    assert any("IQ requirement not met" in text for text in run.ledger.warnings)


def test_trailed_stars_are_called_so(run) -> None:
    trailed = field(sources=[(x + step, y) for x, y in STARS for step in np.linspace(-3, 3, 8)], flux=FLUX / 8)
    _, (iq,) = measured(run, "measureIQ", detected(run, trailed))
    assert "High ellipticity" in iq.comments


def test_without_airmass_the_width_stays_as_observed(run) -> None:
    _, (iq,) = measured(run, "measureIQ", detected(run, field(1, AIRMASS=None)))
    assert iq.zenith_fwhm == iq.fwhm
    assert any("No airmass" in comment for comment in iq.comments)


def test_with_adaptive_optics_the_band_is_that_of_the_natural_seeing(run) -> None:
    frame = detected(run, field(1, AOFOLD="IN", RZEROVAL=20.0))
    frame, (iq,) = measured(run, "measureIQ", frame)
    assert iq.ao_seeing == pytest.approx(0.505, abs=0.001)
    assert iq.bands.band == 70
    assert dict(iq.bands.probabilities)[70] == 1.0
    assert iq.strehl is not None
    assert "MEANFWHM" not in frame.phu


def test_a_frame_without_stars_has_no_image_quality(run) -> None:
    frame, found = measured(run, "measureIQ", detected(run, exposure(1, sources=())))
    assert found == []
    assert "MEANFWHM" not in frame.phu
    assert "no stars" in run.ledger.warnings[-1]


def test_pixels_that_are_not_square_are_not_measured(run) -> None:
    _, found = measured(run, "measureIQ", detected(run, exposure(1, XBIN=2)))
    assert found == []


@pytest.mark.parametrize("separate", [False, True])
def test_the_sky_is_measured_in_all_its_units(run, separate) -> None:
    given = exposure(1, FILTER1="H_G0203", REQBG="50-percentile")
    frame, (sky,) = measured(run, "measureBG", detected(run, given), separate_ext=separate)
    assert sky.extension == (1 if separate else None)
    assert sky.samples > 100  # one in a hundred of 16384: decimated once only
    assert sky.level.value == pytest.approx(1000.0, abs=4.0)
    assert sky.level.error == pytest.approx(10.0, rel=0.3)
    assert sky.electrons.value == pytest.approx(1000 / 20 / SCALE**2, rel=0.01)
    assert sky.magnitude.value == pytest.approx(26.77 - 2.5 * np.log10(1000 / 20 / SCALE**2), abs=0.01)
    assert (sky.bands.band, sky.bands.met) == (20, True)
    assert frame.phu["SKYLEVEL"] == frame.planes[0].header["SKYLEVEL"] == pytest.approx(sky.level.value)
    assert "electron" in frame.phu.comments["SKYLEVEL"]


def test_a_bright_sky_misses_the_requirement(run) -> None:
    given = exposure(1, FILTER1="H_G0203", REQBG="50-percentile", sky=60000.0)
    _, (sky,) = measured(run, "measureBG", given)
    assert (sky.bands.band, sky.bands.met) == (100, False)
    assert sky.comments == ("BG requirement not met: BGAny, BG50 was asked for",)


def test_a_sky_in_adu_counts_by_its_gain(run) -> None:
    frame = exposure(1)
    frame.planes[0].header["BUNIT"], frame.planes[0].header["GAIN"] = "adu", 12.3
    _, (sky,) = measured(run, "measureBG", frame)
    assert sky.unit == "ADU"
    assert sky.electrons.value == pytest.approx(12.3 * 1000 / 20 / SCALE**2, rel=0.01)


def test_a_frame_without_good_pixels_has_no_sky(run) -> None:
    frame = exposure(1)
    frame.planes[0].dq = np.ones((128, 128), np.uint16)
    frame, found = measured(run, "measureBG", frame)
    assert found == []
    assert "SKYLEVEL" not in frame.phu
    with pytest.raises(FrameError, match="no pixel is good"):
        run.call("removeBackground", [frame])


@pytest.mark.parametrize("model", ["smooth", "median"])
def test_the_background_of_a_single_frame_is_removed_and_its_stars_stay(run, model) -> None:
    frame = detected(run, exposure(1))
    before = frame.planes[0].data
    (frame,) = run.call("removeBackground", [frame], model=model)
    plane = frame.planes[0]
    assert np.median(plane.data[plane.objmask == 0]) == pytest.approx(0.0, abs=1.0)
    x, y = (round(c) for c in STARS[0])
    box = np.s_[y - 8 : y + 9, x - 8 : x + 9]
    assert plane.data[box].sum() == pytest.approx(FLUX, rel=0.05)
    assert plane.data.dtype == np.float32
    assert before[0, 0] > 900


def test_a_gradient_goes_with_the_smooth_model_only(run) -> None:
    slope = np.linspace(0, 200, 128, dtype=np.float32)[None, :]

    def left_over(model):
        frame = detected(run, exposure(1))
        frame.planes[0].data = frame.planes[0].data + slope
        (frame,) = run.call("removeBackground", [frame], model=model, meshes=4)
        plane = frame.planes[0]
        return np.std(plane.data[plane.objmask == 0])

    assert left_over("smooth") < 15
    assert left_over("median") > 50


def test_a_frame_hidden_for_the_most_part_loses_its_median(run) -> None:
    frame = exposure(1, sources=())
    frame.planes[0].dq = np.ones((128, 128), np.uint16)
    frame.planes[0].dq[:8] = 0
    (frame,) = run.call("removeBackground", [frame])
    assert np.median(frame.planes[0].data) == pytest.approx(0.0, abs=2.0)
    assert "the median is subtracted" in run.ledger.warnings[-1]


def test_a_wrong_wcs_is_corrected_by_reference_stars(run, tmp_path) -> None:
    source = star_table(tmp_path, offset=(1.5, -0.8))
    frame = detected(run, exposure(1))
    (frame,) = run.call("addReferenceCatalog", [frame], source=source)
    before = tangent_plane(frame)
    (frame,) = run.call("determineAstrometricSolution", [frame])
    after = tangent_plane(frame)
    (ra0, dec0), (ra1, dec1) = before.sky(64, 64), after.sky(64, 64)
    assert (ra1 - ra0) * np.cos(np.radians(dec0)) * 3600 == pytest.approx(1.5, abs=0.02)
    assert (dec1 - dec0) * 3600 == pytest.approx(-0.8, abs=0.02)
    rows = frame.planes[0].objcat.rows
    assert np.sum(rows["REF_NUMBER"] > 0) == 6
    assert np.all(rows["REF_MAG"] == -999)  # the table has no magnitudes
    assert rows["X_WORLD"] == pytest.approx(after.sky(rows["X_IMAGE"] - 1.0, rows["Y_IMAGE"] - 1.0)[0])
    assert frame.filename == "N20160102S0001_astrometryCorrected.fits"


def test_clouds_are_measured_with_reference_stars(run, tmp_path) -> None:
    clear = ZERO_POINT - 2.5 * np.log10(FLUX / 20.0)
    for clouds, band in ((0.0, 50), (0.6, 80)):
        frame = detected(run, exposure(1, REQCC="50-percentile"))
        (frame,) = run.call("addReferenceCatalog", [frame], source=star_table(tmp_path, magnitude=clear - clouds))
        (frame,) = run.call("determineAstrometricSolution", [frame])
        frame, (cc,) = measured(run, "measureCC", frame, separate_ext=clouds > 0)
        assert cc.stars >= 4
        assert cc.extinction.value == pytest.approx(clouds, abs=0.03)
        assert cc.bands.band == band
        assert cc.bands.met is (clouds == 0)
        assert frame.planes[0].header["MEANZP"] == pytest.approx(ZERO_POINT - clouds, abs=0.03)


def test_only_the_brightest_stars_of_a_rich_field_are_matched_in_a_hurry(run, tmp_path) -> None:
    path = star_table(tmp_path, magnitude=12.0)
    plane = tangent_plane(exposure(1))
    rng = np.random.default_rng(1)
    ra, dec = plane.sky(*rng.uniform(0, 128, (2, 300)))
    with Path(path).open("a", encoding="utf-8") as file:
        file.writelines(f"\n{a:.8f},{d:.8f},18.0,0.01" for a, d in zip(ra, dec, strict=True))
    (frame,) = run.call("addReferenceCatalog", [detected(run, exposure(1))], source=path)
    assert len(frame.tables["REFCAT"].rows) == 306
    (frame,) = run.call("determineAstrometricSolution", [frame])
    known = frame.planes[0].objcat.rows["REF_MAG"]
    assert np.sum(known == 12.0) == 6


def test_what_is_missing_is_said_and_nothing_changes(run, tmp_path) -> None:
    frame = detected(run, exposure(1))
    wcs = tangent_plane(frame)
    for source, said in ((None, "no reference stars are given"), ("2mass", "is a server, which is not asked")):
        (frame,) = run.call("addReferenceCatalog", [frame], source=source)
        assert any(said in text for text in run.ledger.warnings)
    frame, found = measured(run, "measureCC", frame)
    (frame,) = run.call("determineAstrometricSolution", [frame])
    far = star_table(tmp_path, offset=(900.0, 0.0))
    (frame,) = run.call("addReferenceCatalog", [frame], source=far)
    assert "REFCAT" not in frame.tables
    # In the cone but beyond the array.
    near = star_table(tmp_path, offset=(60.0, 0.0))
    (frame,) = run.call("addReferenceCatalog", [frame], source=near)
    (frame,) = run.call("determineAstrometricSolution", [frame])
    frame, also = measured(run, "measureCC", frame)
    assert found == also == []
    assert tangent_plane(frame) == wcs


def test_frames_without_sources_or_zero_point_tell_no_clouds(run, tmp_path) -> None:
    source = star_table(tmp_path, magnitude=12.0)
    empty = exposure(1, sources=())
    (empty,) = run.call("addReferenceCatalog", [empty], source=source)
    (empty,) = run.call("determineAstrometricSolution", [empty])
    narrow = detected(run, exposure(1, FILTER1="Brgamma_G0218"))
    (narrow,) = run.call("addReferenceCatalog", [narrow], source=source)
    (narrow,) = run.call("determineAstrometricSolution", [narrow])
    for frame in (empty, narrow):
        assert measured(run, "measureCC", frame)[1] == []
    assert any("no nominal zero point" in text for text in run.ledger.warnings)


def test_the_level_of_correction_is_read_off_the_frame(run) -> None:
    raw, (level,) = measured(run, "assessCorrections", exposure(1))
    assert raw.phu["NCLEVEL"] == "none"
    assert level.missing == ("bpm", "dark", "flat")
    frame = exposure(1, DARKIM="dark.fits", FLATIM="flat.fits")
    frame.provenance.append(ProvenanceRow("", "bpm.fits", "", "addDQ"))
    frame, (level,) = measured(run, "assessCorrections", frame)
    assert frame.phu["NCLEVEL"] == "bpm+dark+flat"
    assert level.missing == ()
