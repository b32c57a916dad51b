"""Steps that treat every pixel alone, put off until the pixels are wanted.

Then they are all done on a few rows at a time, which stay in the processor's cache: the frames of a calibration, of
which only the stack is wanted, are never in memory as a whole.  The results are the same to the bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from nightcrew.reducer.kernels.threads import in_spans
from nightcrew.shared.fits.pixels import FilePixels

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from nightcrew.shared.frames import PixelSource, Plane

    Pixels: TypeAlias = NDArray[np.float32]
    Pair: TypeAlias = tuple[Pixels, Pixels | None]
    Step: TypeAlias = Callable[[Pixels, Pixels | None], Pair]
    """Makes of science pixels and their variance new ones of the same shape, each from its own pixel alone."""

STRIP = 1 << 17
"""Pixels that go through all steps before the next ones do."""
REMEMBERED = 4
"""Spans of rows of which the variance is kept until it is asked for: one for each thread at work."""


class Pending:
    """Science pixels, and their variance if a step makes one, that wait for their steps.

    Parameters
    ----------
    raw
        Pixels before the first step, shape (ny, nx); reading rows of them is cheap.
    steps
        What is to be done with them, in order.
    has_variance
        Whether there is a variance after the last step.
    """

    def __init__(self, raw: PixelSource, steps: tuple[Step, ...] = (), *, has_variance: bool = False) -> None:
        self._raw, self._steps, self.has_variance = raw, steps, has_variance
        self._kept: dict[tuple[int, int], Pixels] = {}

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the pixels."""
        return self._raw.shape

    def then(self, step: Step, *, has_variance: bool) -> Pending:
        """Return the same pixels with one step more to do."""
        return Pending(self._raw, (*self._steps, step), has_variance=has_variance)

    def put_into(self, plane: Plane) -> None:
        """Make these pixels those of a plane."""
        plane.supply("data", PendingPixels(self, "data"))
        if self.has_variance:
            plane.supply("variance", PendingPixels(self, "variance"))

    def rows(self, start: int, stop: int, threads: int = 1) -> Pair:
        """Do the steps for some rows, on one thread or several."""
        shape = (max(stop - start, 0), *self.shape[1:])
        data = np.empty(shape, np.float32)
        variance = np.empty(shape, np.float32) if self.has_variance else None
        strip = max(1, STRIP // max(self.shape[1], 1))

        def fill(begin: int, end: int) -> None:
            for first in range(begin, end, strip):
                last = min(first + strip, end)
                pixels: Pixels = np.ascontiguousarray(self._raw.rows(first, last), np.float32)
                noise: Pixels | None = None
                for step in self._steps:
                    pixels, noise = step(pixels, noise)
                data[first - start : last - start] = pixels
                if variance is not None and noise is not None:
                    variance[first - start : last - start] = noise

        in_spans(fill, start, stop, threads)
        return data, variance

    def data(self, start: int, stop: int) -> Pixels:
        """Return rows of the pixels; their variance is likely to be asked for next, and kept for that."""
        data, variance = self.rows(start, stop)
        if variance is not None:
            self._kept[start, stop] = variance
            while len(self._kept) > REMEMBERED:
                self._kept.pop(next(iter(self._kept)), None)
        return data

    def variance(self, start: int, stop: int) -> Pixels:
        """Return rows of the variance."""
        variance = self._kept.pop((start, stop), None)
        if variance is None:
            variance = self.rows(start, stop)[1]
        assert variance is not None
        return variance


class PendingPixels:
    """One array of pixels that wait for their steps: a `PixelSource`."""

    __slots__ = ("_name", "pending")

    def __init__(self, pending: Pending, name: Literal["data", "variance"]) -> None:
        self.pending, self._name = pending, name

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return self.pending.shape

    @property
    def dtype(self) -> np.dtype[np.float32]:
        """Type of the array."""
        return np.dtype(np.float32)

    def read(self) -> Pixels:
        """Do the steps for the whole array."""
        data, variance = self.pending.rows(0, self.shape[0])
        return data if self._name == "data" or variance is None else variance

    def rows(self, start: int, stop: int) -> Pixels:
        """Do the steps for rows `start` to `stop` (0-based, end exclusive)."""
        first, end, _ = slice(start, stop).indices(self.shape[0])
        return self.pending.data(first, end) if self._name == "data" else self.pending.variance(first, end)


def pending_of(plane: Plane) -> Pending | None:
    """Return the pixels of a plane that wait for their steps; None if they have been changed otherwise."""
    data, variance = plane.source("data"), plane.source("variance")
    if not isinstance(data, PendingPixels):
        return None
    if not plane.has("variance"):
        return data.pending
    same = isinstance(variance, PendingPixels) and variance.pending is data.pending
    return data.pending if same else None


def put_off(plane: Plane) -> bool:
    """Let a plane's pixels wait for their steps, if they lie in a file by rows and have no variance yet.

    Returns
    -------
    bool
        Whether they do: then they are float32 and have two axes.
    """
    source = plane.source("data")
    if not isinstance(source, FilePixels) or not source.direct or plane.has("variance"):
        return False
    image = source.image()
    if len(image.shape) != 2:
        return False
    Pending(image).put_into(plane)
    return True


def treat(plane: Plane, step: Step, *, has_variance: bool) -> None:
    """Do a step with the pixels of a plane: at once, or when they are wanted if they wait already."""
    pending = pending_of(plane)
    if pending is None:
        plane.data, plane.variance = step(plane.data, plane.variance)
    else:
        pending.then(step, has_variance=has_variance).put_into(plane)


def develop(plane: Plane, threads: int = 1) -> None:
    """Do now what the pixels of a plane wait for, on one thread or several."""
    pending = pending_of(plane)
    if pending is not None:
        plane.data, variance = pending.rows(0, pending.shape[0], threads)
        if variance is not None:
            plane.variance = variance
