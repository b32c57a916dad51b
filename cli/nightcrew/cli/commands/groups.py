"""`nightcrew groups`: frames that are reduced together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nightcrew.cli.options import (
    Debug,
    Instrument,
    Json,
    Limit,
    Night,
    States,
    SuiteDatabase,
    Who,
    day,
    members,
    who_says,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from nightcrew.shared.ledger.records import GroupRow

groups = typer.Typer(no_args_is_help=True)


@groups.command("list")
def _list(
    state: States = None,
    night: Night = None,
    instrument: Instrument = None,
    limit: Limit = 200,
    as_json: Json = False,
    database: SuiteDatabase = None,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """List groups, the one that was opened last first: how far they are, and why."""
    from nightcrew.cli.suite.listing import GROUPS
    from nightcrew.cli.suite.opening import ledger
    from nightcrew.shared.ledger import GroupState, browsing

    wanted = browsing.Wanted(day(night), instrument, members("--state", state or (), GroupState), limit)
    with ledger(database) as opened, opened.begin() as connection:
        found = browsing.list_groups(connection, wanted)
    GROUPS.show(found, as_json=as_json)


@groups.command()
def show(
    name: Annotated[str, typer.Argument(metavar="GROUP", help="Number or name.")],
    as_json: Json = False,
    database: SuiteDatabase = None,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Show a group: its frames, why it was closed, what it needs, its jobs."""
    from nightcrew.cli.suite import documents, finding
    from nightcrew.cli.suite.opening import ledger
    from nightcrew.cli.suite.stories import GroupStory, job_documents, job_story, tell_group
    from nightcrew.shared.ledger import browsing
    from nightcrew.shared.ledger import jobs as rows

    with ledger(database) as opened, opened.begin() as connection:
        group = finding.group(connection, name)
        story = GroupStory(
            group, True, tuple(job_story(connection, job) for job in rows.of_group(connection, group.id))
        )
        members = browsing.frames_of(connection, group.id)
    if as_json:
        named = [{"name": frame.name, "id": frame.id, "borrowed": frame.id in group.borrowed} for frame in members]
        document = {**documents.of_group(group), "frames": named, "jobs": job_documents(story.jobs)}
        typer.echo(documents.line({key: value for key, value in document.items() if key != "borrowed"}))
        return
    for line in tell_group(story):
        typer.echo(line)
    for need in group.plan.get("needs", ()):
        typer.echo(f"  needs {need}")
    for frame in members:
        typer.echo(f"  {frame.name}" + (" (borrowed)" if frame.id in group.borrowed else ""))


@groups.command()
def close(
    names: Annotated[list[str], typer.Argument(metavar="GROUP", help="Numbers or names.")],
    why: Annotated[str, typer.Option("--why", help="Why; the ledger keeps it.")] = "",
    who: Who = None,
    as_json: Json = False,
    database: SuiteDatabase = None,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Let open groups take no more frames: the planner reduces them as soon as their calibrations are there."""
    from nightcrew.cli.suite.changing import GROUPS
    from nightcrew.shared.ledger import GroupState
    from nightcrew.shared.ledger import groups as rows

    reason = f"by hand, by {who_says(who)}" + (f": {why}" if why else "")

    def closed(connection: Connection, group: GroupRow) -> GroupRow | None:
        if group.state is not GroupState.OPEN:
            return None
        rows.close(connection, group.id, reason)
        return rows.get(connection, group.id)

    raise typer.Exit(GROUPS.change(names, database, closed, "only an open group can be closed", as_json=as_json))
