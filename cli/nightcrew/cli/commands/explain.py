"""`nightcrew explain`: the whole story of one frame."""

from __future__ import annotations

from typing import Annotated

import typer

from nightcrew.cli.options import Debug, Json, SuiteDatabase  # noqa: TC001  (Typer reads the annotations)


def explain(
    frame: Annotated[str, typer.Argument(metavar="FRAME", help="Name, with ending or without.", show_default=False)],
    as_json: Json = False,
    database: SuiteDatabase = None,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Tell the story of one frame: how it came, which group took it and why that was closed, what it waited for,
    with which calibrations it was reduced and why these, what was made of it, and what has taken the place of that.
    """
    from nightcrew.cli.suite import documents, finding, stories
    from nightcrew.cli.suite.opening import ledger

    with ledger(database) as opened, opened.begin() as connection:
        told = [stories.gather(connection, one) for one in finding.frame_versions(connection, frame)]
    for story in told:
        if as_json:
            typer.echo(documents.line(stories.document(story)))
        else:
            for line in stories.tell(story):
                typer.echo(line)
