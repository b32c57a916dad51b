"""The sky of a frame: the mean of the frames taken just before it, which is kept as a running sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nightcrew.reducer.kernels.compiler import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

BESIDE, TARGET = "sky", "target"
"""Kinds of skies: frames that show nothing else, and frames of the target."""
ENOUGH_TO_CLIP = 3
"""Frames in a sum from which on a new one can be told to be deviant."""


@dataclass(frozen=True, slots=True)
class SkySum:
    """Sum of the last frames, each divided by the level of its sky; objects and flagged pixels left out.

    Parameters
    ----------
    total, variance
        Sum of the normalised frames and of their variances, shape (ny, nx), float32.
    count
        How many frames a pixel is the sum of, int16.
    """

    total: NDArray[np.float32]
    variance: NDArray[np.float32]
    count: NDArray[np.int16]

    @classmethod
    def empty(cls, shape: tuple[int, ...]) -> SkySum:
        """Return the sum of no frames."""
        return cls(np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.int16))

    def with_frame(self, frame: SkyFrame, sigma: float) -> tuple[SkySum, NDArray[np.uint8]]:
        """Add a frame.

        Parameters
        ----------
        frame
            The frame.
        sigma
            By how many standard deviations a pixel may differ from the mean of three frames or more.

        Returns
        -------
        sum, left_out
            The sum, and 1 where the frame did not enter it; to be given as `hidden` when the frame is taken out.
        """
        left_out = frame.hidden.copy()
        made = SkySum(self.total.copy(), self.variance.copy(), self.count.copy())
        _enter(
            made.total, made.variance, made.count, frame.data, frame.variance, left_out, 1.0 / frame.level, sigma,
            ENOUGH_TO_CLIP,
        )  # fmt: skip
        return made, left_out

    def without_frame(self, frame: SkyFrame) -> SkySum:
        """Take out a frame that was added before."""
        made = SkySum(self.total.copy(), self.variance.copy(), self.count.copy())
        _leave(
            made.total, made.variance, made.count, frame.data, frame.variance, frame.hidden, 1.0 / frame.level
        )  # fmt: skip
        return made

    def subtracted_from(
        self, data: NDArray[np.float32], variance: NDArray[np.float32], level: float
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Subtract the mean sky, brought to a level, from a frame.

        Parameters
        ----------
        data, variance
            The frame.
        level
            Of the sky in it.

        Returns
        -------
        data, variance
            Where objects hid the sky in all frames of the sum, `level` was subtracted.
        """
        out, noise = np.empty_like(data), np.empty_like(variance)
        _subtract(self.total, self.variance, self.count, data, variance, out, noise, level)
        return out, noise


@dataclass(frozen=True, slots=True)
class SkyFrame:
    """A frame as it enters a sum.

    Parameters
    ----------
    data, variance
        Pixels with their sky, and their variance, shape (ny, nx), float32.
    hidden
        1 where the sky is not seen: flags, objects and what is around them; uint8.
    level
        Level of the sky, greater than 0.
    """

    data: NDArray[np.float32]
    variance: NDArray[np.float32]
    hidden: NDArray[np.uint8]
    level: float


@njit(cache=True, nogil=True)
def _enter(
    total: Any, noise: Any, count: Any, data: Any, variance: Any, hidden: Any, factor: float, sigma: float, enough: int
) -> None:
    ny, nx = data.shape
    for y in range(ny):
        for x in range(nx):
            if hidden[y, x]:
                continue
            value, v = data[y, x] * factor, variance[y, x] * factor * factor
            n = count[y, x]
            if n >= enough:
                difference = value - total[y, x] / n
                if difference * difference > sigma * sigma * (v + noise[y, x] / (n * n)):
                    hidden[y, x] = 1
                    continue
            total[y, x] += value
            noise[y, x] += v
            count[y, x] = n + 1


@njit(cache=True, nogil=True)
def _leave(total: Any, noise: Any, count: Any, data: Any, variance: Any, hidden: Any, factor: float) -> None:
    ny, nx = data.shape
    for y in range(ny):
        for x in range(nx):
            if hidden[y, x]:
                continue
            count[y, x] -= 1
            if count[y, x] <= 0:
                total[y, x], noise[y, x], count[y, x] = 0.0, 0.0, 0
                continue
            total[y, x] -= data[y, x] * factor
            noise[y, x] = max(noise[y, x] - variance[y, x] * factor * factor, 0.0)


@njit(cache=True, nogil=True)
def _subtract(
    total: Any, noise: Any, count: Any, data: Any, variance: Any, out: Any, out_variance: Any, level: float
) -> None:
    ny, nx = data.shape
    for y in range(ny):
        for x in range(nx):
            n = count[y, x]
            factor = level / n if n > 0 else 0.0
            out[y, x] = data[y, x] - (total[y, x] * factor if n > 0 else level)
            out_variance[y, x] = variance[y, x] + noise[y, x] * factor * factor
