"""`nightcrew database`: the tables in the databases, and their versions."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path  # noqa: TC003
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from nightcrew.cli.errors import ExitCode, complain
from nightcrew.cli.options import ConfigFile, Debug, Json  # noqa: TC001  (Typer reads the annotations)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nightcrew.cli.caldb.tables import Tables

Where: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--database",
        "-d",
        metavar="DB",
        help="Path or address; by default that of NIGHTCREW_DATABASE_URL and all of the configuration.",
    ),
]

database = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@database.callback()
def _database() -> None:
    """Look after the tables in the databases."""


@database.command()
def status(where: Where = None, as_json: Json = False, config: ConfigFile = None, debug: Debug = False) -> None:
    """Tell which version the tables have, and which one this nightcrew needs."""
    del debug
    from nightcrew.shared.database import state
    from nightcrew.shared.database.schema import Standing
    from nightcrew.shared.errors import CalibrationError, ServiceError

    code = ExitCode.DONE
    for tables in _tables(where, config):
        try:
            with closing(tables.open()) as opened:
                states = [state(opened, schema) for schema in tables.schemas_in(opened)]
        except (CalibrationError, ServiceError) as error:
            complain("database", str(error))
            code = ExitCode.FAILED
            continue
        for one in states:
            if one.standing is not Standing.CURRENT:
                code = ExitCode.FAILED
            found = one.found or "none"
            told = {"database": tables.name, "schema": one.schema, "found": one.found, "wanted": one.wanted}
            text = f"{tables.name}: {one.schema} {one.standing.value}, revision {found}, needed {one.wanted}"
            typer.echo(json.dumps({**told, "standing": one.standing.value}) if as_json else text)
    raise typer.Exit(code)


@database.command()
def upgrade(where: Where = None, as_json: Json = False, config: ConfigFile = None, debug: Debug = False) -> None:
    """Bring the tables to the version that this nightcrew needs; what they hold stays."""
    del debug
    from nightcrew.shared.database import upgrade as bring_up
    from nightcrew.shared.errors import CalibrationError, ServiceError

    code = ExitCode.DONE
    for tables in _tables(where, config):
        try:
            with closing(tables.open()) as opened:
                done = bring_up(opened, tables.schemas_in(opened))
        except (CalibrationError, ServiceError) as error:
            complain("database", str(error))
            code = ExitCode.FAILED
            continue
        for one in done:
            told = {"database": tables.name, "schema": one.schema, "before": one.before, "after": one.after}
            what = "is up to date" if one.before == one.after else f"{one.before or 'none'} -> {one.after}"
            typer.echo(json.dumps(told) if as_json else f"{tables.name}: {one.schema} {what}")
    raise typer.Exit(code)


def _tables(where: str | None, config: Path | None) -> Iterator[Tables]:
    from nightcrew.cli.caldb.tables import all_tables

    found = all_tables(where, config)
    if not found:
        complain("database", "no database is configured; name one with -d, or set NIGHTCREW_DATABASE_URL")
        raise typer.Exit(ExitCode.FAILED)
    yield from found
