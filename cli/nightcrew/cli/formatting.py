"""Tables and lists as the reference prints them."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

GAP = "   "


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table with a ruled header; the first column is flush left, the others flush right (commands, 3)."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [
        GAP.join(
            cell.rjust(width) if number else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in (header, *rows)
    ]
    rule = "-" * len(lines[0])
    return "\n".join([rule, lines[0], rule, *lines[1:]])


def comma_separated(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table as RFC 4180 has it: quoted where needed only."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().rstrip("\n")


def set_of(names: Iterable[str]) -> str:
    """Return names in the notation of a Python set, sorted."""
    return "{" + ", ".join(repr(name) for name in sorted(names)) + "}"


def list_of(names: Iterable[str]) -> str:
    """Return names in the notation of a Python list, sorted."""
    return str(sorted(names))
