"""Frames to disk, in the multi-extension convention of the reference."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from nightcrew.shared.errors import FrameError, ShapeMismatch
from nightcrew.shared.fits import cards, tables
from nightcrew.shared.fits import checksums as sums
from nightcrew.shared.fits.blocks import BLOCK, CARD, padded
from nightcrew.shared.fits.output import whole_file, write_at
from nightcrew.shared.fits.pixels import bzero_of_flipped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from astropy.io.fits import Header
    from numpy.typing import NDArray

    from nightcrew.shared.frames import Frame, Plane, PlaneName, Table

    Array: TypeAlias = NDArray[Any]

_CHUNK = 1 << 20
"""Bytes that are converted at a time."""

_OF_THE_LAYOUT = frozenset(
    (
        *("SIMPLE", "XTENSION", "BITPIX", "NAXIS", "EXTEND", "PCOUNT", "GCOUNT", "GROUPS"),
        *("BSCALE", "BZERO", "BLANK", "CHECKSUM", "DATASUM", "END"),
    )
)
"""Keywords that, with NAXISn, describe how the data lie in a file; they are made afresh."""

_IMAGES: tuple[tuple[PlaneName, str, str | None], ...] = (
    ("data", "SCI", None),
    ("variance", "VAR", "f4"),
    ("dq", "DQ", "u2"),
    ("objmask", "OBJMASK", "u1"),
    ("rejmap", "REJMAP", "i2"),
    ("expmap", "EXPMAP", "f4"),
)
"""Array of a plane, its EXTNAME, and the type it has on disk (None: its own, floats as float32)."""

_UNITS: dict[PlaneName, str] = {"expmap": "s"}
"""BUNIT of arrays whose unit is not that of the science pixels."""


class _Storage(NamedTuple):
    bitpix: int
    flipped: bool
    """Whether the sign bit is turned over: FITS has no BITPIX for the type."""


_STORAGE = {
    "i1": _Storage(8, True), "u1": _Storage(8, False),
    "i2": _Storage(16, False), "u2": _Storage(16, True),
    "i4": _Storage(32, False), "u4": _Storage(32, True),
    "i8": _Storage(64, False), "u8": _Storage(64, True),
    "f4": _Storage(-32, False),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Unit:
    """A header, and the data that follow it."""

    lines: list[str]
    chunks: Callable[[], Iterator[bytes]]


def write_frame(frame: Frame, path: Path | str, *, checksums: bool = True) -> None:
    """Write a frame so that it is there whole, or not at all.

    Parameters
    ----------
    frame
        What to write.  Arrays that are not in memory are passed through by rows and stay out of it.
    path
        The file; an older one is replaced.
    checksums
        Whether each HDU gets DATASUM and CHECKSUM.

    Raises
    ------
    ServiceError
        If the disk is full, or the file cannot be written there.

    Notes
    -----
    Per science extension n SCI, VAR, DQ (uint16), OBJMASK (uint8), REJMAP (int16), EXPMAP, each with the header of
    the plane and EXTVER n, and the table OBJCAT; then the tables of the whole file,
    PROVENANCE and HISTORY (primitives-calibration, 15).  Floating pixels are float32 on
    disk.  The same frame gives the same bytes.
    """
    units = list(_units(frame))
    with whole_file(Path(path)) as number:
        offset = 0
        for unit in units:
            offset = _write_unit(number, offset, unit, checksums=checksums)


def _units(frame: Frame) -> Iterator[_Unit]:
    extensions = list(_extensions(frame))
    primary = [
        cards.image("SIMPLE", True, "conforms to FITS standard"),
        cards.image("BITPIX", 8, "array data type"),
        cards.image("NAXIS", 0, "number of array dimensions"),
        cards.image("EXTEND", True, "extensions may follow"),
    ]
    lines = _free_cards(frame.phu)
    yield _Unit(_placed(primary, lines, {"NEXTEND": len(extensions)}, at_end=True), _nothing)
    yield from extensions


def _extensions(frame: Frame) -> Iterator[_Unit]:
    for version, plane in enumerate(frame.planes, start=1):
        lines = _free_cards(plane.header)
        for name, extname, stored_as in _IMAGES:
            if plane.has(name):
                keys = {"EXTNAME": extname, "EXTVER": version}
                if name in _UNITS:
                    keys["BUNIT"] = _UNITS[name]
                yield _image_unit(plane, name, lines, keys, stored_as)
        if plane.objcat is not None:
            yield _table_unit(plane.objcat, "OBJCAT", version)
    for extname, table in frame.tables.items():
        yield _table_unit(table, extname)
    if frame.provenance:
        yield _table_unit(tables.provenance_table(frame.provenance), tables.PROVENANCE)
    if frame.history:
        yield _table_unit(tables.history_table(frame.history), tables.HISTORY)


def _free_cards(header: Header) -> list[str]:
    """Return the cards of a header that do not describe how the data lie in a file."""
    return [
        line
        for line in cards.images(header)
        if line[:8].rstrip() not in _OF_THE_LAYOUT and not (line.startswith("NAXIS") and line[5:8].strip().isdigit())
    ]


def _nothing() -> Iterator[bytes]:
    return iter(())


def _table_unit(table: Table, name: str, version: int | None = None) -> _Unit:
    lines, data = tables.encode_table(table, name, version)
    return _Unit(lines, lambda: iter((data,)))


def _image_unit(plane: Plane, name: PlaneName, lines: list[str], keys: dict[str, Any], stored_as: str | None) -> _Unit:
    nothing = plane.rows(name, 0, 0)
    assert nothing is not None
    shape = plane.shape
    stored = np.dtype(stored_as or _own_type(nothing.dtype))
    storage = _STORAGE.get(f"{stored.kind}{stored.itemsize}")
    if storage is None:
        raise FrameError(f"{keys['EXTNAME']} has type {stored}, for which FITS images have none; convert it first")
    bitpix, flipped = storage
    layout = [
        cards.image("XTENSION", "IMAGE", "image extension"),
        cards.image("BITPIX", bitpix, "array data type"),
        cards.image("NAXIS", len(shape), "number of array dimensions"),
        *(cards.image(f"NAXIS{axis}", length) for axis, length in enumerate(reversed(shape), start=1)),
        cards.image("PCOUNT", 0, "number of parameters"),
        cards.image("GCOUNT", 1, "number of groups"),
    ]
    if flipped:
        layout += [cards.image("BSCALE", 1), cards.image("BZERO", bzero_of_flipped(bitpix))]
    return _Unit(_placed(layout, lines, keys), lambda: _encoded(plane, name, stored, flipped=flipped))


def _own_type(dtype: np.dtype[Any]) -> str:
    if dtype.kind == "f":
        return "f4"
    return "u1" if dtype.kind == "b" else f"{dtype.kind}{dtype.itemsize}"


def _placed(layout: list[str], lines: list[str], keys: dict[str, Any], *, at_end: bool = False) -> list[str]:
    """Return a header with some keywords set: in their places, or else after the layout (or at the end)."""
    places = {line[:8].rstrip(): at for at, line in reversed(list(enumerate(lines)))}
    present = list(lines)
    absent = []
    for keyword, value in keys.items():
        if keyword in places:
            present[places[keyword]] = cards.image(keyword, value, cards.comment_of(present[places[keyword]]))
        else:
            absent.append(cards.image(keyword, value))
    return [*layout, *present, *absent] if at_end else [*layout, *absent, *present]


def _encoded(plane: Plane, name: PlaneName, stored: np.dtype[Any], *, flipped: bool) -> Iterator[bytes]:
    """Give the pixels of an array as they lie in a file, some rows at a time."""
    height = plane.shape[0]
    row = int(np.prod(plane.shape[1:], dtype=np.int64)) * stored.itemsize
    # By fours, so that a chunk is a whole number of the words that DATASUM adds.
    step = max(4, _CHUNK // max(row, 1) // 4 * 4)
    unsigned = np.dtype(f"u{stored.itemsize}")
    sign = 1 << (8 * stored.itemsize - 1)
    for start in range(0, height, step):
        pixels = plane.rows(name, start, min(start + step, height))
        if pixels is None or pixels.shape != (min(step, height - start), *plane.shape[1:]):
            found = None if pixels is None else pixels.shape[1:]
            rule = f"{name} of a plane has rows of shape {found}, its data {plane.shape[1:]}"
            raise ShapeMismatch(f"{rule}; they must be alike")
        if flipped:
            bits = pixels.astype(stored, copy=False).view(unsigned) ^ unsigned.type(sign)
            yield bits.astype(unsigned.newbyteorder(">")).tobytes()
        else:
            yield _converted(pixels, stored.newbyteorder(">")).tobytes()


def _converted(pixels: Array, dtype: np.dtype[Any]) -> Array:
    with np.errstate(all="ignore"):
        return pixels.astype(dtype)


def _write_unit(number: int, start: int, unit: _Unit, *, checksums: bool) -> int:
    """Write the data, then the header before them that holds their sum; return the position after both."""
    extra = 2 if checksums else 0
    data_start = start + padded((len(unit.lines) + extra + 1) * CARD)
    offset, total = data_start, 0
    for chunk in unit.chunks():
        offset = write_at(number, chunk, offset)
        if checksums:
            total = sums.add(total, chunk)
    rest = -offset % BLOCK
    # Tables are padded with zeros, as images are (FITS standard 4.0, 7.3.3).
    offset = write_at(number, bytes(rest), offset)
    write_at(number, _header(unit.lines, total if checksums else None), start)
    return offset


def _header(lines: list[str], datasum: int | None) -> bytes:
    if datasum is None:
        return _blocks(lines)
    summed = [*lines, cards.image("DATASUM", str(datasum), "data unit checksum")]
    unfinished = _blocks([*summed, _checksum("0" * 16)])
    return _blocks([*summed, _checksum(sums.encode(sums.add(datasum, unfinished)))])


def _checksum(value: str) -> str:
    return cards.image("CHECKSUM", value, "HDU checksum")


def _blocks(lines: list[str]) -> bytes:
    text = "".join(lines).encode("ascii", "replace") + b"END".ljust(CARD)
    return text.ljust(padded(len(text)))
