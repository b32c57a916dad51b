"""Tables go up and down with their history, in a real PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, insert, inspect, select, text

from nightcrew.shared.database import (
    Database,
    Schema,
    Standing,
    differences,
    downgrade,
    open_database,
    require,
    state,
    upgrade,
)
from nightcrew.shared.database.schema import MIGRATING
from nightcrew.shared.errors import SchemaMismatch, SettingsError
from support.reference import ROOT
from support.toy_schema import TOY, nights


@pytest.fixture(scope="module")
def schemas() -> tuple[Schema, ...]:
    return (TOY,)


def test_the_migrations_make_the_tables_of_the_model(database: Database):
    assert differences(database, TOY) == ()
    require(database, TOY)


def test_a_model_that_is_ahead_of_its_migrations_is_seen(database: Database):
    metadata = MetaData(schema="toy")
    Table("nights", metadata, Column("night_id", Integer, primary_key=True), Column("weather", Text))
    found = differences(database, Schema("toy", metadata, TOY.scripts))
    assert any("add_column" in difference and "weather" in difference for difference in found)


def test_tables_go_down_step_by_step_and_up_again(database: Database):
    assert downgrade(database, TOY, "0001").after == "0001"
    assert state(database, TOY).standing is Standing.BEHIND
    with database.begin() as connection:
        connection.execute(insert(nights).values(telescope="North"))
    (done,) = upgrade(database, TOY)
    assert (done.before, done.after) == ("0001", "0002")
    with database.connect() as connection:
        assert connection.execute(select(nights.c.telescope, nights.c.seeing)).all() == [("North", None)]
    downgrade(database, TOY, "base")
    assert state(database, TOY).standing is Standing.MISSING
    with database.connect() as connection:
        assert "toy" not in inspect(connection).get_schema_names()
    assert [(done.before, done.after) for done in upgrade(database, [TOY])] == [(None, "0002")]
    assert [(done.before, done.after) for done in upgrade(database, [TOY])] == [("0002", "0002")]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (None, "has no tables of toy (revision 0002 is needed); run: nightcrew database upgrade"),
        ("0001", "tables of toy have revision 0001, 0002 is needed; run: nightcrew database upgrade"),
        ("0099", "tables of toy have revision 0099, which is newer than this nightcrew (0002)"),
    ],
)
def test_other_tables_than_those_needed_are_refused_with_what_to_run(database: Database, found: str | None, words: str):
    if found == "0099":
        with database.begin() as connection:
            connection.execute(text("UPDATE toy.alembic_version SET version_num = '0099'"))
    else:
        downgrade(database, TOY, found or "base")
    with pytest.raises(SchemaMismatch) as refused:
        require(database, TOY)
    assert words in str(refused.value)
    assert (refused.value.code, refused.value.retryable) == ("schema", False)
    if found == "0099":
        for go in (lambda: upgrade(database, TOY), lambda: downgrade(database, TOY, "base")):
            with pytest.raises(SchemaMismatch, match="revision 0099, which this nightcrew does not know"):
                go()
        with database.begin() as connection:
            connection.execute(text("UPDATE toy.alembic_version SET version_num = '0002'"))


def test_a_revision_that_does_not_exist_changes_nothing(database: Database):
    downgrade(database, TOY, "base")
    with pytest.raises(SettingsError, match="no way from revision None to 0077"):
        upgrade(database, TOY, "0077")
    with database.connect() as connection:
        assert "toy" not in inspect(connection).get_schema_names()


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Schema:
    """Return a schema whose second migration fails half-way, at a path with a blank and a percent sign."""
    scripts = tmp_path / "50 % done" / "broken_history"
    scripts.mkdir(parents=True)
    (scripts / "__init__.py").touch()
    head = "from alembic import op\nrevision = {!r}\ndown_revision = {!r}\n"
    first = "def upgrade(): op.execute('CREATE TABLE broken.first (n int)')\n"
    (scripts / "r1.py").write_text(head.format("1", None) + first)
    second = "def upgrade():\n    op.execute('CREATE TABLE broken.second (n int)')\n    op.execute('SELECT 1 / 0')\n"
    (scripts / "r2.py").write_text(head.format("2", "1") + second)
    monkeypatch.syspath_prepend(str(scripts.parent))
    return Schema("broken", MetaData(schema="broken"), "broken_history")


def test_an_upgrade_that_fails_leaves_nothing_behind(database: Database, broken: Schema):
    with pytest.raises(Exception, match="division by zero"):
        upgrade(database, broken)
    assert state(database, broken).standing is Standing.MISSING
    with database.connect() as connection:
        assert "broken" not in inspect(connection).get_schema_names()


def test_two_processes_that_upgrade_at_once_do_it_once(database: Database, postgres_url: str):
    downgrade(database, TOY, "base")
    code = dedent("""
        import os
        from nightcrew.shared.database import open_database, upgrade
        from support.toy_schema import TOY
        with open_database(application="upgrader") as database:
            (done,) = upgrade(database, TOY)
        print(done.before, done.after)
    """)
    environment = {**os.environ, "NIGHTCREW_DATABASE_URL": postgres_url, "PYTHONPATH": str(ROOT / "tests")}
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = "
                   "(SELECT oid FROM pg_database WHERE datname = current_database())")  # fmt: skip
    with open_database(postgres_url) as holder, holder.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATING})
        both = [
            subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        until = time.monotonic() + 60
        while connection.execute(waiting).scalar_one() < 2 and time.monotonic() < until:
            time.sleep(0.05)
        assert connection.execute(waiting).scalar_one() == 2
    said = sorted(process.communicate(timeout=60)[0].strip() for process in both)
    assert said == ["0002 0002", "None 0002"]
    assert differences(database, TOY) == ()


def test_a_schema_keeps_to_the_name_that_it_says():
    with pytest.raises(ValueError, match="MetaData"):
        Schema("toy", MetaData(), TOY.scripts)


def test_a_schema_without_migrations_is_a_mistake_of_its_owner(database: Database, broken: Schema):
    import broken_history  # type: ignore[import-not-found]

    for script in Path(broken_history.__path__[0]).glob("r*.py"):
        script.unlink()
    with pytest.raises(ValueError, match="broken_history holds no migration"):
        state(database, broken)


@pytest.mark.parametrize("turn", ["first", "second"])
def test_every_test_finds_the_tables_empty_and_alone(database: Database, turn: str):
    with database.begin() as connection:
        assert connection.execute(select(nights)).all() == []
        assert set(inspect(connection).get_schema_names()) == {"toy", "public", "information_schema"}
        connection.execute(insert(nights).values(telescope="North"))
        connection.execute(text("CREATE SCHEMA left_over"))
