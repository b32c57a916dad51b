"""Whether a file is whole is answered with a value: a reason, and one line for the user."""

from __future__ import annotations

import bz2
import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.shared.errors import FrameError
from nightcrew.shared.fits import Reason, md5_of, open_frame, read_headers, verify, write_frame

BLOCK = 2880


@pytest.fixture(scope="module")
def whole(product, tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "whole.fits"
    write_frame(product, path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def scene(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("scene") / "frame.fits"


def edited(content: bytes, card: str, replacement: str) -> bytes:
    at = content.index(card.encode())
    return content[:at] + replacement.ljust(80)[:80].encode() + content[at + 80 :]


def judged(path: Path, content: bytes) -> Reason:
    path.write_bytes(content)
    verdict = verify(path)
    assert verdict.ok == (verdict.reason is Reason.OK)
    if not verdict.ok:
        assert str(path) in verdict.message
        assert "\n" not in verdict.message
        assert ";" in verdict.message
    return verdict.reason


def test_a_whole_file_is_ok(scene, whole):
    assert judged(scene, whole) is Reason.OK


def test_a_file_cut_at_any_block_is_truncated(scene, whole):
    for length in range(BLOCK, len(whole), BLOCK):
        assert judged(scene, whole[:length]) is Reason.TRUNCATED, length


@given(st.data())
def test_a_file_cut_anywhere_is_truncated_and_cannot_be_opened(scene, whole, data):
    length = data.draw(st.integers(1, len(whole) - 1))
    reason = judged(scene, whole[:length])
    assert reason is Reason.TRUNCATED
    if length % BLOCK:
        with pytest.raises(FrameError, match="fetch it again"):
            open_frame(scene)
        with pytest.raises(FrameError, match="fetch it again"):
            read_headers(scene)


def test_a_file_cut_within_the_name_of_its_last_extension_is_truncated(scene, whole):
    for kept in range(1, 9):
        assert judged(scene, whole[: whole.rindex(b"XTENSION") + kept]) is Reason.TRUNCATED


@given(st.binary(min_size=1, max_size=3000).filter(lambda rest: not b"XTENSION".startswith(rest[:8])))
def test_bytes_after_the_last_hdu_are_reported_and_do_not_hinder_reading(scene, whole, rest):
    assert judged(scene, whole + rest) is Reason.TRAILING_BYTES
    assert len(open_frame(scene).planes) == 2


def test_an_empty_file_is_empty(scene):
    assert judged(scene, b"") is Reason.EMPTY


@given(st.binary(min_size=1, max_size=6000).filter(lambda noise: not b"SIMPLE  =".startswith(noise[:9])))
def test_noise_is_not_fits(scene, noise):
    reason = judged(scene, noise)
    assert reason in (Reason.NOT_FITS, Reason.COMPRESSED_STREAM_DAMAGED)


@pytest.mark.parametrize(
    ("card", "replacement"),
    [
        ("SIMPLE  =", "SIMPLE  =                    F"),
        ("BITPIX  =                  -32", "BITPIX  =                   12"),
        ("BITPIX  =                  -32", "BITPIX  = 'float'"),
        ("NAXIS   =                    2", "NAXIS   =                   -1"),
        ("NAXIS   =                    2", "NAXIS   =                  500"),
        ("NAXIS   =                    2", "NAXIS   =                 1_0"),
        ("NAXIS1  =", "NAXIS1  =                   -7"),
        ("NAXIS1  =", "NAXIS1  =                    T"),
        ("NAXIS1  =", "NAXIS1  ="),
        ("NAXIS2  =", "NAXIS3  =                    4"),
        ("PCOUNT  =", "PCOUNT  =                   -4"),
    ],
)
def test_a_header_that_hides_its_data_is_not_fits(scene, whole, card, replacement):
    assert judged(scene, edited(whole, card, replacement)) is Reason.NOT_FITS
    with pytest.raises(FrameError):
        open_frame(scene)


@pytest.mark.parametrize("size", ["999999999", "9" * 18, "9" * 60])
def test_an_absurdly_large_axis_is_a_truncated_file(scene, whole, size):
    assert judged(scene, edited(whole, "NAXIS2  =", f"NAXIS2  = {size}")) is Reason.TRUNCATED


def test_a_header_without_end_is_found_out_without_reading_gigabytes(tmp_path):
    path = tmp_path / "endless.fits"
    with path.open("wb") as file:
        file.write(b"SIMPLE  =                    T".ljust(80))
        file.truncate(1 << 30)
    assert verify(path).reason is Reason.NOT_FITS


def test_a_changed_pixel_breaks_the_datasum(scene, whole):
    first_extension = whole.index(b"XTENSION")
    data = first_extension + BLOCK * (1 + whole[first_extension:].index(b"END" + b" " * 77) // BLOCK)
    changed = whole[: data + 3] + bytes([whole[data + 3] ^ 1]) + whole[data + 4 :]
    assert judged(scene, changed) is Reason.DATASUM
    assert verify(scene, checksums=False).ok


def test_a_changed_header_breaks_the_checksum(scene, whole):
    assert judged(scene, edited(whole, "GAIN    =", "GAIN    =                 12.4")) is Reason.CHECKSUM


def test_checksums_written_by_others_are_accepted(tmp_path, raw):
    path = tmp_path / "summed.fits"
    with fits.open(raw) as hdus:
        hdus.writeto(path, checksum=True)
    assert verify(path).ok


def test_a_checksum_without_value_is_not_checked(scene, whole):
    blank = edited(edited(whole, "DATASUM =", "DATASUM = ''"), "CHECKSUM=", "CHECKSUM= ''")
    assert judged(scene, blank) is Reason.OK


def test_a_product_must_hold_the_extensions_it_counts(scene, product, whole):
    lost = whole[: whole.rindex(b"XTENSION")]
    assert judged(scene, lost) is Reason.TRUNCATED
    assert "NEXTEND" in verify(scene).message
    raw = edited(lost, "PROCSOFT=", "COMMENT raw files keep the NEXTEND of what they were split from")
    assert judged(scene, raw) in (Reason.OK, Reason.CHECKSUM)
    assert verify(scene, checksums=False).ok


@pytest.mark.parametrize(("suffix", "compress"), [("bz2", bz2.compress), ("gz", gzip.compress)])
def test_compressed_files_are_judged_by_what_is_in_them(tmp_path, whole, suffix, compress):
    path = tmp_path / f"frame.fits.{suffix}"
    packed = compress(whole)
    assert judged(path, packed) is Reason.OK
    assert judged(path, compress(whole[:-BLOCK])) is Reason.TRUNCATED
    assert judged(path, compress(b"")) is Reason.EMPTY
    for length in (4, 10, len(packed) // 2, len(packed) - 1):
        assert judged(path, packed[:length]) is Reason.COMPRESSED_STREAM_DAMAGED
    assert judged(path, packed[:100] + b"\xff\x00\xff" + packed[103:]) is Reason.COMPRESSED_STREAM_DAMAGED
    with pytest.raises(FrameError, match="stream is damaged"):
        open_frame(path)


def test_what_is_not_a_file_is_unreadable(tmp_path):
    pipe = tmp_path / "pipe.fits"
    os.mkfifo(pipe)
    for path in (tmp_path, pipe, tmp_path / "absent.fits", tmp_path / ("n" * 300)):
        verdict = verify(path)
        assert verdict.reason is Reason.UNREADABLE
        assert str(path) in verdict.message
        for read in (open_frame, read_headers, md5_of):
            with pytest.raises(FrameError):
                read(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_we_may_not_read_is_unreadable(raw):
    raw.chmod(0)
    assert verify(raw).reason is Reason.UNREADABLE
    with pytest.raises(FrameError, match="permissions"):
        open_frame(raw)


def test_a_disk_that_fails_for_a_moment_is_no_fault_of_the_file(raw):
    from nightcrew.shared.errors import ServiceError
    from nightcrew.shared.fits.containers import reading

    with pytest.raises(ServiceError, match="try again"), reading(raw):
        raise OSError(5, os.strerror(5))


def test_running_out_of_descriptors_is_unreadable_for_now(raw):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        verdict = verify(raw)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert verdict.reason is Reason.UNREADABLE
    assert "try again" in verdict.message


def test_random_groups_have_no_first_axis(tmp_path):
    path = tmp_path / "groups.fits"
    groups = fits.GroupData(np.ones((4, 2, 3), "f4"), parnames=["u", "v"], pardata=[np.ones(4), np.ones(4)], bitpix=-32)
    fits.GroupsHDU(groups).writeto(path)
    assert verify(path).ok


@given(st.data())
def test_a_file_with_garbage_in_it_never_raises_anything_of_astropy(scene, whole, data):
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 12))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.one_of(st.integers(0, 255), st.sampled_from(b" '=/T0123456789-.&")))
    scene.write_bytes(bytes(content))
    verify(scene)
    try:
        read_headers(scene)
        frame = open_frame(scene)
    except FrameError:
        return
    for plane in frame.planes:
        assert plane.data.shape == plane.shape
        _ = plane.variance, plane.dq, plane.objmask
    for header in (frame.phu, *(plane.header for plane in frame.planes)):
        assert len(list(header.items())) == len(header.cards)
