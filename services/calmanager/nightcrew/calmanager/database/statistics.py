"""Statistics on what the rules compare, so that the database knows how many calibrations a condition leaves.

Of the statistics on the expressions of an index PostgreSQL uses only those of whole indexes, not those of partial ones
as the rules have.  Without any it takes every condition to leave one in two hundred, and then sorts thousands that it
could have read in order.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import sqlalchemy as sa

from nightcrew.calmanager.database import compiling

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection

    from nightcrew.shared.association import Rule

PREFIX = "rule_"


def wanted(rules: Mapping[str, Mapping[str, Rule]]) -> dict[str, str]:
    """Return the expressions on which rules want statistics, by name; rules are given by instrument and type."""
    columns = {column for of_instrument in rules.values() for rule in of_instrument.values() for column in _of(rule)}
    return {_name(column): compiling.column(column) for column in sorted(columns)}


def present(connection: Connection) -> set[str]:
    """Return the names of the rules' statistics."""
    rows = connection.execute(
        sa.text("""
            SELECT stxname FROM pg_statistic_ext
            WHERE stxrelid = 'calibration.calibrations'::regclass AND starts_with(stxname, :prefix)
        """),
        {"prefix": PREFIX},
    )
    return {name for (name,) in rows}


def refresh(connection: Connection, want: Mapping[str, str]) -> bool:
    """Make the statistics that are wanted, and drop those that are wanted no more; return whether any were made."""
    found = present(connection)
    missing = sorted(set(want) - found)
    for name in missing:
        connection.exec_driver_sql(
            f'CREATE STATISTICS calibration."{name}" ON ({want[name]}) FROM calibration.calibrations'
        )
    for name in sorted(found - set(want)):
        connection.exec_driver_sql(f'DROP STATISTICS IF EXISTS calibration."{name}"')
    return bool(missing)


def _of(rule: Rule) -> Iterator[str]:
    """Return the columns that a rule compares."""
    yield from (*rule.where, *rule.equal, *rule.within)
    for form in (rule.raw, rule.processed):
        if form is not None:
            yield from form.where


def _name(column: str) -> str:
    return f"{PREFIX}{hashlib.sha256(column.encode()).hexdigest()[:24]}"
