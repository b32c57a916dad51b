"""Pixels on disk for a while."""

from __future__ import annotations

import os
import resource

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nightcrew.shared.errors import ServiceError
from nightcrew.shared.fits import Scratch
from nightcrew.shared.frames import Plane


def plane_of(data: np.ndarray) -> Plane:
    return Plane(fits.Header(), data)


def room(scratch: Scratch) -> int:
    return os.fstat(scratch._file.fileno()).st_size


@given(
    hnp.arrays(st.sampled_from(["f4", ">f8", "u2", "u1", "i4"]), hnp.array_shapes(max_dims=3, max_side=6)), st.data()
)
def test_a_parked_array_is_out_of_memory_and_can_be_read_whole_or_by_rows(data, draw):
    array = data.T if draw.draw(st.booleans()) else data
    with Scratch() as scratch:
        plane = plane_of(array)
        source = scratch.park(plane, "data")
        assert not plane.resident()
        assert plane.shape == array.shape
        start, stop = draw.draw(st.integers(0, 7)), draw.draw(st.integers(0, 7))
        np.testing.assert_array_equal(plane.rows("data", start, stop), array[start:stop])
        np.testing.assert_array_equal(plane.data, array)
        assert plane.data.dtype.isnative
        assert plane.data.flags["C_CONTIGUOUS"]
        assert source.dtype == plane.data.dtype


def test_several_arrays_do_not_disturb_one_another():
    with Scratch() as scratch:
        planes = [plane_of(np.full((4, 5), number, "f4")) for number in range(5)]
        for plane in planes:
            scratch.park(plane, "data")
        assert [plane.data[2, 3] for plane in planes] == [0, 1, 2, 3, 4]


def test_there_is_nothing_to_park_where_nothing_is_in_memory():
    with Scratch() as scratch:
        plane = plane_of(np.zeros((2, 2), "f4"))
        assert scratch.park(plane, "variance") is None
        assert scratch.park(plane, "data") is not None
        assert scratch.park(plane, "data") is None


def test_the_room_of_arrays_that_nobody_needs_is_used_again():
    with Scratch() as scratch:
        for number in range(20):
            plane = plane_of(np.full((100, 100), number, "f4"))
            scratch.park(plane, "data")
            assert plane.data[0, 0] == number
        copied = plane.copy()
        del plane
        other = plane_of(np.full((100, 100), -1, "f4"))
        scratch.park(other, "data")
        copied.release()
        assert copied.data[0, 0] == 19
        assert room(scratch) <= 3 * 40000


def test_no_file_can_be_seen_or_stays(tmp_path):
    with Scratch(tmp_path) as scratch:
        scratch.park(plane_of(np.zeros((9, 9))), "data")
        assert not list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())


def test_once_closed_it_says_so():
    with Scratch() as scratch:
        plane = plane_of(np.zeros((9, 9)))
        scratch.park(plane, "data")
        other = plane_of(np.zeros((9, 9)))
    with pytest.raises(ServiceError, match="given back"):
        _ = plane.data
    with pytest.raises(ServiceError, match="given back"):
        scratch.park(other, "data")
    assert other.resident()


def test_a_full_disk_is_an_error_and_the_array_stays_in_memory(tmp_path):
    plane = plane_of(np.ones((100, 100)))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Scratch(tmp_path) as scratch:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        try:
            with pytest.raises(ServiceError, match="cannot be written"):
                scratch.park(plane, "data")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert plane.resident()["data"].sum() == 10000
        scratch.park(plane, "data")
        assert plane.data.sum() == 10000
    with pytest.raises(ServiceError, match="make the directory first"):
        Scratch(tmp_path / "absent")
