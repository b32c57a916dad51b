"""Images compressed tile by tile (`.fz`; FITS standard 4.0, 10), which astropy undoes."""

from __future__ import annotations

import io
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from nightcrew.shared.fits.faults import DamagedFile, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from astropy.io.fits import CompImageHDU, Header
    from numpy.typing import NDArray

    from nightcrew.shared.fits.containers import Container

    Array: TypeAlias = NDArray[Any]


def tiled_header(container: Container, index: int) -> Header:
    """Return the header of the image in HDU `index`, as it was before compression."""
    with _opened(container, index) as hdu:
        return hdu.header.copy()


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
    except (OSError, ValueError, TypeError, KeyError, IndexError, RuntimeError, ArithmeticError) as error:
        # What the decompressors raise when they are given nonsense is not documented.
        rule = f"the tiles of extension {index} cannot be decompressed ({error})"
        raise DamagedFile(container.path, Reason.COMPRESSED_STREAM_DAMAGED, rule) from error
