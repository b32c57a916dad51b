"""resampleToCommonFrame: the grid, the pixels, the headers."""

from __future__ import annotations

import numpy as np
import pytest

from nightcrew.reducer.geometry import tangent_plane
from nightcrew.shared.dq import DQ
from nightcrew.shared.errors import FrameError
from nightcrew.shared.fits import write_frame
from support.fields import exposure
from support.runs import SCALE, running


def resampled(directory, *frames, user=()):
    with running(directory, *frames, user=user) as run:
        run.step("resampleToCommonFrame", {})
        return run


def warned(run, text: str) -> bool:
    return any(text in warning for warning in run.ledger.warnings)


def dither(shift=(10.3, 5.6)):
    dx, dy = shift
    return [exposure(1, sky=0.0), exposure(2, sky=0.0, p=-dx * SCALE, q=-dy * SCALE)]


def test_all_frames_come_to_lie_on_the_grid_of_the_first_enlarged_to_hold_them_all(tmp_path) -> None:
    frames = dither()
    resampled(tmp_path, *frames)
    # The second frame's stars are 10.3 pixels to the left, 5.6 up: it shows 10 columns more right, 5 rows more below.
    assert [frame.planes[0].shape for frame in frames] == [(133, 138)] * 2
    first, second = (frame.planes[0].data for frame in frames)
    covered = (frames[0].planes[0].dq == 0) & (frames[1].planes[0].dq == 0)
    assert np.std((first - second)[covered]) < 20
    assert tangent_plane(frames[0]) == tangent_plane(frames[1])
    assert (frames[1].planes[0].dq[first == 0] & DQ.NO_DATA).any()
    assert frames[0].filename == "N20160102S0001_align.fits"


def test_a_shift_by_whole_pixels_is_a_copy_to_the_last_row(tmp_path) -> None:
    frames = dither((10.0, -5.0))
    original = frames[1].planes[0].data
    resampled(tmp_path, *frames)
    plane = frames[1].planes[0]
    assert np.array_equal(plane.data[plane.dq == 0], original.ravel())


def test_the_header_tells_which_part_of_the_image_the_frame_covers(tmp_path) -> None:
    frames = dither()
    frames[1].planes[0].header["FRMNAME"] = "raw"
    resampled(tmp_path, *frames)
    header = frames[1].planes[0].header
    assert "FRMNAME" not in header
    assert header["DATASEC"] == "[1:138,1:133]"
    assert header["AREATYPE"] == "P4"
    assert (header["AREA1_1"], header["AREA1_2"]) == pytest.approx((11.3, 0.4), abs=1e-3)
    assert (header["AREA4_1"], header["AREA4_2"]) == pytest.approx((138.3, 127.4), abs=1e-3)
    assert header["JFACTOR"] == pytest.approx(1.0)
    assert header["DETSEC"] == "[449:576,449:576]"


def test_the_catalogue_moves_along(tmp_path) -> None:
    frames = dither()
    with running(tmp_path, *frames, user=("detectSources:detect_minarea=10",)) as run:
        run.step("detectSources", {})
        run.step("resampleToCommonFrame", {})
    positions = [np.sort(frame.planes[0].objcat.rows["X_IMAGE"]) for frame in frames]
    assert positions[1] == pytest.approx(positions[0][-len(positions[1]) :], abs=0.1)
    expected = tangent_plane(frames[1]).sky(*(frames[1].planes[0].objcat.rows[n] - 1.0 for n in ("X_IMAGE", "Y_IMAGE")))
    assert frames[1].planes[0].objcat.rows["X_WORLD"] == pytest.approx(expected[0], abs=1e-7)
    assert frames[1].planes[0].objmask.dtype == np.uint8


def test_a_trimmed_image_has_the_grid_of_the_first(tmp_path) -> None:
    frames = dither()
    resampled(tmp_path, *frames, user=("trim_data=True",))
    assert [frame.planes[0].shape for frame in frames] == [(128, 128)] * 2


def test_another_image_may_give_the_grid(tmp_path) -> None:
    reference, frame = dither()
    write_frame(reference, tmp_path / "reference.fits")
    resampled(tmp_path, frame, user=(f"reference={tmp_path / 'reference.fits'}",))
    assert frame.planes[0].shape == (128, 128)
    assert tangent_plane(frame).origin == pytest.approx(tangent_plane(reference).origin)


@pytest.mark.parametrize("interpolant", ["nearest", "linear", "poly5", "spline3"])
def test_flux_is_conserved_by_every_interpolant(interpolant: str, tmp_path) -> None:
    frames = dither()
    resampled(tmp_path, *frames, user=(f"interpolant={interpolant}",))
    assert frames[1].planes[0].data.sum() == pytest.approx(frames[0].planes[0].data.sum(), rel=0.02)


def test_flagged_pixels_are_replaced_before_where_asked(tmp_path) -> None:
    frames = dither()
    plane = frames[1].planes[0]
    spoiled, dq = plane.data.copy(), np.zeros((128, 128), np.uint16)
    spoiled[64, 64], dq[64, 64] = 1e6, DQ.BAD_PIXEL
    plane.data, plane.dq = spoiled, dq
    unflagged = exposure(3, sky=0.0, p=-10.3 * SCALE)
    unflagged.planes[0].dq = None
    resampled(tmp_path, *frames, unflagged, user=("clean_data=True",))
    assert frames[1].planes[0].data.max() < 1e4
    assert np.count_nonzero(frames[1].planes[0].dq & DQ.BAD_PIXEL) == 16


def test_pixels_that_are_no_numbers_are_reported(tmp_path) -> None:
    frames = dither()
    data = frames[1].planes[0].data.copy()
    data[3, 3] = np.nan
    frames[1].planes[0].data = data
    run = resampled(tmp_path, *frames)
    assert warned(run, "N20160102S0002.fits: 1 pixels that are no numbers")


def test_a_projection_that_an_affine_map_cannot_follow_is_reported(tmp_path) -> None:
    frames = dither()
    for keyword, value in (("CD1_1", -0.05), ("CD2_2", 0.05)):
        frames[1].planes[0].header[keyword] = value
        frames[0].planes[0].header[keyword] = value
    frames[1].planes[0].header["CRVAL2"] += 2.0
    run = resampled(tmp_path, *frames, user=("trim_data=True", "force_affine=False"))
    assert warned(run, "pixels at a corner")
    assert warned(run, "has no effect")


def test_frames_without_variance_or_company_or_of_several_extensions(tmp_path) -> None:
    frames = dither()
    for frame in frames:
        frame.planes[0].variance = None
    resampled(tmp_path, *frames)
    assert frames[1].planes[0].variance is None
    alone = exposure(3)
    assert warned(resampled(tmp_path, alone), "nothing to be aligned with")
    assert alone.filename == "N20160102S0003.fits"
    frames[1].planes.append(frames[1].planes[0].copy())
    with pytest.raises(FrameError, match="2 science extensions"):
        resampled(tmp_path, *frames)
