"""`nightcrew night report`: what became of a night, in full."""

from __future__ import annotations

import typer

from nightcrew.cli.errors import ExitCode
from nightcrew.cli.options import Debug, Instrument, Json, Night, SuiteDatabase, day


def night_report(
    night: Night = None,
    instrument: Instrument = None,
    as_json: Json = False,
    database: SuiteDatabase = None,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Tell in full what became of a night: groups, products, frames that were left out and why, and the balance.

    By default the latest night that there are frames of. The exit code is 1 if something does not add up: if anything
    that came in is neither open nor at an end that says why. A directory that is called report is written ./report.
    """
    from nightcrew.cli.suite import documents, nights
    from nightcrew.cli.suite.opening import ledger

    with ledger(database) as opened, opened.begin() as connection:
        seen = nights.view(connection, day(night), instrument)
    if as_json:
        typer.echo(documents.line(nights.document(seen)))
    else:
        for line in nights.report_lines(seen):
            typer.echo(line)
    raise typer.Exit(ExitCode.DONE if seen.good else ExitCode.FAILED)
