"""Which part of a file a request asks for (RFC 9110, 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SINGLE = re.compile(r"bytes[ \t]*=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*")


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes `first` to `last` of a file, 0-based, both included."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """Number of bytes."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """A range that begins behind the end of the file."""


def part_of(header: str | None, size: int) -> Part | Unsatisfiable | None:
    """Return the part of a file of `size` bytes that a `Range` header asks for.

    Returns
    -------
    Part or Unsatisfiable or None
        None for the whole file: no header, one that makes no sense, or several ranges, which a server may ignore.
    """
    match = _SINGLE.fullmatch(header) if header else None
    if match is None:
        return None
    first, last = match.groups()
    if first:
        start = int(first)
        end = min(int(last), size - 1) if last else size - 1
        if last and int(last) < start:
            return None
        return Part(start, end) if start < size else Unsatisfiable()
    if not last:
        return None
    length = min(int(last), size)
    return Part(size - length, size - 1) if length else Unsatisfiable()


def names_etag(header: str | None, etag: str) -> bool:
    """Whether an `If-None-Match` header names the tag (weak comparison) or is `*`."""
    if not header:
        return False
    return header.strip() == "*" or etag in (tag.strip().removeprefix("W/") for tag in header.split(","))
