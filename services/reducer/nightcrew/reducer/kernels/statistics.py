"""Statistics over good pixels: median, mean, levels relative to another frame."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nightcrew.reducer.kernels.compiler import njit
from nightcrew.reducer.kernels.selection import median

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray


def good_values(data: Sequence[NDArray[Any]], dq: Sequence[NDArray[np.uint16] | None]) -> NDArray[np.float32]:
    """Return the pixels without any flag, of all planes together, in order.

    Parameters
    ----------
    data, dq
        Pixels and flags of the planes; a plane without flags is good throughout.
    """
    parts = [
        (pixels.reshape(-1) if flags is None else pixels[flags == 0]).astype(np.float32, copy=False)
        for pixels, flags in zip(data, dq, strict=True)
    ]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def masked_median(data: Sequence[NDArray[Any]], dq: Sequence[NDArray[np.uint16] | None]) -> float | None:
    """Return the median of the pixels without any flag; None if there is none."""
    values = good_values(data, dq)
    return median(values) if values.size else None


def masked_mean(data: Sequence[NDArray[Any]], dq: Sequence[NDArray[np.uint16] | None]) -> float | None:
    """Return the mean of the pixels without any flag, summed in double; None if there is none."""
    values = good_values(data, dq)
    return float(np.mean(values, dtype=np.float64)) if values.size else None


class Level(NamedTuple):
    """How one frame lies relative to another."""

    value: float
    """Median of the ratio or of the difference; NaN where no pixel is good in both."""
    pixels: int
    """Pixels that it rests on."""


def relative_level(
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    first_dq: NDArray[np.uint16] | None,
    second_dq: NDArray[np.uint16] | None,
    *,
    scaling: bool,
) -> Level:
    """Measure ``second / first`` or ``second - first`` over the pixels that are good in both (10.4).

    Parameters
    ----------
    first, second
        Pixels of equal shape, float32.
    first_dq, second_dq
        Flags; any bit excludes the pixel.
    scaling
        Ratio, over pixels positive in both; otherwise the difference.
    """
    flags = [
        np.empty(0, np.uint16) if q is None else np.ascontiguousarray(q).reshape(-1) for q in (first_dq, second_dq)
    ]
    a, b = (np.ascontiguousarray(p, np.float32).reshape(-1) for p in (first, second))
    values = np.empty(a.size, np.float32)
    count = _compare(a, b, flags[0], flags[1], scaling, values)
    return Level(median(values[:count]), count)


@njit(cache=True, nogil=True, error_model="numpy")
def _compare(a: Any, b: Any, dqa: Any, dqb: Any, scaling: bool, values: Any) -> int:
    count = 0
    for i in range(a.size):
        good = True
        if dqa.size > 0:
            good &= dqa[i] == 0
        if dqb.size > 0:
            good &= dqb[i] == 0
        if scaling:
            values[count] = b[i] / a[i]
            good &= (a[i] > 0) & (b[i] > 0)
        else:
            values[count] = b[i] - a[i]
        count += good
    return count


def normalization(
    data: Sequence[NDArray[np.float32]],
    dq: Sequence[NDArray[np.uint16] | None],
    *,
    scaling: bool,
    level: Callable[[int, int], Level] | None = None,
) -> list[float]:
    """Return what brings every frame to the level of the first (primitives-calibration, 10.4).

    Parameters
    ----------
    data, dq
        Pixels and flags of N frames, equal shapes; a section is made by slicing.
    scaling
        Factors to multiply with; otherwise offsets to add.
    level
        Gives the relative level of frames i and j, i < j, if the caller has measured it already.

    Returns
    -------
    list of float
        N values; the first is 1 or 0.

    Notes
    -----
    Weighted least squares over all pairs, in closed form; a frame that shares no good pixel with the
    others stays as it is.
    """
    n = len(data)
    measure = level or (lambda i, j: relative_level(data[i], data[j], dq[i], dq[j], scaling=scaling))
    pairs = {(i, j): measure(i, j) for i in range(n) for j in range(i + 1, n)}
    return solve_levels(n, pairs, scaling=scaling)


def solve_levels(n: int, pairs: dict[tuple[int, int], Level], *, scaling: bool) -> list[float]:
    """Return the factors or offsets of N frames that agree best with their relative levels.

    Parameters
    ----------
    n
        Number of frames.
    pairs
        Relative level of frames i and j, i < j, weighted by its number of pixels.
    scaling
        Whether levels are ratios.
    """
    normal, right = np.zeros((n, n)), np.zeros(n)
    for (i, j), (value, pixels) in pairs.items():
        if pixels == 0:
            continue
        wanted = -math.log(value) if scaling else -value
        normal[[i, j], [i, j]] += pixels
        normal[i, j] -= pixels
        normal[j, i] -= pixels
        right[i] -= pixels * wanted
        right[j] += pixels * wanted
    solution = np.zeros(n)
    if n > 1 and normal.any():
        weight = normal.max()
        solution[1:] = np.linalg.lstsq(normal[1:, 1:] / weight, right[1:] / weight, rcond=None)[0]
    return [float(x) for x in (np.exp(solution) if scaling else solution)]
