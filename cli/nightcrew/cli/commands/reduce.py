"""`nightcrew reduce`: reduce files with a recipe, in this directory (commands, 10)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightcrew.cli.argv import UPLOADS
from nightcrew.cli.errors import UsageProblem, warn
from nightcrew.cli.log import Level, LogMode
from nightcrew.cli.options import Adpkg, ConfigFile, Debug, Drpkg, Memory, Profile, ProfileOption, Threads, Version
from nightcrew.cli.reduction_options import (
    Certify,
    Files,
    Mode,
    ModeOption,
    Param,
    Qa,
    Ql,
    Recipe,
    Suffix,
    UserCal,
    named_files,
)

if TYPE_CHECKING:
    from nightcrew.cli.caldb.reductions import Databases


def reduce(
    context: typer.Context,
    files: Files = None,
    recipe: Recipe = None,
    param: Param = None,
    user_cal: UserCal = None,
    mode: ModeOption = Mode.SCIENCE,
    qa: Qa = False,  # noqa: ARG001
    ql: Ql = False,  # noqa: ARG001
    suffix: Suffix = None,
    profile: ProfileOption = Profile.STANDARD,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Show what would run: files, recipe, calibrations, parameters.")
    ] = False,
    submit: Annotated[bool, typer.Option("--submit", help="Let the suite do it; print the number of the job.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="With --submit: follow the job to its end.")] = False,
    certify: Certify = True,
    memory: Memory = None,
    threads: Threads = None,
    logfile: Annotated[Path, typer.Option("--logfile", help="Is appended to.")] = Path("reduce.log"),
    logmode: Annotated[LogMode, typer.Option("--logmode", help="What goes to screen and file.")] = LogMode.STANDARD,
    loglevel: Annotated[
        str | None, typer.Option("--loglevel", metavar="LEVEL", help="Lowest level on the screen, as warning.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON on stdout.")] = False,
    config: ConfigFile = None,
    upload: Annotated[
        list[str] | None, typer.Option("--upload", metavar="metrics calibs science", help="What to upload.")
    ] = None,
    display: Annotated[bool, typer.Option("--displayflags", "-d", help="Print the parsed options and stop.")] = False,
    adpkg: Adpkg = None,  # noqa: ARG001
    drpkg: Drpkg = None,  # noqa: ARG001
    debug: Debug = False,
    version: Version = False,  # noqa: ARG001
) -> None:
    """Reduce files with a recipe, in this directory.

    The tags of the first file decide which recipe runs. Options may also stand in an @list.
    """
    if display:
        typer.echo(_flags(context))
        return
    uploads = _uploads(upload or ())
    named = named_files(files, config)
    level = _level(loglevel)

    from nightcrew.cli.caldb.reductions import Databases
    from nightcrew.cli.reducing import Job, carry_out, show_plan
    from nightcrew.reducer.engine.tuning import tune

    tune()
    with Databases.configured(config, uploads) as databases:
        _check_uploads(uploads, databases)
        job = Job.from_options(
            named, recipe, param or (), user_cal or (), mode.value, suffix, memory, threads, profile.value, databases
        )
        if submit:
            from nightcrew.cli.suite.handing_in import hand_in

            raise typer.Exit(hand_in(job, "reduce", None, wait=wait, as_json=as_json, certify=certify))
        if dry_run:
            show_plan(job, as_json=as_json)
            return
        raise typer.Exit(carry_out(job, logmode, logfile, level, as_json=as_json, debug=debug))


def _level(text: str | None) -> Level | None:
    if text is None:
        return None
    if text.upper() not in Level.__members__:
        raise UsageProblem(f"--loglevel {text}: one of {', '.join(level.name.lower() for level in Level)}")
    return Level[text.upper()]


def _uploads(texts: list[str] | tuple[str, ...]) -> frozenset[str]:
    asked = [word for text in texts for word in text.split(",") if word]
    unknown = [word for word in asked if word not in UPLOADS]
    if unknown:
        raise UsageProblem(f"--upload {unknown[0]}: any of {', '.join(sorted(UPLOADS))}")
    return frozenset(asked)


def _check_uploads(uploads: frozenset[str], databases: Databases) -> None:
    if "metrics" in uploads:
        warn("reduce", "--upload metrics: is not known here; the measurements are in the log and with --json")
    if uploads - {"metrics"} and not databases.uploads:
        warn("reduce", "--upload: no server with the flag store is configured; products stay in this directory")


def _flags(context: typer.Context) -> str:
    """Return the options as a table: how they are written, what they are called, their values."""
    rows = [(str(list(p.opts)), str(p.name), str(context.params.get(p.name or ""))) for p in context.command.params]
    literals, names = (max(len(row[column]) for row in rows) for column in (0, 1))
    lines = [f"{opts:<{literals}} :: {name:<{names}} :: {value}" for opts, name, value in rows if name != "help"]
    return "\n".join([f"{'Literals':<{literals}} :: {'Dest':<{names}} :: Value", "-" * 80, *lines])
