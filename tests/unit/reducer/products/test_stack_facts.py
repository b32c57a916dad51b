"""Exposure, dates, gain and read noise of stacks."""

from __future__ import annotations

import numpy as np
import pytest

from support.fields import exposure
from support.runs import DARK, LAMP_ON, SCALE, niri_frame, running


def stack(directory, *frames, user=(), steps=("stackFrames",)):
    with running(directory, *frames, user=user) as run:
        for step in steps:
            run.step(step, {})
        return run.streams["main"][0]


def dither(count=4, **cards):
    frames = [exposure(n, sky=0.0, p=3.0 * n * SCALE, **cards) for n in range(1, count + 1)]
    for frame in frames:
        frame.planes[0].header["RDNOISE"] = 35.0
    return frames


def test_a_stack_of_four_has_four_times_the_exposure_and_gain_and_half_the_read_noise(tmp_path) -> None:
    made = stack(tmp_path, *dither())
    assert made.phu["NCEXPTOT"] == pytest.approx(80.0)
    assert made.phu["NCEXPREF"] == pytest.approx(20.0)
    header = made.planes[0].header
    assert header["NCGAINEF"] == pytest.approx(4.0)
    assert header["NCRDNEFF"] == pytest.approx(17.5)
    # What the reference writes stays.
    assert (header["GAIN"], header["RDNOISE"], made.phu["EXPTIME"]) == (1.0, 35.0, 20.0)


def test_the_noise_of_simulated_frames_is_that_of_gain_and_read_noise(tmp_path) -> None:
    rng = np.random.default_rng(5)
    frames = dither(9)
    for frame in frames:
        signal = rng.poisson(400.0, (128, 128)) + rng.normal(0.0, 35.0, (128, 128))
        frame.planes[0].data = signal.astype(np.float32)
    made = stack(tmp_path, *frames, user=("reject_method=none",)).planes[0]
    expected = 400.0 / made.header["NCGAINEF"] + made.header["NCRDNEFF"] ** 2
    assert made.data.var() == pytest.approx(expected, rel=0.05)


def test_a_median_is_noisier_than_a_mean(tmp_path) -> None:
    made = stack(tmp_path, *dither(), user=("operation=median",)).planes[0].header
    assert made["NCGAINEF"] == pytest.approx(4.0 / (np.pi / 2))
    assert made["NCRDNEFF"] == pytest.approx(17.5 * np.sqrt(np.pi / 2))


def test_the_dates_are_those_of_the_whole_sequence(tmp_path) -> None:
    made = stack(tmp_path, *dither(3)).phu
    assert made["DATE-BEG"] == "2016-01-02T09:01:00.000"
    assert made["DATE-AVG"] == "2016-01-02T09:02:10.000"
    assert made["DATE-END"] == "2016-01-02T09:03:20.000"


def test_frames_of_unequal_exposure_count_with_what_they_were_scaled_by(tmp_path) -> None:
    frames = [*dither(1, EXPTIME=20.0), exposure(2, sky=0.0, EXPTIME=40.0)]
    frames[1].planes[0].header["RDNOISE"] = 35.0
    made = stack(tmp_path, *frames, steps=("scaleCountsToReference", "stackFrames"))
    assert made.phu["NCEXPTOT"] == pytest.approx(60.0)
    assert made.phu["NCEXPREF"] == pytest.approx(20.0)
    # Shot noise: (S + S / 2) / 4; read noise: 35² + (35 / 2)², over 4.
    assert made.planes[0].header["NCGAINEF"] == pytest.approx(4.0 / 1.5)
    assert made.planes[0].header["NCRDNEFF"] == pytest.approx(np.hypot(35.0, 17.5) / 2)
    assert made.phu["DATE-AVG"] == "2016-01-02T09:01:56.666"


def test_stacks_that_are_stacked_again_count_with_all_their_frames(tmp_path) -> None:
    first, second = stack(tmp_path, *dither(4)), stack(tmp_path, *dither(4))
    made = stack(tmp_path, first, second)
    assert made.phu["NCEXPTOT"] == pytest.approx(160.0)
    assert made.planes[0].header["NCGAINEF"] == pytest.approx(8.0)
    assert made.planes[0].header["NCRDNEFF"] == pytest.approx(35.0 / np.sqrt(8))
    assert made.phu["DATE-AVG"] == first.phu["DATE-AVG"]


def test_a_master_dark_in_adu_counts_in_adu(tmp_path) -> None:
    frames = [niri_frame(f"N20160102S000{n}.fits", **DARK) for n in (1, 2, 3, 4)]
    for frame in frames:
        frame.planes[0].header.update({"RDNOISE": 24.6, "BUNIT": "adu"})
    header = stack(tmp_path, *frames).planes[0].header
    assert header["NCGAINEF"] == pytest.approx(4 * 12.3)
    assert header["NCRDNEFF"] == pytest.approx(24.6 / 12.3 / 2)


def test_a_flat_has_no_gain_since_it_will_be_divided_by_its_level(tmp_path) -> None:
    made = stack(tmp_path, *(niri_frame(f"N20160102S000{n}.fits", **LAMP_ON) for n in (1, 2)))
    assert "NCGAINEF" not in made.planes[0].header
    assert made.phu["NCEXPTOT"] == pytest.approx(40.0)


def test_what_the_headers_do_not_say_is_left_out(tmp_path) -> None:
    frames = dither(2, EXPTIME=None)
    for frame in frames:
        del frame.planes[0].header["RDNOISE"]
    made = stack(tmp_path, *frames)
    for keyword in ("NCEXPTOT", "NCEXPREF", "DATE-AVG"):
        assert keyword not in made.phu
    assert "NCRDNEFF" not in made.planes[0].header


def test_the_order_of_the_frames_after_the_first_does_not_matter(tmp_path) -> None:
    frames = dither(5)
    one, other = (stack(tmp_path, *order) for order in (frames, [frames[0], *reversed(frames[1:])]))
    assert one.planes[0].data.tobytes() == other.planes[0].data.tobytes()
    assert one.phu.tostring().partition("STACKFRM")[0] == other.phu.tostring().partition("STACKFRM")[0]
    last_first = stack(tmp_path, *reversed(frames))
    assert one.planes[0].data.tobytes() == last_first.planes[0].data.tobytes()
    assert last_first.phu["IMCMB001"] == "N20160102S0005.fits"
