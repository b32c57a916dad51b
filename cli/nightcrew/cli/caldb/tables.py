"""Which databases there are whose tables are ours to look after."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from nightcrew.calmanager.database import CALIBRATION
from nightcrew.cli.caldb.configuration import DatabaseLine, Kind
from nightcrew.cli.caldb.opening import database_named, load_config, open_tables
from nightcrew.shared.database import Database, DatabaseSettings, Schema, open_database, safe_url, state
from nightcrew.shared.database.schema import Standing
from nightcrew.shared.ledger import LEDGER

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

APPLICATION = "database"
SERVED = (LEDGER, CALIBRATION)
"""Schemas of the suite's database, in the order in which they are brought up."""


@dataclass(frozen=True, slots=True)
class Tables:
    """A database and the schemas that belong into it.

    Parameters
    ----------
    name
        How it may be printed.
    schemas
        Whose tables belong into it.
    open
        Connects.
    """

    name: str
    schemas: tuple[Schema, ...]
    open: Callable[[], Database]

    def schemas_in(self, opened: Database) -> tuple[Schema, ...]:
        """Return the schemas to look after: a database with a ledger in it is a suite's, however it is named."""
        if LEDGER in self.schemas or state(opened, LEDGER).standing is Standing.MISSING:
            return self.schemas
        return SERVED


def all_tables(where: str | None, config: Path | None) -> list[Tables]:
    """Return the database that is named; else the one of the environment, and those of the configuration.

    Raises
    ------
    SettingsError
        If environment, configuration or name make no sense.
    """
    if where is not None:
        return [_of_line(database_named(where))]
    found = []
    settings = DatabaseSettings.load()
    url = settings.url()
    if url is not None:
        found.append(Tables(safe_url(url), SERVED, partial(open_database, settings, application=APPLICATION)))
    return found + [_of_line(line) for line in load_config(config).databases if line.kind is not Kind.HTTP]


def _of_line(line: DatabaseLine) -> Tables:
    return Tables(line.shown, (CALIBRATION,), partial(open_tables, line, APPLICATION))
