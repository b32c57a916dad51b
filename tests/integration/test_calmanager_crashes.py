"""Sudden deaths while calibrations are received: what was acknowledged is there, and nothing else is half there."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nightcrew.calmanager import CalibrationManager, Listing
from nightcrew.calmanager.core.states import State
from nightcrew.calmanager.database import CALIBRATION
from nightcrew.calmanager.files import FileStore
from nightcrew.shared.database import DatabaseSettings, open_database, upgrade
from nightcrew.shared.errors import ServiceError
from support.crashing_receiver import LIMIT, MARK, variant
from support.masters import write_master

if TYPE_CHECKING:
    from nightcrew.shared.database import Database, Schema

TESTS = Path(__file__).resolve().parents[1]
NUMBER = 100


@pytest.fixture(scope="module")
def schemas() -> tuple[Schema, ...]:
    return (CALIBRATION,)


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "store")


@pytest.fixture
def master(tmp_path: Path) -> Path:
    return write_master(tmp_path / "master_dark.fits", checksums=False, OBSID=MARK.decode())


def later() -> datetime:
    return datetime.now(UTC) + timedelta(hours=2)


def check(database: Database, store: FileStore, acknowledged: list[str]) -> CalibrationManager:
    """Check that all that was acknowledged is there, whole, and that every entry has its file; sweep the rest."""
    manager = CalibrationManager.open(database, files=store, clock=later)
    records = {record.name: record for record in manager.list(Listing(everything=True))}
    assert set(acknowledged) <= set(records)
    for record in records.values():
        assert record.path is not None
        assert hashlib.sha256(record.path.read_bytes()).hexdigest() == record.sha256
        assert record.state is State.CERTIFIED
        assert [line.event for line in manager.history(record.id)] == ["add"]
    known = {record.path for record in records.values()}
    orphans = {path for path in store.root.rglob("*") if path.is_file()} - known
    swept = manager.sweep()
    assert set(swept.orphans) == orphans
    assert swept.missing == ()
    assert {path for path in store.root.rglob("*") if path.is_file()} == known
    return manager


def test_a_killed_process_leaves_no_half_calibration(
    database: Database, postgres_url: str, store: FileStore, master: Path
) -> None:
    acknowledged: list[str] = []
    for first, after in ((0, 3), (200, 17), (400, 40)):
        command = [sys.executable, "-m", "support.crashing_receiver", postgres_url, str(store.root), str(master)]
        with subprocess.Popen(
            [*command, str(first), str(NUMBER)], cwd=TESTS, stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            told = [child.stdout.readline().strip() for _ in range(after)]
            child.send_signal(signal.SIGKILL)
            told += child.stdout.read().split()
        assert child.returncode == -signal.SIGKILL
        assert len(told) < NUMBER
        acknowledged += told
        manager = check(database, store, acknowledged)
        # What was broken off can be sent again.
        name, chunks = variant(master.read_bytes(), first + len(told))
        manager.receive(name, chunks, who="sender", limit=LIMIT)
        acknowledged.append(name)


def test_a_file_without_an_entry_is_never_seen(database: Database, store: FileStore, master: Path) -> None:
    name, chunks = variant(master.read_bytes(), 1)
    with store.receive(name, chunks, limit=LIMIT) as received:  # and then the power fails
        path = store.keep(received, name)
    manager = CalibrationManager.open(database, files=store, clock=later)
    assert manager.list(Listing(everything=True)) == []
    assert manager.sweep().orphans == (path,)
    manager.receive(name, chunks, who="sender", limit=LIMIT)
    assert path.exists()


def test_a_killed_database_loses_nothing_that_was_acknowledged(tmp_path: Path, store: FileStore, master: Path) -> None:
    settings = DatabaseSettings.load(data_dir=tmp_path / "server", database_url=None, database_url_file=None)
    acknowledged, refused = [], []
    with open_database(settings) as database:
        upgrade(database, CALIBRATION)
        manager = CalibrationManager.open(database, files=store)
        killer = threading.Thread(target=_kill_postmasters, args=(tmp_path / "server", 3))
        killer.start()
        number = 0
        while killer.is_alive() or number < 10:
            name, chunks = variant(master.read_bytes(), number)
            try:
                acknowledged.append(manager.receive(name, chunks, who="sender", limit=LIMIT).record.name)
            except ServiceError as error:
                refused.append((name, str(error)))
            number += 1
        killer.join()
        name, chunks = variant(master.read_bytes(), number)
        acknowledged.append(manager.receive(name, chunks, who="sender", limit=LIMIT).record.name)
        check(database, store, acknowledged)
    assert len(acknowledged) + len(refused) == number + 1


def _kill_postmasters(directory: Path, times: int) -> None:
    """Kill the server of an embedded database, again and again, while it is at work."""
    for pause in range(times):
        time.sleep(0.3 + 0.17 * pause)
        for lock in directory.rglob("postmaster.pid"):
            with contextlib.suppress(ProcessLookupError, FileNotFoundError):
                os.kill(int(lock.read_text().splitlines()[0]), signal.SIGKILL)
