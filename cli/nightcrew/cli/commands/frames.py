"""`nightcrew frames`: what has arrived."""

from __future__ import annotations

from typing import Annotated

import typer

from nightcrew.cli.options import Debug, Instrument, Json, Limit, Night, States, SuiteDatabase, day, members

frames = typer.Typer(no_args_is_help=True)


@frames.command("list")
def _list(
    state: States = None,
    night: Night = None,
    instrument: Instrument = None,
    limit: Limit = 200,
    as_json: Json = False,
    database: SuiteDatabase = None,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """List frames, the one that came last first: how far they are, and why."""
    from nightcrew.cli.suite.listing import FRAMES
    from nightcrew.cli.suite.opening import ledger
    from nightcrew.shared.ledger import FrameState, browsing

    wanted = browsing.Wanted(day(night), instrument, members("--state", state or (), FrameState), limit)
    with ledger(database) as opened, opened.begin() as connection:
        found = browsing.list_frames(connection, wanted)
    FRAMES.show(found, as_json=as_json)


@frames.command()
def show(
    name: Annotated[str, typer.Argument(metavar="FRAME", help="Name, with ending or without.")],
    as_json: Json = False,
    database: SuiteDatabase = None,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Show what is known of a frame: all versions, with what planning compares."""
    from nightcrew.cli.suite import documents, finding
    from nightcrew.cli.suite.opening import ledger
    from nightcrew.cli.suite.wording import moment

    with ledger(database) as opened, opened.begin() as connection:
        versions = finding.frame_versions(connection, name)
    for frame in versions:
        if as_json:
            typer.echo(documents.line({**documents.of_frame(frame), "facts": dict(frame.facts)}))
            continue
        typer.echo(
            f"{frame.name}, version {frame.version}: {frame.state}" + (f": {frame.reason}" if frame.reason else "")
        )
        told = {
            "number": frame.id, "file": frame.path, "sha256": frame.sha256, "instrument": frame.instrument,
            "kind": frame.kind, "night": frame.night, "arrived": f"{moment(frame.arrived_at)} UTC",
            "tags": " ".join(frame.facts.get("tags", ())),
            **{name: value for name, value in frame.facts.get("values", {}).items() if value is not None},
        }  # fmt: skip
        for label, value in told.items():
            typer.echo(f"  {label:<22} {value}")
