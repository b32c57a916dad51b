"""Pixels as they are stored, and as they are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nightcrew.shared.errors import FrameError
from nightcrew.shared.fits import Encoding, FilePixels, open_frame

SHAPES = hnp.array_shapes(min_dims=1, max_dims=3, max_side=9)


@pytest.fixture(scope="module")
def scene(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("pixels") / "frame.fits"


@given(
    st.sampled_from(["u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]).flatmap(
        lambda dtype: hnp.arrays(dtype, SHAPES)
    )
)
def test_what_astropy_writes_is_read_bit_for_bit(scene, data):
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(data)]).writeto(scene, overwrite=True)
    pixels = open_frame(scene).planes[0].data
    assert pixels.dtype == data.dtype
    assert pixels.dtype.isnative
    assert pixels.flags["C_CONTIGUOUS"]
    assert pixels.flags["WRITEABLE"]
    assert pixels.tobytes() == data.tobytes()


def moderate(dtype: str) -> st.SearchStrategy:
    limits = {"min_value": -(2.0**99), "max_value": 2.0**99, "width": 32} if dtype.startswith("f") else None
    return hnp.arrays(dtype, SHAPES, elements=st.floats(**limits) if limits else None)


@given(
    st.sampled_from(["u1", "i2", "i4", "i8", "f4", "f8"]).flatmap(moderate),
    st.sampled_from([1, 2, 0.1, -3.5]),
    st.sampled_from([0, 1, 32768, -128, 1000.5]),
    st.one_of(st.none(), st.integers(0, 5)),
)
def test_scaled_pixels_are_bzero_plus_bscale_times_what_is_stored(scene, stored, bscale, bzero, blank):
    hdu = fits.ImageHDU(stored)
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(scene, overwrite=True)
    offset = hdu.fileinfo()["datLoc"] if hdu.fileinfo() else 5760
    bitpix = hdu.header["BITPIX"]
    blank = blank if bitpix > 0 else None
    expected = stored.astype("f8") * bscale + bzero
    if blank is not None:
        expected[stored == blank] = np.nan
    pixels = FilePixels(scene, offset, stored.shape, Encoding(bitpix, bscale, bzero, blank))
    read = pixels.read()
    assert read.dtype == pixels.dtype
    rounding = 4 * np.finfo("f4" if read.dtype == np.dtype("f4") else "f8").eps
    allowed = rounding * (np.abs(stored.astype("f8") * bscale) + abs(bzero))
    assert np.array_equal(np.isnan(read), np.isnan(expected))
    assert np.all((np.abs(read - expected) <= allowed) | np.isnan(expected))


def test_a_signed_byte_is_an_unsigned_one_with_an_offset(scene):
    scene.write_bytes(bytes([0, 127, 128, 255]))
    pixels = FilePixels(str(scene), 0, (4,), Encoding(8, bzero=-128))
    assert pixels.read().dtype == np.dtype("i1")
    assert pixels.read().tolist() == [-128, -1, 0, 127]


def test_absurd_scaling_gives_infinities_and_no_warnings(scene):
    scene.write_bytes(np.arange(4, dtype=">i2").tobytes())
    read = FilePixels(scene, 0, (4,), Encoding(16, 1e300, float("nan"))).read()
    assert not np.isfinite(read).any()


@given(hnp.arrays("f4", SHAPES), st.data())
def test_rows_are_those_of_the_whole(scene, data, draw):
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(data)]).writeto(scene, overwrite=True)
    plane = open_frame(scene).planes[0]
    start, stop = draw.draw(st.integers(0, 12)), draw.draw(st.integers(0, 12))
    rows = plane.rows("data", start, stop)
    np.testing.assert_array_equal(rows, data[start:stop])
    assert rows.shape == data[start:stop].shape
    assert not plane.resident()


def test_reading_rows_touches_no_other_bytes(scene):
    scene.write_bytes(np.arange(12, dtype=">f4").tobytes())
    longer = FilePixels(scene, 0, (5, 4), Encoding(-32))
    assert longer.rows(0, 3).tolist() == np.arange(12).reshape(3, 4).tolist()
    with pytest.raises(FrameError, match="ends before byte"):
        longer.rows(0, 4)
