"""Who may have a calibration cannot be asked: not the same as there being none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nightcrew.shared.calibrations import CouldNotAsk, Found
from nightcrew.shared.errors import ServiceError
from nightcrew.shared.fits import write_frame
from support.runs import DARK, niri_frame, running

if TYPE_CHECKING:
    from nightcrew.shared.calibrations import Answer
    from nightcrew.shared.frames import Frame

DOWN = CouldNotAsk("http://cal.example: connection refused")
WITHOUT = (
    "without the observatory's bad-pixel mask: http://cal.example: connection refused; "
    "reduce again once it answers, or name a mask with addDQ:user_bpm=FILE"
)


@dataclass(frozen=True)
class Says:
    answer: Answer

    def find(self, frame: Frame, caltype: str) -> Answer:
        return self.answer


def prepared(**cards):
    return niri_frame("N1.fits", np.full((256, 256), 100.0, np.float32), PREPARE="done", **cards)


def asking(run, answer: Answer):
    run.around = replace(run.around, calibrations=Says(answer))
    return run


@pytest.mark.parametrize("step", ["darkCorrect", "flatCorrect"])
def test_a_correction_that_is_needed_waits_for_the_server(tmp_path, step):
    with (
        running(tmp_path, prepared()) as run,
        pytest.raises(ServiceError, match=r"N1.fits: http://cal.example") as told,
    ):
        asking(run, DOWN).step(step, {})
    assert told.value.retryable


def test_a_quick_look_does_not_wait(tmp_path):
    with running(tmp_path, prepared(), mode="ql") as run:
        asking(run, DOWN).step("darkCorrect", {})
        assert "connection refused" in run.ledger.warnings[0]
        assert "DARKCORR" not in run.stream("main")[0].phu


def test_a_quick_look_waits_where_the_correction_is_forced(tmp_path):
    with running(tmp_path, prepared(), mode="ql") as run, pytest.raises(ServiceError):
        asking(run, DOWN).step("darkCorrect", {"do_cal": "force"})


@pytest.mark.parametrize("mode", ["sq", "qa", "ql"])
def test_a_mask_that_may_exist_keeps_nobody_from_reducing_and_is_told_once(tmp_path, mode):
    frames = [niri_frame(f"N{n}.fits", np.full((256, 256), 100.0, np.float32), PREPARE="done") for n in (1, 2)]
    with running(tmp_path, *frames, mode=mode) as run:
        asking(run, DOWN).step("addDQ", {})
        assert run.ledger.warnings == [WITHOUT]
        assert all("ADDDQ" in frame.phu for frame in run.stream("main"))


def test_a_mask_of_the_user_is_enough_and_the_doubt_is_told(tmp_path):
    mask = niri_frame("N9_bpm.fits", np.zeros((256, 256), np.int16), **DARK)
    write_frame(mask, tmp_path / "N9_bpm.fits")
    with running(tmp_path, prepared()) as run:
        asking(run, DOWN).step("addDQ", {"user_bpm": str(tmp_path / "N9_bpm.fits")})
        assert run.ledger.warnings == [WITHOUT]
        assert [row.filename for row in run.stream("main")[0].provenance] == ["N9_bpm.fits"]


def test_whoever_asks_for_no_mask_is_not_kept_waiting(tmp_path):
    with running(tmp_path, prepared()) as run:
        asking(run, DOWN).step("addDQ", {"static_bpm": None})
        assert not run.ledger.warnings


def test_what_speaks_against_a_calibration_becomes_a_caveat(tmp_path):
    dark = niri_frame("N9_dark.fits", np.full((256, 256), 5.0, np.float32), **DARK)
    write_frame(dark, tmp_path / "N9_dark.fits")
    found = Found(tmp_path / "N9_dark.fits", "nights.db", caveats=("N9_dark.fits used, but the archive is down",))
    with running(tmp_path, prepared()) as run:
        asking(run, found).step("darkCorrect", {})
        assert run.ledger.warnings[0] == "N9_dark.fits used, but the archive is down"
