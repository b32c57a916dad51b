"""Whose ledger is meant: an address, that of the environment, or the embedded server of `nightcrew up`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from nightcrew.shared.database import Database, DatabaseSettings, Schema, open_database, require
from nightcrew.shared.errors import SchemaMismatch, ServiceError
from nightcrew.shared.ledger import LEDGER

if TYPE_CHECKING:
    from collections.abc import Iterator

APPLICATION = "nightcrew"


class NoSuite(ServiceError):
    """There is no ledger to look into."""

    code = "no-suite"


@contextmanager
def ledger(where: str | None, *others: Schema) -> Iterator[Database]:
    """Open the database of a suite, with tables of this version.

    Parameters
    ----------
    where
        Its address; None stands for that of the environment, else for the embedded server in the data directory.
    others
        Schemas that are needed besides the ledger.

    Raises
    ------
    NoSuite
        If nothing has ever run in the data directory.
    SchemaMismatch
        If the tables are not of this version.
    ServiceError, SettingsError
        If the database cannot be opened.
    """
    settings = DatabaseSettings.load()
    if where is None and settings.url() is None and not (settings.data_dir / "postgres").is_dir():
        raise NoSuite(
            f"{settings.data_dir}: no suite has run here; start one with `nightcrew up DIRECTORY`, "
            "or name its database (--database, NIGHTCREW_DATABASE_URL)"
        )
    with open_database(where or settings, application=APPLICATION) as database:
        try:
            for schema in (LEDGER, *others):
                require(database, schema)
        except SchemaMismatch as error:
            if where is None:
                raise
            raise SchemaMismatch(f"{error} (with this address in NIGHTCREW_DATABASE_URL)") from error
        yield database
