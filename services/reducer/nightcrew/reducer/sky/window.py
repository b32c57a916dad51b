"""Which skies of a long sequence serve a frame: the nearest in time, as many before it as after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def balanced(at: float, times: Sequence[float], most: int) -> tuple[int, ...]:
    """Choose skies so that a steady drift of the sky cancels in their median.

    Parameters
    ----------
    at
        Time of the frame, seconds.
    times
        Times of its skies; the frame itself is not among them.
    most
        How many are taken at most; where one side has fewer than half of them, the other side makes up for it.

    Returns
    -------
    tuple of int
        Indices, in order of time.
    """
    order = sorted(range(len(times)), key=lambda i: (times[i], i))
    before = [i for i in order if times[i] <= at]
    after = [i for i in order if times[i] > at]
    half, odd = divmod(most, 2)
    nearer_before = bool(before) and (not after or at - times[before[-1]] <= times[after[0]] - at)
    left = half + (odd if nearer_before else 0)
    right = most - left
    left, right = left + max(0, right - len(after)), right + max(0, left - len(before))
    return tuple((before[-left:] if left else []) + after[:right])
