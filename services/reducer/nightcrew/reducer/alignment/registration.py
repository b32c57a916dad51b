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
    shift
        Median distance by which the sources of two frames may be apart, pixels.
    share
        Fraction of the bright sources of two frames that must be found in both.
    least
        Number of bright sources in common view from which two frames can be compared.
    """

    ellipticity: float = 0.25
    width: float = 1.6
    radius: float = 5.0
    shift: float = 1.3
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

    Two frames agree if enough of the bright sources in their common field coincide, without a common shift.  The
    largest set of frames that agree with one another, directly or by way of others, is right; of equal ones that of
    the first frame.  What contradicts it is misplaced; what shares too few sources with it cannot be judged.
    """
    count = len(frames)
    compared = {(i, j): _compare(frames[i], frames[j], limits) for i in range(count) for j in range(i + 1, count)}
    agrees = {pair for pair, found in compared.items() if found is not None and found.agree(limits)}
    right = max(_connected(count, agrees), key=lambda group: (len(group), -min(group)))
    wrong, unknown = [], []
    for i in range(count):
        if i in right:
            continue
        against = [found for j in right if (found := compared[min(i, j), max(i, j)]) is not None]
        if against:
            wrong.append(Verdict(i, _reason(against, limits)))
        else:
            unknown.append(i)
    return wrong, unknown


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Which fraction of the bright sources of two frames coincides, and how far apart they are, pixels (x, y)."""

    share: float
    shift: tuple[float, float]

    def agree(self, limits: Limits) -> bool:
        return self.share >= limits.share and math.hypot(*self.shift) <= limits.shift


def _reason(against: Sequence[_Comparison], limits: Limits) -> str:
    others = f"{len(against)} other frame{'s' if len(against) > 1 else ''}"
    share = float(np.median([found.share for found in against]))
    if share < limits.share:
        return (
            f"its sources lie beside those of {others}: {100 * share:.0f} % coincide (limit {100 * limits.share:.0f} %)"
        )
    shift = math.hypot(*np.median([found.shift for found in against], axis=0))
    return f"its sources lie {shift:.1f} pixels beside those of {others} (limit {limits.shift:.1f})"


def _compare(first: Placed, second: Placed, limits: Limits) -> _Comparison | None:
    """Compare the bright sources in the common field; None if there are too few.

    The fraction is that of the frame that shows fewer: the other may be deeper.
    """
    ours = first.positions[_inside(first.positions, second.footprint, limits.radius)]
    theirs = second.positions[_inside(second.positions, first.footprint, limits.radius)]
    fewer = min(len(ours), len(theirs))
    if fewer < limits.least:
        return None
    pairs = greedy_pairs(ours, theirs, limits.radius)
    if not len(pairs):
        return _Comparison(0.0, (0.0, 0.0))
    dx, dy = np.median(ours[pairs[:, 0]] - theirs[pairs[:, 1]], axis=0).tolist()
    return _Comparison(len(pairs) / fewer, (dx, dy))


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
