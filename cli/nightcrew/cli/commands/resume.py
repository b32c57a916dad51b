"""`nightcrew resume`: let reducers take up jobs again."""

from __future__ import annotations

from typing import Annotated

import typer

from nightcrew.cli.errors import warn
from nightcrew.cli.options import Debug, Json, SuiteDatabase  # noqa: TC001  (Typer reads the annotations)


def resume(
    scope: Annotated[
        str, typer.Argument(metavar="SCOPE", help="As it was paused: all, an instrument, a class of jobs.")
    ] = "all",
    as_json: Json = False,
    database: SuiteDatabase = None,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Let reducers take up the jobs of a scope again, and tell what is still paused."""
    from nightcrew.cli.suite.opening import ledger
    from nightcrew.cli.suite.scopes import scope_of, tell_pauses
    from nightcrew.shared.ledger import pausing

    meant = scope_of(scope)
    with ledger(database) as opened, opened.begin() as connection:
        if not pausing.resume(connection, meant):
            warn("resume", f"{meant} was not paused")
        paused = pausing.paused(connection)
    for line in tell_pauses(paused, as_json=as_json):
        typer.echo(line)
