"""Steps on single pixels that wait until the pixels are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from astropy.io import fits

from nightcrew.reducer import pending
from nightcrew.reducer.pending import develop, pending_of, put_off, treat
from nightcrew.shared.fits import open_frame

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.shared.frames import Plane

SHAPE = (300, 40)


def doubled(data, variance):
    return data * np.float32(2), None if variance is None else variance * np.float32(4)


def with_noise(data, variance):
    return data, data + np.float32(1) if variance is None else variance + data


def plane_on_disk(path: Path, shape: tuple[int, ...] = SHAPE, *, variance: bool = False) -> Plane:
    pixels = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    planes = [fits.ImageHDU(pixels, name="SCI", ver=1)]
    planes += [fits.ImageHDU(pixels.astype("f4"), name="VAR", ver=1)] if variance else []
    fits.HDUList([fits.PrimaryHDU(), *planes]).writeto(path, overwrite=True)
    return open_frame(path).planes[0]


@pytest.fixture(autouse=True)
def several_strips(monkeypatch):
    monkeypatch.setattr(pending, "STRIP", 7 * SHAPE[1])


@pytest.fixture
def waiting(tmp_path):
    plane = plane_on_disk(tmp_path / "raw.fits", (1, *SHAPE))
    assert put_off(plane)
    treat(plane, doubled, has_variance=False)
    treat(plane, with_noise, has_variance=True)
    treat(plane, doubled, has_variance=True)
    return plane


@pytest.fixture
def expected():
    raw = np.arange(np.prod(SHAPE), dtype=np.float32).reshape(SHAPE)
    return raw * 4, (raw * 2 + 1) * 4


def test_nothing_is_in_memory_before_it_is_asked_for(waiting):
    assert not waiting.resident()
    assert waiting.shape == SHAPE
    assert waiting.has("variance")


def test_rows_are_those_of_the_whole(waiting, expected):
    for start, stop in ((0, 5), (3, 200), (290, 300), (4, 4)):
        assert np.array_equal(waiting.rows("data", start, stop), expected[0][start:stop])
        assert np.array_equal(waiting.rows("variance", start, stop), expected[1][start:stop])
    assert not waiting.resident()


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_developed_pixels_are_the_same_with_any_number_of_threads(waiting, expected, threads):
    develop(waiting, threads)
    assert waiting.resident().keys() == {"data", "variance"}
    assert np.array_equal(waiting.data, expected[0])
    assert np.array_equal(waiting.variance, expected[1])
    assert waiting.data.dtype == waiting.variance.dtype == np.float32


def test_pixels_that_are_asked_for_can_be_forgotten_again(waiting, expected):
    assert np.array_equal(waiting.variance, expected[1])
    assert np.array_equal(waiting.data, expected[0])
    waiting.release()
    assert not waiting.resident()
    assert np.array_equal(waiting.data, expected[0])


def test_a_copy_goes_its_own_way(waiting, expected):
    copy = waiting.copy()
    treat(copy, doubled, has_variance=True)
    assert np.array_equal(copy.data, expected[0] * 2)
    assert np.array_equal(waiting.data, expected[0])


def test_variances_that_nobody_asks_for_do_not_pile_up(waiting):
    for start in range(100):
        waiting.rows("data", start, start + 1)
    assert len(pending_of(waiting)._kept) == pending.REMEMBERED


def test_pixels_that_were_replaced_do_not_wait_any_more(waiting, expected):
    waiting.data = expected[0] + 1
    assert pending_of(waiting) is None
    treat(waiting, doubled, has_variance=True)
    assert np.array_equal(waiting.data, (expected[0] + 1) * 2)
    assert np.array_equal(waiting.variance, expected[1] * 4)


def test_a_variance_that_was_replaced_does_not_either(waiting, expected):
    waiting.variance = expected[1] + 1
    assert pending_of(waiting) is None
    develop(waiting)
    treat(waiting, doubled, has_variance=True)
    assert np.array_equal(waiting.data, expected[0] * 2)


def test_pixels_with_a_variance_in_the_file_are_treated_at_once(tmp_path):
    plane = plane_on_disk(tmp_path / "product.fits", variance=True)
    assert not put_off(plane)
    treat(plane, doubled, has_variance=True)
    assert plane.resident().keys() == {"data", "variance"}


def test_a_compressed_file_is_not_read_row_by_row(tmp_path):
    plane_on_disk(tmp_path / "raw.fits.gz")
    assert not put_off(open_frame(tmp_path / "raw.fits.gz").planes[0])


@pytest.mark.parametrize("shape", [(2, 5, 5), (9,)])
def test_what_is_no_image_does_not_wait(tmp_path, shape):
    assert not put_off(plane_on_disk(tmp_path / "cube.fits", shape))
