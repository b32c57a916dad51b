"""`nightcrew drain`: bring the reducers to rest."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from nightcrew.cli.errors import ExitCode, complain
from nightcrew.cli.options import Debug, Json, SuiteDatabase, Who, who_says

BEAT = 0.2


def drain(
    why: Annotated[str, typer.Option("--why", help="Why; everybody is told.")] = "drain",
    timeout: Annotated[float, typer.Option("--timeout", min=0, metavar="SECONDS", help="How long to wait.")] = 3600.0,
    who: Who = None,
    as_json: Json = False,
    database: SuiteDatabase = None,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Pause everything, and wait until no job is at work: then machines can be stopped and nothing is cut short.

    `nightcrew resume` lets it go on. The exit code is 1 if jobs are still at work when the time is up.
    """
    from nightcrew.cli.suite import documents
    from nightcrew.cli.suite.opening import ledger
    from nightcrew.shared.ledger import browsing, pausing

    end = time.monotonic() + timeout
    with ledger(database) as opened:
        with opened.begin() as connection:
            pausing.pause(connection, pausing.ALL, who_says(who), why)
        while True:
            with opened.begin() as connection:
                at_work = browsing.running(connection)
            if not at_work or time.monotonic() >= end:
                break
            time.sleep(BEAT)
    if as_json:
        typer.echo(documents.line({"running": at_work}))
    elif not at_work:
        typer.echo("no job is at work; `nightcrew resume` lets reducers take up jobs again")
    if at_work:
        complain("drain", f"{at_work} jobs are still at work after {timeout:g} s; no others are begun")
    raise typer.Exit(ExitCode.FAILED if at_work else ExitCode.DONE)
