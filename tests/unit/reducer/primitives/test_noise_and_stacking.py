"""Noise, gain and combination where headers or frames are not as one would wish."""

from __future__ import annotations

import numpy as np
import pytest

from nightcrew.reducer.primitives.stacking import parse_section
from nightcrew.shared.errors import FrameError, RecipeError
from nightcrew.shared.frames import HistoryRow
from support.runs import DARK, LAMP_ON, f2_frame, niri_frame, running

STRANGE = {"LNRS": 7, "NDAVGS": 3}
"""A way of reading the detector that no table knows."""


def frames(count: int = 3, **cards):
    return [
        niri_frame(f"N{n}.fits", np.full((256, 256), 100.0 * n, np.float32), ORIGNAME=f"N{n}.fits", **cards)
        for n in range(1, count + 1)
    ]


def test_noise_that_nobody_knows_is_refused_by_name(tmp_path) -> None:
    frame = f2_frame("S1.fits", np.full((64, 64), 100.0, np.float32), LNRS=3)
    with running(tmp_path, frame) as run, pytest.raises(FrameError, match=r"S1\.fits: no read noise.*LNRS, NDAVGS"):
        run.step("addVAR", {"read_noise": True})


def test_a_variance_without_noise_is_told_and_noise_is_not_added_twice(tmp_path) -> None:
    with running(tmp_path, niri_frame("N1.fits")) as run:
        run.step("prepare", {})
        run.step("addVAR", {})
        assert "nothing to add" in run.ledger.warnings[-1]
        run.step("addVAR", {"read_noise": True})
        once = run.stream("main")[0].planes[0].variance
        run.step("addVAR", {"read_noise": True})
        assert run.stream("main")[0].planes[0].variance is once
        assert "already contains read noise" in run.ledger.warnings[-1]


def test_electrons_stay_electrons(tmp_path) -> None:
    with running(tmp_path, niri_frame("N1.fits", np.full((256, 256), 100.0, np.float32))) as run:
        run.step("prepare", {})
        run.step("ADUToElectrons", {})
        done = run.stream("main")[0]
        del done.phu["ADUTOELE"]
        data = done.planes[0].data
        run.step("ADUToElectrons", {})
        assert run.stream("main")[0].planes[0].data is data
        assert "already in electrons" in run.ledger.warnings[-1]


def test_counts_without_coefficients_are_left_with_a_caveat(tmp_path) -> None:
    frame = niri_frame("N1.fits", np.full((256, 256), 100.0, np.float32), **STRANGE)
    with running(tmp_path, frame) as run:
        run.step("nonlinearityCorrect", {})
        assert "no non-linearity coefficients" in run.ledger.warnings[0]
        assert np.all(run.stream("main")[0].planes[0].data == 100.0)


def test_exposures_beyond_the_range_of_the_correction_are_told(tmp_path) -> None:
    with running(tmp_path, niri_frame("N1.fits", EXPTIME=900.0)) as run:
        run.step("nonlinearityCorrect", {})
        assert "900 s are beyond the range" in run.ledger.warnings[0]


def test_more_extremes_than_frames_are_refused_or_in_qa_not_rejected(tmp_path) -> None:
    given = {"reject_method": "minmax", "nlow": 2, "nhigh": 1}
    with running(tmp_path, *frames()) as run, pytest.raises(RecipeError, match="Only 3 images but nlow=2 and nhigh=1"):
        run.step("stackFrames", given)
    with running(tmp_path, *frames(), mode="qa") as run:
        run.step("stackFrames", given)
        assert np.all(run.stream("main")[0].planes[0].data == 200.0)


def test_clipping_by_variance_without_variance_becomes_sigma_clipping(tmp_path) -> None:
    with running(tmp_path, *frames()) as run:
        run.step("stackFrames", {"reject_method": "varclip"})
        assert "sigclip is used" in run.ledger.warnings[0]


def test_of_scale_and_zero_one_is_done(tmp_path) -> None:
    with running(tmp_path, *frames()) as run:
        run.step("stackFrames", {"scale": True, "zero": True, "reject_method": "none"})
        assert "Setting scale=False" in run.ledger.warnings[0]
        assert np.allclose(run.stream("main")[0].planes[0].data, 100.0)


def test_frames_of_different_gain_keep_their_harmonic_mean(tmp_path) -> None:
    made = frames(2, PREPARE="done")
    for frame, gain in zip(made, (1.0, 3.0), strict=True):
        frame.planes[0].header["GAIN"] = gain
    with running(tmp_path, *made) as run:
        run.step("stackFrames", {"reject_method": "none"})
        assert run.stream("main")[0].planes[0].header["GAIN"] == pytest.approx(1.5)
        assert "different gains" in run.ledger.warnings[0]


def test_frames_with_other_numbers_of_extensions_are_refused(tmp_path) -> None:
    first, second = frames(2)
    second.planes.append(second.planes[0].copy())
    with running(tmp_path, first, second) as run, pytest.raises(FrameError, match="number of extensions"):
        run.step("stackFrames", {})


def test_flats_are_stacked_without_their_extremes(tmp_path) -> None:
    with running(tmp_path, *frames(4, **LAMP_ON)) as run:
        run.step("stackFlats", {})
        assert np.all(run.stream("main")[0].planes[0].data == 250.0)


@pytest.mark.parametrize("text", ["", "1:5", "5:1,1:5", "0:4,1:5", "a:b,c:d"])
def test_a_section_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(RecipeError, match="is not x1:x2,y1:y2"):
        parse_section(text)


def test_a_section_is_one_based_and_inclusive() -> None:
    assert parse_section("[1:4,3:8]") == (slice(2, 8), slice(0, 4))


def test_limits_that_would_have_to_be_measured_are_refused(tmp_path) -> None:
    with (
        running(tmp_path, niri_frame("N1.fits", **LAMP_ON)) as run,
        pytest.raises(RecipeError, match="override_thresh"),
    ):
        run.step("makeBPM", {"override_thresh": False})


def test_unlit_pixels_keep_their_own_flag_in_a_mask_if_asked(tmp_path) -> None:
    flat, dark = niri_frame("N1.fits", np.ones((256, 256), np.float32), **LAMP_ON), niri_frame("N2.fits", **DARK)
    dark.planes[0].data = np.zeros((256, 256), np.float32)
    flat.planes[0].dq = np.zeros((256, 256), np.uint16)
    flat.planes[0].dq[0, 0] = 64
    flat.planes[0].data[0, 0] = 0.0
    with running(tmp_path, flat) as run:
        run.streams["darks"] = [dark]
        run.step("makeBPM", {"keep_unilluminated": True, "flat_lo_thresh": 0.5})
        mask = run.stream("main")[0].planes[0].data
        assert (mask[0, 0], np.count_nonzero(mask)) == (64, 1)


def test_darks_of_another_region_make_no_mask(tmp_path) -> None:
    flat, dark = niri_frame("N1.fits", **LAMP_ON), niri_frame("N2.fits", np.zeros((128, 128), np.float32), **DARK)
    with running(tmp_path, flat) as run:
        run.streams["darks"] = [dark]
        with pytest.raises(FrameError, match=r"N2\.fits: 128 x 128 pixels, N1\.fits has 256 x 256"):
            run.step("makeBPM", {})


def test_a_stack_has_each_step_as_often_as_its_frames_went_through_it(tmp_path) -> None:
    once, twice = HistoryRow("prepare", "{}", "12:00", "12:00"), HistoryRow("align", "{}", "12:00", "12:00")
    made = frames(2)
    for frame in made:
        frame.history = [once, twice, twice]
    with running(tmp_path, *made) as run:
        run.step("stackFrames", {"reject_method": "none"})
        assert run.stream("main")[0].history[:-1] == [once, twice, twice]
