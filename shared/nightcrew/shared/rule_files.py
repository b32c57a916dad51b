"""Files of rules, as their linters see them: where each entry stands, and how a complaint about it is said."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Place: TypeAlias = tuple["str | int", ...]
"""Keys and positions that lead to an entry: `("calibrations", "dark", "equal", 0)`."""

_MERGE = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something that is wrong with a file of rules.

    Parameters
    ----------
    origin
        Name of the file.
    line
        Line in it, from 1 on.
    rule
        Rule that it is about; empty if it is about none.
    fault
        What is wrong.
    remedy
        What to do about it.
    """

    origin: str
    line: int
    rule: str
    fault: str
    remedy: str

    def __str__(self) -> str:
        whose = f"{self.rule}: " if self.rule else ""
        return f"{self.origin}:{self.line}: {whose}{self.fault}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class RuleFile:
    """A file of rules.

    Parameters
    ----------
    origin
        Name of the file.
    content
        What it says, as plain values; None if it is no YAML.
    lines
        Line of each entry.
    faults
        What is wrong with it as YAML.
    """

    origin: str
    content: Any
    lines: Mapping[Place, int]
    faults: tuple[Complaint, ...] = ()

    def line(self, place: Place) -> int:
        """Return the line of an entry, or of the nearest one around it."""
        known = (self.lines.get(place[:depth]) for depth in range(len(place), -1, -1))
        return next((line for line in known if line is not None), 1)

    def complaint(self, place: Place, rule: str, fault: str, remedy: str) -> Complaint:
        """Complain about an entry."""
        return Complaint(self.origin, self.line(place), rule, fault, remedy)


def read_rule_file(text: str, origin: str) -> RuleFile:
    """Read YAML and where in it everything stands.

    Notes
    -----
    What YAML itself lets pass is a fault too: of two entries with the same name the first would be lost.
    """
    import yaml  # noqa: PLC0415 (only when rules are needed)

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        what = " ".join(str(getattr(error, "problem", None) or error).split())
        return RuleFile(origin, None, {}, (Complaint(origin, line, "", f"this is no YAML: {what}", "mend the line"),))
    lines: dict[Place, int] = {(): 1}
    twice: list[tuple[Place, int]] = []
    if root is not None:
        for place, line, merged in _entries(root, ()):
            if place in lines and not merged:
                twice.append((place, line))
            lines.setdefault(place, line)
    faults = tuple(
        Complaint(origin, line, "", f"{place[-1]!r} is said twice, first in line {lines[place]}", "leave one of them")
        for place, line in twice
    )
    return RuleFile(origin, content, lines, faults)


def nearest(name: object, known: Iterable[str]) -> str:
    """Return a remedy for an unknown name: the known one that looks like it, else all of them."""
    names = sorted(map(str, known))
    near = difflib.get_close_matches(str(name), names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"


def _entries(node: Any, place: Place, *, merged: bool = False) -> Iterator[tuple[Place, int, bool]]:
    """Walk through a document; entries that an anchor lends (`<<`) come after those that are written out."""
    if isinstance(node.value, str):
        return
    lent = []
    for number, item in enumerate(node.value):
        if not isinstance(item, tuple):
            yield (*place, number), item.start_mark.line + 1, merged
            yield from _entries(item, (*place, number), merged=merged)
            continue
        key, value = item
        if key.tag == _MERGE:
            lent.append(value)
            continue
        here = (*place, str(key.value))
        yield here, key.start_mark.line + 1, merged
        yield from _entries(value, here, merged=merged)
    for value in lent:
        yield from _entries(value, place, merged=True)
