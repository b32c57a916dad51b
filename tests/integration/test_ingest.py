"""How files come to be frames, on a real ledger: when one is whole, and what comes again."""

from __future__ import annotations

import bz2
import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from astropy.io import fits

from nightcrew.ingest import service
from nightcrew.ingest.core.settling import Policy
from nightcrew.ingest.verifying import Accepted, verify
from nightcrew.shared.ledger import LEDGER, FrameState, frames
from nightcrew.shared.messages import FrameArrived, decode
from support.ingest import Station, frame_bytes, frame_name, write_frame
from support.ledgers import bodies

NIGHT = date(2016, 1, 1)
BLOCK = 2880


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER,)


@pytest.fixture
def station(database, tmp_path):
    return Station(database, tmp_path / "raw")


def messages(database):
    with database.connect() as connection:
        return [decode(body.encode()) for body in bodies(connection)]


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
