"""`nightcrew superclean`: delete the by-products of reductions in this directory (commands, 8)."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightcrew.cli.options import Debug  # noqa: TC001  (Typer reads the annotations)

if TYPE_CHECKING:
    from collections.abc import Iterable

CACHE = (".reducecache",)
PICKLES = (".reducecache/*.pkl",)
HIDDEN = (".reducecache", ".adcc", ".autologs", ".fitsstore")
DIRECTORIES = ("backups", "calibrations", "locks")
FITS = ("*.fits",)
LOGS = ("*.log",)
TEMPORARY = ("tmp*",)
TEXTS = ("*.txt",)
ALL = (*HIDDEN, *DIRECTORIES, *FITS, *LOGS, *TEMPORARY, *TEXTS)
SAFE = (*HIDDEN, "backups", "locks", *TEMPORARY)
"""Leaves the calibrations and the FITS files."""


def superclean(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="All that follows, products and calibrations too.")] = False,
    safe: Annotated[bool, typer.Option("--safe", help="Hidden directories, backups, locks, tmp*.")] = False,
    directories: Annotated[bool, typer.Option("-d", help="backups, calibrations, locks.")] = False,
    fits: Annotated[bool, typer.Option("-f", help="*.fits")] = False,
    logs: Annotated[bool, typer.Option("-l", help="*.log")] = False,
    temporary: Annotated[bool, typer.Option("-t", help="tmp*")] = False,
    texts: Annotated[bool, typer.Option("--txt", help="*.txt")] = False,
    cache: Annotated[bool, typer.Option("--cache", "-c", help=".reducecache")] = False,
    hidden: Annotated[bool, typer.Option("--hiddendirs", "-o", help=" ".join(HIDDEN))] = False,
    pickles: Annotated[bool, typer.Option("-p", help="Pickle files of .reducecache.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before --all.")] = False,
    verbose: Annotated[bool, typer.Option("-v", help="Print what is deleted.")] = False,
    silent: Annotated[bool, typer.Option("--silent", help="Print nothing.")] = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Delete the by-products of reductions in this directory; processes are left alone."""
    asked = (
        (everything, ALL), (safe, SAFE), (directories, DIRECTORIES), (fits, FITS), (logs, LOGS), (temporary, TEMPORARY),
        (texts, TEXTS), (cache, CACHE), (hidden, HIDDEN), (pickles, PICKLES),
    )  # fmt: skip
    patterns = [pattern for wanted, group in asked if wanted for pattern in group]
    if not patterns:
        typer.echo(context.get_help())
        return
    here = Path()
    if everything and not yes and sys.stdin.isatty():
        typer.confirm(f"Delete all FITS files, calibrations, logs and texts in {here.absolute()}?", abort=True)
    for path in found(here, patterns):
        remove(path)
        if verbose:
            typer.echo(f"removed {path}")
    if not (verbose or silent):
        typer.echo(".")


def found(directory: Path, patterns: Iterable[str]) -> list[Path]:
    """Return what fits the patterns, each path once."""
    return list(dict.fromkeys(path for pattern in patterns for path in sorted(directory.glob(pattern))))


def remove(path: Path) -> None:
    """Delete a file, or a directory with what is in it; of a symbolic link the link alone."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
