"""adjustWCSToReference: by sources, by offsets, not at all."""

from __future__ import annotations

import numpy as np
import pytest

from nightcrew.reducer.geometry import tangent_plane
from nightcrew.shared.errors import FrameError
from support.fields import STARS, exposure
from support.runs import SCALE, running

DETECT = ("detectSources:detect_minarea=10",)


def aligned(directory, *frames, user=(), detect: bool = True):
    with running(directory, *frames, user=(*DETECT, *user)) as run:
        if detect:
            run.step("detectSources", {})
        run.step("adjustWCSToReference", {})
        return run


def misplaced(frame, reference) -> float:
    """Return by how many pixels the WCS of a frame puts its stars off those of the reference."""
    offset = np.array([frame.phu["POFFSET"], -frame.phu["QOFFSET"]]) / SCALE
    here, there = np.array(STARS) + offset, np.array(STARS)
    return float(np.abs(tangent_plane(frame).onto(tangent_plane(reference), here) - there).max())


def warned(run, *texts: str) -> bool:
    return all(any(text in warning for warning in run.ledger.warnings) for text in texts)


@pytest.mark.parametrize("error", [(0.0, 0.0), (4.3, -2.6), (-30.2, 20.7)])
def test_a_wrong_wcs_is_put_right_by_the_sources(error, tmp_path) -> None:
    frames = [exposure(1), exposure(2, p=1.0, q=-0.5, wcs_error=error)]
    run = aligned(tmp_path, *frames)
    assert misplaced(frames[1], frames[0]) < 0.1
    assert not run.ledger.warnings
    assert all("CORRWCS" in frame.phu and frame.filename.endswith("_wcsCorrected.fits") for frame in frames)


def test_positions_of_the_catalogue_follow_the_wcs(tmp_path) -> None:
    frames = [exposure(1), exposure(2, p=1.0, wcs_error=(5.0, 5.0))]
    aligned(tmp_path, *frames)
    first, second = (np.sort(frame.planes[0].objcat.rows["X_WORLD"]) for frame in frames)
    assert second == pytest.approx(first, abs=0.2 * SCALE / 3600)


def test_a_wcs_beyond_reach_falls_back_to_the_offsets_and_the_frame_is_named(tmp_path) -> None:
    frames = [exposure(1), exposure(2, p=1.0, wcs_error=(300.0, 0.0)), exposure(3, p=-1.0)]
    run = aligned(tmp_path, *frames)
    assert misplaced(frames[1], frames[0]) < 0.05
    assert misplaced(frames[2], frames[0]) < 0.1
    assert warned(run, "N20160102S0002_sourcesDetected.fits: too few correlated sources")


@pytest.mark.parametrize("fallback", ["offsets", "None"])
def test_too_few_sources_fall_back_as_asked(fallback: str, tmp_path) -> None:
    frames = [exposure(1), exposure(2, p=1.0, sources=STARS[:2], wcs_error=(7.0, 0.0))]
    before = frames[1].planes[0].header.copy()
    run = aligned(tmp_path, *frames, user=(f"fallback={fallback}",))
    assert warned(run, "N20160102S0002_sourcesDetected.fits: only 2 sources")
    if fallback == "offsets":
        assert misplaced(frames[1], frames[0]) < 0.05
    else:
        assert frames[1].planes[0].header["CRPIX1"] == before["CRPIX1"]


@pytest.mark.parametrize("fallback", ["offsets", "None"])
def test_a_first_frame_without_sources_falls_back_for_all(fallback: str, tmp_path) -> None:
    frames = [exposure(1, sources=()), exposure(2, p=1.0, wcs_error=(7.0, 0.0))]
    run = aligned(tmp_path, *frames, user=(f"fallback={fallback}",))
    assert warned(run, "N20160102S0001_sourcesDetected.fits: only 0 sources")
    assert (misplaced(frames[1], frames[0]) < 0.05) == (fallback == "offsets")
    assert frames[0].filename.endswith("_wcsCorrected.fits") == (fallback == "offsets")


def test_offsets_may_be_asked_for_and_turned_frames_come_out_turned(tmp_path) -> None:
    frames = [exposure(1), exposure(2, p=1.0, PA=10.0)]
    aligned(tmp_path, *frames, user=("method=offsets",), detect=False)
    first, second = (tangent_plane(frame) for frame in frames)
    turned = np.degrees(np.arctan2(second.cd[0][1], second.cd[1][1]) - np.arctan2(first.cd[0][1], first.cd[1][1]))
    assert abs(turned) == pytest.approx(10.0)
    assert second.centre == first.centre


def test_without_offsets_the_wcs_stays(tmp_path) -> None:
    frames = [exposure(1), exposure(2, p=1.0, wcs_error=(3.0, 0.0))]
    del frames[1].phu["POFFSET"]
    before = tangent_plane(frames[1])
    run = aligned(tmp_path, *frames, user=("method=offsets",), detect=False)
    assert tangent_plane(frames[1]) == before
    assert warned(run, "POFFSET, QOFFSET or PA is missing")


def test_a_rotation_is_found_where_asked_for_and_sources_are_enough(tmp_path) -> None:
    frames = [exposure(1), exposure(2, wcs_error=(2.0, 2.0))]
    angle = np.radians(1.0)
    cd = np.array(tangent_plane(frames[1]).cd) @ [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    for i in (0, 1):
        for j in (0, 1):
            frames[1].planes[0].header[f"CD{i + 1}_{j + 1}"] = cd[i, j]
    aligned(tmp_path, *frames, user=("rotate=True",))
    assert misplaced(frames[1], frames[0]) < 0.2


def test_too_few_sources_for_a_rotation_give_a_shift(tmp_path) -> None:
    frames = [exposure(n, sources=STARS[:3], wcs_error=(2.0 * (n - 1), 0.0)) for n in (1, 2)]
    run = aligned(tmp_path, *frames, user=("rotate=True", "scale=True"))
    assert warned(run, "only a shift is fitted")
    assert misplaced(frames[1], frames[0]) < 0.1


def test_only_stars_count_where_asked_for(tmp_path) -> None:
    frames = [exposure(1), exposure(2, wcs_error=(2.0, 1.0))]
    aligned(tmp_path, *frames, user=("cull_sources=True",))
    assert misplaced(frames[1], frames[0]) < 0.1


def test_the_initial_wcs_may_be_ignored(tmp_path) -> None:
    frames = [exposure(1), exposure(2, wcs_error=(300.0, 0.0))]
    aligned(tmp_path, *frames, user=("debug_ignore_wcs=True",))
    assert misplaced(frames[1], frames[0]) < 0.1


def test_one_frame_passes(tmp_path) -> None:
    frame = exposure(1)
    run = aligned(tmp_path, frame, detect=False)
    assert frame.filename == "N20160102S0001.fits"
    assert warned(run, "nothing to be aligned with")


def test_a_frame_of_several_extensions_is_refused(tmp_path) -> None:
    frames = [exposure(1), exposure(2)]
    frames[1].planes.append(frames[1].planes[0].copy())
    with pytest.raises(FrameError, match="2 science extensions"):
        aligned(tmp_path, *frames, detect=False)


def test_a_first_frame_beside_all_others_is_told_since_they_follow_it(tmp_path) -> None:
    frames = [exposure(1, wcs_error=(-40.0, 0.0)), exposure(2, p=1.0), exposure(3, p=-1.0), exposure(4, q=1.0)]
    run = aligned(tmp_path, *frames)
    (told,) = run.ledger.warnings
    assert told.startswith("N20160102S0001_wcsCorrected.fits: its WCS lies 4.7 arcsec beside those of the other frames")
    assert "use --profile best" in told


@pytest.mark.parametrize("errors", [(0.0, 40.0, 0.0), (0.0, 0.0, 40.0), (20.0, 0.0, 0.0)])
def test_a_first_frame_that_is_like_the_others_is_not(errors, tmp_path) -> None:
    frames = [exposure(n, p=float(n), wcs_error=(error, 0.0)) for n, error in enumerate(errors, 1)]
    assert not aligned(tmp_path, *frames).ledger.warnings
