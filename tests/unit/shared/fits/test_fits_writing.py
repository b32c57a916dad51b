"""Frames to disk: the layout of the reference, whole or not at all."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nightcrew.shared.errors import FrameError, ServiceError, ShapeMismatch
from nightcrew.shared.fits import open_frame, verify, write_frame
from nightcrew.shared.frames import Frame, Plane

ARRAYS = ("data", "variance", "dq", "objmask")


@pytest.fixture(scope="module")
def scene(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("written") / "frame.fits"


def frame_of(*planes: Plane) -> Frame:
    return Frame(fits.Header([("ORIGNAME", "N1.fits")]), list(planes), "N1.fits")


@contextmanager
def disk_of(size: int):
    """Let no file grow beyond `size` bytes, as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@st.composite
def planes(draw) -> Plane:
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=3, max_side=8))
    dtype = draw(st.sampled_from(["f4", ">f4", "f8", "f2", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "?"]))
    data = draw(hnp.arrays(dtype, shape))
    optional = {
        "variance": hnp.arrays("f4", shape),
        "dq": hnp.arrays("u2", shape),
        "objmask": hnp.arrays("u1", shape, elements=st.integers(0, 1)),
    }
    return Plane(
        fits.Header([("GAIN", 12.3, "gain")]),
        data,
        **{name: draw(arrays) for name, arrays in optional.items() if draw(st.booleans())},
    )


@given(st.lists(planes(), max_size=3))
@settings(max_examples=60)
def test_what_is_written_is_read_again(scene, written):
    write_frame(frame_of(*written), scene)
    assert verify(scene).ok
    read = open_frame(scene)
    assert len(read.planes) == len(written)
    for plane, original in zip(read.planes, written, strict=True):
        assert plane.header["GAIN"] == 12.3
        for name in ARRAYS:
            assert plane.has(name) == original.has(name)
            if original.has(name):
                expected = getattr(original, name)
                wanted = {"f": np.dtype("f4"), "b": np.dtype("u1")}.get(expected.dtype.kind, expected.dtype)
                found = getattr(plane, name)
                assert found.dtype == wanted
                with np.errstate(over="ignore"):
                    np.testing.assert_array_equal(found, expected.astype(wanted))


def test_the_layout_is_that_of_the_reference(scene, product):
    write_frame(product, scene)
    with fits.open(scene) as hdus:
        hdus.verify("exception")
        names = [(hdu.name, hdu.header.get("EXTVER")) for hdu in hdus[1:]]
        assert names == [
            *((name, version) for version in (1, 2) for name in ("SCI", "VAR", "DQ", "OBJMASK", "OBJCAT")),
            ("REFCAT", None), ("PROVENANCE", None), ("HISTORY", None),
        ]  # fmt: skip
        assert hdus[0].header["NEXTEND"] == len(names)
        assert hdus["DQ"].header["BITPIX"] == 16
        assert hdus["DQ"].header["BZERO"] == 32768
        assert hdus["DQ"].header["GAIN"] == hdus["SCI"].header["GAIN"]
        assert [hdus["PROVENANCE"].header[f"TFORM{n}"] for n in range(1, 5)] == ["28A", "128A", "128A", "128A"]
        assert [hdus["HISTORY"].header[f"TFORM{n}"] for n in range(1, 5)] == ["128A", "24A", "28A", "28A"]
        assert hdus["HISTORY"].columns.names == ["primitive", "args", "timestamp_start", "timestamp_stop"]


def test_astropy_and_cfitsio_read_the_same(scene, product):
    fitsio = pytest.importorskip("fitsio")
    write_frame(product, scene)
    with fits.open(scene, checksum=True) as ours, fitsio.FITS(str(scene)) as theirs:
        for version, plane in enumerate(product.planes, start=1):
            for name, extname in zip(ARRAYS, ("SCI", "VAR", "DQ", "OBJMASK"), strict=True):
                np.testing.assert_array_equal(ours[extname, version].data, getattr(plane, name))
                np.testing.assert_array_equal(theirs[extname, version].read(), getattr(plane, name))
            assert theirs["OBJCAT", version].read()["X"].tolist() == [1.5]
        assert theirs["HISTORY"].read()["args"][0].strip() == product.history[0].arguments


def test_everything_of_a_frame_comes_back(scene, product):
    write_frame(product, scene)
    read = open_frame(scene)
    assert read.provenance == product.provenance
    assert read.history == product.history
    assert read.tables["REFCAT"].units == {"RAJ2000": "deg"}
    np.testing.assert_array_equal(read.tables["REFCAT"].rows, product.tables["REFCAT"].rows)
    for plane, original in zip(read.planes, product.planes, strict=True):
        assert plane.objcat.rows.tolist() == original.objcat.rows.tolist()
        assert plane.header["NOTHING"] is None
        assert plane.header.comments["NOTHING"] == "no value"
    assert list(read.phu["HISTORY"]) == ["made by hand"]
    assert [card.keyword for card in read.phu.cards][4:8] == ["INSTRUME", "PROCSOFT", "ORIGNAME", "HISTORY"]


def test_the_same_frame_gives_the_same_bytes(tmp_path, product):
    write_frame(product, tmp_path / "a.fits")
    write_frame(product.copy(), tmp_path / "b.fits")
    assert (tmp_path / "a.fits").read_bytes() == (tmp_path / "b.fits").read_bytes()


def test_checksums_are_astropys(tmp_path, product):
    write_frame(product, tmp_path / "ours.fits")
    with fits.open(tmp_path / "ours.fits", do_not_scale_image_data=True) as hdus:
        found = [hdu.header["DATASUM"] for hdu in hdus]
        hdus.writeto(tmp_path / "theirs.fits", checksum=True)
    assert [
        header["DATASUM"] for header in map(fits.getheader, [tmp_path / "theirs.fits"] * len(found), range(len(found)))
    ] == found
    write_frame(product, tmp_path / "none.fits", checksums=False)
    assert "CHECKSUM" not in fits.getheader(tmp_path / "none.fits", 1)
    assert verify(tmp_path / "none.fits").ok


def test_writing_leaves_the_frame_as_it_was(scene, product):
    before = [repr(header) for header in (product.phu, *(plane.header for plane in product.planes))]
    write_frame(product, scene)
    assert [repr(header) for header in (product.phu, *(plane.header for plane in product.planes))] == before


def test_pixels_on_disk_pass_through_and_stay_out_of_memory(tmp_path, product):
    write_frame(product, tmp_path / "a.fits")
    frame = open_frame(tmp_path / "a.fits")
    write_frame(frame, tmp_path / "b.fits")
    assert not any(plane.resident() for plane in frame.planes)
    assert (tmp_path / "a.fits").read_bytes() == (tmp_path / "b.fits").read_bytes()


def test_a_frame_may_replace_the_file_it_comes_from(tmp_path, product):
    path = tmp_path / "a.fits"
    write_frame(product, path)
    before = path.read_bytes()
    write_frame(open_frame(path), path)
    assert path.read_bytes() == before


def test_large_planes_are_written_in_pieces(tmp_path):
    data = np.random.default_rng(1).normal(size=(1023, 517)).astype("f4")
    dq = np.random.default_rng(1).integers(0, 65536, data.shape).astype("u2")
    write_frame(frame_of(Plane(fits.Header(), data, dq=dq, objmask=(dq & 1).astype("u1"))), tmp_path / "a.fits")
    assert verify(tmp_path / "a.fits").ok
    plane = open_frame(tmp_path / "a.fits").planes[0]
    np.testing.assert_array_equal(plane.data, data)
    np.testing.assert_array_equal(plane.dq, dq)


def test_the_umask_decides_who_may_read(tmp_path, product):
    before = os.umask(0o027)
    try:
        write_frame(product, tmp_path / "a.fits")
    finally:
        os.umask(before)
    assert (tmp_path / "a.fits").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("size", [0, 100, 2880, 20000])
def test_a_full_disk_leaves_no_file_and_the_old_one_in_peace(tmp_path, product, size):
    path = tmp_path / "a.fits"
    with disk_of(size), pytest.raises(ServiceError, match=r"a\.fits: cannot be written .*; "):
        write_frame(product, path)
    assert not list(tmp_path.iterdir())
    write_frame(product, path)
    before = path.read_bytes()
    with disk_of(size), pytest.raises(ServiceError):
        write_frame(product, path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.fits"]
    assert path.read_bytes() == before


class Interrupting:
    """Pixels whose reading is interrupted by the user."""

    shape, dtype = (9, 4), np.dtype("f4")

    def read(self):
        raise KeyboardInterrupt

    def rows(self, start, stop):
        if stop == 0:
            return np.empty((0, 4), "f4")
        raise KeyboardInterrupt


def test_an_interrupted_write_leaves_no_file(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        write_frame(frame_of(Plane(fits.Header(), Interrupting())), tmp_path / "a.fits")
    assert not list(tmp_path.iterdir())


def test_errors_name_file_rule_and_remedy(tmp_path, product):
    (tmp_path / "taken.fits").mkdir()
    (tmp_path / "file").touch()
    for path, remedy in (
        (tmp_path / "absent" / "a.fits", "make the directory first"),
        (tmp_path / "file" / "a.fits", "choose a directory"),
        (tmp_path / "taken.fits", "choose another name"),
        (tmp_path / ("n" * 300 + ".fits"), "choose a shorter name"),
    ):
        with pytest.raises(ServiceError) as caught:
            write_frame(product, path)
        assert str(path) in str(caught.value)
        assert remedy in str(caught.value)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "taken.fits"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_we_may_not_write_to_is_an_error(tmp_path, product):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ServiceError, match="check the permissions of the directory"):
            write_frame(product, tmp_path / "a.fits")
    finally:
        tmp_path.chmod(0o700)


def test_arrays_that_do_not_fit_together_are_not_written(tmp_path):
    data = np.zeros((4, 5), "f4")
    for variance in (np.zeros((4, 6), "f4"), np.zeros((3, 5), "f4")):
        with pytest.raises(ShapeMismatch, match="variance"):
            write_frame(frame_of(Plane(fits.Header(), data, variance)), tmp_path / "a.fits")
    assert not list(tmp_path.iterdir())


def test_types_that_fits_does_not_know_are_an_error(tmp_path):
    with pytest.raises(FrameError, match="complex64"):
        write_frame(frame_of(Plane(fits.Header(), np.zeros((4, 5), "c8"))), tmp_path / "a.fits")
    assert not list(tmp_path.iterdir())


KILLED = """
import os, signal, sys
from pathlib import Path
from nightcrew.shared.fits.output import whole_file, write_at
with whole_file(Path(sys.argv[1])) as number:
    write_at(number, b"half", 0)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="only Linux makes files without a name")
def test_a_process_that_is_killed_leaves_the_older_file_and_nothing_else(tmp_path):
    product = tmp_path / "a.fits"
    product.write_bytes(b"older")
    done = subprocess.run([sys.executable, "-c", KILLED, str(product)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == [product]
    assert product.read_bytes() == b"older"


@pytest.mark.parametrize("unnamed", [True, False])
def test_a_product_takes_the_place_of_an_older_one_on_any_file_system(unnamed, tmp_path, product, monkeypatch):
    if not unnamed:
        monkeypatch.setattr("nightcrew.shared.fits.output.DESCRIPTORS", tmp_path / "no proc")
    for _ in range(2):
        write_frame(product, tmp_path / "a.fits")
    assert verify(tmp_path / "a.fits").ok
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.fits"]
    assert (tmp_path / "a.fits").stat().st_mode & 0o777 == 0o666 & ~umask()


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
