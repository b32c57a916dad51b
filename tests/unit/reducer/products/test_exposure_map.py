"""Exposure maps, against counting by hand."""

from __future__ import annotations

import numpy as np
from astropy.io.fits import Header

from nightcrew.reducer.kernels.combine import Rejection
from nightcrew.reducer.kernels.tiles import combine_planes
from nightcrew.reducer.products.exposure_map import exposure_map
from nightcrew.shared.frames import Plane


def planes(*flags, data=None):
    shape = np.shape(flags[0])
    pixels = [np.zeros(shape, np.float32)] * len(flags) if data is None else data
    return [Plane(Header(), p, None, np.array(f, np.uint16)) for p, f in zip(pixels, flags, strict=True)]


def test_frames_add_up_where_they_have_data() -> None:
    made = exposure_map([20.0, 30.0], planes([[0, 0, 16, 16]], [[0, 16, 0, 16]]), None)
    assert made.tolist() == [[50.0, 20.0, 30.0, 0.0]]
    assert made.dtype == np.float32


def test_a_bad_pixel_counts_only_where_nothing_is_better() -> None:
    made = exposure_map([20.0, 20.0, 20.0], planes([[1, 1, 4]], [[0, 1, 0]], [[0, 16, 128]]), None)
    assert made.tolist() == [[40.0, 40.0, 40.0]]


def test_rejected_values_do_not_count() -> None:
    rejected = np.array([[0, 1, 2]], np.int16)
    made = exposure_map([10.0, 20.0, 30.0], planes([[0, 0, 0]], [[0, 0, 0]], [[0, 0, 16]]), rejected)
    # Of two that could be used, with 15 s each on average, one was not.
    assert made.tolist() == [[60.0, 40.0, 15.0]]


def test_without_flags_every_frame_counts() -> None:
    bare = [Plane(Header(), np.zeros((3, 4), np.float32)) for _ in range(2)]
    assert np.all(exposure_map([5.0, 6.0], bare, None) == 11.0)


def test_it_counts_what_the_combination_used() -> None:
    rng = np.random.default_rng(2)
    shape = (300, 7)
    data = [rng.normal(0, 1, shape).astype(np.float32) for _ in range(9)]
    data[3][::5] = 50.0
    flags = [rng.choice([0, 0, 0, 1, 16, 64], shape) for _ in range(9)]
    given = planes(*flags, data=data)
    for plane in given:
        plane.variance = np.ones(shape, np.float32)
    made = combine_planes(given, "mean", Rejection("varclip"), rejection_map=True)
    count = exposure_map([1.0] * 9, given, made.rejected)
    seen = made.dq & 16 == 0
    # The variance of a mean of n values of variance 1 is 1/n.
    assert np.allclose(count[seen], 1.0 / made.variance[seen])
    assert np.all(count[~seen] == 0.0)
