"""Affine maps between pixel grids, and the grid that holds all frames of a stack."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Affine:
    """A map of pixel positions: ``(x, y) -> matrix @ (x, y) + offset``, 0-based.

    Parameters
    ----------
    matrix
        Shape (2, 2), double; rows and columns in the order x, y.
    offset
        Shape (2,), pixels.
    """

    matrix: NDArray[np.float64]
    offset: NDArray[np.float64]

    @classmethod
    def shift(cls, dx: float, dy: float) -> Affine:
        """Return the map that adds (dx, dy)."""
        return cls(np.eye(2), np.array([dx, dy], np.float64))

    @classmethod
    def approximating(
        cls, function: Callable[[NDArray[np.float64]], NDArray[np.float64]], shape: tuple[int, ...]
    ) -> Affine:
        """Return the affine map that comes close to a function over an array (primitives-sky-and-stack, 11.1).

        Parameters
        ----------
        function
            Maps positions, shape (n, 2), in the order x, y; it is called once.
        shape
            (ny, nx) of the array.  The map is exact at its centre and has the mean slopes along its middle lines.
        """
        ny, nx = shape
        x0, y0 = nx / 2, ny / 2
        at = np.array([(nx, y0), (0.0, y0), (x0, ny), (x0, 0.0), (x0, y0)])
        right, left, top, bottom, centre = np.asarray(function(at), np.float64)
        matrix = np.array([(right - left) / nx, (top - bottom) / ny]).T
        return cls(matrix, centre - matrix @ np.array([x0, y0]))

    def __call__(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map positions, shape (n, 2)."""
        mapped: NDArray[np.float64] = np.asarray(positions, np.float64) @ self.matrix.T + self.offset
        return mapped

    def inverse(self) -> Affine:
        """Return the map back."""
        back = np.linalg.inv(self.matrix).astype(np.float64)
        return Affine(back, -back @ self.offset)

    def shifted(self, dx: float, dy: float) -> Affine:
        """Return this map followed by an addition of (dx, dy)."""
        return Affine(self.matrix, self.offset + np.array([dx, dy]))

    @property
    def area(self) -> float:
        """Area on which the unit square is mapped."""
        return abs(float(np.linalg.det(self.matrix)))

    def integer_shift(self, tolerance: float = 0.0) -> tuple[int, int] | None:
        """Return (dx, dy) if the map is a shift by whole pixels, to within `tolerance`; None otherwise."""
        dx, dy = round(float(self.offset[0])), round(float(self.offset[1]))
        off = max(abs(float(self.offset[0]) - dx), abs(float(self.offset[1]) - dy))
        if off > tolerance or np.abs(self.matrix - np.eye(2)).max() > tolerance:
            return None
        return dx, dy


@dataclass(frozen=True, slots=True)
class Grid:
    """Pixels of an output image, as positions of the reference frame.

    Parameters
    ----------
    origin
        Position (x, y) of its first pixel in 0-based pixels of the reference.
    shape
        (ny, nx).
    """

    origin: tuple[int, int]
    shape: tuple[int, int]


def corners(to_reference: Affine, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return where the centres of the corner pixels lie in the reference, shape (4, 2).

    The order is that of AREA1 to AREA4: (xlo, ylo), (xlo, yhi), (xhi, ylo), (xhi, yhi).
    """
    ny, nx = shape
    return to_reference(np.array([(0, 0), (0, ny - 1), (nx - 1, 0), (nx - 1, ny - 1)], np.float64))


def bounds(to_reference: Affine, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Return (x0, y0, x1, y1), inclusive: the pixels of the reference whose centres an input may cover."""
    at = corners(to_reference, shape)
    low, high = at.min(axis=0), at.max(axis=0)
    return math.ceil(low[0]), math.ceil(low[1]), math.floor(high[0]), math.floor(high[1])


def union_grid(maps: Sequence[Affine], shapes: Sequence[tuple[int, ...]]) -> Grid:
    """Return the grid that holds the footprints of all inputs (primitives-sky-and-stack, 11.1).

    Parameters
    ----------
    maps
        From each input to the reference; the identity for the reference itself.
    shapes
        (ny, nx) of each.
    """
    spans = np.array([bounds(m, s) for m, s in zip(maps, shapes, strict=True)])
    x0, y0 = (int(v) for v in spans[:, :2].min(axis=0))
    x1, y1 = (int(v) for v in spans[:, 2:].max(axis=0))
    return Grid((x0, y0), (y1 - y0 + 1, x1 - x0 + 1))
