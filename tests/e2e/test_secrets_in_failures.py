"""What cannot be reached, and who is refused, is told without the passwords and tokens that were tried."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import make_url

from nightcrew.shared.database import open_database, upgrade
from nightcrew.shared.ledger import LEDGER
from support.leaking import leaks
from support.ledgers import submitted
from support.rabbitmq import rabbitmq_url

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["rabbitmq_url"]
DATABASE, BROKER, TOKEN = "pa55/word of:the@database", "pa55word-of-the-broker", "nightcrew_a-token-that-nobody-knows"
NOWHERE = "127.0.0.1:9"
"""Where nobody listens."""
COMMANDS = {
    "ingest": ("nightcrew-ingest", "serve", "RAW"),
    "planner": ("nightcrew-planner",),
    "reducer": ("nightcrew-reducer", "--class", "realtime"),
    "calmanager": ("nightcrew-calmanager", "serve", "--port", "0"),
    "cli": ("nightcrew", "jobs", "list", "--debug"),
    "console": ("nightcrew", "dead", "list", "--debug"),
}
FAULTS = {
    "no database": ("ingest", "planner", "reducer", "calmanager", "cli"),
    "no broker": ("ingest", "planner", "reducer", "console"),
    "a broker that refuses": ("ingest", "planner", "reducer", "console"),
}
TRIED = (b"127.0.0.1", b"the broker is not reached")
"""One of these stands in what a service says when it has tried."""
PATIENCE = 60.0
"""Seconds until a story is given up that takes two on an idle machine."""


@pytest.fixture(scope="module")
def password_url(postgres_url: str) -> str:
    """Return the address of a database with tables, and with a password in it that the server does not ask for.

    A message waits in it, so that whoever relays wants the broker.
    """
    with open_database(postgres_url, application="tests") as database:
        upgrade(database, [LEDGER])
        with database.begin() as connection:
            submitted(connection)
    return make_url(postgres_url).set(password=DATABASE).render_as_string(hide_password=False)


def environment(fault: str, database_url: str, rabbitmq_url: str, directory: Path) -> dict[str, str]:
    host = rabbitmq_url.rpartition("@")[2].partition("/")[0]
    nowhere = str(make_url(database_url).set(host="127.0.0.1", port=9).render_as_string(hide_password=False))
    (directory / "token").write_text(f"{TOKEN}\n")
    (directory / "raw").mkdir(exist_ok=True)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("NIGHTCREW_")}
    services = ("INGEST", "PLANNER", "REDUCER", "CALMANAGER")
    return {
        **kept,
        **{f"NIGHTCREW_{name}_LOG_LEVEL": "debug" for name in services},
        **{f"NIGHTCREW_{name}_PORT": "0" for name in services},
        "NIGHTCREW_DATABASE_URL": nowhere if fault == "no database" else database_url,
        "NIGHTCREW_RABBITMQ_URL": f"amqp://nobody:{BROKER}@{NOWHERE if fault == 'no broker' else host}/",
        "NIGHTCREW_INGEST_TOKEN_FILE": str(directory / "token"),
        "NIGHTCREW_CALMANAGER_TOKEN_FILE": str(directory / "token"),
        "NIGHTCREW_CALMANAGER_STORE": str(directory / "store"),
        "NIGHTCREW_PLANNER_CALMANAGER_URL": f"http://{NOWHERE}",
        "NIGHTCREW_PLANNER_CALMANAGER_TOKEN_FILE": str(directory / "token"),
        "NIGHTCREW_PLANNER_CALIBRATIONS": str(directory / "fetched"),
        "NIGHTCREW_REDUCER_PRODUCTS": str(directory / "products"),
    }


def told(names: tuple[str, ...], variables: Mapping[str, str], directory: Path) -> dict[str, bytes]:
    """Start services side by side, and return what each has said when it tells of a fault for the first time."""
    running: dict[str, subprocess.Popen[bytes]] = {}
    logs = {name: directory / f"{name}.log" for name in names}
    try:
        for name in names:
            program, *words = [str(directory / "raw") if word == "RAW" else word for word in COMMANDS[name]]
            with logs[name].open("wb") as log:
                command = [str(Path(sys.executable).with_name(program)), *words]
                running[name] = subprocess.Popen(command, env=dict(variables), stdout=log, stderr=log)
        end = time.monotonic() + PATIENCE
        while silent := [name for name in names if not any(word in logs[name].read_bytes() for word in TRIED)]:
            if all(running[name].poll() for name in silent):
                break
            assert time.monotonic() < end, {name: logs[name].read_text() for name in silent}
            time.sleep(0.1)
        time.sleep(1)  # who speaks again and again has said more by then
    finally:
        for process in running.values():
            process.kill()
            process.wait()
    return {name: log.read_bytes() for name, log in logs.items()}


@pytest.mark.parametrize("fault", list(FAULTS))
def test_no_service_that_fails_tells_a_secret(fault: str, password_url: str, rabbitmq_url: str, tmp_path: Path) -> None:
    said = told(FAULTS[fault], environment(fault, password_url, rabbitmq_url, tmp_path), tmp_path)
    assert all(said.values()), said
    parts = [DATABASE, BROKER, TOKEN, DATABASE.partition("/")[2]]
    assert leaks(parts, said.items()) == [], said


def test_a_secret_is_found_in_every_writing() -> None:
    places = [
        ("url", b"postgresql://u:pa55%2Fword%20of%3Athe%40database@h/"),
        ("hex", DATABASE.encode().hex().encode()),
    ]
    assert leaks([DATABASE], [*places, ("good", b"postgresql://u:***@h/")]) == ["url", "hex"]
