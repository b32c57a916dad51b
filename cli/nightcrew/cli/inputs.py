"""Which files a command works on: patterns, names on stdin, names as they are."""

from __future__ import annotations

import glob
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nightcrew.cli.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nightcrew.shared.instruments import Description

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the arguments stand for.

    Parameters
    ----------
    names
        Files, in the order of the arguments and as the user wrote them; those of a pattern are sorted.
    unmatched
        Arguments that no file fits: patterns, and names of files that do not exist.  They are among `names` too.
    """

    names: tuple[str, ...]
    unmatched: tuple[str, ...]

    @property
    def existing(self) -> tuple[str, ...]:
        """The names that are files."""
        return tuple(name for name in self.names if name not in self.unmatched) if self.unmatched else self.names


def names_in(lines: Iterable[str]) -> list[str]:
    """Return one name a line; empty lines and comments are left out."""
    stripped = (line.strip() for line in lines)
    return [line for line in stripped if line and not line.startswith("#")]


def piped_names() -> list[str]:
    """Return the names that another command writes to our stdin; none if that is a terminal, or closed."""
    if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
        return []
    return names_in(sys.stdin)


def expand(arguments: Sequence[str]) -> Inputs:
    """Find the files of patterns; `-` stands for the names on stdin."""
    names: list[str] = []
    unmatched: list[str] = []
    for argument in arguments:
        if argument == STDIN:
            names += piped_names()
        elif Path(argument).exists():
            names.append(argument)
        elif found := sorted(glob.glob(argument)):  # noqa: PTH207  (names stay as the user wrote them)
            names += found
        else:
            names.append(argument)
            unmatched.append(argument)
    return Inputs(tuple(names), tuple(unmatched))


def text_of(path: Path) -> str:
    """Return the text of a file that people write.

    Raises
    ------
    OSError
        If it cannot be read.
    UsageProblem
        If it is no text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageProblem(f"{path}: it is no text (UTF-8); name a file that is") from error


def checked_directory(option: str, path: Path, remedy: str) -> Path:
    """Return a directory that must be there already.

    Parameters
    ----------
    option
        How the user names it, as `--dir`; empty for an argument.
    path
        The directory.
    remedy
        What to do if it is none.

    Raises
    ------
    UsageProblem
        If it is none.
    """
    if path.is_dir():
        return path
    what = "is no directory" if path.exists() else "no such directory"
    raise UsageProblem(f"{f'{option} ' if option else ''}{path}: {what}; {remedy}")


def describe_file(path: str) -> Description:
    """Return tags and descriptors of a file, from its headers.

    Raises
    ------
    FrameError
        If it cannot be read, or is not FITS.
    """
    from nightcrew.shared.fits import bare_name, read_headers
    from nightcrew.shared.instruments import describe, science_headers

    return describe(science_headers(read_headers(path), bare_name(Path(path))))
