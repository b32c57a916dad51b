"""A running mean of aligned frames with VAR, DQ and exposure, on a canvas that grows by whole pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nightcrew.reducer.kernels.affine import Grid
from nightcrew.reducer.kernels.compiler import njit
from nightcrew.reducer.products.exposure_map import LEVELS, NO_DATA, UNUSABLE
from nightcrew.shared.dq import DQ

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAMPLING = 7
"""Every so many pixels tell the scatter between frame and stack."""
NORMAL = 1.4826
"""Standard deviation over median absolute deviation of a normal distribution."""
FEW = 100
"""Pixels that the scatter must rest on."""


@dataclass(frozen=True, slots=True)
class Pixels:
    """A stack so far, shape (ny, nx) each.

    Parameters
    ----------
    data, variance
        Mean, weighted by exposure, and its variance; float32, 0 where no frame has data.
    dq
        OR of the flags of what was averaged, uint16; 16 where no frame has data.
    frames
        How many frames a pixel is the mean of, int16.
    seconds
        Their exposure, float32.
    """

    data: NDArray[np.float32]
    variance: NDArray[np.float32]
    dq: NDArray[np.uint16]
    frames: NDArray[np.int16]
    seconds: NDArray[np.float32]

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> Pixels:
        """Return a canvas without data."""
        return cls(
            np.zeros(shape, np.float32),
            np.zeros(shape, np.float32),
            np.full(shape, DQ.NO_DATA, np.uint16),
            np.zeros(shape, np.int16),
            np.zeros(shape, np.float32),
        )

    @property
    def shape(self) -> tuple[int, int]:
        """(ny, nx)."""
        ny, nx = self.data.shape
        return ny, nx

    def on(self, grid: Grid) -> Pixels:
        """Return the stack on a larger grid, whose origin is given in pixels of this one."""
        if grid == Grid((0, 0), self.shape):
            return self
        larger = Pixels.empty(grid.shape)
        ny, nx = self.shape
        inside = np.s_[-grid.origin[1] : ny - grid.origin[1], -grid.origin[0] : nx - grid.origin[0]]
        for name in ("data", "variance", "dq", "frames", "seconds"):
            getattr(larger, name)[inside] = getattr(self, name)
        return larger


@dataclass(frozen=True, slots=True)
class Aligned:
    """A frame on the pixels of the canvas, or of a part of it.

    Parameters
    ----------
    data, variance, dq
        Shape (ny, nx).
    origin
        Pixel (x, y) of the canvas where its first pixel lies.
    seconds
        Exposure.
    transparency
        Light that it gets of a source, in units of what the stack so far has.
    """

    data: NDArray[np.float32]
    variance: NDArray[np.float32]
    dq: NDArray[np.uint16]
    origin: tuple[int, int]
    seconds: float
    transparency: float = 1.0


@dataclass(frozen=True, slots=True)
class Clipping:
    """When a pixel of a new frame contradicts the stack.

    Parameters
    ----------
    sigma
        In units of the expected scatter of the difference.
    slope
        Part of the step to the next pixel by which they may differ besides: a source may be off by so many pixels.
    contrast
        Part of their own value by which they may differ besides: seeing changes the peaks of stars.
    """

    sigma: float = 5.0
    slope: float = 1.2
    contrast: float = 0.3


@dataclass(frozen=True, slots=True)
class Addition:
    """The stack with one frame more.

    Parameters
    ----------
    pixels
        The stack.
    compared
        Pixels that frame and stack have in common, at the same level of DQ.
    contradicted
        Those of them where the frame was not used, or put in the place of what was there.
    scatter
        Of the difference between frame and stack in units of what VAR says.
    """

    pixels: Pixels
    compared: int
    contradicted: int
    scatter: float

    @property
    def contradiction(self) -> float:
        """Part of the common pixels in which frame and stack contradict each other."""
        return self.contradicted / self.compared if self.compared else 0.0


def add(stack: Pixels, frame: Aligned, clipping: Clipping) -> Addition:
    """Add a frame to a running mean.

    Parameters
    ----------
    stack
        So far; it is left as it is.
    frame
        Must lie within the canvas.
    clipping
        When a pixel counts as a contradiction.

    Notes
    -----
    A pixel of a milder level of DQ replaces the mean, one of a worse level is not used.  Of equal levels, ``new`` is
    used unless

        |new - t mean| > sigma s sqrt(VAR_new + VAR_mean) + slope g + contrast min(|new|, |t mean|)

    where t is the relative transparency, s the measured scatter of empty pixels over the expected one, at least 1, and
    g the largest difference from one of four neighbours, in the smoother of the two images.  So a cosmic ray stands
    out in either, the core of a star in neither.  Where the mean rests on one frame only, that may be what is wrong:
    then the one that is closer to the median of the eight pixels around it in the stack is kept.
    """
    ny, nx = frame.data.shape
    x, y = frame.origin
    box = np.s_[y : y + ny, x : x + nx]
    scatter = _scatter(stack, frame, box)
    made = Pixels(*(getattr(stack, name).copy() for name in ("data", "variance", "dq", "frames", "seconds")))
    compared, contradicted = _accumulate(
        stack.data, stack.variance, stack.frames, (made.data, made.variance, made.dq, made.frames, made.seconds),
        frame.data, frame.variance, frame.dq, (y, x), frame.seconds, frame.transparency,
        (clipping.sigma * max(1.0, scatter), clipping.slope, clipping.contrast), badness(),
    )  # fmt: skip
    return Addition(made, int(compared), int(contradicted), scatter)


def badness() -> NDArray[np.uint8]:
    """Return the level of every value of DQ, shape (65536,)."""
    values = np.arange(1 << 16)
    table = np.zeros(values.size, np.uint8)
    for flag, level in LEVELS:
        table[(values & flag) != 0] = level
    table[values >= 1 << 7] = UNUSABLE
    return table


def _scatter(stack: Pixels, frame: Aligned, box: tuple[slice, slice]) -> float:
    """Return the scatter of the difference of good pixels over what VAR says; 1 where there are too few of them."""
    data, variance, dq = (getattr(stack, name)[box].reshape(-1)[::SAMPLING] for name in ("data", "variance", "dq"))
    ours, noise, flags = (a.reshape(-1)[::SAMPLING] for a in (frame.data, frame.variance, frame.dq))
    expected = variance + noise
    good = ((dq | flags) == 0) & (expected > 0)
    if np.count_nonzero(good) < FEW:
        return 1.0
    pulls = (ours[good] - np.float32(frame.transparency) * data[good]) / np.sqrt(expected[good])
    return NORMAL * float(np.median(np.abs(pulls - np.median(pulls))))


@njit(cache=True, nogil=True)
def _step(image: Any, y: int, x: int) -> float:
    """Return the largest difference between a pixel and its four neighbours."""
    ny, nx = image.shape
    value, largest = image[y, x], np.float32(0.0)
    if y > 0:
        largest = max(largest, abs(value - image[y - 1, x]))
    if y < ny - 1:
        largest = max(largest, abs(value - image[y + 1, x]))
    if x > 0:
        largest = max(largest, abs(value - image[y, x - 1]))
    if x < nx - 1:
        largest = max(largest, abs(value - image[y, x + 1]))
    return float(largest)


@njit(cache=True, nogil=True)
def _surroundings(image: Any, frames: Any, y: int, x: int, fallback: float) -> float:
    """Return the median of the pixels around one that have data."""
    ny, nx = image.shape
    around = np.empty(8)
    count = 0
    for v in range(max(y - 1, 0), min(y + 2, ny)):
        for u in range(max(x - 1, 0), min(x + 2, nx)):
            if (v != y or u != x) and frames[v, u] > 0:
                around[count] = image[v, u]
                count += 1
    return float(np.median(around[:count])) if count else fallback


@njit(cache=True, nogil=True)
def _accumulate(
    mean: Any, noise: Any, frames: Any, made: Any, data: Any, variance: Any, dq: Any, origin: Any, seconds: float,
    transparency: float, clipping: Any, badness: Any,
) -> Any:  # fmt: skip
    """Add a frame to `made`, copies of the stack; `mean`, `noise` and `frames` are the stack before."""
    out, out_variance, out_dq, out_frames, out_seconds = made
    sigma, slope, contrast = clipping
    ny, nx = data.shape
    compared, contradicted = 0, 0
    for j in range(ny):
        y = j + origin[0]
        for i in range(nx):
            x = i + origin[1]
            ours, theirs = badness[dq[j, i]], badness[out_dq[y, x]]
            if ours >= NO_DATA or ours > theirs:
                continue
            value, v = float(data[j, i]), float(variance[j, i])
            replace = ours < theirs
            if not replace:
                compared += 1
                expected = transparency * mean[y, x]
                difference = abs(value - expected)
                allowed = sigma * np.sqrt(noise[y, x] + v)
                if difference > allowed:
                    allowed += slope * min(_step(mean, y, x), _step(data, j, i))
                    allowed += contrast * min(abs(value), abs(expected))
                if difference > allowed:
                    contradicted += 1
                    if frames[y, x] > 1:
                        continue
                    around = transparency * _surroundings(mean, frames, y, x, min(value, expected))
                    if abs(value - around) >= abs(expected - around):
                        continue
                    replace = True
            if replace:
                out[y, x], out_variance[y, x], out_dq[y, x] = value, v, dq[j, i]
                out_frames[y, x], out_seconds[y, x] = 1, seconds
                continue
            before = float(out_seconds[y, x])
            total = before + seconds
            out[y, x] = (mean[y, x] * before + value * seconds) / total
            out_variance[y, x] = (noise[y, x] * before**2 + v * seconds**2) / total**2
            out_dq[y, x] |= dq[j, i]
            out_frames[y, x] += 1
            out_seconds[y, x] = total
    return compared, contradicted
