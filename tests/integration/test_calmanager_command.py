"""The command nightcrew-calmanager: tokens, and what it refuses to serve."""

from __future__ import annotations

import logging
import os
import resource
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest
import structlog

from nightcrew.calmanager import serve
from nightcrew.calmanager.database import CALIBRATION
from nightcrew.calmanager.tokens import Scope, Tokens
from nightcrew.shared.database import downgrade
from support.calibration_service import schemas
from support.serving import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nightcrew.shared.database import Database

__all__ = ["schemas"]


@pytest.fixture(autouse=True)
def environment(
    database: Database, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    monkeypatch.setenv("NIGHTCREW_DATABASE_URL", postgres_url)
    monkeypatch.setenv("NIGHTCREW_CALMANAGER_STORE", str(tmp_path / "store"))
    root = logging.getLogger()
    handlers, level, handler = root.handlers[:], root.level, signal.getsignal(signal.SIGTERM)
    levels = {name: logging.getLogger(name).level for name in ("uvicorn.error", "sqlalchemy", "alembic", "asyncio")}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, was in levels.items():
        logging.getLogger(name).setLevel(was)
    signal.signal(signal.SIGTERM, handler)
    structlog.reset_defaults()


def test_a_token_is_printed_once_and_listed_without_its_secret(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    assert serve.main(["token", "create", "console", "--scope", "read"]) == 0
    secret = capsys.readouterr().out.strip()
    token = Tokens(database).verify(secret)
    assert token is not None
    assert (token.name, token.scopes) == ("console", {Scope.READ})
    assert serve.main(["token", "create", "reducer"]) == 0
    assert serve.main(["token", "revoke", "console"]) == 0
    capsys.readouterr()
    assert serve.main(["token", "list"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.split()[:2] == ["console", "read"]
    assert "revoked" in first
    assert second.split()[:2] == ["reducer", "read,write"]
    assert secret not in first + second
    assert Tokens(database).verify(secret) is None


def test_what_cannot_be_is_one_line(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    assert serve.main(["token", "revoke", "nobody"]) == 1
    assert capsys.readouterr().err == (
        "nightcrew-calmanager: token nobody: there is none; see `nightcrew-calmanager token list`\n"
    )
    downgrade(database, CALIBRATION, "base")
    assert serve.main(["token", "list"]) == 1
    assert capsys.readouterr().err.endswith("run: nightcrew database upgrade\n")


def test_a_setting_that_makes_no_sense_is_a_matter_of_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NIGHTCREW_CALMANAGER_THREADS", "many")
    assert serve.main(["serve"]) == 2
    assert "NIGHTCREW_CALMANAGER_THREADS" in capsys.readouterr().err


def test_other_machines_are_not_served_without_a_token(capsys: pytest.CaptureFixture[str]) -> None:
    assert serve.main(["serve", "--host", "0.0.0.0", "--port", "0"]) == 2
    assert "there is no token" in capsys.readouterr().err


def test_an_address_that_is_taken_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert serve.main(["serve", "--host", "203.0.113.1"]) in {1, 2}
    assert "203.0.113.1" in capsys.readouterr().err


def test_a_service_serves_until_it_is_asked_to_end(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    seen: list[int] = []

    def watch() -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                seen.append(httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=1).status_code)
                break
            except httpx.TransportError:
                time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    watcher = threading.Thread(target=watch)
    watcher.start()
    assert serve.main(["serve", "--port", str(port)]) == 0
    watcher.join(PATIENCE)
    assert seen == [200]
    assert "listening" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("soft", "hard", "served", "raised"),
    [(100, 10_000, 1000, 2128), (100, 528, 200, 528), (5000, 5000, 1000, 5000)],
)
def test_no_more_connections_are_served_than_files_may_be_open(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, served: int, raised: int
) -> None:
    limits = [(soft, hard)]
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _kind, now: limits.append(now))
    assert serve._connections(1000) == served
    assert limits[-1][0] == raised
