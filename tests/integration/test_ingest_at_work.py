"""Several ingests on one directory, restarts and stops, on a real ledger."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text

from nightcrew.ingest import service
from nightcrew.ingest.archiving import Archive, Mode
from nightcrew.ingest.core.settling import Policy
from nightcrew.ingest.scanning import scan
from nightcrew.ingest.service import Ingest
from nightcrew.shared.database import open_database
from nightcrew.shared.errors import ServiceError
from nightcrew.shared.ledger import LEDGER
from nightcrew.shared.messages import decode
from support.ingest import Station, frame_bytes, frame_name, write_frame
from support.ledgers import bodies

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


def messages(database):
    with database.connect() as connection:
        return [decode(body.encode()) for body in bodies(connection)]


def test_a_file_that_is_known_is_not_read_again_after_a_restart(station, monkeypatch):
    write_frame(station.raw, 1)
    (station.raw / "N9.fits").write_bytes(b"not FITS")
    station.poll(70)
    assert station.states() == {frame_name(1): "accepted", "N9.fits": "not_fits"}

    def unwanted(path, *_):
        raise AssertionError(f"{path} was read again")

    monkeypatch.setattr(service, "verify", unwanted)
    station.restart()
    assert station.poll(70) == []


def test_what_vanished_while_nobody_looked_is_gone(station):
    path = write_frame(station.raw)
    station.poll()
    path.unlink()
    station.restart()
    station.poll(2)
    assert station.balance().arrivals == {"gone": 1}


def test_two_on_one_directory_do_everything_once(database, postgres_url, tmp_path, archive):
    many = 60
    raw = tmp_path / "raw"
    for number in range(many):
        write_frame(raw, number)
        if number % 3 == 0:
            shutil.copy(raw / frame_name(number), raw / f"copy{number}.fits")
    (raw / "N9.fits").write_bytes(b"not FITS")
    databases = [open_database(postgres_url) for _ in range(2)]
    stations = [Station(one, raw, archive, Policy(1, 2)) for one in databases]
    failed: list[Exception] = []

    def work(station: Station) -> None:
        try:
            for _ in range(12):
                station.poll()
        except Exception as error:  # noqa: BLE001 - told by the test
            failed.append(error)

    threads = [threading.Thread(target=work, args=(station,)) for station in stations]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for one in databases:
        one.close()
    assert not [error for error in failed if not isinstance(error, ServiceError)]
    station = Station(database, raw, archive, Policy(1, 2))
    station.poll(6)
    found = station.balance()
    assert found.frames == {"received": many}
    assert found.arrivals.get("settling", 0) == 0
    assert found.arrivals == {"accepted": many, "duplicate": many // 3, "quarantined": 1}
    assert len({message.frame_id for message in messages(database)}) == len(messages(database)) == many
    assert archive.root is not None
    kept = list(archive.root.rglob("*.fits"))
    assert len(kept) == many
    with database.connect() as connection:
        paths = set(connection.execute(text("SELECT path FROM ledger.frames")).scalars())
    assert paths == {str(path) for path in kept}


@pytest.mark.parametrize("mode", list(Mode))
def test_a_file_that_another_ingest_ends_between_listing_and_noting_has_arrived_once(
    database, postgres_url, tmp_path, monkeypatch, mode
):
    archive = Archive(mode, None if mode is Mode.IN_PLACE else tmp_path / "archive")
    station = Station(database, tmp_path / "raw", archive)
    note = Ingest._note
    write_frame(station.raw)
    with open_database(postgres_url) as second:
        other = Station(second, station.raw, archive)

        def overtaken(ingest, listing):
            monkeypatch.setattr(Ingest, "_note", note)
            assert [str(one.state) for one in other.poll(2)] == ["accepted"]
            note(ingest, listing)

        monkeypatch.setattr(Ingest, "_note", overtaken)
        assert station.poll(4) == []
        assert station.balance().arrivals == {"accepted": 1}
        # The very file once more, under a new inode, is a repeat.
        write_frame(station.raw)
        assert len(station.poll(2) + other.poll(2)) == 1
    assert station.balance().arrivals == {"accepted": 1, "duplicate": 1}


def test_the_same_content_from_two_directories_at_the_same_moment_is_one_frame(database, postgres_url, tmp_path):
    """Whoever comes second finds the frame recorded between his looking and his recording."""
    station = Station(database, tmp_path / "raw", Archive(Mode.MOVE, tmp_path / "archive"))
    with open_database(postgres_url) as other:
        for name in (frame_name(), "copy.fits"):
            elsewhere = Station(other, tmp_path / f"other-{name}", Archive(Mode.MOVE, tmp_path / "archive"))
            write_frame(station.raw, 1, name)
            write_frame(elsewhere.raw)
            overtaking(station, elsewhere)
            assert len(station.states()) == 1
    found = station.balance()
    assert found.frames == {"received": 1}
    (row,) = station.frames(NIGHT).values()
    assert Path(row.path).read_bytes() == frame_bytes()
    assert len(list((tmp_path / "archive").rglob("*.fits"))) == 1


def overtaking(station: Station, other: Station) -> None:
    """Let the other one record between the moment at which the first looks for known contents and that at which he
    records."""
    keep = Archive.keep
    first: list[bool] = []

    def kept(self, frame, source):
        found = keep(self, frame, source)
        if not first:
            first.append(True)
            other.poll(2)
        return found

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Archive, "keep", kept)
        station.told.ended.clear()
        station.poll(2)


def test_a_stop_ends_a_crowd_of_files_between_two_batches_and_the_rest_comes_later(database, tmp_path):
    station = Station(database, tmp_path / "raw", policy=Policy(0, 0))
    for number in range(120):
        write_frame(station.raw, number)
    station.poll()
    stop = threading.Event()
    taken = station.told.recorded
    station.told.recorded = lambda one, seconds: (stop.set(), taken(one, seconds))  # type: ignore[method-assign]
    station.ingest.poll(stop)
    assert station.balance().arrivals == {"accepted": 50, "settling": 70}
    station.poll()
    assert station.balance().arrivals == {"accepted": 120}


def test_frames_that_take_long_to_read_do_not_wait_for_one_another(database, tmp_path, monkeypatch):
    station = Station(database, tmp_path / "raw")
    for number in range(6):
        write_frame(station.raw, number)
    station.poll()
    verify = service.verify

    def slow(path, *more):
        station.now += 0.6
        return verify(path, *more)

    monkeypatch.setattr(service, "verify", slow)
    station.ingest.watch = replace(station.ingest.watch, readers=1)
    assert len(station.poll()) == 6
    with database.connect() as connection:
        transactions = connection.execute(text("SELECT count(DISTINCT arrived_at) FROM ledger.frames")).scalar()
    assert transactions > 1


def test_a_listing_is_enough_to_know_that_nothing_is_new(station, monkeypatch):
    for number in range(5):
        write_frame(station.raw, number)
    station.poll(3)

    def unwanted(*_):
        raise AssertionError("the database was asked although nothing has changed")

    monkeypatch.setattr(type(station.database), "begin", unwanted)
    station.poll(3)
    assert len(scan([station.raw]).files) == 5
