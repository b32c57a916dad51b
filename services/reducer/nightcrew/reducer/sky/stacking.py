"""Combining skies (primitives-sky-and-stack, 5 and 6.1)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from nightcrew.reducer.kernels.statistics import Level, relative_level, solve_levels
from nightcrew.reducer.kernels.threads import all_of, batched
from nightcrew.reducer.kernels.tiles import combine_planes
from nightcrew.shared.frames import Plane

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nightcrew.reducer.kernels.combine import Operation, Rejection

Names = tuple[str, ...]
SAMPLING = 37
"""Every so many-th pixel tells the level of a sky."""


@dataclass(slots=True)
class SkyStacker:
    """Combines skies of one sequence, many of which take part in many stacks.

    How two of them lie relative to each other is measured once for all stacks.

    Parameters
    ----------
    operation, rejection
        How to average, and what to leave out.
    scale, zero
        Whether to bring the skies to the level of the first, by factors or by offsets.
    section
        Rows and columns that tell the level.
    use_dq
        Whether flags count.
    budget, threads
        Bytes of a combination; threads at work, which change no result.
    settle
        Called whenever pixels have been read that are not needed any more.
    """

    operation: Operation
    rejection: Rejection
    scale: bool
    zero: bool
    section: tuple[slice, slice] = (slice(None), slice(None))
    use_dq: bool = True
    budget: int = 1_000_000_000
    threads: int = 1
    settle: Callable[[], None] = lambda: None
    _levels: dict[tuple[str, str, int], Level] = field(default_factory=dict)

    def stack(self, names: Names, planes: Sequence[Plane], index: int = 0) -> tuple[Plane, bool]:
        """Combine skies.

        Parameters
        ----------
        names
            What the skies are called, in order; the first sets the level.
        planes
            Their planes.
        index
            Which of the planes of their frames these are.

        Returns
        -------
        plane
            The sky; its mask of objects is that of the first sky if all have one.
        normal
            False if no factors could be found and the skies were combined as they are.
        """
        factors, offsets, normal = None, None, True
        if self.scale or self.zero:
            values = self._normalization(names, planes, index)
            normal = not self.scale or all(math.isfinite(value) and value > 0 for value in values)
            if normal:
                factors, offsets = (values, None) if self.scale else (None, values)
        made = combine_planes(
            planes, self.operation, self.rejection, scale=factors, zero=offsets, use_dq=self.use_dq, budget=self.budget,
            threads=self.threads,
        )  # fmt: skip
        sky = Plane(planes[0].header.copy(), made.data, made.variance, made.dq)
        if all(plane.has("objmask") for plane in planes):
            sky.objmask = planes[0].objmask
        return sky, normal

    def _normalization(self, names: Names, planes: Sequence[Plane], index: int) -> list[float]:
        """Return factors or offsets, to the precision of the pixels: float32."""
        pairs = {(i, j): (names[i], names[j], index) for i, j in combinations(range(len(planes)), 2)}
        missing = [(pair, key) for pair, key in pairs.items() if key not in self._levels]
        for some in batched(missing, self.threads):
            levels = all_of(lambda one: self._level(planes[one[0][0]], planes[one[0][1]]), some, self.threads)
            self._levels.update(zip((key for _, key in some), levels, strict=True))
            self.settle()
        known = {pair: self._levels[key] for pair, key in pairs.items()}
        return [float(np.float32(value)) for value in solve_levels(len(planes), known, scaling=self.scale)]

    def _level(self, first: Plane, second: Plane) -> Level:
        """Measure how two skies lie relative to each other."""
        flags = [plane.dq[self.section] if self.use_dq and plane.dq is not None else None for plane in (first, second)]
        return relative_level(first.data[self.section], second.data[self.section], *flags, scaling=self.scale)


def sky_level(sky: Plane) -> float | None:
    """Return the median of a sample of the good pixels of a sky; None if there is none."""
    sample = sky.data.reshape(-1)[::SAMPLING]
    if sky.dq is not None:
        sample = sample[sky.dq.reshape(-1)[::SAMPLING] == 0]
    return float(np.median(sample)) if sample.size else None
