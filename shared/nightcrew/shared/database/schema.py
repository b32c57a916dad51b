"""Schemas and their migrations: each owner of tables has a PostgreSQL schema and a history of its own."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.schema import CreateSchema, DropSchema

from nightcrew.shared.errors import SchemaMismatch, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from nightcrew.shared.database.engine import Database

ENVIRONMENT = Path(__file__).parent / "environment"
"""Alembic's env.py for all owners."""
UPGRADE_COMMAND = "nightcrew database upgrade"
_VERSION_TABLE = "alembic_version"
MIGRATING = 0x6E696768746372
"""The advisory lock that one migration at a time holds: "nightcr" in ASCII."""
_LOCK_WAIT = 300  # seconds: another process may be at a long migration


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of one owner.

    Parameters
    ----------
    name
        The PostgreSQL schema, such as "calibration"; no other owner uses it.
    metadata
        Its tables, made with ``MetaData(schema=name)``.
    scripts
        The package that holds the migrations, such as "nightcrew.calmanager.migrations".
    """

    name: str
    metadata: MetaData
    scripts: str

    def __post_init__(self) -> None:
        if self.metadata.schema != self.name:
            raise ValueError(f"schema {self.name}: its tables need MetaData(schema={self.name!r})")


class Standing(Enum):
    """How the tables in a database stand to what this version of nightcrew needs."""

    MISSING = "missing"
    """There are none."""
    CURRENT = "current"
    """They are those that are needed."""
    BEHIND = "behind"
    """They are of an older version."""
    AHEAD = "ahead"
    """They are of a version that is not known here: a newer nightcrew made them."""


@dataclass(frozen=True, slots=True)
class SchemaState:
    """What was found and what is needed; revisions are those of Alembic, `found` is None where there is none."""

    schema: str
    standing: Standing
    found: str | None
    wanted: str


@dataclass(frozen=True, slots=True)
class Migration:
    """What an upgrade or downgrade did to a schema; None stands for no tables at all."""

    schema: str
    before: str | None
    after: str | None


def state(database: Database, schema: Schema) -> SchemaState:
    """Compare the revision in the database with the newest one of the scripts."""
    with database.connect() as connection:
        found = _found(connection, schema)
    return _state(schema, found)


def require(database: Database, schema: Schema) -> None:
    """Refuse to go on with tables that are not those that we need.

    Raises
    ------
    SchemaMismatch
        It names both revisions and the command that helps.
    """
    now = state(database, schema)
    if now.standing is Standing.CURRENT:
        return
    what = {
        Standing.MISSING: f"has no tables of {schema.name} (revision {now.wanted} is needed); run: {UPGRADE_COMMAND}",
        Standing.BEHIND: f"its tables of {schema.name} have revision {now.found}, {now.wanted} is needed; "
        f"run: {UPGRADE_COMMAND}",
        Standing.AHEAD: f"its tables of {schema.name} have revision {now.found}, which is newer than this nightcrew "
        f"({now.wanted}); install the newer nightcrew, with which `{UPGRADE_COMMAND}` was run",
    }[now.standing]
    raise SchemaMismatch(f"{database.safe_url()}: {what}")


def upgrade(database: Database, schemas: Schema | Sequence[Schema], to: str = "head") -> tuple[Migration, ...]:
    """Bring tables to a newer revision, each schema in a transaction of its own; one process at a time does it.

    Parameters
    ----------
    schemas
        One or several, in the order in which they are brought up.
    to
        A revision, or "head" for the newest; other than "head" makes sense with one schema only.

    Returns
    -------
    tuple of Migration
        One per schema; `before` equals `after` where nothing was to do.

    Raises
    ------
    SchemaMismatch
        If the tables are newer than this version of nightcrew.
    SettingsError
        If there is no such revision.
    ServiceError
        If the database failed; then nothing of that schema's upgrade stays.
    """
    return tuple(_migrate(database, schema, to, command.upgrade) for schema in _several(schemas))


def downgrade(database: Database, schema: Schema, to: str) -> Migration:
    """Bring tables back to an older revision, in one transaction; "base" removes them and the PostgreSQL schema.

    Raises
    ------
    SchemaMismatch
        If the tables are newer than this version of nightcrew, which then does not know the way back.
    SettingsError
        If there is no such revision.
    ServiceError
        If the database failed; then nothing has changed.
    """
    return _migrate(database, schema, to, command.downgrade)


def differences(database: Database, schema: Schema) -> tuple[str, ...]:
    """Return what differs between the tables in the database and those of the model; for tests: must be empty."""
    with database.connect() as connection:
        found = compare_metadata(_context(schema, connection), schema.metadata)
    return tuple(str(difference) for difference in found)


def _several(schemas: Schema | Sequence[Schema]) -> Sequence[Schema]:
    return (schemas,) if isinstance(schemas, Schema) else schemas


def _config(schema: Schema, connection: Connection | None = None) -> Config:
    """Return what Alembic needs to know: the shared environment, the owner's scripts, the connection."""
    scripts = Path(import_module(schema.scripts).__path__[0])
    config = Config()
    for name, folder in (("script_location", ENVIRONMENT), ("version_locations", scripts)):
        config.set_main_option(name, str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.attributes["configure"] = {
        "connection": connection,
        "target_metadata": schema.metadata,
        "version_table": _VERSION_TABLE,
        "version_table_schema": schema.name,
        "include_schemas": True,
        "include_name": _names_of(schema),
        "compare_type": True,
        "compare_server_default": True,
    }
    return config


def _names_of(schema: Schema) -> Callable[..., bool]:
    def ours(name: str | None, kind: str, _parents: object) -> bool:
        return name == schema.name if kind == "schema" else name != _VERSION_TABLE

    return ours


def _context(schema: Schema, connection: Connection) -> MigrationContext:
    settings = _config(schema, connection).attributes["configure"]
    return MigrationContext.configure(connection, opts={k: v for k, v in settings.items() if k != "connection"})


def _scripts(schema: Schema) -> ScriptDirectory:
    return ScriptDirectory.from_config(_config(schema))


def _found(connection: Connection, schema: Schema) -> str | None:
    return _context(schema, connection).get_current_revision()


def _state(schema: Schema, found: str | None) -> SchemaState:
    scripts = _scripts(schema)
    wanted = scripts.get_current_head()
    if wanted is None:
        raise ValueError(f"schema {schema.name}: {schema.scripts} holds no migration")
    if found is None:
        standing = Standing.MISSING
    elif found == wanted:
        standing = Standing.CURRENT
    elif any(script.revision == found for script in scripts.walk_revisions()):
        standing = Standing.BEHIND
    else:
        standing = Standing.AHEAD
    return SchemaState(schema.name, standing, found, wanted)


def _migrate(database: Database, schema: Schema, to: str, go: Callable[[Config, str], None]) -> Migration:
    with _alone(database) as connection:
        before = _found(connection, schema)
        if _state(schema, before).standing is Standing.AHEAD:
            raise SchemaMismatch(
                f"{database.safe_url()}: its tables of {schema.name} have revision {before}, which this nightcrew does "
                "not know; use the newer nightcrew that made them"
            )
        connection.execute(CreateSchema(schema.name, if_not_exists=True))
        try:
            go(_config(schema, connection), to)
        except CommandError as error:
            raise SettingsError(
                f"tables of {schema.name}: no way from revision {before} to {to} ({error}); "
                "`nightcrew database status` lists what there is"
            ) from error
        after = _found(connection, schema)
        if after is None:
            connection.execute(text(f'DROP TABLE IF EXISTS "{schema.name}".{_VERSION_TABLE}'))
            connection.execute(DropSchema(schema.name))
    return Migration(schema.name, before, after)


@contextmanager
def _alone(database: Database) -> Iterator[Connection]:
    """Give a transaction in which no other process migrates anything of this database."""
    with database.begin() as connection:
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_WAIT}s'"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATING})
        yield connection
