"""`nightcrew caldb init`, `list`, `add`, `remove`, `config`: what a database holds (commands, 9)."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightcrew.cli.caldb_commands.common import (
    Verbose,
    Where,
    bold,
    chosen,
    opened_database,
    say,
    tell_json,
    tell_lines,
    warned,
)
from nightcrew.cli.errors import ExitCode, complain, warn
from nightcrew.cli.login import login_name
from nightcrew.cli.options import ConfigFile, Debug, Json  # noqa: TC001  (Typer reads the annotations)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nightcrew.cli.caldb.database import CalibrationDatabase

ENDINGS = (".fits", ".fits.bz2", ".fits.gz", ".fits.fz")
NOT_A_CALIBRATION = "not-a-calibration"


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
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Make an empty database: a file for a path, the tables for a postgresql:// address."""
    from nightcrew.cli.caldb.making import make, set_aside
    from nightcrew.cli.caldb.opening import open_line

    settings, line = chosen(config, database)
    say(f"Initializing {line.shown}...", verbose=verbose)
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


def list_(
    as_json: Json = False, config: ConfigFile = None, database: Where = None, verbose: Verbose = False,  # noqa: ARG001
    debug: Debug = False,  # noqa: ARG001
) -> None:  # fmt: skip
    """List the calibrations by name, with the directory that they are in."""
    from nightcrew.cli.caldb.opening import open_line
    from nightcrew.cli.caldb.wording import EMPTY, listing

    settings, line = chosen(config, database, quiet=as_json)
    if not as_json:
        typer.echo(f"Database: {bold(line.shown)}")
    with closing(open_line(line, settings)) as opened:
        records = opened.calibrations()
    if as_json:
        tell_json(records)
    else:
        tell_lines([listing(record) for record in records] or [EMPTY])


def add(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH", help="FITS files, directories, @lists; - reads names from stdin.")
    ],
    walk: Annotated[bool, typer.Option("--walk", "-k", help="Directories below directories too.")] = False,
    config: ConfigFile = None,
    database: Where = None,
    verbose: Verbose = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Enter calibrations where they lie: files, or all that are in a directory."""
    from nightcrew.cli.inputs import expand

    found = expand(paths)
    for name in found.unmatched:
        typer.echo(f"File {name} does not exist.", err=True)
    if found.unmatched:
        raise typer.Exit(ExitCode.FAILED)
    with opened_database(config, database) as opened:
        raise typer.Exit(_add(opened, list(_files(found.names, walk=walk)), verbose=verbose))


def remove(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Names of files; directories do not count.")],
    config: ConfigFile = None,
    database: Where = None,
    verbose: Verbose = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Forget calibrations; the files stay, and so does their history."""
    code = ExitCode.DONE
    with opened_database(config, database) as opened:
        for name in (Path(one).name for one in names):
            if opened.remove(name, login_name()):
                say(f"Removed {name}", verbose=verbose)
            else:
                complain("caldb", f"{name}: is not in {opened.name}; 'nightcrew caldb list' shows what is")
                code = ExitCode.FAILED
    raise typer.Exit(code)


def config_(
    config: ConfigFile = None, database: Where = None, verbose: Verbose = False, debug: Debug = False  # noqa: ARG001
) -> None:  # fmt: skip
    """Show which databases are configured, and which one the other commands work on."""
    from nightcrew.cli.caldb.opening import NoDatabase, database_named, load_config, the_database
    from nightcrew.cli.caldb.wording import configuration

    settings = warned(load_config(config))
    try:
        active = the_database(settings) if database is None else database_named(database)
    except NoDatabase as problem:
        if not settings.file:
            raise
        active = None
        warn("caldb", str(problem))
    tell_lines(configuration(settings, active, bold))


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
        say(f"Ingested {path.name}", verbose=verbose)
        if document["record"]["state"] == "candidate":
            warn("caldb", f"{path.name}: is a candidate only; 'nightcrew caldb history {path.name}' says why")
    if not added and not failed:
        complain("caldb", "nothing was added: there are no calibrations there; name FITS files, or use -k")
    return ExitCode.FAILED if failed or not added else ExitCode.DONE
