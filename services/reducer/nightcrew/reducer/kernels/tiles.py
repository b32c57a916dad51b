"""Combine planes row by row under a memory budget, on one thread or several."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from nightcrew.reducer.kernels.combine import Workspace, combine_pixels, scale_values
from nightcrew.shared.errors import RecipeError, ShapeMismatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nightcrew.reducer.kernels.combine import Operation, Rejection
    from nightcrew.shared.frames import Array, PlaneName

DEFAULT_BUDGET = 1_000_000_000
"""Bytes for the rows of all inputs that are in memory at a time."""
BYTES_PER_VALUE = 4 + 4 + 2
STRIP_VALUES = 32768
"""Values (inputs times pixels) that are combined in one go: they stay in the second-level cache."""


class Rows(Protocol):
    """Something with planes that can be had by rows, such as `nightcrew.shared.frames.Plane`."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the science pixels."""

    def has(self, name: PlaneName) -> bool:
        """Whether there is that plane."""

    def rows(self, name: PlaneName, start: int, stop: int) -> Array | None:
        """Return rows `start` to `stop` of a plane."""


@dataclass(frozen=True, slots=True)
class Combined:
    """The result of a combination, shape (ny, nx) each.

    Parameters
    ----------
    data, variance
        Average and its variance, float32.
    dq
        OR of the flags of what was averaged, uint16; None unless all inputs have flags.
    rejected
        Number of inputs per pixel that were unusable or rejected, int16; None unless asked for.
    """

    data: NDArray[np.float32]
    variance: NDArray[np.float32]
    dq: NDArray[np.uint16] | None
    rejected: NDArray[np.int16] | None


def combine_planes(
    planes: Sequence[Rows],
    operation: Operation,
    rejection: Rejection,
    *,
    scale: Sequence[float] | None = None,
    zero: Sequence[float] | None = None,
    use_dq: bool = True,
    budget: int = DEFAULT_BUDGET,
    threads: int = 1,
    rejection_map: bool = False,
) -> Combined:
    """Combine planes of equal shape into one (primitives-calibration, 10).

    Parameters
    ----------
    planes
        N planes; flags are used only if all have them, and so are variances.
    operation, rejection
        How to average, and what to leave out.
    scale, zero
        Factor and offset of each plane; None for 1 and 0.
    use_dq
        Whether flags are looked at.
    budget
        Bytes that rows read from files may take; changes no result.
    threads
        Threads at work; changes no result.
    rejection_map
        Whether to count the inputs left out.

    Raises
    ------
    ShapeMismatch
        If the planes differ in shape.
    RecipeError
        If there is no plane, or more are to be rejected than there are.
    """
    if not planes:
        raise RecipeError("nothing to combine: give at least one frame")
    rejection.check(len(planes))
    shape = planes[0].shape
    for number, plane in enumerate(planes, 1):
        if plane.shape != shape:
            raise ShapeMismatch(f"input {number}: shape {plane.shape} but the first has {shape}; combine equal shapes")
    rows, row_pixels = shape[0], int(np.prod(shape[1:]))
    made = Combined(
        np.empty(shape, np.float32), np.empty(shape, np.float32),
        np.empty(shape, np.uint16) if use_dq and all(plane.has("dq") for plane in planes) else None,
        np.empty(shape, np.int16) if rejection_map else None,
    )  # fmt: skip
    work = _Work(planes, operation, rejection, _factors(scale, 1.0, planes), _factors(zero, 0.0, planes), made)
    tile = max(1, budget // max(1, threads) // (len(planes) * row_pixels * BYTES_PER_VALUE))
    tile = min(tile, -(-rows // max(1, threads)))
    spans = [(start, min(start + tile, rows)) for start in range(0, rows, tile)]
    if threads > 1 and len(spans) > 1:
        with ThreadPoolExecutor(threads) as pool:
            for done in [pool.submit(work.do, *span) for span in spans]:
                done.result()
    else:
        for span in spans:
            work.do(*span)
    return made


def _factors(given: Sequence[float] | None, default: float, planes: Sequence[Rows]) -> NDArray[np.float64]:
    return np.full(len(planes), default) if given is None else np.asarray(given, np.float64)


@dataclass(frozen=True, slots=True)
class _Work:
    planes: Sequence[Rows]
    operation: Operation
    rejection: Rejection
    scale: NDArray[np.float64]
    zero: NDArray[np.float64]
    made: Combined

    @property
    def scaled(self) -> bool:
        """Whether any input enters otherwise than as it is."""
        return bool((self.scale != 1.0).any() or self.zero.any())

    def do(self, start: int, stop: int) -> None:
        """Combine the rows `start` to `stop`."""
        names: list[PlaneName] = ["data"]
        names += ["variance"] if all(plane.has("variance") for plane in self.planes) else []
        names += ["dq"] if self.made.dq is not None else []
        read = [[plane.rows(name, start, stop) for name in names] for plane in self.planes]
        given = dict(zip(names, zip(*read, strict=True), strict=True))
        row_pixels = int(np.prod(self.made.data.shape[1:]))
        inputs = len(self.planes)
        step = max(1, min(stop - start, STRIP_VALUES // (inputs * row_pixels)))
        buffers: dict[str, Array] = {
            name: np.empty(inputs * step * row_pixels, np.uint16 if name == "dq" else np.float32) for name in names
        }
        room = Workspace(inputs, step * row_pixels)
        made = self.made
        for first in range(start, stop, step):
            last = min(first + step, stop)
            pixels = (last - first) * row_pixels
            strip: dict[str, Array] = {}
            for name in names:
                strip[name] = buffers[name][: inputs * pixels].reshape(inputs, pixels)
                for values, source in zip(strip[name], given[name], strict=True):
                    assert source is not None
                    np.copyto(values, source[first - start : last - start].reshape(-1), casting="unsafe")
            data, variance = strip["data"], strip.get("variance")
            if self.scaled:
                scale_values(data, self.scale, self.zero)
                if variance is not None:
                    scale_values(variance, self.scale**2, np.zeros(inputs))
            combine_pixels(
                data, variance, strip.get("dq"), self.operation, self.rejection,
                out=(
                    made.data[first:last].reshape(-1),
                    made.variance[first:last].reshape(-1),
                    None if made.dq is None else made.dq[first:last].reshape(-1),
                    None if made.rejected is None else made.rejected[first:last].reshape(-1),
                ),
                room=room,
            )  # fmt: skip
