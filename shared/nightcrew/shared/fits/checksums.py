"""The checksum convention: sums of 32-bit words in ones' complement (FITS standard 4.0, 4.4.2.7 and appendix J)."""

from __future__ import annotations

import numpy as np

_ALL_ONES = 0xFFFFFFFF
_PUNCTUATION = frozenset(b":;<=>?@[\\]^_`")
_ZERO = ord("0")


def add(total: int, data: bytes | bytearray | memoryview) -> int:
    """Add bytes, taken as big-endian 32-bit words, to a sum.

    Parameters
    ----------
    total
        The sum so far, 0 to begin with.
    data
        A multiple of four bytes, unless nothing follows.
    """
    whole = len(data) & ~3
    words = np.frombuffer(data, dtype=">u4", count=whole // 4)
    total += int(words.sum(dtype=np.uint64))
    if whole < len(data):
        total += int.from_bytes(bytes(data[whole:]).ljust(4, b"\0"), "big")
    while total > _ALL_ONES:
        total = (total & _ALL_ONES) + (total >> 32)
    return total


def is_complete(total: int) -> bool:
    """Whether the sum of a whole HDU is what a valid CHECKSUM makes it: zero, all ones or all zeros."""
    return total in (0, _ALL_ONES)


def encode(total: int) -> str:
    """Return the value of CHECKSUM, 16 letters and digits, that brings the sum of an HDU to all ones.

    Parameters
    ----------
    total
        Sum of the HDU while the value of its CHECKSUM is '0000000000000000'.

    Notes
    -----
    Each byte of the complement is spread over four characters which add up to it and are
    moved off the punctuation in pairs; the whole is rotated by one byte because the text
    begins at column 12.
    """
    complement = _ALL_ONES - total
    letters = bytearray(16)
    for column in range(4):
        byte = complement >> (24 - 8 * column) & 0xFF
        quarter, rest = divmod(byte, 4)
        spread = [quarter + rest + _ZERO, *[quarter + _ZERO] * 3]
        while _PUNCTUATION & set(spread):
            for first in (0, 2):
                if _PUNCTUATION & {spread[first], spread[first + 1]}:
                    spread[first] += 1
                    spread[first + 1] -= 1
        for row in range(4):
            letters[4 * row + column] = spread[row]
    return (letters[-1:] + letters[:-1]).decode("ascii")
