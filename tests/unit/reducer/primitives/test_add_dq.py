"""addDQ: levels, masks, persistence, illumination."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from nightcrew.reducer.illumination import f2_imaging_mask
from nightcrew.shared.dq import DQ
from nightcrew.shared.errors import CalibrationError, FrameError, ShapeMismatch
from nightcrew.shared.fits import write_frame
from support.runs import DARK, f2_frame, niri_frame, running

if TYPE_CHECKING:
    from pathlib import Path


def mask_file(directory: Path, size: int = 256) -> Path:
    pixels = np.zeros((size, size), np.int16)
    pixels[size // 2, size // 2 + 10] = 1
    mask = niri_frame("N1_bpm.fits", pixels.astype(np.float32), BPMASK="x")
    if size == 1024:
        mask.planes[0].header["HIROW"] = mask.planes[0].header["HICOL"] = 1023
    mask.planes[0].data = pixels
    path = directory / "N1_bpm.fits"
    write_frame(mask, path)
    return path


def flags_after(directory, *frames, user=(), steps=("prepare", "addDQ"), mode="sq"):
    with running(directory, *frames, user=user, mode=mode) as run:
        for step in steps:
            run.step(step, {})
        return [frame.planes[0].dq for frame in run.stream("main")], run


def test_levels_are_flagged(tmp_path) -> None:
    data = np.full((256, 256), 100.0, np.float32)
    data[5, 5], data[6, 6] = 12000.0, 16260.0
    (dq,), _ = flags_after(tmp_path, niri_frame(data=data))
    assert dq[5, 5] == DQ.NON_LINEAR
    assert dq[6, 6] == DQ.SATURATED
    assert np.count_nonzero(dq) == 2


def test_pixels_that_are_no_numbers_become_no_data_and_zero(tmp_path) -> None:
    data = np.full((256, 256), 100.0, np.float32)
    data[3, 4], data[3, 5] = np.nan, np.inf
    with running(tmp_path, niri_frame(data=data)) as run:
        run.step("prepare", {})
        run.step("addDQ", {})
        plane = run.stream("main")[0].planes[0]
        assert (plane.dq[3, 4:6] == DQ.NO_DATA).all()
        assert (plane.data[3, 4:6] == 0).all()
        assert any("2 pixels are not finite" in w for w in run.ledger.warnings)


def test_a_users_mask_is_cut_out_for_a_sub_array(tmp_path) -> None:
    path = mask_file(tmp_path, 1024)
    (dq,), run = flags_after(tmp_path, niri_frame(), user=(f"addDQ:user_bpm={path}",))
    assert dq[128, 138] == DQ.BAD_PIXEL
    assert run.stream("main")[0].provenance[-1].added_by == "addDQ"


def test_a_mask_of_another_region_is_refused(tmp_path) -> None:
    path = mask_file(tmp_path, 128)
    with pytest.raises(ShapeMismatch, match="does not cover"):
        flags_after(tmp_path, niri_frame(), user=(f"addDQ:user_bpm={path}",))


def test_a_mask_that_is_not_there_is_an_error(tmp_path) -> None:
    with pytest.raises(CalibrationError, match="nosuch.fits"):
        flags_after(tmp_path, niri_frame(), user=("addDQ:user_bpm=nosuch.fits",))


def test_what_was_saturated_shortly_before_is_flagged_as_persistent(tmp_path) -> None:
    bright = np.full((256, 256), 100.0, np.float32)
    bright[10, 10] = 17000.0
    frames = [
        niri_frame("N20160102S0001.fits", bright, UT="09:10:00.0"),
        niri_frame("N20160102S0002.fits", UT="09:11:00.0"),
        niri_frame("N20160102S0003.fits", UT="09:12:30.0"),
    ]
    (first, second, third), _ = flags_after(tmp_path, *frames, user=("bad_wcs=ignore",))
    assert first[10, 10] == DQ.SATURATED
    assert second[10, 10] == DQ.COSMIC_RAY
    assert third[10, 10] == 0


def test_the_second_mask_of_a_frame_is_refused(tmp_path) -> None:
    _, run = flags_after(tmp_path, niri_frame(), steps=("prepare", "addDQ", "addDQ"))
    assert any("already been processed by addDQ" in w for w in run.ledger.warnings)


def test_darks_are_not_illuminated_and_need_no_mask(tmp_path) -> None:
    (dq,), _ = flags_after(tmp_path, niri_frame(**DARK), user=("addDQ:add_illum_mask=True",))
    assert not dq.any()


def test_the_f2_field_is_a_circle() -> None:
    mask = f2_imaging_mask()
    assert mask.shape == (2048, 2048)
    assert set(np.unique(mask)) == {0, 64}
    assert np.count_nonzero(mask) == 757344
    assert mask[1054, 1049] == 0
    assert mask[2047, 0] == 64


def test_a_mask_of_the_illumination_flags_what_is_not_lit(tmp_path) -> None:
    mask = niri_frame("N9_illum.fits", np.eye(256, dtype=np.float32))
    write_frame(mask, tmp_path / "N9_illum.fits")
    given = f"addDQ:illum_mask={tmp_path / 'N9_illum.fits'}"
    (dq,), _ = flags_after(tmp_path, niri_frame(), user=(given, "addDQ:add_illum_mask=True"))
    assert dq[7, 7] == DQ.UNILLUMINATED
    assert np.count_nonzero(dq) == 256


def test_a_mask_that_is_named_replaces_the_static_one(tmp_path) -> None:
    (dq,), _ = flags_after(tmp_path, niri_frame(), user=(f"addDQ:static_bpm={mask_file(tmp_path)}",))
    assert dq[128, 138] == DQ.BAD_PIXEL


@pytest.mark.parametrize("value", [100.0, 0.97])
def test_an_image_in_place_of_a_mask_is_refused(value: float, tmp_path) -> None:
    pixels = np.full((256, 256), value, np.float32)
    write_frame(niri_frame("N9.fits", pixels), tmp_path / "N9.fits")
    with pytest.raises(CalibrationError, match=r"N9\.fits: is no bad-pixel mask"):
        flags_after(tmp_path, niri_frame(), user=(f"addDQ:user_bpm={tmp_path / 'N9.fits'}",))


def test_flags_that_are_there_already_stay_and_it_is_told(tmp_path) -> None:
    frame = niri_frame()
    frame.planes[0].dq = np.full((256, 256), DQ.COSMIC_RAY, np.uint16)
    (dq,), run = flags_after(tmp_path, frame)
    assert (dq == DQ.COSMIC_RAY).all()
    assert any("a mask already exists in extension 1" in text for text in run.ledger.warnings)


def test_a_users_illumination_mask_is_laid_over(tmp_path) -> None:
    mask = niri_frame("N1_illum.fits", np.zeros((256, 256), np.float32))
    mask.planes[0].data[:5] = 1.0
    write_frame(mask, tmp_path / "N1_illum.fits")
    user = ("addDQ:add_illum_mask=True", f"addDQ:illum_mask={tmp_path / 'N1_illum.fits'}")
    (dq,), _ = flags_after(tmp_path, niri_frame(), user=user)
    assert (dq[:5] == DQ.UNILLUMINATED).all()
    assert not dq[5:].any()


def test_the_illumination_mask_of_f2_is_for_whole_frames(tmp_path) -> None:
    frame = f2_frame(data=np.zeros((64, 64), np.float32))
    with running(tmp_path, frame) as run, pytest.raises(FrameError, match="64 x 64 pixels, the illumination mask has"):
        run.step("addIllumMaskToDQ", {})


def test_a_mask_without_the_extension_covers_nothing(tmp_path) -> None:
    path = mask_file(tmp_path)
    double = niri_frame()
    double.planes.append(double.planes[0].copy())
    with pytest.raises(ShapeMismatch, match="N1_bpm.fits: does not cover.*no such extension"):
        flags_after(tmp_path, double, user=(f"addDQ:user_bpm={path}",), steps=("addDQ",))
