"""darkCorrect and flatCorrect: what they refuse, what they leave alone, what they tell."""

from __future__ import annotations

import numpy as np
import pytest

from nightcrew.shared.errors import CalibrationError, FrameError
from nightcrew.shared.fits import write_frame
from support.runs import DARK, LAMP_ON, niri_frame, running

ELECTRONS = {"ADUTOELE": "done", "PREPARE": "done"}


def master(directory, **cards):
    """Write a master dark in electrons, of 5 everywhere."""
    frame = niri_frame("N9_dark.fits", np.full((256, 256), 5.0, np.float32), **{**DARK, **cards})
    frame.planes[0].header["BUNIT"] = "electron"
    path = directory / "N9_dark.fits"
    write_frame(frame, path)
    return path


def science(**cards):
    frame = niri_frame("N1.fits", np.full((256, 256), 100.0, np.float32), **ELECTRONS, **cards)
    frame.planes[0].header["BUNIT"] = "electron"
    return frame


def test_a_dark_that_is_named_is_subtracted_once(tmp_path) -> None:
    dark = master(tmp_path, **ELECTRONS)
    with running(tmp_path, science()) as run:
        run.step("darkCorrect", {"dark": str(dark)})
        run.step("darkCorrect", {"dark": str(dark)})
        (frame,) = run.stream("main")
        assert np.all(frame.planes[0].data == 95.0)
        assert frame.phu["DARKIM"] == "N9_dark.fits"
        assert frame.provenance[-1].added_by == "darkCorrect"
        assert any("already been processed by darkCorrect" in w for w in run.ledger.warnings)


def test_a_dark_of_another_unit_is_refused(tmp_path) -> None:
    dark = niri_frame("N9_dark.fits", **DARK)
    dark.planes[0].header["BUNIT"] = "adu"
    with running(tmp_path, science()) as run, pytest.raises(FrameError, match=r"N9_dark\.fits: in ADU, N1\.fits in"):
        run.step("darkCorrect", {"dark": dark})


def test_a_dark_of_another_exposure_is_a_caveat(tmp_path) -> None:
    dark = master(tmp_path, **ELECTRONS, EXPTIME=60.0)
    with running(tmp_path, science(EXPTIME=20.0)) as run:
        run.step("darkCorrect", {"dark": str(dark)})
        assert run.ledger.warnings == ["N9_dark.fits: a dark of 60 s, N1.fits was exposed 20 s"]


@pytest.mark.parametrize("word", ["dark", "flat"])
def test_a_correction_that_is_switched_off_says_so(word: str, tmp_path) -> None:
    with running(tmp_path, science()) as run:
        run.step(f"{word}Correct", {"do_cal": "skip"})
        assert run.ledger.warnings == [f"{word.capitalize()} correction has been turned off."]
        assert run.stream("main")[0].filename == "N1.fits"


@pytest.mark.parametrize("word", ["dark", "flat"])
def test_without_a_calibration_a_quick_look_goes_on_unless_forced(word: str, tmp_path) -> None:
    with running(tmp_path, science(), mode="ql") as run:
        run.step(f"{word}Correct", {})
        assert f"no {word} was specified" in run.ledger.warnings[0]
        with pytest.raises(CalibrationError, match=f"--user_cal processed_{word}:FILE"):
            run.step(f"{word}Correct", {"do_cal": "force"})


def test_a_flat_in_memory_divides(tmp_path) -> None:
    flat = niri_frame("N8_flat.fits", np.full((256, 256), 2.0, np.float32), **LAMP_ON, **ELECTRONS)
    with running(tmp_path, science()) as run:
        run.step("flatCorrect", {"flat": flat})
        assert np.all(run.stream("main")[0].planes[0].data == 50.0)
