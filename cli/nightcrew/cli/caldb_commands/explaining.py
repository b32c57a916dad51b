"""`nightcrew caldb explain`: which calibrations a frame would get, and why."""

from __future__ import annotations

from contextlib import closing, contextmanager
from pathlib import Path  # noqa: TC003  (Typer reads the annotations)
from typing import TYPE_CHECKING, Annotated

import typer

from nightcrew.cli.caldb_commands.common import Where, bold, tell_json, tell_lines, warned
from nightcrew.cli.errors import ExitCode, UsageProblem, complain
from nightcrew.cli.options import ConfigFile, Debug, Json  # noqa: TC001  (Typer reads the annotations)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nightcrew.cli.caldb.database import CalibrationDatabase


def explain(
    frame: Annotated[Path, typer.Argument(metavar="FRAME", help="A FITS file, raw or in the middle of a reduction.")],
    caltype: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="TYPE", help="processed_dark, ...; by default all that it needs."),
    ] = None,
    mode: Annotated[
        str | None, typer.Option("--mode", help="sq refuses masters made for a quick look.", metavar="sq|ql|qa")
    ] = None,
    as_json: Json = False,
    config: ConfigFile = None,
    database: Where = None,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Tell which calibrations a frame would get and why, or why not.

    Without -d every database that reductions ask is asked, in order.
    """
    from nightcrew.cli.caldb.opening import database_named, load_config, open_line, the_database

    if mode not in {None, "sq", "ql", "qa"}:
        raise UsageProblem(f"--mode {mode}: one of sq, ql, qa")
    settings = warned(load_config(config), quiet=as_json)
    lines = [line for line in settings.databases if line.get] if database is None else [database_named(database)]
    lines = lines or [the_database(settings)]
    code = ExitCode.DONE
    for line in lines:
        with _told_and_on(several=len(lines) > 1) as trouble, closing(open_line(line, settings)) as opened:
            _explain(opened, frame, caltype or (), mode, as_json=as_json)
        code = ExitCode.FAILED if trouble else code
    raise typer.Exit(code)


def _explain(
    database: CalibrationDatabase, frame: Path, caltypes: Sequence[str], mode: str | None, *, as_json: bool
) -> None:
    from nightcrew.cli.caldb.wording import explanation

    answers = database.explain(frame, caltypes, mode)
    if as_json:
        tell_json([{"database": database.name, **answer} for answer in answers])
        return
    typer.echo(f"{frame.name} in {bold(database.name)}")
    if not answers:
        typer.echo("  needs no calibrations")
    for answer in answers:
        tell_lines(explanation(answer))


@contextmanager
def _told_and_on(*, several: bool) -> Iterator[list[str]]:
    """Tell what is wrong with a database, and go on with the next where there are several."""
    from nightcrew.shared.errors import CalibrationError, ServiceError

    trouble: list[str] = []
    try:
        yield trouble
    except (CalibrationError, ServiceError) as error:
        if not several:
            raise
        trouble.append(str(error))
        complain("caldb", str(error))
