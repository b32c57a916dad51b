"""The frames that serve as sky: the last ones of the target, and the last ones of the sky beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nightcrew.reducer.growing.ledger import Status
from nightcrew.reducer.growing.sky import BESIDE, TARGET, SkyFrame, SkySum
from nightcrew.reducer.kernels.morphology import dilate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nightcrew.reducer.growing.ledger import Ledger, Seen
    from nightcrew.reducer.growing.shelf import Shelf
    from nightcrew.shared.frames import Frame, Plane


@dataclass(frozen=True, slots=True)
class WindowSettings:
    """Which frames serve as sky.

    Parameters
    ----------
    size
        How many at most.
    least
        With fewer, a frame's background is taken from itself.
    dilation
        Pixels around detected objects that do not show the sky either.
    sigma
        By how many standard deviations a pixel of a sky may differ from the others.
    """

    size: int = 9
    least: int = 3
    dilation: float = 4.0
    sigma: float = 5.0


@dataclass(slots=True)
class SkyWindow:
    """The skies at hand before a frame: never the frame itself.

    Parameters
    ----------
    shelf
        Where they lie.
    ledger
        The frames shown before.
    settings
        Which of them serve.
    """

    shelf: Shelf
    ledger: Ledger
    settings: WindowSettings

    def subtract(self, frame: Frame, seen: Seen) -> int:
        """Subtract from a frame the mean of its skies; those that show nothing but sky if there are enough of them.

        Returns
        -------
        How many there were; 0 if too few, and then nothing is subtracted.
        """
        if not seen.sky > 0:
            return 0
        for kind in (BESIDE, TARGET):
            names = [row.name for row in self._kept(kind)]
            others = [name for name in names if name != seen.name]
            total = self.shelf.load_sum(kind, len(self.ledger)) if len(others) >= self.settings.least else None
            if total is None:
                continue
            if seen.name in names:
                own = self.shelf.kept(seen.name)
                if own is None:
                    continue
                total = total.without_frame(_remembered(own.planes[0], seen.sky))
            plane = frame.planes[0]
            plane.data, plane.variance = total.subtracted_from(plane.data, variance_of(plane), seen.sky)
            return len(others)
        return 0

    def enter(self, frame: Frame, seen: Seen) -> tuple[str, ...]:
        """Let a frame serve as sky from now on, and the oldest of its kind no longer; return which are at hand then."""
        kind = BESIDE if seen.status == Status.SKY else TARGET
        others = [row.name for row in self.ledger.kept if _kind(row) != kind]
        if not seen.sky > 0:
            return (*others, *(row.name for row in self._kept(kind)))
        rows, total = self._kept(kind), self.shelf.load_sum(kind, len(self.ledger))
        while total is not None and len(rows) >= self.settings.size:
            oldest = self.shelf.kept(rows[0].name)
            total = None if oldest is None else total.without_frame(_remembered(oldest.planes[0], rows[0].sky))
            rows = rows[1:]
        plane = frame.planes[0]
        if total is None:
            rows, total = (), SkySum.empty(plane.shape)
        mask = _hidden(plane, self.settings.dilation)
        total, left_out = total.with_frame(
            SkyFrame(plane.data, variance_of(plane), mask, seen.sky), self.settings.sigma
        )
        self.shelf.save_sum(total, kind, len(self.ledger) + 1)
        kept = frame.copy()
        kept.planes[0].objmask = left_out
        self.shelf.keep(kept, seen.name)
        return (*others, *(row.name for row in rows), seen.name)

    def _kept(self, kind: str) -> tuple[Seen, ...]:
        return tuple(row for row in self.ledger.kept if _kind(row) == kind)


def variance_of(plane: Plane) -> NDArray[np.float32]:
    """Return the variance of a plane; zeros if it has none."""
    return np.zeros(plane.shape, np.float32) if plane.variance is None else plane.variance


def _kind(row: Seen) -> str:
    return BESIDE if row.status == Status.SKY else TARGET


def _hidden(plane: Plane, dilation: float) -> NDArray[np.uint8]:
    """Return where a frame does not show the sky: flags, objects, what is near them, and what is no number."""
    hidden = (~np.isfinite(plane.data)).astype(np.uint8)
    if plane.dq is not None:
        hidden |= (plane.dq != 0).astype(np.uint8)
    if plane.objmask is not None:
        hidden |= dilate(plane.objmask, dilation)
    return hidden


def _remembered(plane: Plane, level: float) -> SkyFrame:
    """Return a kept frame as it entered the sum."""
    assert plane.objmask is not None
    return SkyFrame(plane.data, variance_of(plane), plane.objmask, level)
