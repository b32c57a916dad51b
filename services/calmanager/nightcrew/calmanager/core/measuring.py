"""What is measured of a new master, from its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]

GAUSSIAN = 1.4826
"""Standard deviation of a Gaussian divided by its median absolute deviation."""


@dataclass(frozen=True, slots=True)
class Pixels:
    """Pixels of a master, all extensions in one row.

    Parameters
    ----------
    data
        SCI, shape (n,), units of the master; 0 and others in a bad-pixel mask.
    bad
        DQ is not 0, or SCI is not finite; shape (n,), bool.  Of a bad-pixel mask: the mask.
    variance
        VAR, shape (n,), units squared; None if there is none.
    """

    data: Array
    bad: Array
    variance: Array | None = None


@dataclass(frozen=True, slots=True)
class Measures:
    """What a master is like; None where it cannot be told.

    Parameters
    ----------
    counts
        Median of the good pixels, units of the master.
    noise
        Median of the root of VAR; without VAR the robust scatter of the good pixels.
    bad_fraction
        Part of the pixels that are bad, 0 to 1.
    change
        Difference from the previous master that noise does not explain, units of the master; of bad-pixel masks the
        part of the pixels of which the two say different things.
    """

    counts: float | None
    noise: float | None
    bad_fraction: float
    change: float | None = None


def measure(new: Pixels, previous: Pixels | None, *, mask: bool) -> Measures:
    """Measure a master.

    Parameters
    ----------
    new
        The master.
    previous
        The one before it, of the same kind; None if there is none.
    mask
        Whether they are bad-pixel masks.
    """
    bad_fraction = float(np.mean(new.bad)) if new.bad.size else 1.0
    comparable = previous is not None and previous.data.shape == new.data.shape
    if mask:
        change = float(np.mean(new.bad != previous.bad)) if comparable and previous is not None else None
        return Measures(None, None, bad_fraction, change)
    good = ~new.bad
    if not good.any():
        return Measures(None, None, bad_fraction)
    counts = float(np.median(new.data[good]))
    noise = _scatter(new.data[good]) if new.variance is None else float(np.sqrt(np.median(new.variance[good])))
    change = _change(new, previous) if comparable and previous is not None else None
    return Measures(counts, noise, bad_fraction, change)


def _change(new: Pixels, previous: Pixels) -> float | None:
    """Return the root of the squared offset and of the scatter that VAR does not account for."""
    good = ~(new.bad | previous.bad)
    if not good.any():
        return None
    difference = np.asarray(new.data[good], np.float64) - previous.data[good]
    offset, scatter = float(np.median(difference)), _scatter(difference)
    expected = sum(float(np.median(one.variance[good])) for one in (new, previous) if one.variance is not None)
    return float(np.hypot(offset, np.sqrt(max(0.0, scatter**2 - expected))))


def _scatter(values: Array) -> float:
    return GAUSSIAN * float(np.median(np.abs(values - np.median(values))))
