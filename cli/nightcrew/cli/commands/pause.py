"""`nightcrew pause`: let reducers take up no more jobs."""

from __future__ import annotations

from typing import Annotated

import typer

from nightcrew.cli.options import Debug, Json, SuiteDatabase, Who, who_says


def pause(
    scope: Annotated[
        str, typer.Argument(metavar="SCOPE", help="all, an instrument (NIRI) or a class of jobs (science).")
    ] = "all",
    why: Annotated[str, typer.Option("--why", help="Why; everybody is told.")] = "",
    who: Who = None,
    as_json: Json = False,
    database: SuiteDatabase = None,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Let reducers take up no more jobs of a scope until it is resumed. Those at work go on; frames are received and
    planned as ever.
    """
    from nightcrew.cli.suite.opening import ledger
    from nightcrew.cli.suite.scopes import scope_of, tell_pauses
    from nightcrew.shared.ledger import pausing

    meant = scope_of(scope)
    with ledger(database) as opened, opened.begin() as connection:
        pausing.pause(connection, meant, who_says(who), why)
        paused = pausing.paused(connection)
    for line in tell_pauses(paused, as_json=as_json):
        typer.echo(line)
