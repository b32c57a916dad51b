"""What goes wrong in a frame before it becomes a file."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.random import Generator
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.float32]
    Shape: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Defect:
    """A defect of a frame.

    Parameters
    ----------
    summary
        What one sees.
    bias
        Makes an image that is added per coadd, ADU.
    spoil
        Changes the pixels that were read, in place.
    """

    summary: str
    bias: Callable[[Shape, Generator], Image] | None = None
    spoil: Callable[[Image, Generator], None] | None = None


def _unsettled_bias(shape: Shape, rng: Generator) -> Image:
    """Return a bias that has not settled: a level per quadrant that decays along the rows (30 to 60 ADU)."""
    ny, nx = shape
    image = np.zeros(shape, np.float32)
    decay = np.exp(-np.arange(ny, dtype=np.float32) / np.float32(0.3 * ny))[:, None]
    for rows in (slice(0, ny // 2), slice(ny // 2, ny)):
        for columns in (slice(0, nx // 2), slice(nx // 2, nx)):
            image[rows, columns] = np.float32(rng.uniform(30, 60)) * (np.float32(0.4) + decay[rows])
    return image


def _pattern_noise(shape: Shape, rng: Generator) -> Image:
    """Return vertical stripes that repeat every 16 columns and 4 rows, of 20 ADU rms, in a band of each quadrant.

    The lower and the upper half mirror each other, as they are read outwards (primitives-calibration, 14.1).
    """
    ny, nx = shape
    cell = np.repeat(rng.standard_normal((4, 8)), 2, axis=1) * np.array([1, 0.95, 1.05, 1])[:, None]
    cell -= cell.mean()
    cell *= 20 / cell.std()
    first, last = ny // 8 // 4 * 4, ny // 3 // 4 * 4
    lower = np.zeros((ny // 2, nx), np.float32)
    lower[first:last] = np.tile(cell, ((last - first) // 4, nx // 16))
    return np.concatenate([lower, lower[::-1]])


def _nan_pixels(pixels: Image, rng: Generator) -> None:
    """Lose 40 pixels and a block of 6 x 6 to a fault in the data path."""
    ny, nx = pixels.shape
    pixels[rng.integers(0, ny, 40), rng.integers(0, nx, 40)] = np.nan
    y, x = int(rng.integers(0, ny - 6)), int(rng.integers(0, nx - 6))
    pixels[y : y + 6, x : x + 6] = np.nan


DEFECTS: Mapping[str, Defect] = MappingProxyType(
    {
        "unsettled-bias": Defect("first frame after a pause: its bias has not settled", bias=_unsettled_bias),
        "pattern-noise": Defect("vertical pattern noise in part of the quadrants", bias=_pattern_noise),
        "afterglow": Defect("pixels that were saturated shortly before still release charge"),
        "nan-pixels": Defect("some pixels are not numbers", spoil=_nan_pixels),
    }
)
"""The defects by name."""


def cosmic_rays(shape: Shape, seconds: float, rng: Generator) -> Image | None:
    """Let a few cosmic rays hit: about one in 15 s on a whole NIRI array, 300 to 6000 electrons, 1 to 3 pixels.

    Returns
    -------
    numpy.ndarray or None
        Electrons left in each pixel, or None if none came.
    """
    hits = int(rng.poisson(seconds / 15 * shape[0] * shape[1] / 1024**2))
    if not hits:
        return None
    image = np.zeros(shape, np.float32)
    for _ in range(hits):
        y, x = int(rng.integers(0, shape[0] - 1)), int(rng.integers(0, shape[1] - 1))
        charge = np.float32(10 ** rng.uniform(2.5, 3.8))
        image[y, x] += charge
        for dy, dx in ((0, 1), (1, 0))[: int(rng.integers(0, 3))]:
            image[y + dy, x + dx] += charge * np.float32(0.4)
    return image
