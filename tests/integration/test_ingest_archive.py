"""Where files go: the archive of ingest, full, failing and left half done."""

from __future__ import annotations

import errno
import shutil
import subprocess
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text

from nightcrew.ingest.archiving import Archive, Mode, NotKept
from nightcrew.ingest.core.settling import Policy
from nightcrew.shared.errors import ServiceError
from nightcrew.shared.ledger import LEDGER, frames
from support.disks import small_disk
from support.ingest import Station, balance, frame_bytes, frame_name, write_frame

NIGHT = date(2016, 1, 1)


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER,)


@pytest.fixture
def station(database, tmp_path):
    return Station(database, tmp_path / "raw")


@pytest.fixture
def archive(tmp_path):
    return Archive(Mode.MOVE, tmp_path / "archive", tmp_path / "aside")


def test_frames_are_moved_to_their_places_and_versions_beside_one_another(database, tmp_path, archive):
    station = Station(database, tmp_path / "raw", archive, Policy(1, 2))
    write_frame(station.raw, 1, "N1.fits")
    (station.raw / "N9.fits").write_bytes(b"not FITS")
    station.poll(4)
    write_frame(station.raw, 2, "N1.fits")
    write_frame(station.raw, 1, "copy.fits")
    station.poll(2)
    assert archive.root is not None
    place = archive.root / "NIRI" / "2016-01-01"
    assert sorted(path.name for path in place.iterdir()) == ["N1.fits", "N1.v2.fits"]
    assert [path.name for path in station.raw.iterdir()] == ["copy.fits"], "what is known stays where it is"
    with database.connect() as connection:
        assert [row.path for row in frames.named(connection, "N1.fits")] == [
            str(place / "N1.v2.fits"),
            str(place / "N1.fits"),
        ]
        moved = connection.execute(text("SELECT moved_to FROM ledger.arrivals WHERE state = 'quarantined'")).scalar()
    assert Path(moved).read_bytes() == b"not FITS"
    assert Path(f"{moved}.reason.json").exists()
    station.balance()


def test_a_frame_whose_archived_file_was_lost_is_archived_anew(database, tmp_path, archive):
    station = Station(database, tmp_path / "raw", archive)
    write_frame(station.raw)
    station.poll(2)
    lost = Path(station.frames(NIGHT)[frame_name()].path)
    shutil.rmtree(lost.parent)
    write_frame(station.raw)
    station.poll(2)
    assert lost.read_bytes() == frame_bytes()
    assert list(station.raw.iterdir()) == []
    assert station.balance().arrivals == {"accepted": 1, "duplicate": 1}


def test_frames_wait_where_they_are_while_the_archive_is_full(database, tmp_path):
    disk = tmp_path / "disk"
    with small_disk(disk, "64k") as mounted:
        if not mounted:
            pytest.skip("no small disk can be mounted here")
        station = Station(database, tmp_path / "raw", Archive(Mode.MOVE, disk / "archive"))
        for number in range(1, 11):
            write_frame(station.raw, number)
        station.poll(8)
        kept = balance(database).arrivals
        assert kept["settling"] > 0
        assert kept["accepted"] + kept["settling"] == 10
        assert len(list(station.raw.iterdir())) == kept["settling"]
        assert any("No space left" in reason for _, reason in station.told.troubles)
        assert not [path for path in disk.rglob("*") if path.is_file() and path.stat().st_size != len(frame_bytes())]
        subprocess.run(["mount", "-o", "remount,size=10m", disk], check=True)
        station.poll(4)
        assert balance(database).arrivals == {"accepted": 10}
        assert list(station.raw.iterdir()) == []
        assert {path.read_bytes() for path in disk.rglob("*.fits")} == {frame_bytes(number) for number in range(1, 11)}


def test_a_disk_that_fails_under_the_archive_records_nothing(database, tmp_path, archive, monkeypatch):
    station = Station(database, tmp_path / "raw", archive)
    path = write_frame(station.raw)
    station.poll()

    def fail(_: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr("nightcrew.ingest.recording.sync_directory", fail)
        with pytest.raises(ServiceError, match="check the disk"):
            station.poll()
    assert (path.exists(), balance(database).frames) == (True, {})
    station.poll(2)
    assert station.states() == {path.name: "accepted"}
    assert not path.exists()


def test_a_lost_frame_that_cannot_be_archived_anew_waits(database, tmp_path, archive, monkeypatch):
    station = Station(database, tmp_path / "raw", archive)
    write_frame(station.raw)
    station.poll(2)
    Path(station.frames(NIGHT)[frame_name()].path).unlink()
    write_frame(station.raw)
    with monkeypatch.context() as patched:
        patched.setattr(Archive, "keep", lambda *_: NotKept("no room"))
        assert station.poll(3) == []
    assert ("files", "no room") in station.told.troubles
    station.poll(3)
    assert station.balance().arrivals == {"accepted": 1, "duplicate": 1}


def test_what_was_archived_when_the_process_died_is_taken_away_by_the_next(database, tmp_path, archive, monkeypatch):
    station = Station(database, tmp_path / "raw", archive, Policy(1, 2))
    path = write_frame(station.raw)
    (station.raw / "N9.fits").write_bytes(b"not FITS")
    with monkeypatch.context() as patched:
        patched.setattr(Archive, "release", lambda *_: "")
        station.poll(5)
    assert path.exists()
    station.restart()
    station.poll()
    assert list(station.raw.iterdir()) == []
    assert station.balance().arrivals == {"accepted": 1, "quarantined": 1}
