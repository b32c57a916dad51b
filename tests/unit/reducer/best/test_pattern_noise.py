"""The readout's pattern is taken off where it is there, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from nightcrew.reducer.kernels.pattern import PatternOptions
from nightcrew.reducer.pattern_trial import clean_where_it_helps
from nightcrew.simulator.defects import DEFECTS
from support.runs import niri_frame, running

OPTIONS = PatternOptions(level_bias_offset=False)
NOISE = 100.0


def noise(size: int = 256):
    return (NOISE * np.random.default_rng(5).standard_normal((size, size))).astype(np.float32)


def pattern(size: int = 256, amplitude: float = 5.0):
    return (amplitude * DEFECTS["pattern-noise"].bias((size, size), np.random.default_rng(2))).astype(np.float32)


def tried(data, dq=None, objmask=None, significance=3.0, gain=0.01, rounds=4):
    return clean_where_it_helps(data, dq, objmask, OPTIONS, significance=significance, gain=gain, rounds=rounds)


def test_a_pattern_is_taken_off():
    truth = noise()
    trial = tried(truth + pattern())
    assert trial.cleaned == (True,) * 4
    assert (trial.data - truth).std() < 0.6 * pattern().std()
    assert all(after < before for before, after in zip(trial.before, trial.after, strict=True))


def test_noise_without_a_pattern_stays_as_it_is_to_the_bit():
    data = noise()
    trial = tried(data)
    assert trial.cleaned == (False,) * 4
    assert trial.data.tobytes() == data.tobytes()
    assert trial.before == trial.after


def test_only_the_quadrants_with_a_pattern_change():
    truth, stripes = noise(), pattern()
    stripes[:, :128] = 0
    trial = tried(truth + stripes)
    assert trial.cleaned == (False, True, False, True)
    assert (trial.data[:, :128] == truth[:, :128]).all()
    assert (trial.data - truth)[:, 128:].std() < 0.8 * stripes[:, 128:].std()


def test_a_gain_that_cannot_be_had_keeps_everything():
    data = noise() + pattern()
    assert tried(data, gain=0.5).data is data


def test_masked_pixels_take_no_part():
    data = noise() + pattern()
    dq = np.zeros(data.shape, np.uint16)
    objmask = np.zeros(data.shape, np.uint8)
    data[40:50, 30:60], dq[40:50, 30:60] = 1e6, 1
    data[80:100, 170:200], objmask[80:100, 170:200] = 1e6, 1
    assert tried(data, dq, objmask).cleaned == (True,) * 4
    everything = np.ones(data.shape, np.uint16)
    assert tried(data, everything).cleaned == (False,) * 4


def cleaned(directory, data, user=()):
    frame = niri_frame(data=data)
    with running(directory, frame, user=user) as run:
        run.step("cleanPatternNoise", {})
    return frame, run


def test_the_primitive_says_what_it_did(tmp_path):
    frame, run = cleaned(tmp_path, noise() + pattern())
    assert frame.phu["NCPATCLN"] == "bottom left, bottom right, top left, top right"
    assert frame.filename == "N20160102S0001_patternCleaned.fits"
    assert run.ledger.warnings == []


def test_the_primitive_leaves_clean_frames_alone(tmp_path):
    data = noise()
    frame, _ = cleaned(tmp_path, data)
    assert "NCPATCLN" not in frame.phu
    assert (frame.planes[0].data == data).all()


def test_a_region_of_the_wrong_size_is_told_and_left_alone(tmp_path):
    data = noise()[:250, :250]
    frame, run = cleaned(tmp_path, data)
    assert (frame.planes[0].data == data).all()
    assert "no pattern is looked for" in run.ledger.warnings[0]


@pytest.mark.parametrize("rounds", [1, 4])
def test_more_rounds_take_off_more(rounds):
    truth = noise()
    left = (tried(truth + pattern(), rounds=rounds).data - truth).std()
    assert (left < 0.6 * pattern().std()) == (rounds > 1)
