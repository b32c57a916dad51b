"""Clipping of outliers about the median, as `astropy.stats.sigma_clip` does by default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Clipped:
    """What is left after clipping.

    Parameters
    ----------
    mean, median, std
        Of the values that are left; `std` is that of the population.  NaN if none is left.
    count
        How many are left.
    low, high
        Limits of the last round, inclusive.
    """

    mean: float
    median: float
    std: float
    count: int
    low: float
    high: float


def sigma_clip(values: NDArray[Any], *, sigma: float, rounds: int | None = 5) -> Clipped:
    """Leave out values too far from the median until none is, or for a number of rounds.

    Parameters
    ----------
    values
        Any shape; values that are not finite do not count.  Statistics are double.
    sigma
        Standard deviations, about the mean, that a value may lie from the median.
    rounds
        None clips to convergence.
    """
    left = np.sort(np.asarray(values, np.float64).reshape(-1))
    left = left[np.searchsorted(left, -np.inf, "right") : np.searchsorted(left, np.inf, "left")]
    low, high = -np.inf, np.inf
    done = 0
    while left.size and (rounds is None or done < rounds):
        centre, spread = _middle(left), float(np.std(left))
        low, high = centre - sigma * spread, centre + sigma * spread
        kept = left[np.searchsorted(left, low, "left") : np.searchsorted(left, high, "right")]
        changed = kept.size != left.size
        left = kept
        done += 1
        if not changed:
            break
    if not left.size:
        return Clipped(np.nan, np.nan, np.nan, 0, low, high)
    return Clipped(float(np.mean(left)), _middle(left), float(np.std(left)), left.size, low, high)


def _middle(ordered: NDArray[np.float64]) -> float:
    n = ordered.size
    return float(0.5 * (ordered[(n - 1) // 2] + ordered[n // 2]))
