"""The running sum of skies."""

from __future__ import annotations

import numpy as np
import pytest

from nightcrew.reducer.growing.sky import SkyFrame, SkySum

SHAPE = (20, 20)
PATTERN = np.linspace(0.9, 1.1, 20, dtype=np.float32)[None, :] * np.ones(SHAPE, np.float32)


def sky(number, level, hidden=None):
    rng = np.random.default_rng(number)
    data = (level * PATTERN + rng.normal(0, 5, SHAPE)).astype(np.float32)
    nothing = np.zeros(SHAPE, np.uint8)
    return SkyFrame(data, np.full(SHAPE, 25, np.float32), nothing if hidden is None else hidden, level)


def sum_of(*frames):
    total, entered = SkySum.empty(SHAPE), []
    for frame in frames:
        total, left_out = total.with_frame(frame, 5.0)
        entered.append(SkyFrame(frame.data, frame.variance, left_out, frame.level))
    return total, entered


def test_frames_of_different_brightness_make_one_sky() -> None:
    total, _ = sum_of(sky(1, 900), sky(2, 1000), sky(3, 1200))
    frame = sky(4, 1500)
    data, variance = total.subtracted_from(frame.data, frame.variance, 1500)
    assert np.mean(data) == pytest.approx(0.0, abs=1.0)
    assert np.std(data) < 8
    expected = 25 + 1500**2 / 9 * sum(25 / level**2 for level in (900, 1000, 1200))
    assert variance == pytest.approx(expected, rel=1e-5)


def test_a_frame_that_leaves_is_as_if_it_had_never_been_there() -> None:
    _, (first, *_) = sum_of(sky(1, 900))
    both, entered = sum_of(sky(1, 900), sky(2, 1000), sky(3, 1100))
    left = both.without_frame(entered[0])
    alone, _ = sum_of(sky(2, 1000), sky(3, 1100))
    assert left.total == pytest.approx(alone.total, rel=1e-6)
    assert left.variance == pytest.approx(alone.variance, rel=1e-4)
    assert (left.count == 2).all()
    nothing = sum_of(sky(1, 900))[0].without_frame(first)
    assert not nothing.count.any()
    assert not nothing.total.any()


def test_objects_do_not_enter_and_where_they_hide_the_sky_its_level_is_taken() -> None:
    hidden = np.zeros(SHAPE, np.uint8)
    hidden[4:8, 4:8] = 1
    total, _ = sum_of(sky(1, 900, hidden), sky(2, 900, hidden), sky(3, 900))
    assert (total.count[4:8, 4:8] == 1).all()
    total, _ = sum_of(sky(1, 900, hidden))
    data, variance = total.subtracted_from(np.full(SHAPE, 1000, np.float32), np.full(SHAPE, 25, np.float32), 1000)
    assert (data[4:8, 4:8] == 0).all()
    assert (variance[4:8, 4:8] == 25).all()


def test_a_cosmic_ray_in_a_sky_does_not_enter_and_does_not_leave() -> None:
    struck = sky(4, 1000)
    struck.data[3, 3] += 2000
    total, entered = sum_of(sky(1, 900), sky(2, 1000), sky(3, 1100), struck)
    assert total.count[3, 3] == 3
    assert entered[-1].hidden[3, 3] == 1
    assert total.without_frame(entered[-1]).count[3, 3] == 3
