"""Options that several commands share."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from nightcrew.cli.errors import UsageProblem
from nightcrew.cli.login import login_name

if TYPE_CHECKING:
    from collections.abc import Iterable


class Profile(StrEnum):
    """Variants of the recipes."""

    STANDARD = "standard"
    BEST = "best"


def _own_definitions_only(value: str | None) -> None:
    if value is not None:
        raise UsageProblem(
            f"--adpkg {value}: nightcrew knows its instruments itself and loads no other definitions; leave --adpkg out"
        )


def _own_primitives_only(value: str | None) -> None:
    if value is not None:
        raise UsageProblem(
            f"--drpkg {value}: nightcrew has its own primitives and loads no other package; leave --drpkg out, "
            "or write a recipe of your own (-r FILE.FUNCTION)"
        )


def _upper(value: str | None) -> str | None:
    return value.upper() if value else None


def _print_version(context: typer.Context, value: bool) -> None:
    if value:
        from nightcrew.cli.version import version

        typer.echo(f"{context.info_name} v{version()}")
        raise typer.Exit


def day(night: str | None) -> date | None:
    """Return the date that `--night` names.

    Raises
    ------
    UsageProblem
        If it is none.
    """
    if night is None:
        return None
    try:
        return date.fromisoformat(night)
    except ValueError as error:
        raise UsageProblem(f"--night {night}: no date; write it as 2016-01-02") from error


def members(option: str, given: Iterable[str], allowed: type[StrEnum]) -> frozenset[str]:
    """Return words as members of an enumeration of words.

    Raises
    ------
    UsageProblem
        If one is none of them.
    """
    words = [str(one) for one in allowed]
    found = frozenset(given)
    for word in sorted(found - set(words)):
        raise UsageProblem(f"{option} {word}: one of {', '.join(words)}")
    return found


def who_says(name: str | None) -> str:
    """Return the name given, or the login name."""
    return name or login_name()


Adpkg: TypeAlias = Annotated[
    str | None, typer.Option("--adpkg", hidden=True, metavar="PACKAGE", callback=_own_definitions_only)
]
Drpkg: TypeAlias = Annotated[
    str | None, typer.Option("--drpkg", hidden=True, metavar="PACKAGE", callback=_own_primitives_only)
]
ProfileOption: TypeAlias = Annotated[
    Profile, typer.Option("--profile", help="standard: the reference's numbers; best: what it leaves to the user.")
]
Memory: TypeAlias = Annotated[
    float | None, typer.Option("--memory", metavar="GB", min=0.1, help="By default half of what there is.")
]
Threads: TypeAlias = Annotated[int | None, typer.Option("--threads", min=1, help="By default all processors.")]
Debug: TypeAlias = Annotated[bool, typer.Option("--debug", help="Print tracebacks of errors.")]
ConfigFile: TypeAlias = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="FILE", help="Configuration file (dragonsrc).")
]
Version: TypeAlias = Annotated[
    bool, typer.Option("--version", "-v", help="Print the version.", callback=_print_version, is_eager=True)
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
SuiteDatabase: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--database",
        "-d",
        metavar="URL",
        help="Database of the suite; by default that of NIGHTCREW_DATABASE_URL, else the one of `nightcrew up`.",
    ),
]
States: TypeAlias = Annotated[
    list[str] | None, typer.Option("--state", metavar="STATE", help="Only those in this state; may be repeated.")
]
Night: TypeAlias = Annotated[str | None, typer.Option("--night", metavar="DATE", help="Night, as 2016-01-02.")]
Instrument: TypeAlias = Annotated[
    str | None, typer.Option("--instrument", metavar="NAME", help="NIRI, F2, ...", callback=_upper)
]
Limit: TypeAlias = Annotated[int, typer.Option("--limit", min=1, help="No more than the newest so many.")]
Who: TypeAlias = Annotated[str | None, typer.Option("--who", help="Who says so.", show_default="the login name")]
