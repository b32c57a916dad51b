"""What files of rules look like: a table of shapes, and one walk through a document that finds what is of another.

Linters say what may stand where; what the words mean is their own affair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from nightcrew.shared.association.reading import duration
from nightcrew.shared.rule_files import nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from nightcrew.shared.rule_files import Place

LENGTH = "write it as '180 d', '1.5 h', '10 min' or '30 s'"


class Fault(NamedTuple):
    """Something that is wrong: where, what, and what to do about it."""

    place: Place
    fault: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Entries:
    """A set of entries.

    Parameters
    ----------
    known
        Their names; None: any.
    needed
        Those that must be there.
    """

    known: Collection[str] | None = None
    needed: Iterable[str] = ()

    def fits(self, said: Any) -> bool:
        """Whether it is a set of entries at all."""
        return isinstance(said, dict)

    def faults(self, place: Place, said: Any) -> Iterator[Fault]:
        """Find names that nobody knows, and names that are missing."""
        if not self.fits(said):
            yield _another(place, said, "a set of entries, {name: value}")
            return
        for name in said:
            if self.known is not None and name not in self.known:
                yield Fault((*place, str(name)), f"nobody knows {name!r} here", nearest(name, self.known))
        for name in self.needed:
            if name not in said:
                yield Fault(place, f"{name!r} is missing", f"write {name}: ...")


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    def fits(self, said: Any) -> bool:
        """Whether it is a list."""
        return isinstance(said, list)

    def faults(self, place: Place, said: Any) -> Iterator[Fault]:
        """Find out whether it is none."""
        if not self.fits(said):
            yield _another(place, said, "a list, [a, b]")


@dataclass(frozen=True, slots=True)
class Text:
    """A name, or another single text."""

    def fits(self, said: Any) -> bool:
        """Whether it is one."""
        return isinstance(said, str)

    def faults(self, place: Place, said: Any) -> Iterator[Fault]:
        """Find out whether it is none."""
        if not self.fits(said):
            yield Fault(place, f"{said!r} is no text", "write a text, in quotes if YAML takes it for something else")


@dataclass(frozen=True, slots=True)
class Length:
    """A length of time."""

    def fits(self, said: Any) -> bool:
        """Whether it is a length of time."""
        try:
            duration(said)
        except ValueError:
            return False
        return True

    def faults(self, place: Place, said: Any) -> Iterator[Fault]:
        """Find out whether it is none."""
        if not self.fits(said):
            yield Fault(place, f"{said!r} is not a length of time", LENGTH)


Shape: TypeAlias = Entries | Items | Text | Length


def texts(*places: Place) -> dict[Place, Shape]:
    """Return the shapes of lists of texts."""
    shapes: dict[Place, Shape] = {place: Items() for place in places}
    return shapes | {(*place, "*"): Text() for place in places}


def misshapen(content: Any, shapes: Mapping[Place, Shape]) -> Iterator[Fault]:
    """Walk through a document, and find all that is not of the shape that it should have.

    Parameters
    ----------
    content
        The document, as plain values.
    shapes
        Shapes by place; `*` in a place stands for any name, or place in a list.  What has none may be anything.

    Notes
    -----
    Faults come in the order of the document, those of an entry before those within it.
    """
    named = frozenset(pattern[:depth] for pattern in shapes for depth in range(len(pattern) + 1))
    yield from _walk((), (), content, shapes, named)


def _walk(
    place: Place, pattern: Place, said: Any, shapes: Mapping[Place, Shape], named: frozenset[Place]
) -> Iterator[Fault]:
    shape = shapes.get(pattern)
    if shape is not None:
        yield from shape.faults(place, said)
        if not shape.fits(said):
            return
    parts: Iterable[tuple[str | int, Any]] = ()
    if isinstance(said, dict):
        parts = ((str(name), part) for name, part in said.items())
    elif isinstance(said, list):
        parts = enumerate(said)
    for name, part in parts:
        inner = (*pattern, name)
        yield from _walk((*place, name), inner if inner in named else (*pattern, "*"), part, shapes, named)


def _another(place: Place, said: Any, shape: str) -> Fault:
    what = "it is empty" if said is None else f"{said!r} stands here"
    return Fault(place, f"{place[-1] if place else 'the file'}: {what}", f"write {shape}")
