"""Exact medians of float32 values without a sort: one pass over memory as a rule, and three at most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nightcrew.reducer.kernels.compiler import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

MANY = 1 << 16
"""Values from which on a sample tells where to look."""
SAMPLE, MARGIN = 8192, 192
"""Values in the sample; 192 of them away from its middle is four standard deviations."""
STRETCH = 1 << 15
"""Values that are looked at three times while they are in the cache."""


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
    found = _median_of_few(flat) if flat.size >= MANY else None
    return float(_median(flat.view(np.uint32), flat.size)) if found is None else found


def _median_of_few(values: NDArray[np.float32]) -> float | None:
    """Return the median of many values, found among those about the median of a sample; None if it is not there.

    Notes
    -----
    Zeros of both signs lie within the limits or outside together, and NaN is never within, as it sorts last.
    """
    sample = np.sort(values[:: values.size // SAMPLE])
    middle = sample.size // 2
    low, high = sample[middle - MARGIN], sample[middle + MARGIN]
    below, within, count = 0, [], 0
    for start in range(0, values.size, STRETCH):
        stretch = values[start : start + STRETCH]
        below += int(np.count_nonzero(stretch < low))
        within.append(stretch[(stretch >= low) & (stretch <= high)])
        count += within[-1].size
        if count > values.size // 4:
            return None
    first, second = (values.size - 1) // 2 - below, values.size // 2 - below
    if first < 0 or second >= count:
        return None
    found = np.partition(np.concatenate(within), [first, second])
    return 0.5 * (float(found[first]) + float(found[second]))


@njit(cache=True, nogil=True)
def _ordered(bits: Any) -> Any:
    """Map the bits of a float32 to an integer of the same order (NaN last)."""
    if bits & np.uint32(0x7FFFFFFF) > np.uint32(0x7F800000):
        return np.uint32(0xFFFFFFFF)
    if bits & np.uint32(0x80000000):
        return ~bits
    return bits | np.uint32(0x80000000)


@njit(cache=True, nogil=True)
def _bin_of_rank(counts: Any, rank: int) -> Any:
    """Return the bin that holds a rank, and the rank within it."""
    k = 0
    while counts[k] <= rank:
        rank -= counts[k]
        k += 1
    return k, rank


@njit(cache=True, nogil=True)
def _median(bits: Any, size: int) -> float:
    upper = np.zeros(65536, np.int32)
    for i in range(size):
        upper[_ordered(bits[i]) >> np.uint32(16)] += 1
    lower = np.zeros(65536, np.int32)
    pair = np.empty(2, np.uint32)
    counted = -1
    for k in range(2):
        top, rank = _bin_of_rank(upper, (size - 1 + k) // 2)
        if top != counted:
            lower[:] = 0
            for i in range(size):
                key = _ordered(bits[i])
                if key >> np.uint32(16) == top:
                    lower[key & np.uint32(0xFFFF)] += 1
            counted = top
        low, rank = _bin_of_rank(lower, rank)
        key = np.uint32(top * 65536 + low)
        if key == np.uint32(0xFFFFFFFF):
            return np.nan
        pair[k] = key & np.uint32(0x7FFFFFFF) if key & np.uint32(0x80000000) else ~key
    middle = pair.view(np.float32)
    return 0.5 * (np.float64(middle[0]) + np.float64(middle[1]))
