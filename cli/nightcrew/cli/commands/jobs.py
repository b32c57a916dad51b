"""`nightcrew jobs`: what reducers do, did and are to do."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from nightcrew.cli.errors import ExitCode, complain
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

    from nightcrew.shared.ledger.records import JobRow

Jobs: TypeAlias = Annotated[
    list[str], typer.Argument(metavar="JOB", help="Number, its beginning, or the name of what is reduced.")
]

jobs = typer.Typer(no_args_is_help=True)


@jobs.command("list")
def _list(
    state: States = None,
    open_only: Annotated[bool, typer.Option("--open", help="Those that have not ended.")] = False,
    job_class: Annotated[
        str | None, typer.Option("--class", metavar="CLASS", help="realtime, calibration, science, large.")
    ] = None,
    night: Night = None,
    instrument: Instrument = None,
    limit: Limit = 50,
    as_json: Json = False,
    database: SuiteDatabase = None,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """List jobs, the newest first: how far they are, and why."""
    from nightcrew.cli.suite.listing import JOBS
    from nightcrew.cli.suite.opening import ledger
    from nightcrew.shared.ledger import JobState, browsing
    from nightcrew.shared.ledger.states import JOB_OPEN
    from nightcrew.shared.messages import JobClass

    states = members("--state", state or (), JobState) | (JOB_OPEN if open_only else frozenset())
    members("--class", [job_class] if job_class else (), JobClass)
    wanted = browsing.Wanted(day(night), instrument, frozenset(states), limit)
    with ledger(database) as opened, opened.begin() as connection:
        found = browsing.list_jobs(connection, wanted, job_class)
    JOBS.show(found, as_json=as_json)


@jobs.command()
def show(
    names: Jobs, as_json: Json = False, database: SuiteDatabase = None, debug: Debug = False  # noqa: ARG001
) -> None:  # fmt: skip
    """Show what a job is to do, with what, its attempts, and its products."""
    from nightcrew.cli.suite import documents, finding
    from nightcrew.cli.suite.opening import ledger
    from nightcrew.cli.suite.stories import job_documents, job_story, tell_job
    from nightcrew.cli.suite.wording import job_name, moment

    with ledger(database) as opened, opened.begin() as connection:
        stories = [job_story(connection, finding.job(connection, name)) for name in names]
    for document, story in zip(job_documents(stories), stories, strict=True):
        if as_json:
            typer.echo(documents.line(document))
            continue
        job = story.job
        typer.echo(
            f"{job_name(job)}: {job.job_class} job of {moment(job.created_at)} UTC, {job.instrument} {job.night}"
        )
        for line in tell_job(story):
            typer.echo(f"  {line}")


@jobs.command()
def fetch(
    names: Jobs,
    into: Annotated[
        Path, typer.Option("--into", metavar="DIR", help="Directory for the files; it is made if it is missing.")
    ] = Path(),
    as_json: Json = False,
    database: SuiteDatabase = None,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Copy the products of jobs into a directory, out of the store of products if they lie there.

    Every copy has the bytes that the ledger knows, or is not made.
    """
    from nightcrew.cli.suite import documents, finding
    from nightcrew.cli.suite.fetching import Products
    from nightcrew.cli.suite.opening import ledger
    from nightcrew.shared.ledger import products as rows

    products, code = Products.configured(), ExitCode.DONE
    with ledger(database) as opened, opened.begin() as connection:
        found = {name: rows.of_jobs(connection, [finding.job(connection, name).id]) for name in names}
    for name, made in found.items():
        if not made:
            complain("jobs", f"{name}: has no products; see `nightcrew jobs show {name}`")
            code = ExitCode.FAILED
        for product in made:
            if product.removed_at is not None:
                complain("jobs", f"{product.name}: was removed after a later one had superseded it")
                code = ExitCode.FAILED
                continue
            path = products.copy(product, into)
            typer.echo(documents.line({"name": product.name, "path": str(path)}) if as_json else str(path))
    raise typer.Exit(code)


@jobs.command()
def retry(
    names: Jobs, who: Who = None, as_json: Json = False, database: SuiteDatabase = None, debug: Debug = False  # noqa: ARG001
) -> None:  # fmt: skip
    """Queue jobs that ended badly once more, with all their attempts."""
    from nightcrew.cli.suite.changing import JOBS
    from nightcrew.shared.ledger import jobs as rows

    def again(connection: Connection, job: JobRow) -> JobRow | None:
        return rows.again(connection, job.id, who_says(who))

    refusal = "cannot be tried again; only what failed, was set aside or cancelled can"
    raise typer.Exit(JOBS.change(names, database, again, refusal, as_json=as_json))


@jobs.command()
def cancel(
    names: Jobs,
    why: Annotated[str, typer.Option("--why", help="Why; the ledger keeps it.")] = "",
    who: Who = None,
    as_json: Json = False,
    database: SuiteDatabase = None,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Cancel jobs that have not ended; what a reducer makes of one at work is thrown away."""
    from nightcrew.cli.suite.changing import JOBS
    from nightcrew.shared.ledger import JobState
    from nightcrew.shared.ledger import jobs as rows
    from nightcrew.shared.ledger.states import JOB_OPEN

    reason = f"by {who_says(who)}" + (f": {why}" if why else "")

    def cancelled(connection: Connection, job: JobRow) -> JobRow | None:
        return None if job.state not in JOB_OPEN else rows.move(connection, job.id, JobState.CANCELLED, reason)

    raise typer.Exit(JOBS.change(names, database, cancelled, "cannot be cancelled; it has ended", as_json=as_json))


@jobs.command()
def watch(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="JOB", help="These; by default all that have not ended.")
    ] = None,
    as_json: Json = False,
    database: SuiteDatabase = None,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Watch jobs: live on a terminal, else a line for each change; ends with the jobs that are named, or Ctrl-C."""
    from nightcrew.cli.suite import finding
    from nightcrew.cli.suite.opening import ledger
    from nightcrew.cli.suite.watching import watch_jobs

    with ledger(database) as opened:
        with opened.begin() as connection:
            chosen = [finding.job(connection, name).id for name in names or ()]
        good = watch_jobs(opened, chosen, time.sleep, as_json=as_json)
    raise typer.Exit(ExitCode.DONE if good else ExitCode.FAILED)
