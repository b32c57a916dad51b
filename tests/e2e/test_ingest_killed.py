"""Stories of an ingest that is killed, stopped, and started again while a night arrives."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from nightcrew.ingest.keeping import STAGE
from nightcrew.shared.ledger import LEDGER, arrivals, outbox
from support.ingest import IngestProcess, Station, balance, frame_bytes, frame_name, write_frame

FRAMES = 120
KILLS = 10


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER,)


def arriving(raw: Path, done: threading.Event) -> None:
    """Let frames arrive in pieces, with copies and rubbish among them."""
    for number in range(FRAMES):
        content = frame_bytes(number)
        growing = raw / f".{frame_name(number)}.4xZQ1b"
        growing.write_bytes(content[:5000])
        with (raw / frame_name(number)).open("wb") if number % 5 == 0 else growing.open("wb") as file:
            for start in range(0, len(content), 4096):
                file.write(content[start : start + 4096])
                file.flush()
        if number % 5:
            growing.rename(raw / frame_name(number))
        else:
            growing.unlink()
        if number % 10 == 0:
            write_frame(raw, number, f"copy{number}.fits")
        if number % 50 == 0:
            (raw / f"bad{number}.fits").write_bytes(content[:5760])
        time.sleep(0.03)
    done.set()


def open_arrivals(database) -> int:
    with database.connect() as connection:
        return len(arrivals.settling(connection))


@pytest.mark.slow
def test_an_ingest_killed_at_any_moment_loses_no_frame_and_records_none_twice(database, postgres_url, tmp_path):
    raw, archive, aside = tmp_path / "raw", tmp_path / "archive", tmp_path / "aside"
    raw.mkdir()
    chance, done = random.Random(20160102), threading.Event()
    environment = {
        "NIGHTCREW_INGEST_MODE": "move", "NIGHTCREW_INGEST_ARCHIVE": str(archive),
        "NIGHTCREW_INGEST_QUARANTINE": str(aside), "NIGHTCREW_INGEST_PATIENCE": "0.5", "NIGHTCREW_INGEST_BATCH": "7",
    }  # fmt: skip
    telescope = threading.Thread(target=arriving, args=(raw, done))
    telescope.start()
    for _ in range(KILLS):
        with IngestProcess(postgres_url, raw, environment):
            time.sleep(chance.uniform(0.0, 0.6))
        held = {path.read_bytes() for path in [*raw.glob("*.fits"), *archive.rglob("*.fits")]}
        with database.connect() as connection:
            paths = connection.execute(text("SELECT path FROM ledger.frames")).scalars().all()
        assert all(Path(path).exists() for path in paths), "the ledger names a file that is not there"
        assert {frame_bytes(number) for number in range(FRAMES) if done.is_set()} <= held
        balance(database)
    telescope.join()
    with IngestProcess(postgres_url, raw, environment) as process:
        process.until(lambda: balance(database).frames.get("received") == FRAMES, "frames are missing")
        process.until(lambda: open_arrivals(database) == 0, "something has not ended")
        assert process.terminate() == 0
    found = balance(database)
    assert found.arrivals["accepted"] == FRAMES
    assert found.frames == {"received": FRAMES}
    with database.connect() as connection:
        assert outbox.pending(connection).messages == FRAMES
        contents = connection.execute(text("SELECT path FROM ledger.frames")).scalars().all()
    assert {Path(path).read_bytes() for path in contents} == {frame_bytes(number) for number in range(FRAMES)}
    assert len(list(archive.glob("NIRI/*/*.fits"))) == FRAMES
    assert not [path for path in raw.glob("*.fits") if not path.name.startswith("copy")]
    assert len(list((archive / STAGE).iterdir())) <= KILLS


def test_an_ingest_told_to_stop_ends_what_it_has_begun_and_goes(database, postgres_url, tmp_path):
    raw = tmp_path / "raw"
    for number in range(60):
        write_frame(raw, number)
    with IngestProcess(postgres_url, raw, {"NIGHTCREW_INGEST_BATCH": "5"}) as process:
        process.until(lambda: balance(database).frames != {}, "nothing is recorded")
        assert process.terminate() == 0
        assert process.log[-1]["event"] == "ended"
    told = sum(one["event"] == "accepted" for one in process.log)
    assert balance(database).frames["received"] == told
    Station(database, raw).poll(2)
    assert balance(database).frames == {"received": 60}
