"""Find the shift between two catalogues, and which of their sources are the same (primitives-sky-and-stack, 10)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from nightcrew.reducer.kernels.affine import Affine
from nightcrew.reducer.kernels.compiler import njit
from nightcrew.reducer.kernels.simplex import nelder_mead

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDTH = 5.0
"""Pixels: sigma of the hills around reference sources, and scale of the attraction between pairs."""
HILL = 20
"""Pixels around a reference source that its hill covers."""
REACH = 25.0
"""Pixels beyond which two sources do not attract each other."""
NEIGHBOURS = 5
ANGLES, SCALES = 5.0, 0.05
"""Largest rotation, degrees, and largest departure of the scale from 1."""
ANGLE_STEP, SCALE_STEP = 1.0, 0.01
XATOL = 5e-5


@dataclass(frozen=True, slots=True)
class Match:
    """How a catalogue lies relative to another.

    Parameters
    ----------
    transform
        From positions of the first to positions of the second.
    pairs
        Indices in the first and the second catalogue of the same sources, shape (n, 2), closest pair first.
    """

    transform: Affine
    pairs: NDArray[np.intp]

    @property
    def shift(self) -> tuple[float, float]:
        """Shift (dx, dy), pixels; meaningful if neither rotation nor scale was fitted."""
        return float(self.transform.offset[0]), float(self.transform.offset[1])


def match_catalogues(
    positions: NDArray[np.float64],
    reference: NDArray[np.float64],
    *,
    search: float,
    radius: float,
    rotate: bool = False,
    scale: bool = False,
    pivot: tuple[float, float] = (0.0, 0.0),
) -> Match:
    """Find what moves a catalogue onto another.

    Parameters
    ----------
    positions
        Sources (x, y) of the frame, pixels, shape (n, 2), n > 0.
    reference
        Where sources of the reference frame are expected in this frame, shape (m, 2), m > 0.
    search
        Largest shift along either axis, pixels.
    radius
        Sources no farther apart after the shift are the same, pixels.
    rotate, scale
        Whether to fit a rotation, up to 5 degrees, and a scale, up to 5 per cent, about `pivot` as well.
    pivot
        Position (x, y) that rotation and scale leave in place.

    Notes
    -----
    First all shifts on a coarse grid are tried on a landscape of hills around the reference sources, then
    the best is refined by maximising the attraction ``1 / (d**2 + 25)`` of all close pairs.
    """
    ours, theirs = np.ascontiguousarray(positions, np.float64), np.ascontiguousarray(reference, np.float64)
    kinds = [(scale, SCALES, SCALE_STEP, 1.0), (rotate, ANGLES, ANGLE_STEP, 0.0)]
    extra = [(limit, step, middle) for wanted, limit, step, middle in kinds if wanted]
    step = min(WIDTH, 0.2 * search)
    axes = [_steps(limit, by, middle) for limit, by, middle in [*extra, (search, step, 0.0), (search, step, 0.0)]]

    def transform(parameters: NDArray[np.float64]) -> Affine:
        values = list(parameters)
        factor = values.pop(0) if scale else 1.0
        angle = math.radians(values.pop(0)) if rotate else 0.0
        c, s = factor * math.cos(angle), factor * math.sin(angle)
        matrix = np.array([[c, -s], [s, c]])
        fixed = np.array(pivot)
        return Affine(matrix, fixed - matrix @ fixed + np.array(values))

    hills, origin = _landscape(theirs)
    best, start = -1.0, np.zeros(len(axes))
    for turned in product(*axes[:-2]):
        moved = transform(np.array([*turned, 0.0, 0.0]))(ours) - origin
        score, k, j = _best_shift(hills, moved, axes[-2], axes[-1])
        if score > best:
            best, start = score, np.array([*turned, axes[-2][k], axes[-1][j]])
    start = np.where(start == 0.0, 0.001, start)
    middles = np.array([middle for _, _, middle in extra] + [0.0, 0.0])
    limits = np.array([limit for limit, _, _ in extra] + [search, search])
    found = nelder_mead(
        lambda p: -_attraction(transform(p)(ours), theirs), start, middles - limits, middles + limits, xatol=XATOL
    )
    final = transform(found)
    return Match(final, greedy_pairs(final(ours), theirs, radius))


def match_shift(
    incoords: NDArray[np.float64], refcoords: NDArray[np.float64], *, search: float, radius: float
) -> tuple[float, float, NDArray[np.intp]]:
    """Return (dx, dy) and the pairs of `match_catalogues` for a pure shift."""
    match = match_catalogues(incoords, refcoords, search=search, radius=radius)
    return *match.shift, match.pairs


def greedy_pairs(
    positions: NDArray[np.float64], reference: NDArray[np.float64], radius: float, neighbours: int = NEIGHBOURS
) -> NDArray[np.intp]:
    """Pair sources one to one, closest pair first.

    Parameters
    ----------
    positions, reference
        Shapes (n, 2) and (m, 2), pixels.
    radius
        Largest distance of a pair.
    neighbours
        How many of its nearest reference sources a source considers.

    Returns
    -------
    ndarray
        Indices, shape (pairs, 2).
    """
    if not len(positions) or not len(reference):
        return np.empty((0, 2), np.intp)
    distance = np.hypot(
        positions[:, None, 0] - reference[None, :, 0], positions[:, None, 1] - reference[None, :, 1]
    )  # fmt: skip
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :neighbours]
    source = np.repeat(np.arange(len(positions)), nearest.shape[1])
    candidate = nearest.reshape(-1)
    apart = distance[source, candidate]
    free, unclaimed, pairs = set(range(len(positions))), set(range(len(reference))), []
    for k in np.argsort(apart, kind="stable"):
        i, j = int(source[k]), int(candidate[k])
        if apart[k] > radius:
            break
        if i in free and j in unclaimed:
            free.discard(i)
            unclaimed.discard(j)
            pairs.append((i, j))
    return np.array(pairs, np.intp).reshape(-1, 2)


def _steps(limit: float, step: float, middle: float) -> NDArray[np.float64]:
    return np.arange(middle - limit, middle + limit, step)


def _landscape(reference: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sum of Gaussian hills around the sources, and the position of its first pixel."""
    origin = reference.min(axis=0)
    width, height = (max(1, int(size)) for size in reference.max(axis=0) - origin)
    hills = np.zeros((height, width))
    offsets = np.arange(-HILL, HILL + 1)
    profile = np.exp(-0.5 * (offsets / WIDTH) ** 2)
    hill = np.outer(profile, profile)
    for x, y in reference - origin:
        cx, cy = int(x - 0.5), int(y - 0.5)
        y0, y1, x0, x1 = max(0, cy - HILL), min(height, cy + HILL + 1), max(0, cx - HILL), min(width, cx + HILL + 1)
        hills[y0:y1, x0:x1] += hill[y0 - cy + HILL : y1 - cy + HILL, x0 - cx + HILL : x1 - cx + HILL]
    return hills, origin


@njit(cache=True, nogil=True)
def _best_shift(hills: Any, positions: Any, dx: Any, dy: Any) -> Any:
    """Return the highest score and the indices of the shift that reaches it, the first of equal ones."""
    height, width = hills.shape
    best, best_k, best_j = -1.0, 0, 0
    for k in range(dx.size):
        for j in range(dy.size):
            score = 0.0
            for i in range(positions.shape[0]):
                x = int(positions[i, 0] + dx[k] + 0.5)
                y = int(positions[i, 1] + dy[j] + 0.5)
                if 0 <= x < width and 0 <= y < height:
                    score += hills[y, x]
            if score > best:
                best, best_k, best_j = score, k, j
    return best, best_k, best_j


@njit(cache=True, nogil=True)
def _attraction(positions: Any, reference: Any) -> float:
    """Sum over sources of the attraction of their nearest reference sources."""
    total = 0.0
    nearest = np.empty(NEIGHBOURS)
    for i in range(positions.shape[0]):
        count = 0
        for j in range(reference.shape[0]):
            x, y = positions[i, 0] - reference[j, 0], positions[i, 1] - reference[j, 1]
            d2 = x * x + y * y
            if d2 > REACH * REACH:
                continue
            k = count if count < NEIGHBOURS else NEIGHBOURS
            while k > 0 and nearest[k - 1] > d2:
                if k < NEIGHBOURS:
                    nearest[k] = nearest[k - 1]
                k -= 1
            if k < NEIGHBOURS:
                nearest[k] = d2
                count = min(count + 1, NEIGHBOURS)
        for k in range(count):
            total += 1.0 / (nearest[k] + WIDTH * WIDTH)
    return total
