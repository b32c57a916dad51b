"""`nightcrew submit`: let the suite reduce files with a recipe."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  (Typer reads the annotations)
from typing import Annotated

import typer

from nightcrew.cli.commands.reduce import Mode
from nightcrew.cli.errors import UsageProblem
from nightcrew.cli.options import Debug, Profile, ProfileOption, SuiteDatabase


def submit(
    files: Annotated[
        list[str] | None, typer.Argument(metavar="FILE", help="FITS files, @lists; the first decides.")
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option("--recipe", "-r", help="Recipe, primitive, or function of your own: [PATH/]MODULE.FUNCTION."),
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option("--param", "-p", metavar="[PRIMITIVE:]NAME=VALUE ...", help="Parameters.")
    ] = None,
    user_cal: Annotated[
        list[str] | None,
        typer.Option("--user_cal", "--user-cal", metavar="TYPE:FILE ...", help="Calibrations for all files."),
    ] = None,
    mode: Annotated[Mode, typer.Option("--mode", help="Science quality, quick look, assessment.")] = Mode.SCIENCE,
    qa: Annotated[  # noqa: ARG001
        bool, typer.Option("--qa", help="The same as --mode qa.")
    ] = False,
    ql: Annotated[  # noqa: ARG001
        bool, typer.Option("--ql", help="The same as --mode ql.")
    ] = False,
    profile: ProfileOption = Profile.STANDARD,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the job; end as `reduce` would.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the job as JSON.")] = False,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="Configuration file (dragonsrc).")] = None,
    database: SuiteDatabase = None,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Let the suite do what `nightcrew reduce` would do with these files, and print the number of the job.

    Recipe, parameters and files are checked now; calibrations are chosen now, as `reduce` does. The reducers must see
    the files under the same paths. Products go to the suite's directory. `reduce --submit` does the same.
    """
    if config is not None and not config.is_file():
        raise UsageProblem(f"--config {config}: no such file")
    if not files:
        raise UsageProblem("NO INPUT FILE(s) specified; name FITS files or an @list")
    from nightcrew.cli.caldb.reductions import Databases
    from nightcrew.cli.reducing import Job
    from nightcrew.cli.suite.handing_in import hand_in

    with Databases.configured(config) as databases:
        job = Job.from_options(
            files, recipe, param or (), user_cal or (), mode.value, None, None, None, profile.value, databases
        )
        raise typer.Exit(hand_in(job, "submit", database, wait=wait, as_json=as_json))
