"""Arrays that lie in a file and are read when they are wanted."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from nightcrew.shared.fits.containers import Container, PlainFile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]

_STORED = {8: "u1", 16: "i2", 32: "i4", 64: "i8", -32: "f4", -64: "f8"}
_SIGN_FLIPPED = {8: "i1", 16: "u2", 32: "u4", 64: "u8"}
"""Types that FITS stores with BZERO in the middle of the range (FITS standard 4.0, table 11)."""


def bzero_of_flipped(bitpix: int) -> int:
    """Return the BZERO that marks the type FITS has no BITPIX for: int8, uint16, uint32, uint64."""
    return -128 if bitpix == 8 else 1 << (bitpix - 1)


@dataclass(frozen=True, slots=True)
class Encoding:
    """How pixels are stored: physical value = bzero + bscale * stored value.

    Parameters
    ----------
    bitpix
        Type of the stored values.
    blank
        Stored integer that means "no value": NaN when read, and the array becomes floating.
    """

    bitpix: int
    bscale: float = 1
    bzero: float = 0
    blank: int | None = None

    @property
    def _is_flipped(self) -> bool:
        return (
            self.blank is None and self.bitpix > 0 and self.bscale == 1 and self.bzero == bzero_of_flipped(self.bitpix)
        )

    @property
    def _is_plain(self) -> bool:
        return self.bscale == 1 and self.bzero == 0 and (self.blank is None or self.bitpix < 0)

    @property
    def stored(self) -> np.dtype[Any]:
        """Type of the bytes in the file."""
        return np.dtype(">" + _STORED[self.bitpix])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels once read; scaled 8- and 16-bit integers fit float32 exactly."""
        if self._is_flipped:
            return np.dtype(_SIGN_FLIPPED[self.bitpix])
        if self._is_plain or self.bitpix < 0:
            return np.dtype(_STORED[self.bitpix])
        return np.dtype("f4" if self.bitpix in (8, 16) else "f8")

    def decode(self, stored: Array) -> Array:
        """Turn stored values, an array of our own, into native pixels; in place where the size is the same."""
        native = stored
        if sys.byteorder == "little":
            native = stored.byteswap(inplace=True).view(stored.dtype.newbyteorder("="))
        if self._is_flipped:
            bits = native.view(f"u{native.itemsize}")
            bits ^= bits.dtype.type(1 << (8 * native.itemsize - 1))
            return bits.view(self.dtype)
        if self._is_plain:
            return native
        with np.errstate(all="ignore"):
            return self._scaled(native)

    def _scaled(self, native: Array) -> Array:
        pixels = native.astype(self.dtype, copy=False)
        if self.bscale != 1:
            pixels *= pixels.dtype.type(self.bscale)
        if self.bzero != 0:
            pixels += pixels.dtype.type(self.bzero)
        if self.blank is not None and self.bitpix > 0:
            pixels[native == self.blank] = np.nan
        return pixels


class FilePixels:
    """An uncompressed image of a FITS file.

    Parameters
    ----------
    source
        The file, or its path.
    offset
        Byte at which the array begins.
    shape
        Numpy order.
    encoding
        How the pixels are stored.
    cast
        Type that the pixels are converted to; None leaves them as they are.
    """

    __slots__ = ("_cast", "_encoding", "_offset", "_shape", "_source")

    def __init__(
        self,
        source: Container | Path | str,
        offset: int,
        shape: tuple[int, ...],
        encoding: Encoding,
        cast: np.dtype[Any] | None = None,
    ) -> None:
        self._source: Container = PlainFile(Path(source)) if isinstance(source, str | Path) else source
        self._offset = offset
        self._shape = shape
        self._encoding = encoding
        self._cast = cast
        self._source.expect(offset)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array, numpy order."""
        return self._shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the array as read: native byte order, scaled."""
        return self._encoding.dtype if self._cast is None else self._cast

    @property
    def direct(self) -> bool:
        """Whether rows cost no more than their own bytes: the file is not compressed as a whole."""
        return not self._source.compressed

    def image(self) -> FilePixels:
        """Return the same pixels without axes of length 1 before the last two."""
        axes = max(len(self._shape) - 2, 0)
        if not axes or any(length != 1 for length in self._shape[:axes]):
            return self
        return FilePixels(self._source, self._offset, self._shape[axes:], self._encoding, self._cast)

    def read(self) -> Array:
        """Read the whole array: C-contiguous, native byte order, scaled."""
        pixels = self._read(self._offset, self._shape)
        self._source.finished(self._offset)
        return pixels

    def rows(self, start: int, stop: int) -> Array:
        """Read rows `start` to `stop` (0-based, end exclusive) of the slowest axis, and no other bytes."""
        first, end, _ = slice(start, stop).indices(self._shape[0])
        row = math.prod(self._shape[1:]) * self._encoding.stored.itemsize
        return self._read(self._offset + first * row, (max(end - first, 0), *self._shape[1:]))

    def _read(self, offset: int, shape: tuple[int, ...]) -> Array:
        stored = np.empty(shape, self._encoding.stored)
        if stored.size:
            self._source.fill(stored.reshape(-1).view(np.uint8).data, offset)
        pixels = self._encoding.decode(stored)
        with np.errstate(invalid="ignore"):
            return pixels if self._cast is None else pixels.astype(self._cast, copy=False)
