"""Databases of their own for the tests, on whatever PostgreSQL there is."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import URL, Connection, text

from nightcrew.shared.database import Database, DatabaseSettings, Schema, open_database, parse_url, upgrade
from nightcrew.shared.errors import NightcrewError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FOREIGN = """
    SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'public')
"""
DEFAULT = "postgresql://postgres@127.0.0.1:5432/postgres"
_USUAL = sql.SQL("")


@contextmanager
def any_postgres(directory: Path) -> Iterator[URL]:
    """Give the address of a server in which databases can be made.

    It is that of NIGHTCREW_DATABASE_URL or `DEFAULT`; where nobody answers, an embedded server in `directory`.
    """
    served = parse_url(os.environ.get("NIGHTCREW_DATABASE_URL") or DEFAULT, "NIGHTCREW_DATABASE_URL")
    try:
        open_database(served).close()
    except NightcrewError as unserved:
        try:
            embedded = open_database(DatabaseSettings(data_dir=directory, database_url=None))
        except NightcrewError as unembedded:
            pytest.exit(
                f"the tests need PostgreSQL: {unserved}; embedded: {unembedded}. Set NIGHTCREW_DATABASE_URL to a "
                "server whose user may make databases, or run `make setup`, which installs the embedded one",
                returncode=1,
            )
        with embedded:
            yield embedded.url
    else:
        yield served


@contextmanager
def fresh_database(server: URL, options: sql.Composable = _USUAL) -> Iterator[URL]:
    """Make a database with a name that nobody else has, and drop it at the end."""
    name = f"nightcrew_test_{os.getpid()}_{secrets.token_hex(4)}"
    _administer(server, sql.SQL("CREATE DATABASE {} {}").format(sql.Identifier(name), options))
    try:
        yield server.set(database=name)
    finally:
        _administer(server, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def with_password(url: URL) -> str:
    """Return the whole address, as a setting or another process needs it."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


@dataclass(frozen=True, slots=True)
class Tables:
    """A database with the tables of some schemas, each at the newest revision."""

    database: Database
    schemas: tuple[Schema, ...]
    revisions: dict[str, str | None]

    @classmethod
    def of(cls, database: Database, schemas: tuple[Schema, ...]) -> Tables:
        """Make the tables."""
        return cls(database, schemas, {done.schema: done.after for done in upgrade(database, schemas)})

    def bring_back(self) -> None:
        """Bring the database to where these tables are in it, all empty, and nothing else.

        Raises
        ------
        ServiceError
            If a test has left a transaction open that holds a lock.
        """
        with self.database.begin() as connection:
            found = set(connection.execute(text(_FOREIGN)).scalars())
            for name in found - set(self.revisions):
                connection.execute(text(f'DROP SCHEMA "{name}" CASCADE'))
            changed = any(
                self._revision(connection, name) != self.revisions[name] for name in found & set(self.revisions)
            )
        if changed or set(self.revisions) - found:
            upgrade(self.database, self.schemas)
        names = [
            f'"{schema.name}"."{table.name}"' for schema in self.schemas for table in schema.metadata.sorted_tables
        ]
        if names:
            with self.database.begin() as connection:
                # Tables that refuse to lose rows do so by a trigger.
                connection.execute(text("SET LOCAL session_replication_role = replica"))
                connection.execute(text(f"TRUNCATE {', '.join(names)} RESTART IDENTITY CASCADE"))

    @staticmethod
    def _revision(connection: Connection, schema: str) -> str | None:
        return connection.execute(text(f'SELECT version_num FROM "{schema}".alembic_version')).scalar()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[URL]:
    """Give a server in which databases can be made."""
    with any_postgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="module")
def schemas() -> tuple[Schema, ...]:
    """Return whose tables the fixture `database` has; a module overrides it for its own."""
    return ()


@pytest.fixture(scope="module")
def postgres_url(postgres_server: URL) -> Iterator[str]:
    """Give the address of an empty database of this module's own."""
    with fresh_database(postgres_server) as url:
        yield with_password(url)


@pytest.fixture(scope="module")
def tables(postgres_url: str, schemas: tuple[Schema, ...]) -> Iterator[Tables]:
    """Give this module's database with the tables of `schemas`, in whatever state the last test has left it."""
    with open_database(postgres_url, application="tests") as database:
        yield Tables.of(database, schemas)


@pytest.fixture
def database(tables: Tables) -> Database:
    """Return this module's database, with the tables of `schemas`, all empty, and nothing else."""
    tables.bring_back()
    return tables.database


def _administer(server: URL, statement: sql.Composable) -> None:
    with psycopg.connect(with_password(server), autocommit=True) as connection:
        connection.execute(statement)
