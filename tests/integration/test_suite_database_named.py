"""A suite's database that is named on the command line, not by the environment."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text

from nightcrew.shared.ledger import LEDGER
from support.command import nightcrew

__all__ = ["nightcrew"]


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER,)


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch, tmp_path):
    monkeypatch.delenv("NIGHTCREW_DATABASE_URL", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def unversioned(database):
    """A database whose tables have lost their version: for us they are not there."""
    with database.begin() as connection:
        version = connection.execute(text("DELETE FROM ledger.alembic_version RETURNING version_num")).scalar_one()
    yield
    with database.begin() as connection:
        connection.execute(text("INSERT INTO ledger.alembic_version VALUES (:version)"), {"version": version})


@pytest.mark.usefixtures("database")
def test_tables_of_both_schemas_are_looked_after_where_there_is_a_ledger(postgres_url, nightcrew):
    upgraded = nightcrew("database", "upgrade", "-d", postgres_url, "--json")
    assert upgraded.code == 0, upgraded.err
    assert [json.loads(line)["schema"] for line in upgraded.lines] == ["ledger", "calibration"]
    told = nightcrew("database", "status", "-d", postgres_url, "--json")
    assert told.code == 0, told.err
    assert {json.loads(line)["standing"] for line in told.lines} == {"current"}


@pytest.mark.usefixtures("unversioned")
def test_tables_that_are_missing_are_told_with_the_command_that_makes_them(postgres_url, nightcrew):
    said = nightcrew("jobs", "list", "-d", postgres_url)
    assert said.code == 1
    assert said.err.rstrip().endswith("run: nightcrew database upgrade (with this address in NIGHTCREW_DATABASE_URL)")
