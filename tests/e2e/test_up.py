"""`nightcrew up`: a night is reduced while it is written, and nothing of it is lost."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

from e2e.conftest import nightcrew
from nightcrew.shared.database import DatabaseSettings, open_database
from nightcrew.shared.ledger import conservation
from nightcrew.shared.ledger.states import JOB_OPEN
from nightcrew.simulator import niri_night
from support.observing import SuiteProcess, observe

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.shared.database import Database

EPOCH = {"SOURCE_DATE_EPOCH": "1700000000"}


def test_a_night_that_arrives_in_disorder_is_reduced_to_the_products_of_the_night_command(tmp_path: Path) -> None:
    source, raw, by_hand = tmp_path / "source", tmp_path / "raw", tmp_path / "by-hand"
    niri_night(1, size=256, frames=3).write(source)
    raw.mkdir()
    frames = len(list(source.glob("*.fits")))
    with SuiteProcess(raw, tmp_path / "out", tmp_path / "data", environment=EPOCH) as suite:
        telescope = threading.Thread(target=observe, args=(source, raw, 4.0))
        telescope.start()
        suite.until(lambda: (tmp_path / "data" / "postgres").is_dir() and suite.ask("frames", "list").returncode == 0)
        other = suite.ask("up", str(raw), "--out", str(tmp_path / "other"))
        assert other.returncode == 1
        assert "another `nightcrew up` works on this database" in other.stderr
        telescope.join()
        with open_database(DatabaseSettings.load(data_dir=suite.data, database_url=None)) as database:
            suite.until(lambda: _finished(database, frames))
        status = json.loads(suite.ask("night", "status", "--night", "2016-01-01", "--json").stdout)
        assert (status["finished"], status["frames"]) == (True, {"reduced": frames - 3})
        told = nightcrew("night", raw, "--out", by_hand, env=suite.variables)
        assert told.code == 0, told
        products = sorted(path.name for path in by_hand.glob("*.fits"))
        assert len(products) == 6
        for name in products:
            (found,) = suite.out.glob(f"*/{name}")
            assert found.read_bytes() == (by_hand / name).read_bytes(), name
        darks = sorted(str(path) for path in raw.glob("N20160102S042*.fits"))
        by_order = suite.ask("submit", *darks, "--wait")
        assert by_order.returncode == 0, by_order.stderr
        assert any(line.endswith("N20160102S0423_dark.fits") for line in by_order.stdout.splitlines())
        assert suite.end() == 0, suite.said()
        story = suite.ask("explain", "N20160102S0270").stdout
        assert "It is reduced" in story
        assert "N20160102S0373_flat.fits" in story
        report = suite.ask("night", "report", "--json")
        assert report.returncode == 0, report.stdout
        night = json.loads(report.stdout)
        assert night["balance"]["breaches"] == []
        assert night["balance"]["frames"] == {"reduced": frames}


def _finished(database: Database, frames: int) -> bool:
    with database.begin() as connection:
        balance = conservation.check(connection)
    return balance.frames == {"reduced": frames} and not JOB_OPEN & balance.jobs.keys()
