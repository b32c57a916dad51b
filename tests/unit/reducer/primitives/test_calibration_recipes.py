"""From raw frames to masters, small: what comes out, and what bad input leads to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nightcrew.reducer.engine.memory import Memory
from nightcrew.reducer.engine.reduction import Request, reduce
from nightcrew.reducer.engine.run import Surroundings, user_parameters
from nightcrew.reducer.engine.store import Directory
from nightcrew.shared.calibrations import Chosen
from nightcrew.shared.dq import DQ
from nightcrew.shared.fits import Scratch, open_frame, write_frame
from nightcrew.shared.outcomes import Status
from support.runs import DARK, LAMP_OFF, LAMP_ON, niri_frame, running

RNG = np.random.default_rng(7)


def write(directory: Path, frame) -> Path:
    path = directory / frame.filename
    write_frame(frame, path)
    return path


def noise(level: float, shape=(256, 256)) -> np.ndarray:
    return RNG.normal(level, 3.0, shape).astype(np.float32)


def darks(directory: Path, count: int = 3, level: float = 20.0, **cards) -> list[Path]:
    return [
        write(directory, niri_frame(f"N20160102S01{n:02d}.fits", noise(level), **{**DARK, **cards}))
        for n in range(count)
    ]


def flats(directory: Path, on: int = 3, off: int = 3) -> list[Path]:
    lit = [niri_frame(f"N20160102S02{n:02d}.fits", noise(4000.0), **LAMP_ON, EXPTIME=5.0) for n in range(on)]
    unlit = [niri_frame(f"N20160102S03{n:02d}.fits", noise(500.0), **LAMP_OFF, EXPTIME=5.0) for n in range(off)]
    return [write(directory, frame) for frame in (*unlit, *lit)]


def run(directory: Path, files, *user: str, recipe=None, calibrations=None, mode="sq", suffix=None):
    with Scratch(directory) as scratch:
        around = Surroundings(Chosen(calibrations or {}), Directory(directory), Memory(1 << 30, scratch))
        return reduce(Request(tuple(files), recipe, tuple(user_parameters(user)), mode, suffix), around)


def test_a_master_dark_is_stored_named_and_labelled(tmp_path) -> None:
    result = run(tmp_path, darks(tmp_path))
    assert result.outcome.products == ("N20160102S0100_dark.fits",)
    stored = tmp_path / "calibrations" / "processed_dark" / "N20160102S0100_dark.fits"
    assert stored.read_bytes() == (tmp_path / "N20160102S0100_dark.fits").read_bytes()
    dark = open_frame(stored)
    assert dark.phu["DATALAB"] == "GN-2016A-Q-1-1-001-SQ-DARK"
    assert dark.phu["NCOMBINE"] == 3
    assert dark.phu["IMCMB003"] == "N20160102S0102.fits"
    assert "PROCDARK" in dark.phu
    assert [row.primitive for row in dark.history][-2:] == ["stackDarks", "storeProcessedDark"]
    assert [row.filename for row in dark.provenance] == [f"N20160102S010{n}.fits" for n in range(3)]
    assert dark.planes[0].data.mean() == pytest.approx(20 * 12.3, rel=0.02)
    expected = (35.0**2 + 20 * 12.3) / 3
    assert np.median(dark.planes[0].variance) == pytest.approx(expected, rel=0.03)


def test_a_quick_look_product_bears_its_mode(tmp_path) -> None:
    assert run(tmp_path, darks(tmp_path), mode="ql").outcome.products == ("N20160102S0100_ql_dark.fits",)


def test_a_suffix_of_the_users_own_replaces_the_products(tmp_path) -> None:
    assert run(tmp_path, darks(tmp_path), suffix="_test").outcome.products == ("N20160102S0100_test.fits",)


def test_a_single_dark_becomes_a_master_with_a_caveat(tmp_path) -> None:
    result = run(tmp_path, darks(tmp_path, 1))
    assert result.outcome.ok
    assert any("only input" in c for c in result.outcome.caveats)


def test_darks_of_different_exposure_are_refused_by_name(tmp_path) -> None:
    files = [*darks(tmp_path), write(tmp_path, niri_frame("N20160102S0999.fits", noise(20), **DARK, EXPTIME=21.0))]
    outcome = run(tmp_path, files).outcome
    assert outcome.status is Status.UNPROCESSABLE
    assert "N20160102S0999" in outcome.reason
    assert "equal exposure time" in outcome.reason
    assert not list(tmp_path.glob("*_dark.fits"))


def test_a_light_frame_among_the_darks_is_refused_by_name(tmp_path) -> None:
    files = [*darks(tmp_path), write(tmp_path, niri_frame("N20160102S0999.fits", noise(20)))]
    assert "N20160102S0999" in run(tmp_path, files).outcome.reason


def test_a_flat_is_normalised_and_named_after_its_first_lamp_on_frame(tmp_path) -> None:
    result = run(tmp_path, flats(tmp_path))
    assert result.outcome.products == ("N20160102S0200_flat.fits",)
    flat = open_frame(tmp_path / "N20160102S0200_flat.fits")
    assert np.median(flat.planes[0].data) == pytest.approx(1.0, abs=1e-4)
    assert len(flat.provenance) == 6


def test_lamp_off_frames_alone_are_no_flat(tmp_path) -> None:
    outcome = run(tmp_path, flats(tmp_path, on=0)).outcome
    assert outcome.status is Status.UNPROCESSABLE
    assert "no lamp-on frame" in outcome.reason
    assert not list(tmp_path.glob("*_flat.fits"))


def test_lamp_on_frames_alone_are_a_flat_with_a_caveat(tmp_path) -> None:
    result = run(tmp_path, flats(tmp_path, off=0))
    assert result.outcome.ok
    assert any("no lamp-off" in c for c in result.outcome.caveats)


def test_a_flat_without_light_is_refused(tmp_path) -> None:
    files = [write(tmp_path, niri_frame(f"N20160102S02{n:02d}.fits", noise(500), **LAMP_ON)) for n in range(2)]
    files += [write(tmp_path, niri_frame(f"N20160102S03{n:02d}.fits", noise(900), **LAMP_OFF)) for n in range(2)]
    assert "needs light" in run(tmp_path, files).outcome.reason


def test_a_mask_marks_hot_dead_and_undefined_pixels(tmp_path) -> None:
    files = flats(tmp_path) + darks(tmp_path, EXPTIME=1.0, level=30.0)
    for path in files:
        frame = open_frame(path)
        data = frame.planes[0].data.copy()
        data[7, 7] = np.nan
        if "GCALLAMP" in frame.phu:
            data[5, 5] = 500.0
        else:
            data[6, 6] = 200.0
        frame.planes[0].data = data
        write_frame(frame, path)
    result = run(tmp_path, files, recipe="makeProcessedBPM")
    assert result.outcome.products == ("N20160102S0200_bpm.fits",)
    mask = open_frame(tmp_path / "N20160102S0200_bpm.fits")
    assert np.argwhere(mask.planes[0].data).tolist() == [[5, 5], [6, 6], [7, 7]]
    assert mask.phu["OBJECT"] == "BPM"
    assert not mask.planes[0].has("variance")


@pytest.mark.parametrize(("drop", "word"), [("darks", "DARKS"), ("flats", "FLATS")])
def test_a_mask_needs_flats_and_darks(drop: str, word: str, tmp_path) -> None:
    files = [] if drop == "flats" else flats(tmp_path)
    files += [] if drop == "darks" else darks(tmp_path)
    outcome = run(tmp_path, files, recipe="makeProcessedBPM").outcome
    assert outcome.status is Status.UNPROCESSABLE
    if drop == "darks":
        assert word in outcome.reason
    else:
        assert "makeProcessedBPM" in outcome.reason


def test_limits_the_wrong_way_round_are_refused(tmp_path) -> None:
    files = flats(tmp_path) + darks(tmp_path)
    outcome = run(tmp_path, files, "makeBPM:dark_lo_thresh=2000", recipe="makeProcessedBPM").outcome
    assert "greater than dark_lo_thresh" in outcome.reason


@pytest.mark.parametrize(
    ("user", "text"),
    [
        ("adddq:user_bpm=x", "did you mean addDQ"),
        ("user_bmp=x", "did you mean user_bpm"),
        ("addVAR:read_noise=maybe", "addVAR:read_noise=maybe"),
        ("stackDarks:nosuch=1", "nosuch not recognized"),
    ],
)
def test_mistyped_parameters_are_refused_before_anything_runs(user: str, text: str, tmp_path) -> None:
    outcome = run(tmp_path, darks(tmp_path), user).outcome
    assert outcome.status is Status.UNPROCESSABLE
    assert text in outcome.reason


def test_an_unknown_recipe_is_refused_with_those_that_exist(tmp_path) -> None:
    reason = run(tmp_path, darks(tmp_path), recipe="makeDark").outcome.reason
    assert "makeDark" in reason
    assert "makeProcessedDark" in reason


def test_a_function_can_be_the_recipe(tmp_path) -> None:
    def mine(p) -> None:
        p.prepare()
        p.stackFrames()

    assert run(tmp_path, darks(tmp_path), recipe=mine).outcome.products == ("N20160102S0100_stack.fits",)


def test_a_primitive_can_be_the_recipe(tmp_path) -> None:
    outcome = run(tmp_path, darks(tmp_path, 1), recipe="prepare").outcome
    assert outcome.products == ("N20160102S0100_prepared.fits",)


def test_a_check_that_changes_nothing_succeeds_without_a_product(tmp_path) -> None:
    science = write(tmp_path, niri_frame())
    outcome = run(tmp_path, [science], recipe="checkWCS").outcome
    assert outcome.status is Status.SUCCEEDED
    assert outcome.products == ()
    wrong = write(tmp_path, niri_frame("N20160102S0002.fits", RA=151.0))
    frame = open_frame(wrong)
    frame.planes[0].header["CRVAL1"] = 150.0
    write_frame(frame, wrong)
    outcome = run(tmp_path, [wrong], recipe="checkWCS").outcome
    assert outcome.ok
    assert any("N20160102S0002" in caveat for caveat in outcome.caveats)


def test_unreadable_files_are_named_and_the_others_reduced(tmp_path) -> None:
    files = darks(tmp_path)
    files[1].write_bytes(files[1].read_bytes()[:10000])
    (tmp_path / "text.fits").write_text("not a FITS file")
    result = run(tmp_path, [*files, tmp_path / "text.fits", tmp_path / "absent.fits"])
    assert result.outcome.ok
    assert open_frame(tmp_path / "N20160102S0100_dark.fits").phu["NCOMBINE"] == 2
    told = " ".join(result.outcome.caveats)
    assert all(name in told for name in (files[1].name, "text.fits", "absent.fits"))


def test_nothing_readable_and_nothing_given_are_refused(tmp_path) -> None:
    assert "no input can be read" in run(tmp_path, [tmp_path / "absent.fits"]).outcome.reason
    assert "no input files" in run(tmp_path, []).outcome.reason


def test_frames_of_other_shapes_are_not_stacked(tmp_path) -> None:
    files = darks(tmp_path, 2)
    files.append(write(tmp_path, niri_frame("N20160102S0999.fits", noise(20, (512, 512)), **DARK)))
    outcome = run(tmp_path, files).outcome
    assert "N20160102S0999" in outcome.reason
    assert "512 x 512" in outcome.reason


def test_a_dark_is_subtracted_and_a_flat_divided(tmp_path) -> None:
    run(tmp_path, darks(tmp_path))
    run(tmp_path, flats(tmp_path))
    calibrations = {
        "processed_dark": tmp_path / "N20160102S0100_dark.fits",
        "processed_flat": tmp_path / "N20160102S0200_flat.fits",
    }
    with running(tmp_path, niri_frame(data=noise(120.0)), calibrations=calibrations) as work:
        for step in ("prepare", "addDQ", "ADUToElectrons"):
            work.step(step, {})
        work.step("addVAR", {"read_noise": True, "poisson_noise": True})
        before = work.stream("main")[0].planes[0].variance
        work.step("darkCorrect", {})
        work.step("flatCorrect", {})
        frame = work.stream("main")[0]
    assert np.median(frame.planes[0].data) == pytest.approx(100 * 12.3, rel=0.01)
    assert (frame.planes[0].variance > before * 0.9).all()
    assert frame.phu["DARKIM"] == "N20160102S0100_dark.fits"
    assert frame.phu["FLATIM"] == "N20160102S0200_flat.fits"
    assert frame.filename.endswith("_flatCorrected.fits")


def test_a_missing_dark_is_an_error_in_sq_and_a_warning_in_ql(tmp_path) -> None:
    science = write(tmp_path, niri_frame(data=noise(120.0)))
    outcome = run(tmp_path, [science], "removeFirstFrame:remove_first=False").outcome
    assert outcome.status is Status.UNPROCESSABLE
    assert "No processed dark listed for" in outcome.reason
    assert "do_cal=skip" in outcome.reason
    with running(tmp_path, niri_frame(), mode="ql") as work:
        work.step("prepare", {})
        work.step("darkCorrect", {})
        assert any("no dark was specified" in w for w in work.ledger.warnings)
        assert "DARKCORR" not in work.stream("main")[0].phu


def test_a_flat_of_another_filter_is_refused(tmp_path) -> None:
    run(tmp_path, flats(tmp_path))
    science = write(tmp_path, niri_frame(data=noise(120.0), FILTER1="J_G0202"))
    outcome = run(
        tmp_path,
        [science],
        "darkCorrect:do_cal=skip",
        "removeFirstFrame:remove_first=False",
        calibrations={"processed_flat": tmp_path / "N20160102S0200_flat.fits"},
    ).outcome
    assert "filter" in outcome.reason
    assert "J_G0202" in outcome.reason


def test_the_only_frame_is_not_removed_without_a_word(tmp_path) -> None:
    science = write(tmp_path, niri_frame(data=noise(120.0)))
    outcome = run(tmp_path, [science], "darkCorrect:do_cal=skip", "flatCorrect:do_cal=skip").outcome
    assert outcome.status is Status.UNPROCESSABLE
    assert "remove_first=False" in outcome.reason


def test_a_directory_that_takes_no_files_leaves_nothing_behind(tmp_path) -> None:
    files = darks(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "calibrations").write_text("a file where a directory should be")
    with Scratch(tmp_path) as scratch:
        around = Surroundings(Chosen({}), Directory(tmp_path / "out"), Memory(1 << 30, scratch))
        outcome = reduce(Request(tuple(files)), around).outcome
    assert outcome.status is Status.RETRYABLE
    assert "calibrations" in outcome.reason
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["calibrations"]


def test_thresholds_flag_and_replace(tmp_path) -> None:
    from nightcrew.reducer.primitives.flats import thresholded

    data = np.array([[0.005, 20, -1], [0.5, 0.009, 12]], np.float32)
    dq = np.array([[0, 0, 1], [0, 1, 1]], np.uint16)
    pixels, flags = thresholded(data, dq, 0.01, 10.0)
    assert pixels.tolist() == [[1, 1, 1], [0.5, 1, 12]]
    assert flags.tolist() == [[64, 64, 1], [0, 1, 1]]
    assert (thresholded(data, None, None, None)[1] & DQ.UNILLUMINATED == 0).all()
