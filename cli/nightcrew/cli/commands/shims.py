"""`nightcrew shims`: scripts by the names of DRAGONS' tools, for old scripts (commands, 16.1)."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from nightcrew.cli.options import Debug  # noqa: TC001  (Typer reads the annotations)

TOOLS = ("dataselect", "showd", "showpars", "showrecipes", "typewalk", "provenance", "superclean", "caldb", "reduce")
MARK = "# Written by nightcrew shims."


def shims(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where to write them; made if need be. Put it on your PATH.")
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace files that are no shims.")] = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Write scripts that go by the names of DRAGONS' tools and call nightcrew."""
    from nightcrew.shared.errors import NightcrewError

    directory.mkdir(parents=True, exist_ok=True)
    scripts = {directory / tool: script(tool, Path(sys.executable).with_name("nightcrew")) for tool in TOOLS}
    foreign = [path for path in scripts if path.exists() and MARK not in path.read_text(errors="replace")]
    if foreign and not force:
        raise NightcrewError(f"{foreign[0]}: exists and is no shim; choose another directory or give --force")
    for path, text in scripts.items():
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
        typer.echo(str(path))


def script(tool: str, program: Path) -> str:
    """Return a shell script that calls a subcommand with all its arguments."""
    return f'#!/bin/sh\n{MARK}\nexec {shlex.quote(str(program))} {tool} "$@"\n'
