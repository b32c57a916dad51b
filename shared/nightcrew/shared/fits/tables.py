"""Binary tables (FITS standard 4.0, 7.3), and the two that tell a product's story."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from nightcrew.shared.errors import FrameError
from nightcrew.shared.fits.cards import image
from nightcrew.shared.fits.faults import DamagedFile, Reason
from nightcrew.shared.frames import HistoryRow, ProvenanceRow, Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from nightcrew.shared.fits.blocks import Cards, Hdu

    Array: TypeAlias = NDArray[Any]

PROVENANCE = "PROVENANCE"
HISTORY = "HISTORY"
OLD_HISTORY = "PROVHISTORY"
"""What releases of the reference before 3.0 called HISTORY."""

_TYPES = {
    "L": "u1", "X": "u1", "B": "u1", "I": "i2", "J": "i4", "K": "i8",
    "A": "S1", "E": "f4", "D": "f8", "C": "c8", "M": "c16",
}  # fmt: skip
"""How the values of TFORM lie in a row."""
_LETTERS = {"u1": "B", "i2": "I", "i4": "J", "i8": "K", "f4": "E", "f8": "D", "c8": "C", "c16": "M"}
_OFFSETS = {"i1": ("B", -128), "u2": ("I", 1 << 15), "u4": ("J", 1 << 31), "u8": ("K", 1 << 63)}
"""Types that TFORM has no letter for: they are stored with TZERO in the middle of their range."""
_BY_OFFSET: dict[tuple[str, float], str] = {offset: code for code, offset in _OFFSETS.items()}
_TFORM = re.compile(r"(\d{0,9})([LXBIJKAEDCM])")
_MOST_COLUMNS = 999

_TIME, _TEXT = 28, 128
"""Widths of the columns that hold times and names (commands, 14)."""


class _Column(NamedTuple):
    name: str
    letter: str
    repeat: int
    axes: tuple[int, ...]
    """Of each cell, numpy order; the last one of text is its width."""
    scale: float
    zero: float
    unit: str

    @property
    def width(self) -> int:
        """Bytes in a row."""
        return self.repeat * np.dtype(_TYPES[self.letter]).itemsize

    @property
    def stored(self) -> np.dtype[Any]:
        """Type of a cell in the file."""
        if self.letter == "A":
            return np.dtype((f"S{self.axes[-1]}", self.axes[:-1]))
        return np.dtype((">" + _TYPES[self.letter], self.axes))


def read_table(hdu: Hdu, data: bytes, path: Path) -> Table:
    """Decode a binary table.

    Parameters
    ----------
    hdu
        Its header.
    data
        Its rows, as they are in the file.
    path
        The file, for messages.

    Returns
    -------
    Table
        Text as str without trailing blanks; integers with an offset of half their range as unsigned.

    Raises
    ------
    DamagedFile
        If the columns do not fill the rows, or one varies in length.
    """
    if len(hdu.shape) != 2:
        raise DamagedFile(path, Reason.NOT_FITS, f"{hdu.label} is a table with NAXIS = {len(hdu.shape)}")
    height, width = hdu.shape
    columns = _columns(hdu, path)
    needed = sum(column.width for column in columns)
    if needed != width:
        raise DamagedFile(path, Reason.NOT_FITS, f"the columns of {hdu.label} fill {needed} bytes, its rows {width}")
    if len(data) < height * width:
        raise DamagedFile(path, Reason.NOT_FITS, f"{hdu.label} has GCOUNT or PCOUNT that leave no room for its rows")
    stored = np.dtype([(column.name, column.stored) for column in columns])
    rows = np.frombuffer(data, stored, count=height) if width else np.zeros(0, stored)
    decoded = {column.name: _decode(rows[column.name], column) for column in columns}
    native = np.empty(len(rows), np.dtype([(name, array.dtype, array.shape[1:]) for name, array in decoded.items()]))
    for name, array in decoded.items():
        native[name] = array
    return Table(native, {column.name: column.unit for column in columns if column.unit})


def _columns(hdu: Hdu, path: Path) -> list[_Column]:
    fields = hdu.cards.get("TFIELDS")
    if not isinstance(fields, int) or not 0 <= fields <= _MOST_COLUMNS:
        raise DamagedFile(path, Reason.NOT_FITS, f"TFIELDS of {hdu.label} is {fields!r}")
    columns: dict[str, _Column] = {}
    for number in range(1, fields + 1):
        column = _column(hdu, number, path)
        name = column.name if column.name not in columns else f"{column.name}_{number}"
        columns[name] = column._replace(name=name)
    return list(columns.values())


def _column(hdu: Hdu, number: int, path: Path) -> _Column:
    cards = hdu.cards
    name = str(cards.get(f"TTYPE{number}") or f"col{number}")
    form = str(cards.get(f"TFORM{number}")).strip()
    found = _TFORM.match(form)
    if found is None:
        rule = f"column {name} of {hdu.label} has TFORM {form!r}, which is not of fixed width"
        raise DamagedFile(path, Reason.NOT_FITS, rule)
    repeat, letter = int(found[1] or 1), found[2]
    if letter == "X":
        repeat = -(-repeat // 8)
    axes = _axes(cards, number, repeat)
    if axes == (1,) and letter != "A":
        axes = ()
    scale, zero = (_number(cards, f"{keyword}{number}", default) for keyword, default in (("TSCAL", 1), ("TZERO", 0)))
    return _Column(name, letter, repeat, axes, scale, zero, str(cards.get(f"TUNIT{number}") or ""))


def _axes(cards: Cards, number: int, repeat: int) -> tuple[int, ...]:
    stated = re.findall(r"\d+", str(cards.get(f"TDIM{number}") or ""))
    axes = tuple(int(axis) for axis in reversed(stated))
    return axes if axes and math.prod(axes) == repeat else (repeat,)


def _number(cards: Cards, keyword: str, default: float) -> float:
    value = cards.get(keyword)
    return value if isinstance(value, int | float) else default


def _decode(stored: Array, column: _Column) -> Array:
    if column.letter == "A":
        width = max(1, stored.dtype.itemsize)
        text: Array = np.char.rstrip(np.char.decode(stored.astype(f"S{width}"), "ascii", "replace"))
        return text.astype(f"U{width}")
    if column.letter == "L":
        truth: Array = stored == ord("T")
        return truth
    native = stored.astype(stored.dtype.newbyteorder("="))
    if column.scale == 1 and column.zero == 0:
        return native
    wanted = _BY_OFFSET.get((column.letter, column.zero)) if column.scale == 1 else None
    if wanted is not None:
        return _flipped(native).view(wanted)
    with np.errstate(all="ignore"):
        scaled: Array = native * column.scale + column.zero
    return scaled


def _flipped(native: Array) -> Array:
    """Return integers with their sign bit turned over: FITS tables store them signed, bytes unsigned."""
    unsigned = np.dtype(f"u{native.dtype.itemsize}")
    bits: Array = np.ascontiguousarray(native).view(unsigned) ^ unsigned.type(1 << (8 * unsigned.itemsize - 1))
    return bits


def encode_table(table: Table, name: str, version: int | None = None) -> tuple[list[str], bytes]:
    """Encode a binary table.

    Parameters
    ----------
    table
        Columns of numbers, truth values or text.
    name, version
        EXTNAME and EXTVER; a table of the whole file has no version.

    Returns
    -------
    cards, data
        The header, END excepted, and the rows without padding.

    Raises
    ------
    FrameError
        If FITS has no type for a column.
    """
    encoded = {column: _encode(table.rows[column], column) for column in table.rows.dtype.names or ()}
    stored = np.dtype([(column, cells.dtype, cells.shape[1:]) for column, (_, cells, _, _) in encoded.items()])
    rows = np.empty(len(table.rows), stored)
    cards = [
        image("XTENSION", "BINTABLE", "binary table extension"),
        image("BITPIX", 8, "array data type"),
        image("NAXIS", 2, "number of array dimensions"),
        image("NAXIS1", stored.itemsize, "width of the table in bytes"),
        image("NAXIS2", len(rows), "number of rows"),
        image("PCOUNT", 0, "number of group parameters"),
        image("GCOUNT", 1, "number of groups"),
        image("TFIELDS", len(encoded), "number of table fields"),
    ]
    for number, (column, (form, cells, axes, zero)) in enumerate(encoded.items(), start=1):
        rows[column] = cells
        cards += [image(f"TTYPE{number}", column), image(f"TFORM{number}", form)]
        if table.units.get(column):
            cards.append(image(f"TUNIT{number}", table.units[column]))
        if len(axes) > 1:
            cards.append(image(f"TDIM{number}", f"({','.join(str(axis) for axis in reversed(axes))})"))
        if zero:
            cards += [image(f"TSCAL{number}", 1), image(f"TZERO{number}", zero)]
    cards.append(image("EXTNAME", name, "extension name"))
    if version is not None:
        cards.append(image("EXTVER", version, "extension version"))
    return cards, rows.tobytes()


def _encode(column: Array, name: str) -> tuple[str, Array, tuple[int, ...], int]:
    """Return TFORM, the values as they are stored, the axes of a cell, and TZERO."""
    kind, axes = column.dtype.kind, column.shape[1:]
    if kind in "US":
        text = np.char.encode(column, "ascii", "replace") if kind == "U" else column
        width = max(1, column.dtype.itemsize // (4 if kind == "U" else 1))
        axes = (*axes, width)
        return f"{math.prod(axes)}A", text.astype(f"S{width}"), axes, 0
    count = str(math.prod(axes)) if axes else ""
    if kind == "b":
        return f"{count}L", np.where(column, ord("T"), ord("F")).astype("u1"), axes, 0
    native = column.astype(column.dtype.newbyteorder("="))
    code = f"{kind}{column.dtype.itemsize}"
    letter, zero = _OFFSETS.get(code, (_LETTERS.get(code), 0))
    if letter is None:
        raise FrameError(f"column {name} has type {column.dtype}, for which FITS tables have none; convert it first")
    cells = _flipped(native) if zero else native
    return f"{count}{letter}", cells.astype(cells.dtype.newbyteorder(">")), axes, zero


def provenance_table(rows: Sequence[ProvenanceRow]) -> Table:
    """Return the PROVENANCE table (commands, 14)."""
    return _text_table({"timestamp": _TIME, "filename": _TEXT, "md5": _TEXT, "provenance_added_by": _TEXT}, rows)


def history_table(rows: Sequence[HistoryRow]) -> Table:
    """Return the HISTORY table, whose arguments are as wide as the longest needs, and one more (commands, 14)."""
    longest = max((len(row.arguments) for row in rows), default=0)
    return _text_table(
        {"primitive": _TEXT, "args": longest + 1, "timestamp_start": _TIME, "timestamp_stop": _TIME}, rows
    )


def _text_table(widths: dict[str, int], rows: Sequence[tuple[str, ...]]) -> Table:
    """Return columns of text, each at least as wide as asked for: nothing is cut."""
    longest = [max(map(len, column)) for column in zip(*rows, strict=True)] or [0] * len(widths)
    columns = [(name, f"U{max(widths[name], needed)}") for name, needed in zip(widths, longest, strict=True)]
    return Table(np.array([tuple(row) for row in rows], np.dtype(columns)))


def provenance_rows(table: Table) -> list[ProvenanceRow]:
    """Return the rows of a PROVENANCE table; columns that it lacks are empty."""
    names = ("timestamp", "filename", "md5", "provenance_added_by")
    return [ProvenanceRow(*cells) for cells in _cells(table, names)]


def history_rows(table: Table) -> list[HistoryRow]:
    """Return the rows of a HISTORY, or PROVHISTORY, table; columns that it lacks are empty."""
    names = ("primitive", "args", "timestamp_start", "timestamp_stop")
    return [HistoryRow(*cells) for cells in _cells(table, names)]


def _cells(table: Table, names: tuple[str, ...]) -> list[tuple[str, ...]]:
    present = table.rows.dtype.names or ()
    return [tuple(str(row[name]) if name in present else "" for name in names) for row in table.rows]
