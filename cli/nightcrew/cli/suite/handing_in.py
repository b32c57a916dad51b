"""Handing a job to the suite, and waiting for it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from nightcrew.cli.errors import ExitCode, complain, warn
from nightcrew.cli.suite import documents
from nightcrew.cli.suite.fetching import Products
from nightcrew.cli.suite.following import follow, progress_line
from nightcrew.cli.suite.opening import ledger
from nightcrew.cli.suite.stories import job_documents, job_story
from nightcrew.cli.suite.submitting import new_job
from nightcrew.shared.ledger import JobState, jobs

if TYPE_CHECKING:
    from nightcrew.cli.reducing import Job
    from nightcrew.cli.suite.stories import JobStory


def hand_in(
    job: Job, command: str, database: str | None, *, wait: bool, as_json: bool, certify: bool = True
) -> ExitCode:
    """Write a job into the ledger and print its number; with `wait`, follow it to its end.

    A master that comes of it is handed to the calibration manager if `certify` is set.

    Returns
    -------
    ExitCode
        As `reduce` would have ended, if it was waited for.
    """
    submitted, remarks = new_job(job, Path.cwd(), certify=certify)
    for remark in (*job.databases.warnings, *remarks):
        warn(command, remark)
    with ledger(database) as opened:
        with opened.begin() as connection:
            row, _ = jobs.submit(connection, submitted)
        if not (as_json and wait):
            typer.echo(documents.line(documents.of_job(row)) if as_json else str(row.id))
        if not wait:
            return ExitCode.DONE
        for seen in follow(opened, row.id, time.sleep):
            typer.echo(progress_line(seen), err=True)
        with opened.begin() as connection:
            ended = jobs.get(connection, row.id)
            assert ended is not None
            story = job_story(connection, ended)
    return _conclude(story, command, as_json=as_json)


def _conclude(story: JobStory, command: str, *, as_json: bool) -> ExitCode:
    if as_json:
        (document,) = job_documents([story])
        typer.echo(documents.line(document))
    if story.job.state is JobState.SUCCEEDED:
        if not as_json:
            products = Products.configured()
            for product, _ in story.products:
                typer.echo(str(products.path(product)))
        return ExitCode.DONE
    complain(command, story.job.reason or str(story.job.state))
    return ExitCode.DRAGONS_FAILED if os.environ.get("NIGHTCREW_DRAGONS_EXIT") == "1" else ExitCode.FAILED
