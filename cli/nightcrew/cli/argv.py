"""The command line as DRAGONS' users write it, put into the form that Typer understands.

At-files anywhere, options with several values (`-p a=1 b=2`), both as in commands, 10.1 and 10.2.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from nightcrew.cli.errors import UsageProblem

ReadText: TypeAlias = Callable[[str], str]
Fits: TypeAlias = Callable[[str], bool]

AT_FILE_COMMANDS = frozenset({"reduce", "dataselect", "showd", "provenance", "reproduce", "caldb", "submit"})
UPLOADS = frozenset({"metrics", "calibs", "science"})
_MODES = {"--qa": "--mode=qa", "--ql": "--mode=ql"}
SHORT_FORMS: Mapping[str, Mapping[str, str]] = {"reduce": _MODES, "submit": _MODES}
"""Flags that stand for an option and its value; of several the last counts, as in DRAGONS."""
END, STDIN = "--", "-"
_SHORTEST_ABBREVIATION = len("--par")


@dataclass(frozen=True, slots=True)
class Spread:
    """An option that takes several values in a row.

    Parameters
    ----------
    spellings
        How it may be written; long ones may be cut short.
    continues
        Whether a further token is another value.
    files_too
        Whether a first token that is no value is an input, as in DRAGONS.
    """

    spellings: tuple[str, ...]
    continues: Fits
    files_too: bool = False


_REDUCTION = (
    Spread(("-p", "--param"), lambda token: "=" in token, files_too=True),
    Spread(("--user_cal", "--user-cal"), lambda token: token.count(":") == 1, files_too=True),
)
SPREADS: Mapping[str, tuple[Spread, ...]] = {
    "reduce": (*_REDUCTION, Spread(("--upload",), lambda token: set(token.split(",")) <= UPLOADS)),
    "submit": _REDUCTION,
    "typewalk": (Spread(("--tags",), lambda _: True), Spread(("--xtags",), lambda _: True)),
}


def normalise(
    argv: Sequence[str],
    read: ReadText = lambda name: Path(name).read_text(encoding="utf-8-sig", errors="surrogateescape"),
    is_file: Fits = lambda name: Path(name).is_file(),
) -> list[str]:
    """Expand at-files, and repeat the option before each value of an option that has several.

    Parameters
    ----------
    argv
        The command line without the program: subcommand first.
    read
        Returns the text of an at-file.
    is_file
        Whether a name is an existing file.

    Raises
    ------
    UsageProblem
        If an at-file cannot be read or includes itself.

    Examples
    --------
    >>> normalise(["reduce", "a.fits", "-p", "b=1", "c=2", "d.fits"])
    ['reduce', 'a.fits', '-p', 'b=1', '-p', 'c=2', 'd.fits']
    """
    command = next((token for token in argv if not token.startswith("-")), "")
    tokens = list(argv)
    if command in AT_FILE_COMMANDS:
        tokens = [word for token in argv for word in _expanded(token, read, is_file, ())]
    short = SHORT_FORMS.get(command, {})
    end = tokens.index(END) if END in tokens else len(tokens)
    tokens = [short.get(token, token) for token in tokens[:end]] + tokens[end:]
    return list(_spread(tokens, SPREADS.get(command, ()), is_file))


def words(text: str, is_file: Fits = lambda _: False) -> list[str]:
    r"""Return the arguments in the text of an at-file; a line that is the name of a file is one, blanks or not.

    Examples
    --------
    >>> words("# flats\na.fits b.fits  # two\nc.fits#1")
    ['a.fits', 'b.fits', 'c.fits#1']
    """
    found = []
    for line in text.splitlines():
        name = line.partition(" #")[0].strip()
        if " " in name and is_file(name):
            found.append(name)
            continue
        for token in line.split():
            if token.startswith("#"):
                break
            found.append(token)
    return found


def _expanded(token: str, read: ReadText, is_file: Fits, inside: tuple[str, ...]) -> Iterator[str]:
    if not token.startswith("@") or len(token) == 1:
        yield token
        return
    name = token[1:]
    if name in inside:
        raise UsageProblem(f"at-file includes itself: {' -> '.join((*inside[inside.index(name) :], name))}")
    try:
        text = read(name)
    except OSError as error:
        raise UsageProblem(f"[Errno {error.errno}] {error.strerror}: '{name}'") from error
    if "\0" in text or text.startswith("SIMPLE  ="):
        raise UsageProblem(f"at-file is not text: '{name}'; name a FITS file without the @")
    for word in words(text, is_file):
        yield from _expanded(word, read, is_file, (*inside, name))


def _spread(tokens: Sequence[str], spreads: Sequence[Spread], is_file: Fits) -> Iterator[str]:
    rest = deque(tokens)
    while rest:
        token = rest.popleft()
        if token == END:
            yield from (token, *rest)
            return
        found = _spread_option(token, spreads)
        if found is None:
            yield token
            continue
        spelling, spread = found
        if not _detached(token, spelling):
            yield token
        elif not rest or _is_option(rest[0]):
            yield token
            continue
        elif spread.files_too and not spread.continues(rest[0]) and is_file(rest[0]):
            continue
        else:
            yield from (spelling, rest.popleft())
        while rest and not _is_option(rest[0]) and spread.continues(rest[0]):
            yield from (spelling, rest.popleft())


def _is_option(token: str) -> bool:
    return token.startswith("-") and token != STDIN


def _spread_option(token: str, spreads: Sequence[Spread]) -> tuple[str, Spread] | None:
    """Return the option that a token stands for, as it is written in full."""
    name = token.partition("=")[0]
    for spread in spreads if _is_option(token) else ():
        for spelling in spread.spellings:
            short = len(spelling) == 2 and token.startswith(spelling)
            cut = len(name) >= _SHORTEST_ABBREVIATION and spelling.startswith(name)
            if short or cut:
                return spelling, spread
    return None


def _detached(token: str, spelling: str) -> bool:
    """Whether the value of an option is the next token, not part of this one."""
    return "=" not in token and (len(spelling) > 2 or token == spelling)
