"""`nightcrew provenance`: what a product was made of, and how (commands, 7 and 14)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nightcrew.cli.errors import warn
from nightcrew.cli.options import Debug, Json  # noqa: TC001  (Typer reads the annotations)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nightcrew.shared.frames import Frame, HistoryRow, ProvenanceRow

PROVENANCE_COLUMNS = ("timestamp", "filename", "md5", "provenance_added_by")
HISTORY_COLUMNS = ("Primitive", "Args", "Start", "Stop")
HISTORY_WIDTHS = (9, 16, 28, 28)
"""Least widths of the columns of the history."""


def provenance(
    context: typer.Context,
    files: Annotated[list[str] | None, typer.Argument(metavar="FILE", help="Products, or @lists of them.")] = None,
    inputs_too: Annotated[bool, typer.Option("--provenance", "-p", hidden=True, help="Always on.")] = True,  # noqa: ARG001
    history_too: Annotated[bool, typer.Option("--history", hidden=True, help="Always on.")] = True,  # noqa: ARG001
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Show what a product was made of, and how."""
    from nightcrew.shared.errors import FrameError
    from nightcrew.shared.fits import open_frame

    if not files:
        typer.echo(context.get_help())
        return
    for file in files:
        if not as_json:
            typer.echo(f"Reading Provenance for {file}")
        try:
            frame = open_frame(file)
        except FrameError as error:
            if not Path(file).exists():
                raise
            if as_json:
                typer.echo(json.dumps({"file": file, "error": str(error)}))
            else:
                typer.echo(f"Unable to open {file} with nightcrew")
                warn("provenance", str(error))
            continue
        typer.echo(json.dumps(_record(file, frame)) if as_json else "\n".join(_report(frame)))


def _report(frame: Frame) -> Iterator[str]:
    yield ""
    if frame.provenance:
        yield from ("Provenance", "----------", *inputs_table(frame.provenance))
    else:
        yield "No Provenance found"
    yield ""
    if frame.history:
        yield from ("History", "-------", *history_table(frame.history))
    else:
        yield "No Provenance History found."


def inputs_table(rows: Sequence[ProvenanceRow]) -> list[str]:
    """Return the table of the files that went in: headings centred, cells flush right."""
    widths = [max(map(len, column)) for column in zip(PROVENANCE_COLUMNS, *rows, strict=True)]
    return [
        " ".join(name.center(width) for name, width in zip(PROVENANCE_COLUMNS, widths, strict=True)),
        " ".join("-" * width for width in widths),
        *(" ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows),
    ]


def history_table(rows: Sequence[HistoryRow]) -> list[str]:
    """Return the table of the primitives that ran, arguments as indented JSON over as many lines as they need."""
    cells = [(row.primitive, _indented(row.arguments), row.start, row.stop) for row in rows]
    columns = [
        [name, *(line for cell in column for line in cell.splitlines())]
        for name, column in zip(HISTORY_COLUMNS, zip(*cells, strict=True), strict=True)
    ]
    widths = [max(least, *map(len, column)) for least, column in zip(HISTORY_WIDTHS, columns, strict=True)]

    def line(*parts: str) -> str:
        return " ".join(part.ljust(width) for part, width in zip(parts, widths, strict=True)).rstrip()

    table = [line(*HISTORY_COLUMNS), line(*("-" * width for width in widths))]
    for primitive, arguments, start, stop in cells:
        first, *others = arguments.splitlines() or [""]
        table += [line(primitive, first, start, stop), *(line("", other, "", "") for other in others)]
    return table


def _indented(arguments: str) -> str:
    try:
        return json.dumps(json.loads(arguments), indent=4)
    except ValueError:
        return arguments


def _record(file: str, frame: Frame) -> dict[str, Any]:
    return {
        "file": file,
        "provenance": [dict(zip(PROVENANCE_COLUMNS, row, strict=True)) for row in frame.provenance],
        "history": [
            {"primitive": row.primitive, "args": _parsed(row.arguments), "start": row.start, "stop": row.stop}
            for row in frame.history
        ],
    }


def _parsed(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments
