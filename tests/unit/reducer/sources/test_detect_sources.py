"""detectSources: which sources, how they are measured, what is none."""

from __future__ import annotations

import numpy as np
import pytest

from nightcrew.reducer.catalogue import extraction
from nightcrew.reducer.catalogue.columns import COLUMNS, UNKNOWN, make_catalogue
from nightcrew.reducer.catalogue.extraction import Settings, extract, mesh_background
from nightcrew.reducer.catalogue.measuring import measure
from nightcrew.reducer.catalogue.seeing import looks_stellar, seeing
from nightcrew.reducer.catalogue.stars import clipped_stars
from nightcrew.reducer.geometry import TangentPlane
from nightcrew.shared.dq import DQ
from support.fields import FLUX, SIGMA, STARS, exposure, stars
from support.golden import planes, relative
from support.reference import reference_dir
from support.runs import SCALE, running

FWHM = 2.3548 * SIGMA
GOLDEN = sorted((reference_dir() / "golden/niri256/steps").glob("*/*_wcsCorrected.fits.bz2")) if reference_dir() else []


def detected(directory, frame, *user: str):
    with running(directory, frame, user=user) as run:
        run.step("detectSources", {})
        return run.stream("main")[0].planes[0], run


def test_the_stars_are_found_where_they_are(tmp_path) -> None:
    frame = exposure(1, sky=0.0)
    plane, _ = detected(tmp_path, frame)
    rows = plane.objcat.rows[np.argsort(plane.objcat.rows["X_IMAGE"])]
    assert [name for name, _, _ in COLUMNS] == list(rows.dtype.names)
    assert rows["X_IMAGE"] - 1 == pytest.approx([x for x, _ in sorted(STARS)], abs=0.05)
    assert rows["Y_IMAGE"] - 1 == pytest.approx([y for _, y in sorted(STARS)], abs=0.05)
    assert rows["FLUX_AUTO"] == pytest.approx(FLUX, rel=0.05)
    assert rows["PROFILE_FWHM"] == pytest.approx(FWHM, rel=0.1)
    assert rows["PROFILE_EE50"] == pytest.approx(FWHM, rel=0.15)
    assert (rows["CLASS_STAR"] == 1).all()
    assert (rows["REF_NUMBER"] == UNKNOWN).all()
    assert plane.objcat.rows["NUMBER"].tolist() == [1, 2, 3, 4, 5, 6]
    assert set(np.unique(plane.objmask)) == {0, 1}
    assert all(plane.objmask[int(y), int(x)] for x, y in STARS)
    assert plane.objcat.units["FLUX_AUTO"] == "count"


def test_positions_and_shapes_on_the_sky_follow_the_wcs(tmp_path) -> None:
    frame = exposure(1, sky=0.0, p=0.0)
    plane, _ = detected(tmp_path, frame)
    row = plane.objcat.rows[0]
    ra, dec = TangentPlane((150.0, 2.0), (63.5, 63.5), ((-SCALE / 3600, 0.0), (0.0, SCALE / 3600))).sky(
        row["X_IMAGE"] - 1.0, row["Y_IMAGE"] - 1.0
    )
    assert (row["X_WORLD"], row["Y_WORLD"]) == pytest.approx((ra, dec), abs=1e-7)
    assert row["A_WORLD"] * 3600 == pytest.approx(row["A_IMAGE"] * SCALE, rel=1e-4)
    assert row["ERRB_WORLD"] * 3600 == pytest.approx(row["ERRB_IMAGE"] * SCALE, rel=1e-4)
    # North up, east left: angles change their sign.
    assert row["THETA_WORLD"] == pytest.approx(-row["THETA_IMAGE"], abs=0.5)


def test_an_empty_field_has_a_mask_but_no_catalogue(tmp_path) -> None:
    plane, _ = detected(tmp_path, exposure(1, sources=()))
    assert plane.objcat is None
    assert not plane.objmask.any()


def test_a_catalogue_of_before_is_dropped_where_nothing_is_found(tmp_path) -> None:
    frame = exposure(1, sources=(), DLOBJMSK="2016")
    frame.planes[0].objcat = make_catalogue({}, 3)
    plane, run = detected(tmp_path, frame)
    assert plane.objcat is None
    assert "DLOBJMSK" not in run.stream("main")[0].phu
    assert "DETECSRC" in run.stream("main")[0].phu


def test_flags_under_a_source_are_counted_and_saturation_is_flagged(tmp_path) -> None:
    frame = exposure(1, sky=0.0)
    dq = np.zeros((128, 128), np.uint16)
    dq[40, 30], dq[40, 31], dq[0, 0] = DQ.SATURATED, DQ.BAD_PIXEL, DQ.BAD_PIXEL
    frame.planes[0].dq = dq
    plane, _ = detected(tmp_path, frame)
    row = plane.objcat.rows[np.argmin(np.abs(plane.objcat.rows["X_IMAGE"] - 31))]
    assert (row["NIMAFLAGS_ISO"], row["IMAFLAGS_ISO"], row["FLAGS"]) == (2, 5, 4)


def test_a_source_made_of_flagged_pixels_is_none(tmp_path) -> None:
    frame = exposure(1, sky=0.0)
    dq = np.zeros((128, 128), np.uint16)
    dq[25:56, 15:46] = DQ.BAD_PIXEL
    frame.planes[0].dq = dq
    plane, _ = detected(tmp_path, frame)
    assert len(plane.objcat.rows) == len(STARS) - 1
    assert not plane.objmask[40, 30]


def test_without_flags_nobody_knows_how_many_there_are(tmp_path) -> None:
    frame = exposure(1, sky=0.0)
    frame.planes[0].dq = None
    plane, _ = detected(tmp_path, frame)
    assert (plane.objcat.rows["NIMAFLAGS_ISO"] == UNKNOWN).all()


def test_flagged_pixels_are_replaced_before_the_search_where_asked(tmp_path) -> None:
    frame = exposure(1, sky=0.0)
    data = frame.planes[0].data.copy()
    data[60:70, 20:26] += 50000.0
    frame.planes[0].data = data
    dq = np.zeros((128, 128), np.uint16)
    dq[60:70, 20:26] = DQ.BAD_PIXEL
    dq[60, 20] = 0
    frame.planes[0].dq = dq
    plane, _ = detected(tmp_path, frame, "detectSources:mask=True")
    assert len(plane.objcat.rows) == len(STARS)
    assert plane.data is data


def test_pixels_that_are_no_numbers_do_not_spoil_the_rest(tmp_path) -> None:
    frame = exposure(1, sky=0.0)
    data = frame.planes[0].data.copy()
    data[5, 5] = np.nan
    frame.planes[0].data = data
    plane, _ = detected(tmp_path, frame)
    assert len(plane.objcat.rows) == len(STARS)


def test_another_threshold_for_the_analysis_is_not_used(tmp_path) -> None:
    _, run = detected(tmp_path, exposure(1), "analysis_thresh=3")
    assert any("analysis_thresh=3 is not used" in warning for warning in run.ledger.warnings)


def test_a_known_seeing_makes_the_stamps_larger(tmp_path) -> None:
    near_edge = ((12.5, 60.0),)
    plane, _ = detected(tmp_path, exposure(1, sources=near_edge, sky=0.0))
    assert plane.objcat.rows["PROFILE_FWHM"][0] > 0
    plane, _ = detected(tmp_path, exposure(1, sources=near_edge, sky=0.0, MEANFWHM=1.5))
    assert plane.objcat.rows["PROFILE_FWHM"][0] == UNKNOWN


def test_poor_seeing_is_measured_on_larger_stamps() -> None:
    image = sum(stars(256, [where]) for where in ((60, 60), (180, 70), (120, 190)))
    wide = np.asarray(image, np.float32) + np.random.default_rng(1).normal(0, 5, (256, 256)).astype(np.float32)
    plane = TangentPlane((150.0, 2.0), (0.0, 0.0), ((-1e-5, 0.0), (0.0, 1e-5)))
    found = extract(wide, Settings(1.5, 40, 0.005, 32, 3), 1.0)
    detection = measure(found, wide, None, plane, mesh=32, gain=1.0, least_radius=3.5)
    assert detection.seeing == pytest.approx(FWHM * 0.036, rel=0.1)
    # Pixels of 0.036 arcsec: stamps must reach to more than the least 10 pixels.
    sparse = measure(found, wide, None, plane, mesh=32, gain=1.0, least_radius=3.5, known_seeing=0.5)
    assert sparse.seeing == 0.5


def test_what_clean_removes_stays_in_the_mask_under_the_brighter_neighbour() -> None:
    """A faint clump in the wing of a bright source counts as its pixels, not as a source."""
    y, x = np.mgrid[:128, :128]
    r2 = (x - 64) ** 2 + (y - 64) ** 2
    rng = np.random.default_rng(3)
    image = (3e4 * (1 + r2 / 25) ** -2 + rng.normal(0, 5, (128, 128))).astype(np.float32)
    image += stars(128, [(86, 64)], 6000).astype(np.float32)
    found = extract(image, Settings(1.5, 10, 0.0001, 128, 1), 1.0)
    assert set(np.unique(found.segmentation)) - {0} == set(found.labels.tolist())


def test_absorbed_detections_get_the_label_of_the_nearest_brighter_source() -> None:
    found = np.zeros(3, dtype=[("x", float), ("y", float), ("cflux", float)])
    found["x"], found["cflux"] = [0.0, 10.0, 12.0], [100.0, 50.0, 1.0]
    segmentation = np.array([[1, 2, 3, 0]], np.int32)
    assert extraction._absorb(found, np.array([True, True, False]), segmentation).tolist() == [[1, 2, 2, 0]]
    assert extraction._absorb(found, np.array([False, True, True]), segmentation).tolist() == [[2, 2, 3, 0]]
    assert not extraction._present(found, found[:0]).any()


def test_a_crowded_field_gets_larger_buffers(monkeypatch) -> None:
    monkeypatch.setattr(extraction, "PIXEL_BUFFER", 400)
    rng = np.random.default_rng(1)
    image = (rng.normal(0, 1, (128, 128)) + stars(128, [(64.0, 64.0)])).astype(np.float32)
    assert len(extract(image, Settings(1.5, 10, 0.005, 32, 3), 1.0).sources) >= 1


def test_a_field_that_overflows_every_buffer_is_reported(monkeypatch) -> None:
    monkeypatch.setattr(extraction, "PIXEL_BUFFER", 2)
    monkeypatch.setattr(extraction, "ROOMY", 1)
    image = stars(64, [(32.0, 32.0)]).astype(np.float32)
    image += np.random.default_rng(1).normal(0, 1, (64, 64)).astype(np.float32)
    monkeypatch.setattr(extraction.sep, "set_extract_pixstack", lambda _: None)
    monkeypatch.setattr(extraction.sep, "extract", overflowing)
    with pytest.raises(RuntimeError, match="buffer full"):
        extract(image, Settings(1.5, 10, 0.005, 32, 3), 1.0)


def overflowing(*_: object, **__: object) -> None:
    raise RuntimeError("internal pixel buffer full")


def test_the_background_of_the_catalogue_is_bilinear_in_the_mesh() -> None:
    y, x = np.mgrid[:128, :128].astype(np.float32)
    plane = 3.0 + 0.5 * x - 0.25 * y
    at = mesh_background(plane, 32, np.array([0.0, 50.2, 127.0]), np.array([0.0, 70.0, 127.0]))
    # Nodes are at 15.5 + 32 i; pixel positions are counted from -0.5.
    assert at == pytest.approx([3.0, 3.0 + 25.0 - 17.5, 3.0 + 63.5 - 31.75], abs=0.3)
    flat = mesh_background(np.full((20, 20), 7.0, np.float32), 32, np.array([3.0]), np.array([4.0]))
    assert flat == pytest.approx([7.0])


def test_stars_are_as_wide_as_their_cores_say_and_as_most_of_them_are() -> None:
    profile = np.array([4.7] * 15 + [9.0, UNKNOWN])
    values = {"moments": np.array([5.2] * 15 + [9.9, 5.2])}
    assert looks_stellar(values, profile).tolist() == [True] * 15 + [False, False]
    values = {"moments": np.array([12.0, 5.2])}
    assert looks_stellar(values, np.array([4.7, 4.7])).tolist() == [False, True]


def test_the_seeing_is_that_of_bright_clean_stars() -> None:
    n = 12
    values = {
        "ISOAREA_IMAGE": np.full(n, 100), "B_IMAGE": np.full(n, 2.0), "ELLIPTICITY": np.full(n, 0.1),
        "FLUX_AUTO": np.full(n, 1e4), "FLUXERR_AUTO": np.full(n, 10.0), "FLAGS": np.zeros(n, int),
        "NIMAFLAGS_ISO": np.zeros(n, int),
    }  # fmt: skip
    fwhm = np.array([0.5] * (n - 1) + [3.0])
    assert seeing(values, fwhm, np.ones(n, dtype=bool)) == pytest.approx(0.5)
    assert seeing(values, fwhm, np.zeros(n, dtype=bool)) is None


def catalogue(n: int = 6, **columns):
    values = {
        "PROFILE_FWHM": 5.0, "ELLIPTICITY": 0.1, "B_IMAGE": 2.0, "FLUX_AUTO": 1e4, "FLUXERR_AUTO": 10.0,
        "CLASS_STAR": 1.0, "ISOAREA_IMAGE": 100, "NIMAFLAGS_ISO": 0, "IMAFLAGS_ISO": 0, "PROFILE_EE50": 6.0,
        "FWHM_IMAGE": 5.4,
    }  # fmt: skip
    return make_catalogue(values | columns, n)


@pytest.mark.parametrize(
    "column",
    [
        {"ELLIPTICITY": 0.6}, {"B_IMAGE": 1.0}, {"FLUXERR_AUTO": 300.0}, {"CLASS_STAR": 0.0}, {"ISOAREA_IMAGE": 10},
        {"NIMAFLAGS_ISO": 3, "IMAFLAGS_ISO": 1}, {"NIMAFLAGS_ISO": 1, "IMAFLAGS_ISO": 4}, {"PROFILE_EE50": 4.0},
        {"PROFILE_FWHM": 0.0},
    ],
)  # fmt: skip
def test_only_well_measured_stars_are_chosen(column) -> None:
    assert len(clipped_stars(catalogue()).rows) == 6
    assert len(clipped_stars(catalogue(**column)).rows) == 0


def test_stars_wider_than_the_others_are_clipped_and_unknown_columns_do_not_count() -> None:
    wide = catalogue(8, PROFILE_FWHM=[5.0] * 7 + [5.9])
    assert len(clipped_stars(wide).rows) == 7
    assert len(clipped_stars(catalogue(CLASS_STAR=UNKNOWN)).rows) == 6
    assert len(clipped_stars(catalogue(CLASS_STAR=0.0), adaptive_optics=True).rows) == 6


@pytest.mark.reference
@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.name[:14])
def test_the_golden_frames_give_the_catalogues_of_the_reference(path) -> None:
    frame = planes(path)
    image = np.ascontiguousarray(frame.sci, np.float32)
    header, dq = frame.header, frame.dq.astype(np.uint16)
    cd = ((header["CD1_1"], header["CD1_2"]), (header["CD2_1"], header["CD2_2"]))
    wcs = TangentPlane((header["CRVAL1"], header["CRVAL2"]), (header["CRPIX1"] - 1, header["CRPIX2"] - 1), cd)
    found = measure(
        extract(image, Settings(1.5, 40, 0.005, 32, 3), 1.0), image, dq, wcs, mesh=32, gain=1.0, least_radius=3.5
    )
    assert np.array_equal(found.objmask, frame.objmask)
    ours, theirs = (rows[np.lexsort((rows["Y_IMAGE"], rows["X_IMAGE"]))] for rows in (found.objcat.rows, frame.objcat))
    assert len(ours) == len(theirs)
    for axis in ("X_IMAGE", "Y_IMAGE"):
        assert np.abs(ours[axis] - theirs[axis]).max() < 1e-4
    alone = (theirs["FLAGS"] & 3) == 0
    for column in ("A_IMAGE", "B_IMAGE", "PROFILE_FWHM"):
        assert relative(ours[column][alone], theirs[column][alone]).max() < 1e-5
    for column, limit in (("A_IMAGE", 0.05), ("B_IMAGE", 0.05), ("FLUX_AUTO", 0.1)):
        assert relative(ours[column], theirs[column]).max() < limit
    flux = relative(ours["FLUX_AUTO"], theirs["FLUX_AUTO"])[alone]
    assert flux.max(initial=0.0) < 0.02
    assert relative(ours["BACKGROUND"], theirs["BACKGROUND"], 300.0).max() < 2e-3  # 300: the noise of a pixel
