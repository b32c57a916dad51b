"""What a file is found to be."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import os
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest

from nightcrew.ingest import verifying
from nightcrew.ingest.verifying import Accepted, Changed, NotNow, Quarantined, verify
from nightcrew.shared.errors import ServiceError
from nightcrew.shared.fits.containers import Identity, PlainFile
from nightcrew.shared.frame_facts import from_json
from support.frames import write_f2, write_niri
from support.ingest import frame_bytes, write_frame
from support.runs import DARK

TAKEN = datetime(2016, 1, 2, 9, 10)  # noqa: DTZ001 - UTC, as in headers


def identity(path: Path) -> Identity:
    return Identity.of(path.stat())


def test_a_frame_is_accepted_with_all_that_planning_needs(tmp_path):
    path = write_frame(tmp_path)
    found = verify(str(path), identity(path))
    assert isinstance(found, Accepted)
    frame = found.frame
    assert (frame.name, frame.path, frame.size) == (path.name, str(path), path.stat().st_size)
    assert frame.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (frame.instrument, frame.kind, frame.ut_datetime) == ("NIRI", "science", TAKEN)
    facts = from_json(frame.name, frame.facts)
    assert {"NIRI", "RAW", "IMAGE"} <= facts.tags
    assert facts.values["data_label"] == "GN-2016A-Q-1-00001"


@pytest.mark.parametrize(
    ("ut", "night"),
    [("09:10:00.0", date(2016, 1, 1)), ("22:21:00.0", date(2016, 1, 1)), ("22:23:00.0", date(2016, 1, 2))],
)
def test_a_night_of_hawaii_ends_at_noon_over_there(tmp_path, ut, night):
    path = write_niri(tmp_path / "N1.fits", UT=ut, UTSTART=ut, **DARK)
    found = verify(str(path))
    assert isinstance(found, Accepted)
    assert (found.frame.night, found.frame.kind) == (night, "dark")


@pytest.mark.parametrize("ending", [".fits.bz2", ".fits.gz"])
def test_a_compressed_frame_is_what_it_would_be_plain_but_for_its_digest(tmp_path, ending):
    pack = {".fits.bz2": bz2.compress, ".fits.gz": gzip.compress}[ending]
    path = tmp_path / f"N1{ending}"
    path.write_bytes(pack(frame_bytes()))
    found = verify(str(path))
    assert isinstance(found, Accepted)
    assert found.frame.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    plain = verify(str(write_frame(tmp_path)))
    assert isinstance(plain, Accepted)
    assert found.frame.facts == plain.frame.facts


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"not FITS at all", "not_fits"),
        (frame_bytes()[:-2880], "truncated"),
        (frame_bytes() + b"more", "trailing_bytes"),
        (bz2.compress(frame_bytes())[:-9], "compressed_stream_damaged"),
        (gzip.compress(frame_bytes())[:-9], "compressed_stream_damaged"),
    ],
)
def test_what_may_still_be_being_written_is_told_from_what_is_wrong_for_good(tmp_path, content, code):
    path = tmp_path / "N1.fits"
    path.write_bytes(content)
    found = verify(str(path))
    assert isinstance(found, Quarantined)
    assert (found.code, found.unfinished) == (code, True)
    assert ";" in found.reason


def test_a_frame_without_a_mandatory_keyword_is_refused(tmp_path):
    path = write_niri(tmp_path / "N1.fits", COADDS=0)
    found = verify(str(path))
    assert isinstance(found, Quarantined)
    assert (found.code, found.unfinished) == ("keyword", True)
    assert "COADDS" in found.reason


@pytest.mark.parametrize("instrument", ["SOFI", "MICHELLE"])
def test_a_frame_of_another_instrument_is_refused(tmp_path, instrument):
    path = write_niri(tmp_path / "N1.fits", INSTRUME=instrument)
    found = verify(str(path))
    assert isinstance(found, Quarantined)
    assert (found.code, found.unfinished) == ("instrument", False)
    assert instrument in found.reason


def test_a_frame_is_of_the_night_of_its_telescope(tmp_path):
    pixels = np.zeros((1, 2048, 2048), np.int16)
    path = write_f2(tmp_path / "S1.fits", pixels, DATE_OBS="2015-01-03", UT="15:00:00.0")
    found = verify(str(path))
    assert isinstance(found, Accepted)
    # 15 h UTC is 10:17 in Chile, and 4:38 on Hawaii.
    assert (found.frame.instrument, found.frame.kind, found.frame.night) == ("F2", "dark", date(2015, 1, 2))


def test_a_name_that_is_not_text_is_refused_in_letters_that_can_be_written(tmp_path):
    path = tmp_path / os.fsdecode(b"N\xff.fits")
    path.write_bytes(frame_bytes())
    found = verify(str(path))
    assert isinstance(found, Quarantined)
    assert (found.code, found.unfinished) == ("name", False)
    found.reason.encode()


def test_a_file_that_is_another_one_than_was_seen_has_changed(tmp_path):
    path = write_frame(tmp_path)
    assert verify(str(path), identity(path)._replace(size=1)) == Changed()
    path.write_bytes(b"")
    assert verify(str(path), identity(path)._replace(mtime_ns=1)) == Changed()


def test_a_machine_that_fails_says_nothing_about_the_file(tmp_path, monkeypatch):
    path = write_frame(tmp_path)

    def fail(self: PlainFile) -> bytes:
        raise ServiceError(f"{self.path}: cannot be read now (Stale file handle); try again, and check the disk")

    monkeypatch.setattr(PlainFile, "whole", fail)
    found = verify(str(path))
    assert isinstance(found, NotNow)
    assert "Stale" in found.reason


def test_a_frame_larger_than_allowed_is_refused_packed_or_not(tmp_path):
    path = write_frame(tmp_path)
    assert isinstance(verify(str(path), most=path.stat().st_size), Accepted)
    for name, content in (("N2.fits", frame_bytes()), ("N3.fits.gz", gzip.compress(frame_bytes()))):
        (tmp_path / name).write_bytes(content)
        found = verify(str(tmp_path / name), most=len(frame_bytes()) - 1)
        assert isinstance(found, Quarantined)
        assert (found.code, found.unfinished) == ("too_large", False)


def test_a_file_that_we_fail_at_gets_a_reason_and_hinders_nobody(tmp_path, monkeypatch):
    path = write_frame(tmp_path)
    monkeypatch.setattr(verifying, "kind_of", lambda facts: {}["no such kind"])
    found = verify(str(path))
    assert isinstance(found, Quarantined)
    assert (found.code, found.unfinished) == ("defect", True)
    assert "KeyError" in found.reason
