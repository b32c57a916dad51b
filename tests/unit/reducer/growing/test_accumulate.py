"""The running mean: what enters it, what contradicts it, and how its canvas grows."""

from __future__ import annotations

import numpy as np
import pytest

from nightcrew.reducer.growing.accumulate import Aligned, Clipping, Pixels, add
from nightcrew.reducer.kernels.affine import Grid

SHAPE = (24, 24)
SIGMA = 10.0


def image(number, level=0.0, shape=SHAPE):
    return np.random.default_rng(number).normal(level, SIGMA, shape).astype(np.float32)


def aligned(data, dq=None, origin=(0, 0), seconds=20.0, transparency=1.0):
    flags = np.zeros(data.shape, np.uint16) if dq is None else dq
    return Aligned(data, np.full(data.shape, SIGMA**2, np.float32), flags, origin, seconds, transparency)


def stack_of(*frames, clipping=None):
    pixels = Pixels.empty(SHAPE)
    for frame in frames:
        pixels = add(pixels, frame, clipping or Clipping()).pixels
    return pixels


def star(peak, width, shape=SHAPE):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return (peak * np.exp(-((x - 12) ** 2 + (y - 12) ** 2) / (2 * width**2))).astype(np.float32)


def test_the_running_mean_is_the_mean_and_its_variance_falls_with_the_number() -> None:
    images = [image(n) for n in range(8)]
    stack = stack_of(*map(aligned, images))
    assert stack.data == pytest.approx(np.mean(images, axis=0), abs=1e-4)
    assert stack.variance == pytest.approx(SIGMA**2 / 8)
    assert (stack.frames == 8).all()
    assert (stack.seconds == 160).all()
    assert (stack.dq == 0).all()


def test_frames_weigh_by_their_exposure() -> None:
    stack = stack_of(aligned(image(1), seconds=30.0), aligned(image(2), seconds=10.0))
    assert stack.data == pytest.approx(0.75 * image(1) + 0.25 * image(2), abs=1e-4)
    assert stack.variance == pytest.approx(SIGMA**2 * (0.75**2 + 0.25**2))


def test_what_it_is_given_is_left_as_it_is() -> None:
    before = stack_of(aligned(image(1)))
    data = before.data.copy()
    add(before, aligned(image(2)), Clipping())
    assert (before.data == data).all()


def hit(number, y=5, x=7, charge=3000.0):
    data = image(number)
    data[y, x] += charge
    return data


def test_a_cosmic_ray_in_a_later_frame_is_left_out() -> None:
    stack = stack_of(*(aligned(image(n)) for n in range(3)))
    made = add(stack, aligned(hit(9)), Clipping())
    assert made.pixels.frames[5, 7] == 3
    assert made.pixels.data[5, 7] == stack.data[5, 7]
    assert (made.compared, made.contradicted) == (576, 1)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_frames_the_one_that_was_hit_is_told_by_the_pixels_around(order) -> None:
    frames = [aligned(hit(1)), aligned(image(2))]
    stack = stack_of(*(frames[i] for i in order))
    assert stack.data[5, 7] == image(2)[5, 7]
    assert stack.frames[5, 7] == 1


def test_a_dead_pixel_of_an_early_frame_does_not_stay() -> None:
    stack = stack_of(aligned(image(1)), aligned(hit(2, charge=-5000.0)), *(aligned(image(n)) for n in range(3, 7)))
    assert abs(stack.data[5, 7]) < 3 * SIGMA
    assert stack.frames[5, 7] >= 4


def test_a_wrong_first_pixel_is_found_out_even_if_the_second_frame_does_not_show_it() -> None:
    unseen = np.zeros(SHAPE, np.uint16)
    unseen[:, :10] = 16
    stack = stack_of(aligned(hit(1)), aligned(image(2), unseen), aligned(image(3)), aligned(image(4)))
    assert abs(stack.data[5, 7]) < 3 * SIGMA


def test_the_cores_of_stars_survive_a_change_of_seeing_and_a_small_shift() -> None:
    flux = 30000.0 * 2.0**2
    sharp = [aligned(image(n) + star(flux / 2.0**2, 2.0)) for n in range(3)]
    wide = image(9) + star(flux / 2.3**2, 2.3)
    shifted = image(10) + np.roll(star(30000.0, 2.0), 1, axis=1)
    for data in (wide, shifted):
        made = add(stack_of(*sharp), aligned(data), Clipping())
        assert made.contradicted == 0


def test_clouds_do_not_make_a_frame_contradict() -> None:
    bright = [aligned(image(n) + star(60000.0, 2.0)) for n in range(3)]
    dim = image(9) + star(20000.0, 2.0)
    assert add(stack_of(*bright), aligned(dim, transparency=1 / 3), Clipping()).contradicted == 0
    assert add(stack_of(*bright), aligned(dim), Clipping()).contradicted > 0


def test_the_scatter_between_frames_counts_where_it_exceeds_what_var_says() -> None:
    rough = [np.random.default_rng(n).normal(0, 60.0, (96, 96)).astype(np.float32) for n in range(4)]
    pixels = Pixels.empty((96, 96))
    for data in rough:
        made = add(pixels, aligned(data), Clipping())
        pixels = made.pixels
    assert made.scatter == pytest.approx(6.0, rel=0.2)
    assert made.contradiction < 0.001


def test_a_milder_flag_replaces_and_a_worse_one_is_not_used() -> None:
    bad, none = (np.full(SHAPE, bit, np.uint16) for bit in (1, 16))
    stack = stack_of(aligned(image(1), bad))
    assert (stack.dq == 1).all()
    assert (stack.data == image(1)).all()
    better = add(stack, aligned(image(2)), Clipping()).pixels
    assert (better.data == image(2)).all()
    assert (better.dq == 0).all()
    assert (better.frames == 1).all()
    for dq in (bad, none, np.full(SHAPE, 1 << 9, np.uint16)):
        assert (add(better, aligned(image(3), dq), Clipping()).pixels.data == image(2)).all()


def test_flags_of_what_was_averaged_are_joined() -> None:
    saturated = np.zeros(SHAPE, np.uint16)
    saturated[3, 3] = 4
    assert stack_of(aligned(image(1)), aligned(image(2), saturated)).dq[3, 3] == 4


def test_the_canvas_grows_by_whole_pixels_on_every_side() -> None:
    stack = stack_of(aligned(image(1)))
    larger = stack.on(Grid((-3, -2), (30, 28)))
    assert larger.shape == (30, 28)
    assert (larger.data[2:26, 3:27] == stack.data).all()
    assert larger.frames.sum() == stack.frames.sum()
    assert (larger.dq[:2] == 16).all()
    assert stack.on(Grid((0, 0), SHAPE)) is stack
    made = add(larger, aligned(image(2), origin=(4, 6)), Clipping()).pixels
    assert (made.frames[6:26, 4:27] == 2).all()
    assert (made.data[26:, 4:28] == image(2)[20:]).all()
    assert (made.dq[:2] == 16).all()
