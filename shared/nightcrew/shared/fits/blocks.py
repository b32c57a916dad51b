"""Where the HDUs of a FITS file begin and end, found from the few keywords that decide it.

Nothing here knows about disks or compression: a file is a function that reads bytes.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from nightcrew.shared.fits.faults import DamagedFile, Reason

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = 2880
"""Headers and data fill whole blocks of this many bytes (FITS standard 4.0, 3.1)."""
CARD = 80
"""A header is made of cards of this many characters (FITS standard 4.0, 3.2)."""

_READ_AHEAD = 12 * BLOCK
"""Bytes asked for at a time, a whole number of cards: most headers of Gemini fit."""
_LONGEST_HEADER = 4000 * BLOCK
"""A header without END in its first 144000 cards is none."""
BITPIX = (8, 16, 32, 64, -32, -64)
MOST_AXES = 32
"""The standard goes to 999, arrays in memory do not."""
_END = b"END     "
_PRINTABLE = bytes(byte if 32 <= byte < 127 else ord(" " if byte < 128 else "?") for byte in range(256))
"""FITS headers are printable ASCII: control characters become blanks, what is beyond ASCII a question mark."""
_INTEGER = re.compile(r"[+-]?\d+")
_REAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[ED][+-]?\d+)?")
_VALUE = re.compile(rb" *(?:'((?:[^']|'')*)'|([^/' ]+))")

Scalar = str | int | float | bool | None


class ReadBytes(Protocol):
    """Reads up to `length` bytes at `offset`; fewer only at the end of the file."""

    def __call__(self, length: int, offset: int, /) -> bytes:
        """Read."""


def padded(length: int) -> int:
    """Return the length of the whole blocks that `length` bytes fill."""
    return -(-length // BLOCK) * BLOCK


def printable(raw: bytes) -> str:
    """Return bytes as text that may stand in a header."""
    return raw.translate(_PRINTABLE).decode("ascii")


class Cards:
    """The keywords of a header, looked up in its bytes: no more is parsed than is asked for.

    Parameters
    ----------
    raw
        The cards, 80 bytes each, END excepted.
    """

    __slots__ = ("_offsets", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._offsets: dict[bytes, int] = {}
        for offset in range(0, len(raw), CARD):
            self._offsets.setdefault(raw[offset : offset + 8], offset)

    def __contains__(self, keyword: str) -> bool:
        return keyword.ljust(8).encode() in self._offsets

    def get(self, keyword: str) -> Scalar:
        """Return the value of a keyword; None if it is absent or has no value, text if it cannot be parsed."""
        offset = self._offsets.get(keyword.ljust(8).encode())
        if offset is None or self.raw[offset + 8 : offset + 9] != b"=":
            return None
        found = _VALUE.match(self.raw, offset + 9, offset + CARD)
        if found is None:
            return None
        text, word = found.groups()
        return _scalar(printable(word)) if text is None else printable(text).replace("''", "'").rstrip()


def _scalar(word: str) -> Scalar:
    if word in ("T", "F"):
        return word == "T"
    if _INTEGER.fullmatch(word):
        return int(word)
    return float(word.replace("D", "E")) if _REAL.fullmatch(word) else word


@dataclass(frozen=True, slots=True)
class Hdu:
    """One header and data unit, as it lies in the file.

    Parameters
    ----------
    index
        Number in the file; the primary HDU is 0.
    cards
        Its header.
    start
        Byte at which the header begins.
    data_start
        Byte at which the data begin.
    data_length
        Bytes of data, without padding.
    """

    index: int
    cards: Cards
    start: int
    data_start: int
    data_length: int
    shape: tuple[int, ...] = field(default=())
    """Shape of the array in numpy order, as NAXISn have it."""
    bitpix: int = 8

    @property
    def end(self) -> int:
        """Byte after the last block of data."""
        return self.data_start + padded(self.data_length)

    @property
    def kind(self) -> str:
        """PRIMARY, or what XTENSION says: IMAGE, BINTABLE, TABLE."""
        return "PRIMARY" if self.index == 0 else str(self.cards.get("XTENSION")).strip()

    @property
    def is_compressed_image(self) -> bool:
        """Whether it is a table that holds the tiles of a compressed image."""
        return self.kind == "BINTABLE" and self.cards.get("ZIMAGE") is True

    @property
    def label(self) -> str:
        """How messages call it."""
        if self.index == 0:
            return "the primary HDU"
        name = self.cards.get("EXTNAME")
        return f"extension {self.index}" + (f" ({name})" if name else "")


def walk(read: ReadBytes, size: int, path: Path) -> list[Hdu]:
    """Find all HDUs of a file.

    Parameters
    ----------
    read
        Reads bytes.
    size
        Length of the file, bytes.
    path
        Its name, for messages.

    Returns
    -------
    list of Hdu
        In file order.  If the last one ends before `size`, bytes that belong to no HDU follow.

    Raises
    ------
    DamagedFile
        If the file is empty, is not FITS, or ends before its last HDU does.
    """
    if size == 0:
        raise DamagedFile(path, Reason.EMPTY, "it is empty")
    hdus: list[Hdu] = []
    position = 0
    while True:
        hdu = _hdu_at(read, position, len(hdus), size, path)
        hdus.append(hdu)
        position = hdu.end
        if position > size:
            what = "data" if hdu.data_start + hdu.data_length > size else "last block"
            rule = f"it ends after {size} bytes, within the {what} of {hdu.label} which needs {position}"
            raise DamagedFile(path, Reason.TRUNCATED, rule)
        following = read(8, position)
        if following != b"XTENSION":
            if following and b"XTENSION".startswith(following):
                raise DamagedFile(path, Reason.TRUNCATED, f"it ends within the header of extension {len(hdus)}")
            return hdus


def _hdu_at(read: ReadBytes, start: int, index: int, size: int, path: Path) -> Hdu:
    raw, data_start = _header_at(read, start, index, size, path)
    cards = Cards(raw)
    unfinished = Hdu(index, cards, start, data_start, 0)
    label = unfinished.label
    if index == 0 and cards.get("SIMPLE") is not True:
        raise DamagedFile(path, Reason.NOT_FITS, "it does not begin with SIMPLE = T")

    def count(keyword: str, least: int, default: int | None = None) -> int:
        value = cards.get(keyword) if keyword in cards else default
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            said = "is missing" if value is None else f"is {value!r}"
            raise DamagedFile(path, Reason.NOT_FITS, f"{keyword} of {label} {said}")
        return value

    bitpix = count("BITPIX", -64)
    if bitpix not in BITPIX:
        raise DamagedFile(path, Reason.NOT_FITS, f"BITPIX of {label} is {bitpix}, which no standard knows")
    naxis = count("NAXIS", 0)
    if naxis > MOST_AXES:
        raise DamagedFile(
            path, Reason.NOT_FITS, f"NAXIS of {label} is {naxis}, more than the {MOST_AXES} we can handle"
        )
    axes = [count(f"NAXIS{axis}", 0) for axis in range(1, naxis + 1)]
    # Random groups: NAXIS1 = 0 marks them and is no axis (FITS standard 4.0, 6).
    groups = index == 0 and cards.get("GROUPS") is True and axes[:1] == [0]
    elements = math.prod(axes[1:] if groups else axes) if axes else 0
    extra = 0 if index == 0 and not groups else count("PCOUNT", 0, 0)
    copies = 1 if index == 0 and not groups else count("GCOUNT", 0, 1)
    length = abs(bitpix) // 8 * copies * (extra + elements) if axes else 0
    return Hdu(index, cards, start, data_start, length, tuple(reversed(axes)), bitpix)


def _header_at(read: ReadBytes, start: int, index: int, size: int, path: Path) -> tuple[bytes, int]:
    """Return the cards before END, and where the data begin."""
    where = "the primary header" if index == 0 else f"the header of extension {index}"
    pieces: list[bytes] = []
    position = start
    while position - start < _LONGEST_HEADER:
        piece = read(_READ_AHEAD, position)
        if position == 0 and not piece.startswith(b"SIMPLE  ="[: len(piece)]):
            raise DamagedFile(path, Reason.NOT_FITS, "it does not begin with SIMPLE")
        for offset in range(0, len(piece) - len(_END) + 1, CARD):
            if piece[offset : offset + 8] == _END:
                data_start = start + padded(position + offset + CARD - start)
                if data_start <= size:
                    return b"".join([*pieces, piece[:offset]]), data_start
        if len(piece) < _READ_AHEAD:
            raise DamagedFile(path, Reason.TRUNCATED, f"it ends after {size} bytes, within {where}")
        pieces.append(piece)
        position += len(piece)
    raise DamagedFile(path, Reason.NOT_FITS, f"{where} has no END")
