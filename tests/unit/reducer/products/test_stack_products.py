"""makeExposureMap and summarizeStack on a small dither."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nightcrew.reducer.products.summary import agreement, background_pull, overall_rms, zero_point_scatter
from nightcrew.shared.fits import open_frame, write_frame
from nightcrew.shared.frames import Table
from support.fields import exposure
from support.runs import SCALE, running

MOVES = ((0.0, 0.0), (4.5, -3.5), (-6.3, 2.2), (3.7, 7.1))


def accounted(directory, frames, *steps, **stacking):
    with running(directory, *frames, user=("detect_minarea=10",)) as run:
        run.step("detectSources", {})
        for step in ("adjustWCSToReference", "resampleToCommonFrame", "scaleCountsToReference"):
            run.step(step, {})
        run.step("copyInputs", {"outstream": "aligned"})
        run.step("stackFrames", {"save_rejection_map": True, **stacking})
        run.step("catalogueStack", {})
        for step in steps or ("makeExposureMap", "summarizeStack"):
            run.step(step, {})
        return run


def dither(*factors, **cards):
    factors = factors or (1.0,) * len(MOVES)
    frames = []
    for n, ((p, q), factor) in enumerate(zip(MOVES, factors, strict=False), 1):
        frame = exposure(n, sky=0.0, noise=5.0, p=p * SCALE, q=q * SCALE, **cards)
        frame.planes[0].data = frame.planes[0].data * np.float32(factor)
        frames.append(frame)
    return frames


def test_the_exposure_map_lies_on_the_stack_and_reaches_the_total_where_all_frames_meet(tmp_path) -> None:
    run = accounted(tmp_path, dither())
    (stack,) = run.streams["main"]
    plane = stack.planes[0]
    assert plane.expmap.shape == plane.data.shape
    assert plane.expmap.max() == pytest.approx(stack.phu["NCEXPTOT"])
    assert np.array_equal(plane.expmap == 0, plane.dq & 16 != 0)
    assert set(np.unique(plane.expmap)) <= {0.0, 20.0, 40.0, 60.0, 80.0}


def test_maps_and_tables_survive_the_disk(tmp_path) -> None:
    (stack,) = accounted(tmp_path, dither()).streams["main"]
    write_frame(stack, tmp_path / "stack.fits")
    read = open_frame(tmp_path / "stack.fits")
    assert np.array_equal(read.planes[0].expmap, stack.planes[0].expmap)
    assert np.array_equal(read.planes[0].rejmap, stack.planes[0].rejmap)
    assert read.tables["INPUTS"].rows["NAME"].tolist() == [f"N20160102S000{n}.fits" for n in (1, 2, 3, 4)]


def test_the_summary_tells_how_well_the_frames_agree(tmp_path) -> None:
    run = accounted(tmp_path, dither(1.0, 0.9, 1.0, 1.1))
    (stack,), (summary,) = run.streams["main"], run.measurements
    assert [frame.matched for frame in summary.inputs] == [6, 6, 6, 6]
    assert summary.alignment < 0.1 * SCALE
    expected = 2.5 * np.log10([1.0, 0.9, 1.0, 1.1])
    assert [frame.zero_point for frame in summary.inputs] == pytest.approx(expected, abs=0.01)
    assert summary.zero_point_scatter == pytest.approx(np.std(expected, ddof=1), abs=0.01)
    assert summary.sources == 6
    assert summary.pull == pytest.approx(1.0, abs=0.05)
    assert stack.phu["NCALIGNM"] == 6
    assert stack.phu["NCEXPMED"] == summary.median
    assert stack.planes[0].header["NCNSRC"] == 6
    told = json.loads(summary.to_json())
    assert told["kind"] == "stack"
    assert told["inputs"][0]["rms"] is None


def test_zero_points_allow_for_exposure_times(tmp_path) -> None:
    frames = dither()[:2]
    frames[1].phu["EXPTIME"] = 40.0
    frames[1].planes[0].data = frames[1].planes[0].data * np.float32(2.0)
    (summary,) = accounted(tmp_path, frames).measurements
    assert summary.inputs[1].zero_point == pytest.approx(0.0, abs=0.01)
    assert summary.total == pytest.approx(60.0)


def test_a_catalogue_of_the_stack_is_that_of_the_stack(tmp_path) -> None:
    (stack,) = accounted(tmp_path, dither()).streams["main"]
    plane = stack.planes[0]
    assert plane.objmask.shape == plane.data.shape
    deeper = plane.objcat.rows["FLUX_AUTO"] / plane.objcat.rows["FLUXERR_AUTO"]
    with running(tmp_path, *(frames := dither())) as run:
        run.step("detectSources", {"detect_minarea": 10})
    single = frames[0].planes[0].objcat.rows
    assert np.median(deeper) == pytest.approx(2.0 * np.median(single["FLUX_AUTO"] / single["FLUXERR_AUTO"]), rel=0.1)
    assert plane.header["GAIN"] == 1.0


def test_frames_that_are_no_stack_of_those_given_stay_as_they_are(tmp_path) -> None:
    frames = dither()
    with running(tmp_path, frames[0]) as run:
        run.streams["aligned"] = frames[1:]
        for step in ("makeExposureMap", "summarizeStack"):
            run.step(step, {})
        assert len(run.ledger.warnings) == 2
        assert not run.measurements
        assert run.streams["main"][0].planes[0].expmap is None


def test_without_exposure_times_there_is_no_map_and_the_rest_is_told(tmp_path) -> None:
    frames = dither(EXPTIME=None)
    run = accounted(tmp_path, frames)
    assert run.streams["main"][0].planes[0].expmap is None
    assert any("no exposure map" in warning for warning in run.ledger.warnings)
    (summary,) = run.measurements
    assert summary.total is None
    assert summary.median is None


def catalogue(x, y, flux, error=1.0):
    rows = np.zeros(len(x), [(n, "f8") for n in ("X_WORLD", "Y_WORLD", "FLUX_AUTO", "FLUXERR_AUTO")])
    rows["X_WORLD"], rows["Y_WORLD"], rows["FLUX_AUTO"], rows["FLUXERR_AUTO"] = x, y, flux, error
    return Table(rows)


def test_distances_are_measured_on_the_sky_also_across_the_meridian() -> None:
    ours = catalogue([359.99999, 10.0], [60.0, 60.0], 100.0)
    theirs = catalogue([0.00001, 10.0], [60.0, 60.0], 100.0)
    found = agreement(ours, theirs)
    assert found.matched == 2
    assert found.rms == pytest.approx(0.00002 * 3600 * 0.5 / 2)


def test_sources_that_are_not_each_others_nearest_are_not_matched() -> None:
    ours = catalogue([10.0, 10.00001], [0.0, 0.0], 100.0)
    theirs = catalogue([10.0000001], [0.0], 100.0)
    found = agreement(ours, theirs)
    assert found.matched == 1
    assert found.zero_point_error is None


def test_catalogues_without_sources_or_fluxes_agree_in_nothing() -> None:
    some = catalogue([10.0], [0.0], 100.0)
    assert agreement(None, some).matched == 0
    assert agreement(some, catalogue([], [], [])).matched == 0
    assert agreement(some, catalogue([50.0], [0.0], 1.0)).matched == 0
    assert agreement(some, catalogue([10.0], [0.0], -5.0)).zero_point is None
    assert overall_rms([]) is None
    assert zero_point_scatter([]) is None


def test_the_background_cannot_be_judged_without_variance_or_empty_pixels() -> None:
    data = np.zeros((64, 64), np.float32)
    everywhere = np.ones(data.shape, bool)
    assert background_pull(data, None, everywhere, 1.0) is None
    assert background_pull(data, np.ones_like(data), ~everywhere, 1.0) is None
