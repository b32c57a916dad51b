"""Databases of their own for the tests, on whatever PostgreSQL there is."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import URL, text

from nightcrew.shared.database import Database, DatabaseSettings, Schema, open_database, parse_url, upgrade
from nightcrew.shared.errors import NightcrewError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

DEFAULT = "postgresql://postgres@127.0.0.1:5432/postgres"


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
def fresh_database(server: URL) -> Iterator[URL]:
    """Make a database with a name that nobody else has, and drop it at the end."""
    name = f"nightcrew_test_{os.getpid()}_{secrets.token_hex(4)}"
    _administer(server, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield server.set(database=name)
    finally:
        _administer(server, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def with_password(url: URL) -> str:
    """Return the whole address, as a setting or another process needs it."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def bring_back(database: Database, schemas: Sequence[Schema]) -> None:
    """Bring a database to where only the tables of `schemas` are in it, and they are empty.

    Raises
    ------
    ServiceError
        If a test has left a transaction open that holds a lock.
    """
    kept = [schema.name for schema in schemas]
    with database.begin() as connection:
        found = connection.execute(
            text(
                "SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'"
                " AND nspname <> 'public' AND NOT nspname = ANY(:kept)"
            ),
            {"kept": kept},
        ).scalars()
        for name in found.all():
            connection.execute(text(f'DROP SCHEMA "{name}" CASCADE'))
        for name in connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars():
            connection.execute(text(f'DROP TABLE public."{name}" CASCADE'))
    upgrade(database, schemas)
    tables = [f'"{schema.name}"."{table.name}"' for schema in schemas for table in schema.metadata.sorted_tables]
    if tables:
        with database.begin() as connection:
            connection.execute(text(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE"))


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
def _module_database(postgres_url: str) -> Iterator[Database]:
    with open_database(postgres_url, application="tests") as database:
        yield database


@pytest.fixture
def database(_module_database: Database, schemas: tuple[Schema, ...]) -> Database:
    """Return this module's database, with the tables of `schemas`, all empty, and nothing else."""
    bring_back(_module_database, schemas)
    return _module_database


def _administer(server: URL, statement: sql.Composable) -> None:
    with psycopg.connect(with_password(server), autocommit=True) as connection:
        connection.execute(statement)
