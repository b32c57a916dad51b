"""What is particular to Flamingos-2: structure, detector, illumination, flats in the K bands, IRAF's keywords."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.shared.dq import DQ
from nightcrew.shared.errors import CalibrationError, FrameError
from nightcrew.shared.fits import write_frame
from support.runs import F2_DARK, F2_SIZE, LAMP_OFF, LAMP_ON, f2_frame, niri_frame, running

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.shared.frames import Frame

SHAPE = (32, 40)
K_BAND = {"FILTER1": "Ks_G0804"}


def small(name: str, level: float, **cards: object) -> Frame:
    """Make a prepared frame, smaller than the detector, in electrons."""
    frame = f2_frame(name, np.full(SHAPE, level, np.float32), PREPARE="done", ORIGNAME=name, **cards)
    frame.planes[0].variance = np.full(SHAPE, 4.0, np.float32)
    frame.planes[0].dq = np.zeros(SHAPE, np.uint16)
    frame.planes[0].header["BUNIT"] = "electron"
    return frame


def small_flats(count: int = 3, level: float = 1000.0, **cards: object) -> list[Frame]:
    kind = {**LAMP_OFF, "EXPTIME": 20.0, **K_BAND, **cards}
    return [small(f"S20131128S03{n:02d}.fits", level, **kind) for n in range(count)]


def small_darks(count: int = 3, level: float = 200.0, **cards: object) -> list[Frame]:
    kind = {**F2_DARK, "EXPTIME": 20.0, **cards}
    return [small(f"S20131128S04{n:02d}.fits", level, **kind) for n in range(count)]


def prepared(directory: Path, *steps: str, **cards: object) -> Frame:
    """Return a raw frame after `prepare` and some more steps."""
    with running(directory, f2_frame(**cards)) as run:
        for step in ("prepare", *steps):
            run.step(step, {})
        (frame,) = run.stream("main")
    return frame


def test_the_third_axis_of_raw_frames_goes(tmp_path) -> None:
    (plane,) = prepared(tmp_path).planes
    assert plane.data.shape == (F2_SIZE, F2_SIZE)
    assert plane.data.dtype == np.float32
    assert plane.header["NAXIS"] == 2
    assert not {"NAXIS3", "CD3_3", "RADECSYS"} & set(plane.header)
    assert plane.header["RADESYS"] == "FK5"


def test_the_whole_detector_is_what_the_sections_say(tmp_path) -> None:
    header = prepared(tmp_path).planes[0].header
    assert {header[keyword] for keyword in ("ARRAYSEC", "DATASEC", "DETSEC")} == {"[1:2048,1:2048]"}


@pytest.mark.parametrize("shape", [(1, 1024, 1024), (1, 2048, 2040), (2, 2048, 2048)])
def test_frames_of_another_size_are_refused_by_name(shape, tmp_path) -> None:
    with running(tmp_path, f2_frame(data=np.zeros(shape, np.int32))) as run, pytest.raises(FrameError) as refused:
        run.step("prepare", {})
    assert "S20131128S0001.fits" in str(refused.value)
    assert "as the archive ships it" in str(refused.value)


@pytest.mark.parametrize(
    ("lnrs", "gain", "noise", "saturation", "non_linear"),
    [(1, 4.44, 11.7, 35000, 25200), (4, 1.11, 6.0, 140000, 100800), (8, 0.555, 5.0, 280000, 201600)],
)
def test_gain_noise_and_levels_go_by_the_number_of_reads(lnrs, gain, noise, saturation, non_linear, tmp_path) -> None:
    header = prepared(tmp_path, LNRS=lnrs).planes[0].header
    assert header["GAIN"] == pytest.approx(gain)
    assert header["RDNOISE"] == noise
    assert header["SATLEVEL"] == saturation
    assert header["NONLINEA"] == non_linear


def test_exposures_added_up_in_the_controller_count_as_such(tmp_path) -> None:
    frame = prepared(tmp_path, COADDS=4, EXPTIME=15.0)
    header = frame.planes[0].header
    assert frame.phu["EXPTIME"] == 60.0
    assert describe_frame(frame).value("exposure_time") == 60.0
    assert header["RDNOISE"] == pytest.approx(2 * 11.7)
    assert header["SATLEVEL"] == 4 * 35000
    assert header["NONLINEA"] == 4 * 25200
    assert header["GAIN"] == 4.44


def test_what_saturates_one_exposure_does_not_saturate_a_sum_of_four(tmp_path) -> None:
    data = np.full((1, F2_SIZE, F2_SIZE), 1000, np.int32)
    data[0, 1000, 1000] = 40000
    for coadds, flag in ((1, DQ.SATURATED), (4, DQ.GOOD)):
        frame = prepared(tmp_path, "addDQ", data=data, COADDS=coadds)
        assert frame.planes[0].dq[1000, 1000] == flag


@pytest.mark.parametrize("step", ["addVAR", "ADUToElectrons"])
@pytest.mark.parametrize("lnrs", [3, None])
def test_a_number_of_reads_that_f2_does_not_have_is_refused_where_it_matters(step, lnrs, tmp_path) -> None:
    given = {"read_noise": True, "poisson_noise": True} if step == "addVAR" else {}
    with running(tmp_path, f2_frame(LNRS=lnrs)) as run:
        run.step("prepare", {})
        assert run.stream("main")[0].planes[0].header["SATLEVEL"] != 0
        with pytest.raises(FrameError, match=r"S20131128S0001.*is known for read mode.*LNRS"):
            run.step(step, given)


@pytest.mark.parametrize("noise", ["read, Poisson", "read"])
def test_non_linearity_is_corrected_and_only_photon_noise_grows_with_the_counts(noise, tmp_path) -> None:
    frame = small("S20131128S0001.fits", 20000.0)
    header = frame.planes[0].header
    header.update({"VARNOISE": noise, "GAIN": 1.0, "SATLEVEL": 155400.0, "NONLINEA": 111888.0})
    with running(tmp_path, frame) as run:
        run.step("nonlinearityCorrect", {})
    corrected = frame.planes[0].data[0, 0]
    assert corrected == pytest.approx(19989.1504, rel=1e-7)
    added = corrected - 20000.0 if "Poisson" in noise else 0.0
    assert frame.planes[0].variance[0, 0] == pytest.approx(max(4.0 + added, 0.0))
    assert (header["SATLEVEL"], header["NONLINEA"]) == (158140.24, 112755.758)


def test_of_a_sum_of_exposures_each_is_corrected_by_itself(tmp_path) -> None:
    frame = small("S20131128S0001.fits", 11103.33, COADDS=2, LNRS=4)
    frame.planes[0].header.update({"GAIN": 1.0, "SATLEVEL": 155400.0})
    with running(tmp_path, frame) as run:
        run.step("nonlinearityCorrect", {})
    assert frame.planes[0].data[0, 0] == pytest.approx(11100.043, rel=1e-6)
    assert frame.planes[0].header["SATLEVEL"] == 155815.925


def test_a_number_of_reads_without_coefficients_leaves_the_counts(tmp_path) -> None:
    frame = small("S20131128S0001.fits", 20000.0, LNRS=3)
    with running(tmp_path, frame) as run:
        run.step("nonlinearityCorrect", {})
        assert any("no non-linearity coefficients for read mode 3" in w for w in run.ledger.warnings)
    assert (frame.planes[0].data == 20000.0).all()


def test_behind_adaptive_optics_the_scale_of_the_coordinates_is_the_nominal_one(tmp_path) -> None:
    frame = f2_frame(AOFOLD="IN", PIXSCALE=0.09)
    with running(tmp_path, frame) as run:
        run.step("prepare", {"bad_wcs": "ignore"})
        (made,) = run.stream("main")
    assert 3600 * made.planes[0].header["CD1_2"] == pytest.approx(made.phu["PIXSCALE"])


def test_the_corners_of_a_light_frame_are_not_illuminated_and_those_of_a_dark_are_left(tmp_path) -> None:
    light = prepared(tmp_path, "addDQ").planes[0].dq
    assert light[0, 0] == light[-1, -1] == DQ.UNILLUMINATED
    assert light[1024, 1024] == DQ.GOOD
    assert np.count_nonzero(light) == 757344
    assert not prepared(tmp_path, "addDQ", **F2_DARK).planes[0].dq.any()


def thermal_flat(directory: Path, frames: list[Frame], **calibrations: Path) -> Frame:
    with running(directory, *frames, calibrations=calibrations) as run:
        run.step("makeLampFlat", {})
        (flat,) = run.stream("main")
    return flat


def test_in_the_k_bands_darks_are_subtracted_from_lamp_off_frames(tmp_path) -> None:
    flat = thermal_flat(tmp_path, [*small_flats(), *small_darks()])
    assert flat.filename == "S20131128S0300_lampstack.fits"
    assert np.allclose(flat.planes[0].data, 800.0)
    assert np.allclose(flat.planes[0].variance, 8.0 / 3)
    assert flat.phu["NCOMBINE"] == 3


def test_without_darks_in_the_list_the_associated_dark_is_subtracted(tmp_path) -> None:
    (dark,) = small_darks(1, level=300.0)
    write_frame(dark, tmp_path / dark.filename)
    flat = thermal_flat(tmp_path, small_flats(), processed_dark=tmp_path / dark.filename)
    assert flat.filename == "S20131128S0300_lampstack.fits"
    assert np.allclose(flat.planes[0].data, 700.0)
    assert flat.phu["DARKIM"] == dark.filename


def test_flats_in_a_k_band_without_any_dark_are_refused(tmp_path) -> None:
    with pytest.raises(CalibrationError, match="No processed dark listed for S20131128S0300"):
        thermal_flat(tmp_path, small_flats())


def test_darks_of_another_exposure_time_are_refused_with_both_times(tmp_path) -> None:
    with pytest.raises(FrameError, match=r"S20131128S0400.*30 s, S20131128S0300.fits 20 s"):
        thermal_flat(tmp_path, [*small_flats(), *small_darks(EXPTIME=30.0)])


def test_darks_alone_are_no_flat(tmp_path) -> None:
    with running(tmp_path, *small_darks()) as run, pytest.raises(FrameError, match=r"S20131128S0400.*no lamp-on"):
        run.step("makeLampFlat", {})
    light = small("S20131128S0500.fits", 5.0, **K_BAND)
    with pytest.raises(FrameError, match="3 darks and no flat"):
        thermal_flat(tmp_path, [light, *small_darks()])


def test_a_mixture_of_lamps_in_a_k_band_is_told(tmp_path) -> None:
    lit = small("S20131128S0399.fits", 9000.0, **LAMP_ON, **K_BAND, EXPTIME=20.0)
    odd = small("S20131128S0500.fits", 5.0)
    with running(tmp_path, *small_flats(), lit, *small_darks(), odd) as run:
        run.step("makeLampFlat", {})
        told = " ".join(run.ledger.warnings)
    assert "list only lamp-off" in told
    assert "S20131128S0500.fits: neither flat nor dark" in told


def test_in_the_other_bands_lamp_off_is_subtracted_from_lamp_on_and_darks_are_left_out(tmp_path) -> None:
    y_band = {"FILTER1": "Y_G0811", "EXPTIME": 20.0}
    lit = [small(f"S20131128S06{n:02d}.fits", 5000.0, **LAMP_ON, **y_band) for n in range(2)]
    with running(tmp_path, *small_flats(2, FILTER1="Y_G0811"), *lit, *small_darks(1)) as run:
        run.step("makeLampFlat", {})
        (flat,) = run.stream("main")
        assert any("S20131128S0400.fits: neither lamp-on nor lamp-off" in w for w in run.ledger.warnings)
    assert flat.filename == "S20131128S0600_lampstack.fits"
    assert np.allclose(flat.planes[0].data, 4000.0)


def test_bad_pixels_are_beyond_the_limits_of_f2(tmp_path) -> None:
    flat, dark = small("S20131128S0300.fits", 1.0, **LAMP_ON), small("S20131128S0400.fits", 0.0, **F2_DARK)
    lit, unlit = flat.planes[0].data.copy(), dark.planes[0].data.copy()
    lit[0, :4] = 0.67, 0.69, 1.27, 1.29
    unlit[1, :4] = -151, -149, 3049, 3051
    flat.planes[0].data, dark.planes[0].data = lit, unlit
    with running(tmp_path, flat) as run:
        run.streams["darks"] = [dark]
        run.step("makeBPM", {})
        (mask,) = run.stream("main")
    assert np.argwhere(mask.planes[0].data).tolist() == [[0, 0], [0, 3], [1, 0], [1, 3]]


def test_a_mask_needs_short_darks(tmp_path) -> None:
    with (
        running(tmp_path, small("S20131128S0300.fits", 1.0, **LAMP_ON)) as run,
        pytest.raises(FrameError, match="DARKS"),
    ):
        run.step("makeBPM", {})


def test_irafs_tasks_find_the_coordinates_of_f2_in_the_primary_header(tmp_path) -> None:
    frame = small("S20131128S0001_image.fits", 5.0)
    frame.planes[0].objmask = np.zeros(SHAPE, np.uint8)
    with running(tmp_path, frame) as run:
        run.step("makeIRAFCompatible", {"delvar": True, "deldq": True, "delobjmask": True})
    assert frame.phu["CRVAL1"] == frame.planes[0].header["CRVAL1"]
    assert frame.phu["CTYPE2"] == "DEC--TAN"
    assert frame.phu["NSCIEXT"] == 1
    assert "IRAFCOMP" in frame.phu
    assert [frame.planes[0].has(name) for name in ("variance", "dq", "objmask")] == [False] * 3


def test_for_iraf_a_niri_frame_is_only_stamped(tmp_path) -> None:
    frame = niri_frame(PREPARE="done")
    with running(tmp_path, frame) as run:
        run.step("makeIRAFCompatible", {})
    assert "IRAFCOMP" in frame.phu
    assert "NSCIEXT" not in frame.phu
    assert frame.filename == "N20160102S0001.fits"
