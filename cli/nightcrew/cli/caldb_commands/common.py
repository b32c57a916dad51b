"""What the subcommands of `nightcrew caldb` share: options, the database that is meant, printing."""

from __future__ import annotations

import json
import sys
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from nightcrew.cli.errors import warn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from nightcrew.cli.caldb.configuration import Config, DatabaseLine
    from nightcrew.cli.caldb.database import CalibrationDatabase

Where: TypeAlias = Annotated[
    str | None,
    typer.Option("--database", "-d", metavar="DB", help="Path or address, instead of the one in the configuration."),
]
Verbose: TypeAlias = Annotated[bool, typer.Option("--verbose", "-v", help="Say what is done.")]


def chosen(config: Path | None, database: str | None, *, quiet: bool = False) -> tuple[Config, DatabaseLine]:
    """Return the configuration, and the database that the user means."""
    from nightcrew.cli.caldb.opening import database_named, load_config, the_database

    settings = warned(load_config(config), quiet=quiet or database is not None)
    return settings, the_database(settings) if database is None else database_named(database)


@contextmanager
def opened_database(config: Path | None, database: str | None, *, quiet: bool = False) -> Iterator[CalibrationDatabase]:
    """Open the database that the user means, and close it."""
    from nightcrew.cli.caldb.opening import open_line

    settings, line = chosen(config, database, quiet=quiet)
    with closing(open_line(line, settings)) as opened:
        yield opened


def warned(config: Config, *, quiet: bool = False) -> Config:
    """Return the configuration, and tell what is odd about it."""
    for warning in () if quiet else config.warnings:
        warn("caldb", warning)
    return config


def say(text: str, *, verbose: bool) -> None:
    """Tell what is done, to those who want to know."""
    if verbose:
        typer.echo(text, err=True)


def tell_lines(lines: Iterable[str]) -> None:
    """Print lines."""
    for line in lines:
        typer.echo(line)


def tell_json(documents: Iterable[dict[str, Any]]) -> None:
    """Print documents as JSON, one a line."""
    tell_lines(json.dumps(document) for document in documents)


def bold(text: str) -> str:
    """Return text that is bold on a terminal."""
    return typer.style(text, bold=True) if sys.stdout.isatty() else text
