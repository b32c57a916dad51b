"""Tables go up and down with their history, in a real PostgreSQL."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select

from nightcrew.shared.database import Database, Schema, Standing, differences, downgrade, state, upgrade
from support.toy_schema import TOY, nights


@pytest.fixture(scope="module")
def schemas() -> tuple[Schema, ...]:
    return (TOY,)


def test_the_migrations_make_the_tables_of_the_model(database: Database):
    assert differences(database, TOY) == ()


def test_tables_go_down_step_by_step_and_up_again(database: Database):
    downgrade(database, TOY, "0001")
    assert state(database, TOY).standing is Standing.BEHIND
    downgrade(database, TOY, "base")
    assert state(database, TOY).standing is Standing.MISSING
    (done,) = upgrade(database, TOY)
    assert (done.before, done.after) == (None, "0002")


@pytest.mark.parametrize("turn", ["first", "second"])
def test_every_test_finds_the_tables_empty(database: Database, turn: str):
    with database.begin() as connection:
        assert connection.execute(select(nights)).all() == []
        connection.execute(insert(nights).values(telescope="North"))
