"""Choosing frames: tags first, then the expression."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Protocol, TypeVar

from nightcrew.shared.selection.names import KNOWN_TAGS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from nightcrew.shared.selection.expression import Expression

T = TypeVar("T")


class Record(Protocol):
    """What a selection asks of a frame: `nightcrew.shared.instruments.Description` answers it."""

    @property
    def tags(self) -> AbstractSet[str]:
        """The tags of the frame."""

    def value(self, name: str, /, **options: bool) -> object:
        """Return a descriptor; `pretty=True` asks for the form without component ids.

        Raises
        ------
        NightcrewError
            If the instrument has no such descriptor, or the headers do not tell.
        """


def select(
    items: Iterable[tuple[T, Record]],
    tags: Iterable[str] = (),
    xtags: Iterable[str] = (),
    expression: Expression | None = None,
) -> list[T]:
    """Return the items that have all `tags`, none of `xtags`, and fulfil the expression.

    Parameters
    ----------
    items
        What to choose from, each with its record.  Order and duplicates are kept.
    tags, xtags
        Tags that must all be there, and tags of which none may be.
    expression
        Compiled condition; None selects everything.  It is not evaluated on a record that fails the tag tests.

    Raises
    ------
    ExpressionError
        Category `type`, `value` or `not_boolean`, from a record that the expression cannot be evaluated on.
    """
    wanted, unwanted = frozenset(tags), frozenset(xtags)
    return [
        item
        for item, record in items
        if wanted <= record.tags and not unwanted & record.tags and (expression is None or expression.matches(record))
    ]


def split_tags(text: str | None) -> tuple[str, ...]:
    """Split a comma-separated list of tags; blanks are stripped, empty items ignored."""
    return tuple(filter(None, (tag.strip() for tag in (text or "").split(","))))


def unknown_tags(tags: Iterable[str]) -> list[str]:
    """Return a warning, one line, for each tag that no instrument gives."""
    warnings = []
    for tag in tags:
        if tag in KNOWN_TAGS:
            continue
        near = difflib.get_close_matches(tag.upper(), KNOWN_TAGS, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        warnings.append(f"no frame can have the tag {tag!r}{hint}")
    return warnings
