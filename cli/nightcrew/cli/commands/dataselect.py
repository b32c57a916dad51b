"""`nightcrew dataselect`: select files by tags and by an expression over descriptors (commands, 2)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightcrew.cli.errors import warn
from nightcrew.cli.inputs import describe_file, expand
from nightcrew.cli.options import Adpkg, Json  # noqa: TC001  (Typer reads the annotations)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nightcrew.shared.instruments import Description


def dataselect(
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT", help="Files, patterns, @lists; - reads names from stdin.")
    ],
    tags: Annotated[str, typer.Option("--tags", "-t", help="Tags that a file must have, comma separated.")] = "",
    xtags: Annotated[str, typer.Option("--xtags", help="Tags that a file must not have, comma separated.")] = "",
    expr: Annotated[
        str | None, typer.Option("--expr", help="Condition on descriptors, as 'exposure_time==20 and object==\"M8\"'.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Compare without tolerance, and full component names.")
    ] = False,
    output: Annotated[str | None, typer.Option("--output", "-o", help="Write the list to this file.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="With -o: print the names too.")] = False,
    as_json: Json = False,
    adpkg: Adpkg = None,
    debug: Annotated[bool, typer.Option("--debug", help="Print the parsed options, and tracebacks of errors.")] = False,
) -> None:
    """Select files by tags and by an expression over descriptors.

    A file is selected if it has all --tags, none of --xtags, and the expression is true.
    """
    from nightcrew.shared.selection import compile_expression, select, split_tags, unknown_tags

    wanted, unwanted = split_tags(tags), split_tags(xtags)
    if debug:
        typer.echo(
            f"Namespace(inputs={list(inputs)!r}, tags={list(wanted)!r}, xtags={list(unwanted)!r}, expression={expr!r}, "
            f"strict={strict}, output={output!r}, adpkg={adpkg!r}, verbose={verbose}, debug={debug})"
        )
    for problem in unknown_tags((*wanted, *unwanted)):
        warn("dataselect", problem)
    expression = compile_expression(expr, strict=strict)
    found = expand(inputs)
    for argument in found.unmatched:
        warn("dataselect", f"no file fits '{argument}'")
    selected = select(_described(found.existing), wanted, unwanted, expression)
    if output is not None:
        heading = [
            f"Includes tags: {list(wanted)}",
            f"Excludes tags: {list(unwanted)}",
            f"Descriptor expression: {expr}",
        ]
        lines = [*(f"# {line}" for line in heading), *(path for path, _ in selected)]
        Path(output).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    if output is None or verbose:
        _show(selected, as_json=as_json)


def _described(paths: Sequence[str]) -> Iterator[tuple[tuple[str, Description], Description]]:
    for path in paths:
        about = describe_file(path)
        yield (path, about), about


def _show(selected: Sequence[tuple[str, Description]], *, as_json: bool) -> None:
    lines = [json.dumps({"file": path, "tags": sorted(about.tags)}) if as_json else path for path, about in selected]
    if lines:
        typer.echo("\n".join(lines))
