"""Frames from disk: which HDUs are science, what goes with them, and what a frame is called."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from nightcrew.shared.errors import FrameError
from nightcrew.shared.fits import bare_name, md5_of, open_frame, open_frame_hashed, read_headers, write_frame
from nightcrew.shared.frames import Frame


def image(value: float, **keywords) -> fits.ImageHDU:
    return fits.ImageHDU(np.full((2, 3), value, "f4"), fits.Header(list(keywords.items())))


def opened(path: Path, *hdus, primary=None, **options) -> Frame:
    fits.HDUList([fits.PrimaryHDU() if primary is None else primary, *hdus]).writeto(path, **options)
    return open_frame(path)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "N20160102S0270.fits"


def test_an_image_without_name_and_number_is_science(raw):
    frame = open_frame(raw)
    (plane,) = frame.planes
    assert (plane.header["EXTNAME"], plane.header["EXTVER"]) == ("SCI", 1)
    assert plane.data.dtype == np.dtype("f4")
    assert plane.data.dtype.isnative
    np.testing.assert_array_equal(plane.data, np.arange(12).reshape(3, 4))
    assert frame.phu["ORIGNAME"] == frame.filename == "N20160102S0270.fits"
    assert frame.path == raw
    assert not plane.has("variance")


def test_nothing_is_read_before_it_is_asked_for(raw):
    plane = open_frame(raw).planes[0]
    assert plane.shape == (3, 4)
    assert not plane.resident()
    assert plane.has("data")


def test_unnumbered_images_follow_the_highest_number(path):
    frame = opened(path, image(1), image(2, EXTNAME="SCI", EXTVER=3), image(3, EXTNAME="SCI"), image(4))
    assert [plane.header["EXTVER"] for plane in frame.planes] == [3, 4, 5, 6]
    assert [plane.data[0, 0] for plane in frame.planes] == [2, 1, 3, 4]


def test_a_number_without_a_name_is_kept(path):
    frame = opened(path, image(1, EXTVER=7), image(2))
    assert [(plane.header["EXTVER"], plane.data[0, 0]) for plane in frame.planes] == [(1, 2), (7, 1)]


def test_minus_one_is_no_number(path):
    assert opened(path, image(1, EXTNAME="SCI", EXTVER=-1)).planes[0].header["EXTVER"] == 1


def test_another_name_is_not_science(path):
    frame = opened(path, image(1, EXTNAME="MASK"), image(2))
    assert [plane.data[0, 0] for plane in frame.planes] == [2]


def test_companions_find_their_science_extension_by_number(path):
    frame = opened(
        path,
        image(20, EXTNAME="VAR", EXTVER=2),
        image(1, EXTNAME="SCI", EXTVER=1),
        image(2, EXTNAME="SCI", EXTVER=2),
        image(10, EXTNAME="VAR", EXTVER=1),
        image(99, EXTNAME="VAR", EXTVER=5),
    )
    assert [plane.variance[0, 0] for plane in frame.planes] == [10, 20]


def test_a_primary_with_pixels_and_nothing_else_is_header_and_science_at_once(path):
    hdu = fits.PrimaryHDU(np.arange(6, dtype="i2").reshape(2, 3), fits.Header([("INSTRUME", "NIRI")]))
    frame = opened(path, primary=hdu)
    (plane,) = frame.planes
    assert frame.phu["INSTRUME"] == plane.header["INSTRUME"] == "NIRI"
    assert (plane.header["EXTNAME"], plane.header["EXTVER"]) == ("SCI", 1)
    assert not {"SIMPLE", "EXTEND", "ORIGNAME"} & set(plane.header)
    assert plane.data.dtype == np.dtype("i2")


def test_a_primary_alone_has_no_science(path):
    assert opened(path).planes == []


def test_dq_is_uint16_and_objmask_uint8_whatever_the_file_has(path):
    dq = fits.ImageHDU(np.full((2, 3), 65, "u1"), fits.Header([("EXTNAME", "DQ"), ("EXTVER", 1), ("BLANK", 3)]))
    mask = fits.ImageHDU(np.ones((2, 3), "i2"), fits.Header([("EXTNAME", "OBJMASK"), ("EXTVER", 1)]))
    plane = opened(path, image(1, EXTNAME="SCI", EXTVER=1), dq, mask, output_verify="ignore").planes[0]
    assert (plane.dq.dtype, plane.objmask.dtype) == (np.dtype("u2"), np.dtype("u1"))
    assert plane.rows("dq", 0, 1).tolist() == [[65, 65, 65]]


def test_the_history_of_older_releases_is_read_under_its_old_name(path):
    columns = [
        fits.Column("timestamp_start", "28A", array=["2016"]),
        fits.Column("primitive", "128A", array=["prepare"]),
        fits.Column("args", "3A", array=["{}"]),
    ]
    frame = opened(path, image(1), fits.BinTableHDU.from_columns(columns, name="PROVHISTORY"))
    assert [tuple(row) for row in frame.history] == [("prepare", "{}", "2016", "")]
    write_frame(frame, path)
    assert [header.get("EXTNAME") for header in read_headers(path)] == [None, "SCI", "HISTORY"]


def test_tables_that_belong_to_no_plane_belong_to_the_frame(path):
    table = fits.BinTableHDU.from_columns([fits.Column("A", "J", unit="pixel", array=[1, 2])])
    named = fits.BinTableHDU.from_columns([fits.Column("A", "J", array=[3])], name="OBJCAT")
    frame = opened(path, image(1), table, named)
    assert frame.tables["TABLE2"].rows["A"].tolist() == [1, 2]
    assert frame.tables["TABLE2"].units == {"A": "pixel"}
    assert frame.tables["OBJCAT"].rows["A"].tolist() == [3]
    assert frame.planes[0].objcat is None


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("N1.fits", "N1.fits"), ("N1.fits.bz2", "N1.fits"), ("N1.fits.gz", "N1.fits"), ("N1.fits.fz", "N1.fits"),
        ("N1.fits.fz.gz", "N1.fits"), ("N1.fit", "N1.fits"), ("N1.FITS", "N1.fits"), ("N1", "N1.fits"),
        ("N1_a.b.fits", "N1_a.b.fits"), (Path("/data/night/N1.fits.bz2"), "N1.fits"),
    ],
)  # fmt: skip
def test_a_frame_is_called_like_its_file_without_compression(name, bare):
    assert bare_name(name) == bare


@pytest.mark.parametrize("name", ["é à.fits", "N1\n.fits", "x" * 200 + ".fits"])
def test_strange_names_do_no_harm(tmp_path, raw, name):
    strange = raw.rename(tmp_path / name)
    frame = open_frame(strange)
    assert frame.filename == name
    write_frame(frame, tmp_path / "copy.fits")
    assert "ORIGNAME" in open_frame(tmp_path / "copy.fits").phu


@pytest.mark.parametrize(
    "compress", [bz2.compress, gzip.compress, lambda content: bz2.compress(content[:99]) + bz2.compress(content[99:])]
)
def test_compressed_files_are_frames_too_whatever_they_are_called(tmp_path, product, compress):
    plain, packed = tmp_path / "plain.fits", tmp_path / "packed.fits"
    write_frame(product, plain)
    packed.write_bytes(compress(plain.read_bytes()))
    first, second = open_frame(plain), open_frame(packed)
    assert [repr(header) for header in read_headers(plain)] == [repr(header) for header in read_headers(packed)]
    for one, other in zip(first.planes, second.planes, strict=True):
        for name in ("data", "variance", "dq", "objmask"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
            other.release()
            np.testing.assert_array_equal(one.rows(name, 1, 3), other.rows(name, 1, 3))
            assert not other.resident()
    assert first.history == second.history


@pytest.mark.parametrize("packed", [False, True])
def test_one_pass_gives_the_frame_and_the_md5_of_the_file(tmp_path, product, packed):
    path = tmp_path / "frame.fits"
    write_frame(product, path)
    if packed:
        path.write_bytes(bz2.compress(path.read_bytes()))
    frame, digest = open_frame_hashed(path)
    assert digest == hashlib.md5(path.read_bytes()).hexdigest() == md5_of(path)
    for plane, original in zip(frame.planes, product.planes, strict=True):
        for name in ("data", "variance", "dq", "objmask"):
            np.testing.assert_array_equal(getattr(plane, name), getattr(original, name))
    for plane, original in zip(frame.planes, product.planes, strict=True):
        plane.release()
        np.testing.assert_array_equal(plane.rows("data", 2, 5), original.data[2:5])
        np.testing.assert_array_equal(plane.variance, original.variance)


def test_once_its_arrays_are_read_a_hashed_frame_holds_no_file_in_memory(tmp_path, raw):
    frame, _ = open_frame_hashed(raw)
    plane = frame.planes[0]
    first = plane.data
    plane.release()
    raw.unlink()
    assert first.shape == (3, 4)
    with pytest.raises(FrameError, match="cannot be read"):
        _ = plane.data


@pytest.mark.parametrize("reader", [open_frame, lambda path: open_frame_hashed(path)[0]])
def test_a_file_that_changes_under_our_hands_is_an_error_not_wrong_pixels(tmp_path, raw, product, reader):
    plane = reader(raw).planes[0]
    _ = plane.data
    plane.release()
    write_frame(product, raw)
    with pytest.raises(FrameError, match="changed after it had been opened"):
        _ = plane.data


def test_an_opened_frame_can_be_sent_to_another_process(raw):
    frame = pickle.loads(pickle.dumps(open_frame(raw)))
    np.testing.assert_array_equal(frame.planes[0].data, np.arange(12).reshape(3, 4))


def test_the_error_can_be_sent_to_another_process_too(tmp_path):
    with pytest.raises(FrameError) as caught:
        open_frame(tmp_path)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "f4"])
def test_tile_compressed_images_are_science(tmp_path, dtype):
    path = tmp_path / "frame.fits.fz"
    data = np.random.default_rng(1).integers(0, 200, (30, 20)).astype(dtype)
    packed = fits.CompImageHDU(data, fits.Header([("GAIN", 12.3)]), compression_type="GZIP_1", quantize_level=0)
    primary = fits.PrimaryHDU(header=fits.Header([("INSTRUME", "NIRI")]))
    frame = opened(path, packed, primary=primary)
    (plane,) = frame.planes
    assert frame.filename == "frame.fits"
    assert plane.shape == (30, 20)
    np.testing.assert_array_equal(plane.rows("data", 5, 25), data[5:25])
    assert plane.rows("data", 3, 3).shape == (0, 20)
    np.testing.assert_array_equal(plane.data, data)
    assert plane.data.dtype == np.dtype(dtype)
    assert plane.header["GAIN"] == read_headers(path)[1]["GAIN"] == 12.3
    write_frame(frame, tmp_path / "plain.fits")
    np.testing.assert_array_equal(open_frame(tmp_path / "plain.fits").planes[0].data, data)


def test_a_single_image_that_was_tile_compressed_is_a_single_image_again(tmp_path):
    fitsio = pytest.importorskip("fitsio")
    path = tmp_path / "frame.fits.fz"
    data = np.arange(600, dtype="i2").reshape(30, 20)
    with fitsio.FITS(f"{path}[compress]", "rw") as file:
        file.write(data, header={"INSTRUME": "NIRI"})
    frame = open_frame(path)
    assert frame.phu["INSTRUME"] == "NIRI"
    assert len(read_headers(path)) == 1
    np.testing.assert_array_equal(frame.planes[0].data, data)


@pytest.mark.parametrize(
    ("card", "replacement"),
    [("ZNAXIS  =", "ZNAXIS  =  99999999999"), ("ZNAXIS1 =", "ZNAXIS1 =  -4"), ("ZBITPIX =", "ZBITPIX =  7")],
)
def test_a_compressed_image_that_describes_none_is_an_error(tmp_path, card, replacement):
    path = tmp_path / "frame.fits.fz"
    opened(path, fits.CompImageHDU(np.zeros((9, 9), "i2")))
    content = path.read_bytes()
    at = content.index(card.encode())
    path.write_bytes(content[:at] + replacement.ljust(80).encode() + content[at + 80 :])
    with pytest.raises(FrameError):
        open_frame(path)


def test_damaged_tiles_are_an_error_with_a_name(tmp_path):
    path = tmp_path / "frame.fits.fz"
    data = np.random.default_rng(1).normal(size=(50, 50)).astype("f4")
    opened(path, fits.CompImageHDU(data, compression_type="GZIP_1", quantize_level=0))
    content = bytearray(path.read_bytes())
    content[-4000:] = bytes(4000)
    path.write_bytes(bytes(content))
    with pytest.raises(FrameError, match=r"tiles of extension 1 cannot be decompressed"):
        _ = open_frame(path).planes[0].data


def test_scaling_that_is_not_a_number_is_an_error(path):
    opened(path, image(1))
    content = path.read_bytes()
    at = content.index(b"GCOUNT")
    path.write_bytes(content[:at] + b"BZERO   = 'much'".ljust(80) + content[at + 80 :])
    with pytest.raises(FrameError, match="BZERO of extension 1 is 'much'"):
        open_frame(path)
