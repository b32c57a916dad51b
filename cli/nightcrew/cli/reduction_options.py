"""What can be asked of a reduction, wherever it runs: options of `nightcrew reduce` and `nightcrew submit`."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from nightcrew.cli.errors import UsageProblem

if TYPE_CHECKING:
    from pathlib import Path


class Mode(StrEnum):
    """What a reduction is for."""

    SCIENCE = "sq"
    QUICK_LOOK = "ql"
    ASSESSMENT = "qa"


Files: TypeAlias = Annotated[
    list[str] | None, typer.Argument(metavar="FILE", help="FITS files, @lists; the first decides.")
]
Recipe: TypeAlias = Annotated[
    str | None,
    typer.Option("--recipe", "-r", help="Recipe, primitive, or function of your own: [PATH/]MODULE.FUNCTION."),
]
Param: TypeAlias = Annotated[
    list[str] | None, typer.Option("--param", "-p", metavar="[PRIMITIVE:]NAME=VALUE ...", help="Parameters.")
]
UserCal: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--user_cal", "--user-cal", metavar="TYPE:FILE ...", help="Calibrations for all files."),
]
ModeOption: TypeAlias = Annotated[Mode, typer.Option("--mode", help="Science quality, quick look, assessment.")]
Qa: TypeAlias = Annotated[bool, typer.Option("--qa", help="The same as --mode qa.")]
Ql: TypeAlias = Annotated[bool, typer.Option("--ql", help="The same as --mode ql.")]
Suffix: TypeAlias = Annotated[str | None, typer.Option("--suffix", help="Ending of the final products' names.")]
Certify: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--certify/--no-certify",
        help="Let the suite judge a master that comes of it, and give it out as calibration.",
    ),
]


def named_files(files: list[str] | None, config: Path | None) -> list[str]:
    """Return the files that are to be reduced.

    Raises
    ------
    UsageProblem
        If none is named, or the configuration is no file.
    """
    if config is not None and not config.is_file():
        raise UsageProblem(f"--config {config}: no such file; name a dragonsrc, or leave --config out")
    if not files:
        raise UsageProblem("NO INPUT FILE(s) specified; name FITS files or an @list")
    return files
