"""Exact medians of float32 values by counting: no sort, three passes over memory at most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nightcrew.reducer.kernels.compiler import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray


def median(values: NDArray[np.float32]) -> float:
    """Return the median, for an even number the mean of the two middle values; NaN sorts last.

    Parameters
    ----------
    values
        Any shape, float32.

    Returns
    -------
    float
        NaN for no values.
    """
    flat = np.ascontiguousarray(values, np.float32).reshape(-1)
    if flat.size == 0:
        return float("nan")
    return float(_median(flat.view(np.uint32), flat.size))


@njit(cache=True, nogil=True)
def _ordered(bits: Any) -> Any:
    """Map the bits of a float32 to an integer of the same order (NaN last)."""
    if bits & np.uint32(0x7FFFFFFF) > np.uint32(0x7F800000):
        return np.uint32(0xFFFFFFFF)
    if bits & np.uint32(0x80000000):
        return ~bits
    return bits | np.uint32(0x80000000)


@njit(cache=True, nogil=True)
def _kth(bits: Any, size: int, rank: int, high_counts: Any) -> Any:
    """Return the ordered integer of a rank, given the counts of the upper 16 bits."""
    before = 0
    top = 0
    while before + high_counts[top] <= rank:
        before += high_counts[top]
        top += 1
    low_counts = np.zeros(65536, np.int64)
    for i in range(size):
        key = _ordered(bits[i])
        if key >> np.uint32(16) == top:
            low_counts[key & np.uint32(0xFFFF)] += 1
    low = 0
    while before + low_counts[low] <= rank:
        before += low_counts[low]
        low += 1
    return np.uint32(top * 65536 + low)


@njit(cache=True, nogil=True)
def _median(bits: Any, size: int) -> float:
    counts = np.zeros(65536, np.int64)
    for i in range(size):
        counts[_ordered(bits[i]) >> np.uint32(16)] += 1
    pair = np.empty(2, np.uint32)
    pair[0] = _kth(bits, size, (size - 1) // 2, counts)
    pair[1] = pair[0] if size % 2 else _kth(bits, size, size // 2, counts)
    for k in range(2):
        key = pair[k]
        if key == np.uint32(0xFFFFFFFF):
            return np.nan
        pair[k] = key & np.uint32(0x7FFFFFFF) if key & np.uint32(0x80000000) else ~key
    middle = pair.view(np.float32)
    return 0.5 * (np.float64(middle[0]) + np.float64(middle[1]))
