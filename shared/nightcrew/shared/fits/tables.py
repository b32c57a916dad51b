"""Binary tables (FITS standard 4.0, 7.3), and the two that tell a product's story."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

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
    "L": "i1", "X": "u1", "B": "u1", "I": "i2", "J": "i4", "K": "i8",
    "A": "S", "E": "f4", "D": "f8", "C": "c8", "M": "c16",
}  # fmt: skip
_LETTERS = {"u1": "B", "i2": "I", "i4": "J", "i8": "K", "f4": "E", "f8": "D", "c8": "C", "c16": "M"}
_OFFSETS = {"i1": ("B", -128), "u2": ("I", 1 << 15), "u4": ("J", 1 << 31), "u8": ("K", 1 << 63)}
_TFORM = re.compile(r"(\d*)([LXBIJKAEDCM])")

_TIME, _TEXT = 28, 128
"""Widths of the columns that hold times and names (commands, 14)."""


class _Column(NamedTuple):
    name: str
    stored: np.dtype[Any]
    letter: str
    scale: float
    zero: float
    unit: str


def read_table(hdu: Hdu, data: bytes, path: Path) -> Table:
    """Decode a binary table.

    Parameters
    ----------
    hdu
        Its header.
    data
        Its rows, as they are in the file.

    Returns
    -------
    Table
        Text as str without trailing blanks; integers with an offset of half their range as unsigned.

    Raises
    ------
    DamagedFile
        If a column has a format that the standard does not know, or varies in length.
    """
    if len(hdu.shape) != 2:
        raise DamagedFile(path, Reason.NOT_FITS, f"{hdu.label} is a table with NAXIS = {len(hdu.shape)}")
    columns = [_column(hdu, number, path) for number in range(1, int(_number(hdu.cards, "TFIELDS", 0)) + 1)]
    names = [column.name for column in columns]
    columns = [c._replace(name=f"{c.name}_{at}") if c.name in names[:at] else c for at, c in enumerate(columns)]
    stored = np.dtype([(column.name, column.stored) for column in columns])
    width, height = hdu.shape[-1], hdu.shape[0]
    if stored.itemsize != width:
        rule = f"the columns of {hdu.label} are {stored.itemsize} bytes wide, its rows {width}"
        raise DamagedFile(path, Reason.NOT_FITS, rule)
    rows = np.frombuffer(data, stored, count=height) if stored.itemsize else np.empty(height, stored)
    decoded = {column.name: _decode(rows[column.name], column) for column in columns}
    native = np.empty(height, np.dtype([(name, array.dtype, array.shape[1:]) for name, array in decoded.items()]))
    for name, array in decoded.items():
        native[name] = array
    return Table(native, {column.name: column.unit for column in columns if column.unit})


def _number(cards: Cards, keyword: str, default: float) -> float:
    value = cards.get(keyword)
    return value if isinstance(value, int | float) else default


def _column(hdu: Hdu, number: int, path: Path) -> _Column:
    cards = hdu.cards
    name = str(cards.get(f"TTYPE{number}") or f"col{number}")
    form = str(cards.get(f"TFORM{number}")).strip()
    found = _TFORM.match(form)
    if found is None:
        rule = f"column {name} of {hdu.label} has TFORM {form!r}, not one of fixed width"
        raise DamagedFile(path, Reason.NOT_FITS, rule)
    repeat, letter = int(found[1] or 1), found[2]
    if letter == "A":
        stored = np.dtype((f"S{repeat}", ()))
    else:
        count = -(-repeat // 8) if letter == "X" else repeat
        stored = np.dtype((f">{_TYPES[letter]}", () if count == 1 else _shape(cards, number, count)))
    scale, zero = _number(cards, f"TSCAL{number}", 1), _number(cards, f"TZERO{number}", 0)
    return _Column(name, stored, letter, scale, zero, str(cards.get(f"TUNIT{number}") or ""))


def _shape(cards: Cards, number: int, count: int) -> tuple[int, ...]:
    axes = re.findall(r"\d+", str(cards.get(f"TDIM{number}") or ""))
    shape = tuple(int(axis) for axis in reversed(axes))
    return shape if shape and math.prod(shape) == count else (count,)


def _decode(stored: Array, column: _Column) -> Array:
    if column.letter == "A":
        blank = np.char.rstrip(np.char.decode(stored, "ascii", "replace")) if stored.dtype.itemsize else stored
        return blank.astype(f"U{max(1, stored.dtype.itemsize)}")
    if column.letter == "L":
        truth: Array = stored == ord("T")
        return truth
    native = stored.astype(stored.dtype.newbyteorder("="))
    if column.scale == 1 and column.zero == 0:
        return native
    if column.scale == 1:
        for wanted, offset in _OFFSETS.items():
            if offset == (column.letter, column.zero):
                return _flipped(native).view(wanted)
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
    ValueError
        If FITS has no type for a column.
    """
    encoded = {column: _encode(table.rows[column], column) for column in table.rows.dtype.names or ()}
    stored = np.dtype([(column, array.dtype, array.shape[1:]) for column, (_, array, _) in encoded.items()])
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
    for number, (column, (form, array, zero)) in enumerate(encoded.items(), start=1):
        rows[column] = array
        cards += [image(f"TTYPE{number}", column), image(f"TFORM{number}", form)]
        if table.units.get(column):
            cards.append(image(f"TUNIT{number}", table.units[column]))
        if array.ndim > 2:
            cards.append(image(f"TDIM{number}", str(tuple(reversed(array.shape[1:]))).replace(" ", "")))
        if zero:
            cards += [image(f"TSCAL{number}", 1), image(f"TZERO{number}", zero)]
    cards.append(image("EXTNAME", name, "extension name"))
    if version is not None:
        cards.append(image("EXTVER", version, "extension version"))
    return cards, rows.tobytes()


def _encode(column: Array, name: str) -> tuple[str, Array, int]:
    """Return TFORM, the values as they are stored, and TZERO."""
    kind = column.dtype.kind
    if kind in "US":
        text = np.char.encode(column, "ascii", "replace") if kind == "U" else column
        width = max(1, text.dtype.itemsize)
        return f"{width * math.prod(text.shape[1:])}A", text.astype(f"S{width}"), 0
    repeat = math.prod(column.shape[1:])
    count = "" if repeat == 1 and column.ndim == 1 else str(repeat)
    if kind == "b":
        return f"{count}L", np.where(column, ord("T"), ord("F")).astype("u1"), 0
    code = f"{kind}{column.dtype.itemsize}"
    if code in _OFFSETS:
        letter, zero = _OFFSETS[code]
        flipped = _flipped(column.astype(column.dtype.newbyteorder("=")))
        return f"{count}{letter}", flipped.astype(flipped.dtype.newbyteorder(">")), zero
    if code in _LETTERS:
        return f"{count}{_LETTERS[code]}", column.astype(column.dtype.newbyteorder(">")), 0
    raise ValueError(f"column {name} has type {column.dtype}, for which FITS tables have none")


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
