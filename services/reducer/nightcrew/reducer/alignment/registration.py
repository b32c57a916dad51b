"""Which frames of a dither do not belong into its stack: trailed ones, and those that lie beside the others."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nightcrew.reducer.kernels.matching import greedy_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nightcrew.reducer.alignment.looks import Looks


@dataclass(frozen=True, slots=True)
class Limits:
    """What a frame may be like.

    Parameters
    ----------
    ellipticity
        By how much the median ellipticity of its sources may exceed that of the typical frame.
    width
        How many times as wide its sources may be as those of the typical frame.
    radius
        Distance at which two sources count as the same, pixels.
    share
        Fraction of the bright sources of two frames that must be found in both.
    least
        Number of bright sources in common view from which two frames can be compared.
    """

    ellipticity: float = 0.25
    width: float = 1.6
    radius: float = 5.0
    share: float = 0.5
    least: int = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a frame does not belong into the stack."""

    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class Placed:
    """Where the bright sources of an aligned frame lie.

    Parameters
    ----------
    positions
        On the grid of the reference, pixels (x, y), shape (n, 2), brightest first.
    footprint
        Corners of the frame on that grid, shape (4, 2), in order around it.
    """

    positions: NDArray[np.float64]
    footprint: NDArray[np.float64]


def misshapen(frames: Sequence[Looks], limits: Limits) -> list[Verdict]:
    """Return the frames whose sources are trailed, or much wider than in the typical frame (the lower median)."""
    seen = [i for i, frame in enumerate(frames) if frame.sources >= limits.least and math.isfinite(frame.fwhm)]
    if len(seen) < 2:
        return []
    ellipticity, width = (_lower_median([getattr(frames[i], name) for i in seen]) for name in ("ellipticity", "fwhm"))
    found = []
    for i in seen:
        frame = frames[i]
        if frame.ellipticity > ellipticity + limits.ellipticity:
            found.append(
                Verdict(
                    i,
                    f"stars are trailed, ellipticity {frame.ellipticity:.2f} (others {ellipticity:.2f}, "
                    f"limit {ellipticity + limits.ellipticity:.2f})",
                )
            )
        elif frame.fwhm > limits.width * width:
            found.append(
                Verdict(
                    i,
                    f"sources are {frame.fwhm:.1f} pixels wide (others {width:.1f}, limit {limits.width * width:.1f})",
                )
            )
    return found


def misplaced(frames: Sequence[Placed], limits: Limits) -> tuple[list[Verdict], list[int]]:
    """Return the frames whose sources do not fall on those of the others, and those that cannot be judged.

    Two frames agree if enough of the bright sources in their common field have a counterpart.  The largest set of
    frames that agree with one another, directly or by way of others, is right; of equal ones that of the first frame.
    What contradicts it is misplaced; what shares too few sources with it cannot be judged.
    """
    count = len(frames)
    shares = {(i, j): _share(frames[i], frames[j], limits) for i in range(count) for j in range(i + 1, count)}
    agrees = {pair for pair, share in shares.items() if share is not None and share >= limits.share}
    contradicts = {pair for pair, share in shares.items() if share is not None and share < limits.share}
    right = max(_connected(count, agrees), key=lambda group: (len(group), -min(group)))
    wrong, unknown = [], []
    for i in range(count):
        if i in right:
            continue
        against = [shares[tuple(sorted((i, j)))] for j in right if tuple(sorted((i, j))) in contradicts]  # type: ignore[index]
        if against:
            share = float(np.median([s for s in against if s is not None]))
            wrong.append(
                Verdict(
                    i,
                    f"its sources lie beside those of {len(against)} other frames: {100 * share:.0f} % coincide "
                    f"(limit {100 * limits.share:.0f} %)",
                )
            )
        else:
            unknown.append(i)
    return wrong, unknown


def _share(first: Placed, second: Placed, limits: Limits) -> float | None:
    """Return which fraction of the bright sources in the common field coincides; None if there are too few.

    The fraction is that of the frame that shows fewer: the other may be deeper.
    """
    ours = first.positions[_inside(first.positions, second.footprint, limits.radius)]
    theirs = second.positions[_inside(second.positions, first.footprint, limits.radius)]
    fewer = min(len(ours), len(theirs))
    if fewer < limits.least:
        return None
    return len(greedy_pairs(ours, theirs, limits.radius)) / fewer


def _inside(positions: NDArray[np.float64], polygon: NDArray[np.float64], margin: float) -> NDArray[np.bool_]:
    """Tell which positions are in a convex polygon, by at least a margin."""
    middle = polygon.mean(axis=0)
    inside = np.ones(len(positions), bool)
    for a, b in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        normal = np.array([-(b - a)[1], (b - a)[0]]) / np.hypot(*(b - a))
        normal = normal * np.sign(normal @ (middle - a))
        inside &= (positions - a) @ normal >= margin
    return inside


def _connected(count: int, pairs: set[tuple[int, int]]) -> list[set[int]]:
    groups: list[set[int]] = []
    for i in range(count):
        linked = [group for group in groups if any((j, i) in pairs for j in group)]
        merged = {i}.union(*linked)
        groups = [group for group in groups if group not in linked] + [merged]
    return groups


def _lower_median(values: Sequence[float]) -> float:
    return sorted(values)[(len(values) - 1) // 2]
