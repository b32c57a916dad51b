"""What people decide about rows of the ledger, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import typer

from nightcrew.cli.errors import ExitCode, complain
from nightcrew.cli.suite import documents, finding
from nightcrew.cli.suite.opening import ledger
from nightcrew.cli.suite.wording import job_name
from nightcrew.shared.ledger.records import GroupRow, JobRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sqlalchemy import Connection

Row = TypeVar("Row", GroupRow, JobRow)


@dataclass(frozen=True, slots=True)
class Kind(Generic[Row]):
    """Rows that can be changed by hand.

    Parameters
    ----------
    command
        Under whose name complaints are made.
    find
        Returns the row that a word means.
    name, number
        What a row is called in a complaint, and where it is told that it has changed.
    document
        Returns a row as JSON.
    """

    command: str
    find: Callable[[Connection, str], Row]
    name: Callable[[Row], str]
    number: Callable[[Row], str]
    document: Callable[[Row], Mapping[str, Any]]

    def change(
        self,
        words: Iterable[str],
        database: str | None,
        change: Callable[[Connection, Row], Row | None],
        refusal: str,
        *,
        as_json: bool,
    ) -> ExitCode:
        """Change rows, each in a transaction, and tell of each.

        Parameters
        ----------
        words
            What users call them.
        database
            Of the suite.
        change
            Returns the row as it is then, or None if it is in no state for that.
        refusal
            What is said in that case.
        as_json
            Whether rows that have changed are printed as JSON.

        Returns
        -------
        ExitCode
            FAILED if one could not be changed; the others are all the same.
        """
        code = ExitCode.DONE
        with ledger(database) as opened:
            for word in words:
                with opened.begin() as connection:
                    before = self.find(connection, word)
                    after = change(connection, before)
                if after is None:
                    complain(self.command, f"{self.name(before)} is {before.state}: {refusal}")
                    code = ExitCode.FAILED
                else:
                    told = f"{self.number(after)} {after.state}"
                    typer.echo(documents.line(self.document(after)) if as_json else told)
        return code


JOBS = Kind("jobs", finding.job, lambda job: f"{job.id} ({job_name(job)})", lambda job: str(job.id), documents.of_job)
GROUPS = Kind("groups", finding.group, lambda group: group.name, lambda group: group.name, documents.of_group)
