"""A file is examined once: whole or not, headers, digest; whatever it is packed in, however large it is."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import os
from pathlib import Path

import pytest
from astropy.io import fits

from nightcrew.shared.errors import ServiceError
from nightcrew.shared.fits import Reason, examination, read_headers, verify
from nightcrew.shared.fits.containers import Identity, PlainFile, inflate
from nightcrew.shared.fits.examination import examine
from nightcrew.shared.fits.faults import DamagedFile
from nightcrew.shared.reception import Damage, Received, may_be_a_frame, receive
from support.frames import write_niri

PACKED = {".fits": bytes, ".fits.bz2": bz2.compress, ".fits.gz": gzip.compress}


@pytest.fixture(params=PACKED)
def frame(request, tmp_path) -> Path:
    plain = write_niri(tmp_path / "plain.fits").read_bytes()
    path = tmp_path / f"N1{request.param}"
    path.write_bytes(PACKED[request.param](plain))
    return path


@pytest.fixture(params=[1 << 28, 0], ids=["held in memory", "piece by piece"])
def memory(request, monkeypatch):
    monkeypatch.setattr(examination, "HELD", request.param)


def test_examining_finds_what_verifying_reading_and_hashing_find(frame, memory):
    found = examine(frame, hashed=True)
    assert found.integrity == verify(frame)
    assert [repr(header) for header in found.headers] == [repr(header) for header in read_headers(frame)]
    assert found.sha256 == hashlib.sha256(frame.read_bytes()).hexdigest()
    assert found.identity == Identity.of(frame.stat())


def test_a_digest_is_made_only_if_it_is_wanted(frame):
    assert examine(frame).sha256 == ""


def test_a_file_compressed_by_tiles_has_the_headers_of_its_image(tmp_path):
    path = write_niri(tmp_path / "plain.fits")
    with fits.open(path) as hdus:
        packed = fits.HDUList([hdus[0].copy(), fits.CompImageHDU(hdus[1].data.astype("i4"), hdus[1].header)])
        packed.writeto(tmp_path / "N1.fits.fz")
    found = examine(tmp_path / "N1.fits.fz", hashed=True)
    assert found.integrity.ok
    assert found.headers[1]["NAXIS1"] == 32


@pytest.mark.parametrize("name", ["data", "checksum"])
def test_sums_are_compared(tmp_path, memory, name):
    path = write_niri(tmp_path / "N1.fits")
    with fits.open(path, mode="update") as hdus:
        for hdu in hdus:
            hdu.add_checksum()
    assert examine(path, hashed=True).integrity.ok
    content = bytearray(path.read_bytes())
    at = len(content) - 2880 if name == "data" else content.index(b"test field")
    content[at] ^= 1
    path.write_bytes(content)
    found = examine(path, hashed=True)
    assert found.integrity.reason is (Reason.DATASUM if name == "data" else Reason.CHECKSUM)
    assert (found.headers, found.sha256, found.identity) == ((), "", Identity.of(path.stat()))


def test_a_file_that_is_cut_short_is_not_read_to_its_end(tmp_path, monkeypatch):
    path = write_niri(tmp_path / "N1.fits")
    os.truncate(path, path.stat().st_size - 2880)
    monkeypatch.setattr(PlainFile, "whole", None)
    assert examine(path, hashed=True).integrity.reason is Reason.TRUNCATED


def test_what_is_too_large_is_not_read_and_not_unpacked(tmp_path, monkeypatch):
    path = write_niri(tmp_path / "N1.fits")
    size = path.stat().st_size
    assert examine(path, most=size).integrity.ok
    assert examine(path, most=size - 1).integrity.reason is Reason.TOO_LARGE
    for name, packed in (("a.fits.gz", gzip.compress(bytes(10**8))), ("a.fits.bz2", bz2.compress(bytes(10**8)))):
        (tmp_path / name).write_bytes(packed)
        assert examine(tmp_path / name, most=10**6).integrity.reason is Reason.TOO_LARGE


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_unpacking_within_bounds_is_unpacking(pack):
    content = os.urandom(1000) * 3
    several = pack(content) + pack(content)
    assert inflate(several, Path("x"), most=6000) == content * 2 == inflate(several, Path("x"))
    with pytest.raises(DamagedFile, match="damaged or incomplete"):
        inflate(pack(content)[:-4], Path("x"), most=6000)


def test_a_file_that_changes_under_our_eyes_is_unreadable(tmp_path, monkeypatch):
    path = write_niri(tmp_path / "N1.fits")
    monkeypatch.setattr(PlainFile, "whole", lambda self: b"shorter")
    found = examine(path, hashed=True)
    assert (found.integrity.reason, found.integrity.passing) == (Reason.UNREADABLE, False)
    assert "changed" in found.integrity.message


def test_a_machine_that_fails_is_told_from_a_bad_file(tmp_path, monkeypatch):
    path = write_niri(tmp_path / "N1.fits")

    def fail(self):
        raise ServiceError("Stale file handle")

    monkeypatch.setattr(PlainFile, "whole", fail)
    assert examine(path, hashed=True).integrity.passing
    damage = receive(path, hashed=True)
    assert isinstance(damage, Damage)
    assert (damage.code, damage.passing) == ("unreadable", True)
    missing = examine(tmp_path / "nosuch.fits")
    assert (missing.integrity.passing, missing.identity) == (False, None)


def test_a_frame_is_received_with_what_it_is_and_what_it_lacks(tmp_path):
    path = write_niri(tmp_path / "N1.fits", NEXTEND=3)
    received = receive(path, hashed=True)
    assert isinstance(received, Received)
    assert (received.description.instrument, received.missing) == ("NIRI", 2)
    assert received.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("cards", "code"), [({"COADDS": 0}, "keyword"), ({"OBSTYPE": "OBJECT", "DATE_OBS": "never"}, "keyword")]
)
def test_a_frame_whose_keywords_make_no_sense_is_not_received(tmp_path, cards, code):
    damage = receive(write_niri(tmp_path / "x.fits", **cards))
    assert isinstance(damage, Damage)
    assert damage.code == code


@pytest.mark.parametrize(
    ("name", "may"),
    [("N1.fits", True), ("N1.FITS.BZ2", True), ("N1.fit", True), (".N1.fits", False), ("N1.fits.part", False)],
)
def test_what_may_be_a_frame_is_told_by_its_name(name, may):
    assert may_be_a_frame(name) is may
