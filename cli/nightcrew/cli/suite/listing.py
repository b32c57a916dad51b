"""Rows of the ledger as a list: a table for people, or JSON, one object a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import typer

from nightcrew.cli.suite import documents
from nightcrew.cli.suite.wording import (
    FRAME_COLUMNS,
    GROUP_COLUMNS,
    JOB_COLUMNS,
    columns,
    frame_cells,
    group_cells,
    job_cells,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from nightcrew.shared.ledger.records import FrameRow, GroupRow, JobRow

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Listing(Generic[Row]):
    """How rows of one kind are listed.

    Parameters
    ----------
    header
        Names of the columns.
    cells
        Return a row as a line of the table.
    document
        Return a row as JSON.
    nothing
        What is said where there are no rows.
    """

    header: Sequence[str]
    cells: Callable[[Row], Sequence[str]]
    document: Callable[[Row], Mapping[str, Any]]
    nothing: str

    def show(self, rows: Sequence[Row], *, as_json: bool) -> None:
        """Print rows; as JSON nothing at all where there are none."""
        for line in self._documents(rows) if as_json else self._table(rows):
            typer.echo(line)

    def _documents(self, rows: Sequence[Row]) -> Iterator[str]:
        return (documents.line(self.document(row)) for row in rows)

    def _table(self, rows: Sequence[Row]) -> Iterator[str]:
        return columns(self.header, map(self.cells, rows)) if rows else iter([self.nothing])


FRAMES: Listing[FrameRow] = Listing(FRAME_COLUMNS, frame_cells, documents.of_frame, "no frames")
GROUPS: Listing[GroupRow] = Listing(GROUP_COLUMNS, group_cells, documents.of_group, "no groups")
JOBS: Listing[JobRow] = Listing(JOB_COLUMNS, job_cells, documents.of_job, "no jobs")
