"""Files arrive in every way that files do; each comes to one end, and nothing is lost."""

from __future__ import annotations

import bz2
import errno
import os
import shutil
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from astropy.io import fits
from sqlalchemy import text

from nightcrew.ingest import service
from nightcrew.ingest.archiving import Archive, Mode, NotKept
from nightcrew.ingest.core.settling import Policy
from nightcrew.ingest.scanning import scan
from nightcrew.ingest.service import Ingest
from nightcrew.ingest.verifying import Accepted, verify
from nightcrew.shared.database import open_database, parse_url
from nightcrew.shared.errors import ServiceError
from nightcrew.shared.fits.containers import PlainFile
from nightcrew.shared.ledger import LEDGER, FrameState, frames, outbox
from nightcrew.shared.messages import FrameArrived, decode
from support.ingest import Station, balance, frame_bytes, frame_name, write_frame
from support.ledgers import bodies
from support.postgres import with_password
from support.proxy import Proxy

NIGHT = date(2016, 1, 1)
BLOCK = 2880


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


# How files come


def test_a_frame_is_recorded_and_announced_once_a_look_after_it_was_seen(station):
    path = write_frame(station.raw)
    assert station.poll() == []
    (ended,) = station.poll()
    assert station.poll(5) == []
    row = station.frames(NIGHT)[path.name]
    assert (row.path, row.state, row.kind, row.id) == (str(path), FrameState.RECEIVED, "science", ended.frame_id)
    (message,) = messages(station.database)
    assert isinstance(message, FrameArrived)
    assert (message.frame_id, message.content_hash, message.night) == (row.id, row.sha256, NIGHT)
    assert station.balance().arrivals == {"accepted": 1}


def test_a_frame_written_in_pieces_is_taken_when_the_last_one_is_there_and_not_before(station):
    content, path = frame_bytes(), station.raw / "N1.fits"
    with path.open("wb") as file:
        for start in range(0, len(content), 4096):
            file.write(content[start : start + 4096])
            file.flush()
            # Two looks in which nothing comes: plain files are looked into at once, and found to be cut short.
            assert station.poll(3) == [] or start + 4096 >= len(content)
    station.poll(3)
    assert station.states() == {"N1.fits": "accepted"}
    assert station.told.cut_short
    assert station.balance().arrivals == {"accepted": 1}


def test_a_packed_frame_written_with_pauses_longer_than_settling_is_not_taken_by_half(station):
    content, path = bz2.compress(frame_bytes()), station.raw / "N1.fits.bz2"
    with path.open("wb") as file:
        for start in range(0, len(content), 1024):
            file.write(content[start : start + 1024])
            file.flush()
            station.poll(5)
    station.poll(5)
    assert station.states() == {"N1.fits.bz2": "accepted"}


def test_what_rsync_writes_is_seen_when_it_has_its_name(station):
    growing = station.raw / f".{frame_name()}.4xZQ1b"
    growing.write_bytes(frame_bytes()[:5000])
    assert station.poll(5) == []
    assert station.balance().arrivals == {}
    growing.write_bytes(frame_bytes())
    growing.rename(station.raw / frame_name())
    station.poll(2)
    assert station.states() == {frame_name(): "accepted"}


def test_a_file_cut_at_any_block_is_never_a_frame(database, tmp_path):
    content = frame_bytes()
    station = Station(database, tmp_path / "raw", policy=Policy(settle=2, patience=4))
    cut = {f"N{length}.fits": content[:length] for length in range(0, len(content), BLOCK)}
    for name, part in cut.items():
        (station.raw / name).write_bytes(part)
    station.poll(4)
    assert station.states() == {}, "they may still grow"
    station.poll(3)
    # What ends with the primary HDU is whole FITS, and still no frame.
    reasons = {0: "empty", content.index(b"XTENSION"): "keyword"}
    assert station.states() == {name: reasons.get(len(part), "truncated") for name, part in cut.items()}
    assert len(cut) == len(content) // BLOCK > 4
    assert station.balance().frames == {}
    for name in cut:
        (station.raw / name).write_bytes(content)
    station.poll(3)
    assert sorted(set(station.states().values())) == ["accepted", "duplicate"]
    assert station.balance().arrivals == {"quarantined": len(cut), "accepted": 1, "duplicate": len(cut) - 1}


def test_a_file_that_vanishes_before_it_is_whole_is_gone_and_may_come_again(station):
    path = station.raw / frame_name()
    path.write_bytes(frame_bytes()[:BLOCK])
    station.poll(2)
    path.unlink()
    station.poll()
    assert station.balance().arrivals == {"gone": 1}
    write_frame(station.raw)
    station.poll(2)
    assert station.balance().arrivals == {"gone": 1, "accepted": 1}


def test_times_from_the_future_and_from_before_time_do_not_matter(station):
    for number, moment in enumerate([4102444800, 0, 2**33], 1):
        os.utime(write_frame(station.raw, number), (moment, moment))
    station.poll(2)
    assert set(station.states().values()) == {"accepted"}
    assert len(station.states()) == 3


def test_a_clock_that_jumps_back_keeps_frames_waiting_and_no_longer(station):
    write_frame(station.raw)
    station.poll()
    station.now -= 500
    assert station.poll() == []
    assert len(station.poll(2)) == 1


def test_a_frame_cut_between_two_extensions_waits_for_what_it_promises(database, tmp_path):
    whole = write_frame(tmp_path)
    with fits.open(whole, mode="append") as hdus:
        second = hdus[1].copy()
        second.header["EXTNAME"], second.header["EXTVER"] = "NOTES", 1
        hdus.append(second)
    content = set_card(whole.read_bytes(), "NEXTEND", 2)
    station = Station(database, tmp_path / "raw", policy=Policy(2, 20))
    path = station.raw / "N1.fits"
    path.write_bytes(content[: content.rindex(b"XTENSION")])
    assert station.poll(10) == []
    assert "NEXTEND" in station.told.cut_short[0]
    path.write_bytes(content)
    station.poll(2)
    assert station.states() == {"N1.fits": "accepted"}
    # One that was split by the observatory is taken as it is, later.
    (station.raw / "N2.fits").write_bytes(content[: content.rindex(b"XTENSION")])
    station.poll(23)
    assert station.states()["N2.fits"] == "accepted"


def set_card(content: bytes, keyword: str, value: int) -> bytes:
    """Return a file whose primary header has one more card, in the place of a blank one after END."""
    end = content.index(b"END     ".ljust(80))
    card = f"{keyword:8}= {value:>20}".ljust(80).encode()
    assert content[end + 80 : end + 160].strip() == b""
    return content[:end] + card + b"END".ljust(80) + content[end + 160 :]


# What comes again


def test_the_same_content_is_one_frame_under_however_many_names(database, tmp_path, monkeypatch):
    """Ten thousand links to one file; all but the first to be recorded are repeats."""
    many = 10_000
    station = Station(database, tmp_path / "raw", policy=Policy(0, 0), batch=500)
    first = write_frame(tmp_path / "elsewhere")
    for number in range(many):
        os.link(first, station.raw / f"N{number}.fits")
    found = verify(str(first))
    assert isinstance(found, Accepted)

    def known(path: str, *_: object) -> Accepted:
        return replace(found, frame=replace(found.frame, path=path, name=Path(path).name))

    # Read once instead of ten thousand times: the subject is what becomes of what was read.
    monkeypatch.setattr(service, "verify", known)
    ended = station.poll(2)
    assert len(ended) == many
    assert station.balance().arrivals == {"accepted": 1, "duplicate": many - 1}
    assert len({one.frame_id for one in ended}) == 1
    assert len(messages(database)) == 1
    station.restart()
    assert station.poll(2) == []
    assert station.balance().arrivals == {"accepted": 1, "duplicate": many - 1}


def test_another_content_under_the_same_name_is_a_new_version(station):
    path = write_frame(station.raw, 1, "N1.fits")
    station.poll(2)
    write_frame(station.raw, 2, "N1.fits")
    station.poll(2)
    with station.database.connect() as connection:
        newest, oldest = frames.named(connection, "N1.fits")
    assert (newest.version, newest.state, newest.path) == (2, FrameState.RECEIVED, str(path))
    assert oldest.state is FrameState.SUPERSEDED
    assert [one.state for one in station.told.ended] == ["accepted", "accepted"]
    assert len(messages(station.database)) == 2
    station.balance()


def test_two_contents_of_one_name_at_the_same_time_are_two_versions(database, tmp_path):
    station = Station(database, tmp_path / "raw", recursive=True)
    for number in (1, 2, 3):
        write_frame(station.raw / str(number), number, "N1.fits")
    station.poll(2)
    with database.connect() as connection:
        assert [row.version for row in frames.named(connection, "N1.fits")] == [3, 2, 1]
    station.balance()


def test_a_frame_that_was_moved_by_hand_is_found_where_it_is_now(database, tmp_path):
    station = Station(database, tmp_path / "raw", recursive=True)
    path = write_frame(station.raw)
    station.poll(2)
    (station.raw / "below").mkdir()
    moved = path.rename(station.raw / "below" / path.name)
    station.poll(2)
    assert station.frames(NIGHT)[path.name].path == str(moved)
    assert station.balance().arrivals == {"accepted": 1, "duplicate": 1}


# What cannot be used


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


# Where files go


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


@contextmanager
def small_disk(where: Path, size: str):
    """A file system of so many bytes; needs root."""
    where.mkdir()
    try:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", where], capture_output=True, check=False
        )
    except FileNotFoundError:
        pytest.skip("no mount: a full disk cannot be made")
    if done.returncode:
        pytest.skip(f"a full disk cannot be made: {done.stderr.decode().strip()}")
    try:
        yield where
    finally:
        subprocess.run(["umount", where], check=True)


def test_frames_wait_where_they_are_while_the_archive_is_full(database, tmp_path):
    with small_disk(tmp_path / "disk", "64k") as disk:
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


# Who works


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
