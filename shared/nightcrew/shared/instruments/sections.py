"""Rectangles on a detector."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

_TEXT = re.compile(r"\s*\[\s*(\d+)\s*:\s*(\d+)\s*,\s*(\d+)\s*:\s*(\d+)\s*\]\s*")


class Section(NamedTuple):
    """Columns `x1` to `x2` and rows `y1` to `y2`: 0-based, the end not included."""

    x1: int
    x2: int
    y1: int
    y2: int

    @property
    def pretty(self) -> str:
        """The section as FITS headers write it: 1-based, the end included."""
        return f"[{self.x1 + 1}:{self.x2},{self.y1 + 1}:{self.y2}]"


def parse_section(text: str) -> Section:
    """Read ``[x1:x2,y1:y2]``, 1-based and inclusive, as in FITS headers.

    Raises
    ------
    ValueError
        If the text is no such section.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a section like [1:1024,1:1024]")
    x1, x2, y1, y2 = map(int, match.groups())
    return Section(x1 - 1, x2, y1 - 1, y2)


def parse_sections(values: list[Any], *, pretty: bool) -> list[Section | str | None] | None:
    """Read the section of every extension; None for all if one of them is not text at all."""
    if any(value is not None and not isinstance(value, str) for value in values):
        return None
    sections = [None if value is None else parse_section(value) for value in values]
    return [section.pretty if pretty and section else section for section in sections]


def full_frame(shape: tuple[int, ...]) -> Section:
    """Return the section that covers an array of that shape (numpy order)."""
    return Section(0, shape[-1], 0, shape[-2])


def as_asked(sections: list[Section], *, pretty: bool) -> list[Section | str]:
    """Return the sections as they are, or as text."""
    return [section.pretty for section in sections] if pretty else list(sections)
