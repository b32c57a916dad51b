"""`nightcrew night status`: how a night stands, in a few lines."""

from __future__ import annotations

import typer

from nightcrew.cli.options import Debug, Instrument, Json, Night, SuiteDatabase, day


def night_status(
    night: Night = None,
    instrument: Instrument = None,
    as_json: Json = False,
    database: SuiteDatabase = None,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Tell how a night stands: frames, groups and jobs by state, what is at work, whether it adds up.

    By default the latest night that there are frames of. A directory that is called status is written ./status.
    """
    from nightcrew.cli.suite import documents, nights
    from nightcrew.cli.suite.opening import ledger

    with ledger(database) as opened, opened.begin() as connection:
        seen = nights.view(connection, day(night), instrument)
    if as_json:
        typer.echo(documents.line(nights.status_document(seen)))
    else:
        for line in nights.status_lines(seen):
            typer.echo(line)
