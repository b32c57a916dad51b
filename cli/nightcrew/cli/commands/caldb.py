"""`nightcrew caldb`: the calibration databases, from the command line (commands, 9)."""

from __future__ import annotations

import json
import sys
from contextlib import closing, contextmanager, redirect_stdout
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from nightcrew.cli.errors import ExitCode, UsageProblem, complain, warn
from nightcrew.cli.options import Debug, Json  # noqa: TC001  (Typer reads the annotations)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nightcrew.cli.caldb.configuration import Config, DatabaseLine
    from nightcrew.cli.caldb.database import CalibrationDatabase

ENDINGS = (".fits", ".fits.bz2", ".fits.gz", ".fits.fz")
NOT_A_CALIBRATION = "not-a-calibration"

ConfigFile: TypeAlias = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="FILE", help="Configuration file (dragonsrc).")
]
Where: TypeAlias = Annotated[
    str | None,
    typer.Option("--database", "-d", metavar="DB", help="Path or address, instead of the one in the configuration."),
]
Verbose: TypeAlias = Annotated[bool, typer.Option("--verbose", "-v", help="Say what is done.")]
Who: TypeAlias = Annotated[str | None, typer.Option("--who", help="Who says so.", show_default="the login name")]
Why: TypeAlias = Annotated[str, typer.Option("--why", help="Why; the history keeps it.")]
Name: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="Name of the file, as the list shows it.")]

caldb = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@caldb.callback(invoke_without_command=True)
def _caldb(context: typer.Context) -> None:
    """Keep calibrations in a database, which reductions ask and tell."""
    if context.invoked_subcommand is None:
        typer.echo(typer.style("No action specified for caldb", bold=True), err=True)
        with redirect_stdout(sys.stderr):
            typer.echo(context.get_help())
        raise typer.Exit(ExitCode.USAGE)


@caldb.command()
def init(
    wipe: Annotated[bool, typer.Option("--wipe", "-w", help="Empty a database that is there already.")] = False,
    import_from: Annotated[
        Path | None,
        typer.Option(metavar="OLD.db", help="Add the files that a database of DRAGONS lists; it is kept."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="With -w on a served database: really.")] = False,
    config: ConfigFile = None,
    database: Where = None,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Make an empty database: a file for a path, the tables for a postgresql:// address."""
    del debug
    from nightcrew.cli.caldb.making import make, set_aside
    from nightcrew.cli.caldb.opening import open_line

    settings, line = _chosen(config, database)
    _say(f"Initializing {line.shown}...", verbose=verbose)
    files: Sequence[Path] = ()
    if import_from is not None:
        from nightcrew.cli.caldb.dragons import listed_files

        files = listed_files(import_from)
        set_aside(line, import_from)
    make(line, wipe=wipe, sure=yes)
    if not files:
        return
    with closing(open_line(line, settings)) as opened:
        raise typer.Exit(_add(opened, [(path, True) for path in files], verbose=verbose))


@caldb.command("list")
def _list(
    as_json: Json = False, config: ConfigFile = None, database: Where = None, verbose: Verbose = False,
    debug: Debug = False,
) -> None:  # fmt: skip
    """List the calibrations by name, with the directory that they are in."""
    del verbose, debug
    from nightcrew.cli.caldb.opening import open_line
    from nightcrew.cli.caldb.wording import EMPTY, listing

    settings, line = _chosen(config, database, quiet=as_json)
    if not as_json:
        typer.echo(f"Database: {_bold(line.shown)}")
    with closing(open_line(line, settings)) as opened:
        records = opened.calibrations()
    if as_json:
        _print_json(records)
    else:
        _print([listing(record) for record in records] or [EMPTY])


@caldb.command()
def add(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH", help="FITS files, directories, @lists; - reads names from stdin.")
    ],
    walk: Annotated[bool, typer.Option("--walk", "-k", help="Directories below directories too.")] = False,
    config: ConfigFile = None,
    database: Where = None,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Enter calibrations where they lie: files, or all that are in a directory."""
    del debug
    from nightcrew.cli.inputs import expand

    found = expand(paths)
    for name in found.unmatched:
        typer.echo(f"File {name} does not exist.", err=True)
    if found.unmatched:
        raise typer.Exit(ExitCode.FAILED)
    with _opened(config, database) as opened:
        raise typer.Exit(_add(opened, list(_files(found.names, walk=walk)), verbose=verbose))


@caldb.command()
def remove(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Names of files; directories do not count.")],
    config: ConfigFile = None,
    database: Where = None,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Forget calibrations; the files stay, and so does their history."""
    del debug
    from nightcrew.cli.caldb.opening import login_name

    code = ExitCode.DONE
    with _opened(config, database) as opened:
        for name in (Path(one).name for one in names):
            if opened.remove(name, login_name()):
                _say(f"Removed {name}", verbose=verbose)
            else:
                complain("caldb", f"{name}: is not in {opened.name}; 'nightcrew caldb list' shows what is")
                code = ExitCode.FAILED
    raise typer.Exit(code)


@caldb.command("config")
def _config(config: ConfigFile = None, database: Where = None, verbose: Verbose = False, debug: Debug = False) -> None:
    """Show which databases are configured, and which one the other commands work on."""
    del verbose, debug
    from nightcrew.cli.caldb.opening import NoDatabase, database_named, load_config, the_database
    from nightcrew.cli.caldb.wording import configuration

    settings = _warned(load_config(config))
    try:
        active = the_database(settings) if database is None else database_named(database)
    except NoDatabase as problem:
        if not settings.file:
            raise
        active = None
        warn("caldb", str(problem))
    _print(configuration(settings, active, _bold))


@caldb.command()
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
    debug: Debug = False,
) -> None:
    """Tell which calibrations a frame would get and why, or why not.

    Without -d every database that reductions ask is asked, in order.
    """
    del debug
    from nightcrew.cli.caldb.opening import database_named, load_config, open_line, the_database

    if mode not in {None, "sq", "ql", "qa"}:
        raise UsageProblem(f"--mode {mode}: one of sq, ql, qa")
    settings = _warned(load_config(config), quiet=as_json)
    lines = [line for line in settings.databases if line.get] if database is None else [database_named(database)]
    lines = lines or [the_database(settings)]
    code = ExitCode.DONE
    for line in lines:
        with _told_and_on(several=len(lines) > 1) as trouble, closing(open_line(line, settings)) as opened:
            _explain(opened, frame, caltype or (), mode, as_json=as_json)
        code = ExitCode.FAILED if trouble else code
    raise typer.Exit(code)


@caldb.command()
def certify(
    name: Name,
    why: Why,
    who: Who = None,
    since: Annotated[
        str | None, typer.Option("--from", metavar="UTC", help="First moment: 2026-11-28 or 2026-11-28T04:10:00.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="UTC", help="It is valid until then, exclusive.")] = None,
    as_json: Json = False,
    config: ConfigFile = None,
    database: Where = None,
    debug: Debug = False,
) -> None:
    """Vouch for a calibration; with --from or --to for a time, which then replaces that of the rules."""
    del debug
    from nightcrew.cli.caldb.opening import login_name
    from nightcrew.cli.caldb.wording import standing

    first, last = _moment("--from", since), _moment("--to", until)
    with _opened(config, database, quiet=as_json) as opened:
        record = opened.certify(Path(name).name, who or login_name(), why, first, last)
    _print_json([record]) if as_json else _print([standing(record)])


@caldb.command()
def veto(
    name: Name, why: Why, who: Who = None, as_json: Json = False, config: ConfigFile = None, database: Where = None,
    debug: Debug = False,
) -> None:  # fmt: skip
    """Withdraw a calibration as bad, and list the products that it went into."""
    del debug
    from nightcrew.cli.caldb.opening import login_name
    from nightcrew.cli.caldb.wording import affected as told
    from nightcrew.cli.caldb.wording import standing

    with _opened(config, database, quiet=as_json) as opened:
        vetoed = opened.veto(Path(name).name, who or login_name(), why)
    if as_json:
        _print_json([vetoed])
    else:
        _print([standing(vetoed["record"]), *told(vetoed["affected"], Path(name).name)])


@caldb.command()
def restore(
    name: Name, why: Why, who: Who = None, as_json: Json = False, config: ConfigFile = None, database: Where = None,
    debug: Debug = False,
) -> None:  # fmt: skip
    """Take a veto back; the calibration is a candidate then, to be certified."""
    del debug
    from nightcrew.cli.caldb.opening import login_name
    from nightcrew.cli.caldb.wording import standing

    with _opened(config, database, quiet=as_json) as opened:
        record = opened.restore(Path(name).name, who or login_name(), why)
    _print_json([record]) if as_json else _print([standing(record)])


@caldb.command()
def affected(
    name: Name, as_json: Json = False, config: ConfigFile = None, database: Where = None, debug: Debug = False
) -> None:
    """List the products that a calibration went into, directly or through other masters."""
    del debug
    from nightcrew.cli.caldb.wording import affected as told

    with _opened(config, database, quiet=as_json) as opened:
        products = opened.affected(Path(name).name)
    _print_json(products) if as_json else _print(told(products, Path(name).name))


@caldb.command()
def history(
    name: Name, as_json: Json = False, config: ConfigFile = None, database: Where = None, debug: Debug = False
) -> None:
    """Tell what happened to a calibration: who did what, when and why (UTC)."""
    del debug
    from nightcrew.cli.caldb.wording import history as told

    with _opened(config, database, quiet=as_json) as opened:
        lines = opened.history(Path(name).name)
    _print_json(lines) if as_json else _print(told(lines))


def _chosen(config: Path | None, database: str | None, *, quiet: bool = False) -> tuple[Config, DatabaseLine]:
    """Return the configuration, and the database that the user means."""
    from nightcrew.cli.caldb.opening import database_named, load_config, the_database

    settings = _warned(load_config(config), quiet=quiet or database is not None)
    return settings, the_database(settings) if database is None else database_named(database)


@contextmanager
def _opened(config: Path | None, database: str | None, *, quiet: bool = False) -> Iterator[CalibrationDatabase]:
    from nightcrew.cli.caldb.opening import open_line

    settings, line = _chosen(config, database, quiet=quiet)
    with closing(open_line(line, settings)) as opened:
        yield opened


def _warned(config: Config, *, quiet: bool = False) -> Config:
    for warning in () if quiet else config.warnings:
        warn("caldb", warning)
    return config


def _files(names: Iterable[str], *, walk: bool) -> Iterator[tuple[Path, bool]]:
    """Yield the files to add, and whether the user has named them; of directories the FITS files."""
    for path in map(Path, names):
        if path.is_dir():
            below = path.rglob("*") if walk else path.iterdir()
            yield from (
                (one, False)
                for one in sorted(below)
                if one.name.endswith(ENDINGS) and not one.name.startswith(".") and one.is_file()
            )
        else:
            yield path, True


def _add(database: CalibrationDatabase, files: Sequence[tuple[Path, bool]], *, verbose: bool) -> ExitCode:
    """Enter files, as many as can be; what lies in a directory need not be a calibration."""
    from nightcrew.cli.caldb.opening import login_name
    from nightcrew.shared.errors import NightcrewError

    failed = added = 0
    for path, named in files:
        try:
            document = database.add(path, login_name())
        except NightcrewError as error:
            if error.retryable:
                raise
            if named or error.code != NOT_A_CALIBRATION:
                complain("caldb", f"Ingest failed for file {path}: {error}")
                failed += 1
            else:
                warn("caldb", f"left out: {error}")
            continue
        added += 1
        _say(f"Ingested {path.name}", verbose=verbose)
        if document["record"]["state"] == "candidate":
            warn("caldb", f"{path.name}: is a candidate only; 'nightcrew caldb history {path.name}' says why")
    if not added and not failed:
        complain("caldb", "nothing was added: there are no calibrations there; name FITS files, or use -k")
    return ExitCode.FAILED if failed or not added else ExitCode.DONE


def _explain(
    database: CalibrationDatabase, frame: Path, caltypes: Sequence[str], mode: str | None, *, as_json: bool
) -> None:
    from nightcrew.cli.caldb.wording import explanation

    answers = database.explain(frame, caltypes, mode)
    if as_json:
        _print_json([{"database": database.name, **answer} for answer in answers])
        return
    typer.echo(f"{frame.name} in {_bold(database.name)}")
    if not answers:
        typer.echo("  needs no calibrations")
    for answer in answers:
        _print(explanation(answer))


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


def _moment(option: str, text: str | None) -> datetime | None:
    """Read a moment, UTC; one with a zone is converted."""
    if text is None:
        return None
    from datetime import UTC

    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageProblem(f"{option} {text}: write UTC as 2026-11-28 or 2026-11-28T04:10:00") from error
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _say(text: str, *, verbose: bool) -> None:
    if verbose:
        typer.echo(text, err=True)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)


def _print_json(documents: Iterable[dict[str, Any]]) -> None:
    _print(json.dumps(document) for document in documents)


def _bold(text: str) -> str:
    return typer.style(text, bold=True) if sys.stdout.isatty() else text
