"""What cannot be used, and disks and databases that fail, on a real ledger."""

from __future__ import annotations

import errno
import os
import threading
import time

import pytest

from nightcrew.ingest import service
from nightcrew.ingest.core.settling import Policy
from nightcrew.ingest.verifying import Accepted
from nightcrew.shared.database import open_database, parse_url
from nightcrew.shared.errors import ServiceError
from nightcrew.shared.fits.containers import PlainFile
from nightcrew.shared.ledger import LEDGER, outbox
from support.ingest import Station, balance, frame_bytes, frame_name, write_frame
from support.postgres import with_password
from support.proxy import Proxy


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER,)


@pytest.fixture
def station(database, tmp_path):
    return Station(database, tmp_path / "raw")


def test_links_pipes_and_names_that_are_not_text_come_to_an_end_with_a_reason(database, tmp_path):
    station = Station(database, tmp_path / "raw", policy=Policy(1, 2))
    target = write_frame(tmp_path / "elsewhere")
    (station.raw / "linked.fits").symlink_to(target)
    (station.raw / "lost.fits").symlink_to(tmp_path / "nosuch.fits")
    (station.raw / "loop.fits").symlink_to(station.raw / "loop.fits")
    os.mkfifo(station.raw / "pipe.fits")
    (station.raw / os.fsdecode(b"N\xff.fits")).write_bytes(frame_bytes(9))
    (station.raw / "notes.fits").write_text("not FITS")
    station.poll(5)
    assert station.states() == {
        "linked.fits": "accepted", "lost.fits": "unreadable", "loop.fits": "unreadable", "pipe.fits": "unreadable",
        os.fsdecode(b"N\xff.fits"): "name", "notes.fits": "not_fits",
    }  # fmt: skip
    assert station.balance().arrivals == {"accepted": 1, "quarantined": 5}
    station.restart()
    assert station.poll(3) == []


def test_a_file_that_may_not_be_read_is_looked_at_again_when_it_was_touched(database, tmp_path, monkeypatch):
    station = Station(database, tmp_path / "raw", policy=Policy(1, 2))
    path = write_frame(station.raw)
    opened = os.open

    def refuse(name, *more, **options):
        if str(name) == str(path):
            raise PermissionError(errno.EACCES, "Permission denied", name)
        return opened(name, *more, **options)

    with monkeypatch.context() as patched:
        patched.setattr("nightcrew.shared.fits.containers.os.open", refuse)
        station.poll(5)
    assert station.states() == {path.name: "unreadable"}
    path.touch()
    station.poll(2)
    assert station.states() == {path.name: "accepted"}


def test_a_disk_that_fails_for_a_while_costs_time_and_no_frame(station, monkeypatch):
    write_frame(station.raw)

    def fail(self: PlainFile) -> bytes:
        raise ServiceError(f"{self.path}: cannot be read now (Stale file handle); try again")

    with monkeypatch.context() as patched:
        patched.setattr(PlainFile, "whole", fail)
        station.poll(100)
    assert station.states() == {}
    assert any("Stale" in reason for _, reason in station.told.troubles)
    station.poll(3)
    assert station.states() == {frame_name(): "accepted"}


def test_a_directory_that_is_not_there_for_a_while_has_lost_nothing(station):
    path = write_frame(station.raw)
    station.poll()
    away = station.raw.rename(station.raw.with_name("away"))
    station.poll(3)
    assert any("cannot be listed" in reason for _, reason in station.told.troubles)
    assert station.balance().arrivals == {"settling": 1}
    away.rename(station.raw)
    station.poll(2)
    assert station.states() == {path.name: "accepted"}


def test_a_frame_that_the_database_refuses_is_set_aside_and_its_batch_recorded(station, monkeypatch):
    for number in (1, 2, 3):
        write_frame(station.raw, number)
    to_json = service.verify

    def odd(path, *more):
        found = to_json(path, *more)
        assert isinstance(found, Accepted)
        if path.endswith("2.fits"):
            found.frame.facts["values"]["exposure_time"] = float("nan")
        return found

    monkeypatch.setattr(service, "verify", odd)
    station.poll(3)
    assert station.states() == {frame_name(1): "accepted", frame_name(2): "record", frame_name(3): "accepted"}
    station.balance()


def test_a_database_that_goes_away_is_waited_for_and_nothing_is_lost(database, postgres_url, tmp_path):
    url = parse_url(postgres_url)
    assert url.host is not None
    proxy = Proxy(url.host, url.port or 5432)
    stop = threading.Event()
    with open_database(with_password(url.set(host="127.0.0.1", port=proxy.port))) as through:
        station = Station(through, tmp_path / "raw", policy=Policy(0, 1))
        station.ingest.clock = time.monotonic
        station.ingest.watch = service.Watch((station.raw,), policy=Policy(0, 1), interval=0.02)
        station.ingest.backoff = service.Backoff(first=0.02, ceiling=0.1)
        thread = threading.Thread(target=station.ingest.run, args=(stop,))
        thread.start()
        try:
            write_frame(station.raw, 1)
            until(lambda: len(station.told.ended) == 1)
            proxy.cut(refuse=True)
            write_frame(station.raw, 2)
            until(lambda: any(what == "database" for what, _ in station.told.troubles))
            write_frame(station.raw, 3)
            proxy.mend()
            until(lambda: len(station.told.ended) == 3)
        finally:
            stop.set()
            thread.join(30)
            proxy.close()
    assert balance(database).arrivals == {"accepted": 3}
    with database.connect() as connection:
        assert outbox.pending(connection).messages == 3


def until(happens) -> None:
    end = time.monotonic() + 30
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.01)
