"""Images compressed tile by tile (`.fz`; FITS standard 4.0, 10), which astropy undoes."""

from __future__ import annotations

import io
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from nightcrew.shared.fits.blocks import BITPIX, MOST_AXES
from nightcrew.shared.fits.faults import DamagedFile, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from astropy.io.fits import CompImageHDU, Header
    from numpy.typing import NDArray

    from nightcrew.shared.fits.blocks import Hdu, Scalar
    from nightcrew.shared.fits.containers import Container

    Array: TypeAlias = NDArray[Any]


def tiled_header(container: Container, index: int) -> Header:
    """Return the header of the image in HDU `index`, as it was before compression."""
    with _opened(container, index) as hdu:
        return hdu.header.copy()


def tiled_shape(hdu: Hdu, path: Path) -> tuple[int, tuple[int, ...]]:
    """Return BITPIX and shape (numpy order) of an image before compression."""
    bitpix, naxis = hdu.cards.get("ZBITPIX"), hdu.cards.get("ZNAXIS")
    axes: list[Scalar] = []
    if isinstance(naxis, int) and 0 < naxis <= MOST_AXES:
        axes = [hdu.cards.get(f"ZNAXIS{axis}") for axis in range(naxis, 0, -1)]
    shape = tuple(axis for axis in axes if isinstance(axis, int) and axis > 0)
    if not shape or len(shape) < len(axes) or not isinstance(bitpix, int) or bitpix not in BITPIX:
        raise DamagedFile(path, Reason.NOT_FITS, f"ZBITPIX and ZNAXISn of {hdu.label} describe no image")
    return bitpix, shape


@dataclass(frozen=True, slots=True)
class TilePixels:
    """A tile-compressed image of a FITS file.

    Parameters
    ----------
    container
        The file.
    index
        Number of the HDU.
    shape, dtype
        Of the image, once it is not compressed any more.
    """

    container: Container
    index: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def read(self) -> Array:
        """Read the whole array: C-contiguous, native byte order, scaled."""
        return self.rows(0, self.shape[0])

    def rows(self, start: int, stop: int) -> Array:
        """Read rows `start` to `stop` (0-based, end exclusive) of the slowest axis."""
        first, end, _ = slice(start, stop).indices(self.shape[0])
        if end <= first:
            return np.empty((0, *self.shape[1:]), self.dtype)
        with _opened(self.container, self.index) as hdu:
            return np.ascontiguousarray(hdu.section[first:end], self.dtype)


@contextmanager
def _opened(container: Container, index: int) -> Iterator[CompImageHDU]:
    from astropy.io import fits  # noqa: PLC0415  only compressed images need it

    with container.opened() as read:
        content = read(container.size, 0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(io.BytesIO(content), memmap=False) as hdus:
                yield hdus[index]
    except (OSError, ValueError, TypeError, KeyError, IndexError, RuntimeError, ArithmeticError, MemoryError) as error:
        # What the decompressors raise when they are given nonsense is not documented.
        rule = f"the tiles of extension {index} cannot be decompressed ({error})"
        raise DamagedFile(container.path, Reason.COMPRESSED_STREAM_DAMAGED, rule) from error
