"""The command in this process: begins, works without a broker, ends when it is told to."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager

import pytest
import structlog

from nightcrew.ingest import main as command
from nightcrew.shared.ledger import LEDGER, outbox
from support.ingest import balance, write_frame
from support.postgres import fresh_database, with_password


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER,)


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch):
    """Keep the log and the signals of the tests as they were."""
    monkeypatch.setattr("nightcrew.shared.logs.configure_logs", lambda *_: None)
    before = signal.getsignal(signal.SIGTERM)
    with structlog.testing.capture_logs():
        yield
    signal.signal(signal.SIGTERM, before)


@contextmanager
def told_to_stop(when):
    """Send SIGTERM to this process once something has happened."""

    def wait() -> None:
        end = time.monotonic() + 30
        while not when() and time.monotonic() < end:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=wait)
    thread.start()
    yield
    thread.join()


def test_frames_are_recorded_without_a_broker_and_wait_to_be_published(database, postgres_url, tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTCREW_DATABASE_URL", postgres_url)
    monkeypatch.setenv("NIGHTCREW_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:1/")
    monkeypatch.setenv("NIGHTCREW_INGEST_INTERVAL", "0.05")
    monkeypatch.setenv("NIGHTCREW_INGEST_UPLOADS", str(tmp_path / "kept"))
    write_frame(tmp_path / "raw")
    with told_to_stop(lambda: balance(database).frames != {}):
        assert command.main(["serve", str(tmp_path / "raw"), "--port", "0"]) == 0
    assert balance(database).arrivals == {"accepted": 1}
    with database.connect() as connection:
        assert outbox.pending(connection).messages == 1


def test_a_part_that_ends_by_itself_ends_the_whole_and_is_told(database, postgres_url, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NIGHTCREW_DATABASE_URL", postgres_url)
    monkeypatch.setattr("nightcrew.ingest.running.Relay.run", lambda *_: None)
    assert command.main(["serve", str(tmp_path), "--port", "0"]) == 1
    assert "'relay' has ended by itself" in capsys.readouterr().err


def test_a_database_without_tables_is_refused_with_what_to_do(postgres_server, tmp_path, monkeypatch, capsys):
    with fresh_database(postgres_server) as empty:
        monkeypatch.setenv("NIGHTCREW_DATABASE_URL", with_password(empty))
        assert command.main(["serve", str(tmp_path), "--port", "0"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("nightcrew-ingest: ")
    assert "nightcrew database upgrade" in said


def test_control_c_ends_it_too(database, postgres_url, tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTCREW_DATABASE_URL", postgres_url)
    monkeypatch.setenv("NIGHTCREW_INGEST_RELAY", "0")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nightcrew.ingest.running.Ingest.run", interrupted)
    assert command.main(["serve", str(tmp_path), "--port", "0"]) == 130
