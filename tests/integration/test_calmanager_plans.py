"""However many calibrations there are, a question reads few of them, whether it has an answer or not."""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import make_url

from benchmarks.synthetic_calibrations import fill, questions
from nightcrew.calmanager import CalibrationManager
from nightcrew.calmanager.associating import FEW, MANY, SPARE, Asking
from nightcrew.calmanager.database import CALIBRATION, candidates, indexes, statistics
from nightcrew.calmanager.database.asking import asking
from nightcrew.calmanager.looking import Looker
from nightcrew.shared.association import Level
from nightcrew.shared.database import Database, open_database, upgrade
from support.postgres import fresh_database, with_password

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL, Connection

    from nightcrew.calmanager.database.candidates import Statement

HELD = 5000
READ = 400
"""Rows that a question may read of some thousand of its kind."""


@pytest.fixture(scope="module")
def full(postgres_server: URL) -> Iterator[Database]:
    with fresh_database(postgres_server) as url, open_database(make_url(with_password(url))) as database:
        upgrade(database, CALIBRATION)
        fill(database, HELD)
        CalibrationManager.open(database)
        yield database


def test_a_question_reads_few_rows_whether_it_has_an_answer_or_not(full: Database) -> None:
    without = 0
    with asking(full) as connection:
        for target, caltype in islice(questions(5), 60):
            asked = Asking(target, caltype, "sq", Level.RULE, lambda _: None, Looker())
            assert asked.question is not None
            read, found = rows_read(connection, candidates.strict(asked.question, 1 + SPARE))
            without += not found
            assert read < READ / 4, (target.values, caltype)
            near = candidates.near_misses(asked.question, asked.asked, 3 * FEW, FEW)
            assert rows_read(connection, near)[0] < READ, (target.values, caltype)
            assert rows_read(connection, candidates.how_many_of_kind(asked.question, MANY))[0] <= MANY
    assert without > 5


def test_statistics_follow_the_rules(full: Database) -> None:
    rules = indexes.shipped_rules()
    niri = {"NIRI": rules["NIRI"]}
    with full.connect() as connection:
        assert statistics.present(connection) == set(statistics.wanted(rules))
    indexes.refresh(full, niri)
    with full.connect() as connection:
        assert statistics.present(connection) == set(statistics.wanted(niri))
    assert len(statistics.wanted(niri)) < len(statistics.wanted(rules))
    indexes.refresh(full)
    with full.connect() as connection:
        assert statistics.present(connection) == set(statistics.wanted(rules))


def rows_read(connection: Connection, statement: Statement) -> tuple[int, int]:
    """Return how many rows a statement reads from the table, and how many it returns, planned as in service."""
    names = list(statement.parameters)
    text = re.sub(r"%\((\w+)\)s", lambda place: f"${names.index(place[1]) + 1}", statement.text).replace("%%", "%")
    given = ", ".join(_literal(value) for value in statement.parameters.values())
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor:
        cursor.execute(f"PREPARE asked AS {text}")
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE asked{f'({given})' if given else ''}")
        plan = cursor.fetchone()[0][0]["Plan"]
        cursor.execute("DEALLOCATE asked")
    return sum(_read(plan)), plan["Actual Rows"]


def _read(plan: dict[str, Any]) -> Iterator[int]:
    """Give the rows that each scan of the table took or passed over."""
    if "Relation Name" in plan:
        yield plan["Actual Loops"] * (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0))
    for part in plan.get("Plans", ()):
        yield from _read(part)


def _literal(value: Any) -> str:
    quoted = str(value if not isinstance(value, dict) else json.dumps(value)).replace("'", "''")
    return f"'{quoted}'"
