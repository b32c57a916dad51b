"""A night where there is no network: nothing is fetched from anywhere, and nothing is missed."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from nightcrew.shared.database import DatabaseSettings, open_database
from nightcrew.shared.ledger import conservation
from nightcrew.shared.ledger.states import JOB_OPEN
from support.namespace import Namespace, no_way_out
from support.observing import COMMAND, SuiteProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nightcrew.shared.database import Database

EPOCH = {"SOURCE_DATE_EPOCH": "1700000000"}


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    with no_way_out() as namespace:
        yield namespace


def test_whoever_wants_out_is_counted(namespace: Namespace) -> None:
    wanting = "import socket; socket.create_connection(('192.0.2.1', 80), 1)"
    said = subprocess.run(
        [*namespace.prefix, sys.executable, "-c", wanting], capture_output=True, text=True, check=False
    )
    assert "Network is unreachable" in said.stderr
    assert namespace.attempts() == 1


def test_who_listens_everywhere_is_seen(namespace: Namespace) -> None:
    script = "import socket, time; s = socket.create_server(('', 0)); print('now', flush=True); time.sleep(60)"
    command = [*namespace.prefix, sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as everywhere:
        assert everywhere.stdout is not None
        everywhere.stdout.readline()
        assert {str(one) for one in namespace.listening()} == {"0.0.0.0"}
        everywhere.kill()


def test_a_night_without_a_network_has_the_products_of_any_other(namespace: Namespace, tmp_path: Path) -> None:
    raw, inside, outside = tmp_path / "raw", tmp_path / "inside", tmp_path / "outside"
    home = tmp_path / "home"
    for place in (home, raw):
        place.mkdir()
    alone = {**EPOCH, "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}  # nothing was fetched before
    options = ("--reducers", "1", "--port", "0")
    with SuiteProcess(raw, tmp_path / "out", tmp_path / "data", options, alone, namespace.prefix) as suite:
        told = suite.ask("simulate", "niri", str(tmp_path / "source"), "--size", "256", "--frames", "3")
        assert told.returncode == 0, told.stderr
        names = sorted(path.name for path in (tmp_path / "source").glob("*.fits"))
        for name in names:
            (tmp_path / "source" / name).rename(raw / name)
        told = suite.ask("night", str(raw), "--out", str(inside))
        assert told.returncode == 0, told.stderr
        by_hand = [*COMMAND, "night", str(raw), "--out", str(outside)]
        subprocess.run(by_hand, env=suite.variables, capture_output=True, check=True, timeout=120)
        with open_database(DatabaseSettings.load(data_dir=suite.data, database_url=None)) as database:
            suite.until(lambda: finished(database, len(names)))
        assert {str(one) for one in namespace.listening()} == {"127.0.0.1"}
        assert suite.end() == 0, suite.said()
    products = sorted(path.name for path in outside.glob("*.fits"))
    assert len(products) == 6
    for name in products:
        (suites,) = suite.out.glob(f"2*/{name}")
        assert (inside / name).read_bytes() == suites.read_bytes() == (outside / name).read_bytes(), name
    assert namespace.attempts() == 0


def finished(database: Database, frames: int) -> bool:
    with database.begin() as connection:
        balance = conservation.check(connection)
    return balance.frames == {"reduced": frames} and not JOB_OPEN & balance.jobs.keys()
