"""Resample a frame onto another pixel grid, flags included (primitives-sky-and-stack, 11.2 and 11.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from nightcrew.reducer.kernels.affine import Affine, Grid, bounds
from nightcrew.reducer.kernels.compiler import njit
from nightcrew.reducer.kernels.pixelwise import scale

if TYPE_CHECKING:
    from numpy.typing import NDArray

Interpolant: TypeAlias = Literal["nearest", "linear", "poly3", "poly5", "spline3", "spline5"]

SPLINE_ORDERS: dict[str, Literal[0, 1, 3, 5]] = {"nearest": 0, "linear": 1, "spline3": 3, "spline5": 5}
POLY_POINTS = {"poly3": 4, "poly5": 6}
NO_DATA = 16
OBJECT = 1 << 16
"""Bit that stands for OBJMASK among the bits of DQ while they travel together."""
DQ_THRESHOLD = 0.001
SAME_AREA = 2.0**-25
"""A factor closer to 1 changes no float32."""


@dataclass(frozen=True, slots=True)
class Resampled:
    """A frame on the output grid, shape (ny, nx) each.

    Parameters
    ----------
    data, variance
        float32; 0 outside the footprint.  `variance` is never negative.
    dq
        uint16; 16 outside the footprint.
    objmask
        uint8, 0 or 1.
    jacobian
        Area of an output pixel in pixels of the input; `data` and `variance` were multiplied by it to conserve flux.
    replaced
        Pixels that were no finite numbers and counted as 0.
    """

    data: NDArray[np.float32]
    variance: NDArray[np.float32] | None
    dq: NDArray[np.uint16]
    objmask: NDArray[np.uint8] | None
    jacobian: float
    replaced: int


def resample(
    data: NDArray[np.float32],
    variance: NDArray[np.float32] | None,
    dq: NDArray[np.uint16] | None,
    objmask: NDArray[np.uint8] | None,
    to_reference: Affine,
    grid: Grid,
    *,
    interpolant: Interpolant = "poly3",
    conserve: bool = True,
    dq_threshold: float = DQ_THRESHOLD,
    snap: float = 0.0,
) -> Resampled:
    """Resample one frame.

    Parameters
    ----------
    data, variance, dq, objmask
        Planes of the input, shape (ny, nx).
    to_reference
        From pixels of the input to pixels of the reference.
    grid
        Pixels wanted.
    interpolant
        `poly3`: cubic through 4 x 4 pixels; `poly5`: through 6 x 6; the others are those of `scipy.ndimage`.
    conserve
        Multiply by the ratio of pixel areas.
    dq_threshold
        A bit is set where its interpolated mask, as a fraction, is larger in absolute value.
    snap
        A shift that differs from whole pixels by less is a copy.  The reference copies exact ones only.

    Notes
    -----
    Positions are evaluated in float32 and the variance is interpolated like the data, as in the reference.
    A position is inside if ``0 <= c < n - 1`` on both axes.
    """
    ours = to_reference.shifted(-grid.origin[0], -grid.origin[1])
    back = ours.inverse()
    planes, replaced = _finite(data, variance)
    flags = _flags(dq, objmask)
    made = [np.zeros(grid.shape, np.float32) for _ in planes]
    out_flags = np.full(grid.shape, NO_DATA, np.uint32)
    whole = ours.integer_shift(snap)
    if whole is not None:
        _copy([*planes, flags], [*made, out_flags], whole)
    else:
        box = _clipped(bounds(ours, data.shape), grid.shape)
        _interpolate(planes, flags, made, out_flags, back, box, interpolant, dq_threshold)
    jacobian = back.area
    if conserve and abs(jacobian - 1.0) > SAME_AREA:
        made = [scale(m, None, jacobian)[0] for m in made]
    if variance is not None:
        np.maximum(made[1], np.float32(0.0), out=made[1])
    return Resampled(
        made[0], None if variance is None else made[1], (out_flags & 0xFFFF).astype(np.uint16),
        None if objmask is None else ((out_flags & OBJECT) != 0).astype(np.uint8), jacobian, replaced,
    )  # fmt: skip


def resample_mask(
    mask: NDArray[np.uint8], to_frame: Affine, shape: tuple[int, int], *, interpolant: Interpolant, threshold: float
) -> NDArray[np.uint8]:
    """Carry a mask of 0 and 1 from one frame into another (primitives-sky-and-stack, 7.1: transferObjectMask).

    Parameters
    ----------
    mask
        Shape of the frame where it was made.
    to_frame
        From pixels of that frame to those of the other.
    shape
        (ny, nx) of the other.
    threshold
        The result is 1 where the interpolated mask is larger in absolute value.
    """
    flags = _flags(None, mask)
    out = np.zeros(shape, np.uint32)
    box = _clipped(bounds(to_frame, mask.shape), shape)
    _interpolate([], flags, [], out, to_frame.inverse(), box, interpolant, threshold)
    carried: NDArray[np.uint8] = ((out & OBJECT) != 0).astype(np.uint8)
    return carried


def _finite(*planes: NDArray[np.float32] | None) -> tuple[list[NDArray[np.float32]], int]:
    """Return the planes that there are, with 0 for what is not a finite number, and how many those were."""
    given, replaced = [], 0
    for plane in planes:
        if plane is None:
            continue
        pixels = np.ascontiguousarray(plane, np.float32)
        wrong = ~np.isfinite(pixels)
        count = int(np.count_nonzero(wrong))
        given.append(np.where(wrong, np.float32(0.0), pixels) if count else pixels)
        replaced += count
    return given, replaced


def _flags(dq: NDArray[np.uint16] | None, objmask: NDArray[np.uint8] | None) -> NDArray[np.uint32]:
    """Put DQ and OBJMASK into one array."""
    present = dq if dq is not None else objmask
    if present is None:
        return np.zeros((0, 0), np.uint32)
    flags = np.zeros(present.shape, np.uint32) if dq is None else dq.astype(np.uint32)
    if objmask is not None:
        flags |= (objmask != 0).astype(np.uint32) << np.uint32(16)
    return flags


def _clipped(box: tuple[int, int, int, int], shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the part of an inclusive box (x0, y0, x1, y1) in an array, as half-open (y0, y1, x0, x1)."""
    x0, y0, x1, y1 = box
    return max(y0, 0), min(y1 + 1, shape[0]), max(x0, 0), min(x1 + 1, shape[1])


def _copy(planes: list[NDArray[Any]], made: list[NDArray[Any]], shift: tuple[int, int]) -> None:
    """Lay arrays into larger or smaller ones, displaced by whole pixels; an array without pixels counts as 0."""
    dx, dy = shift
    for source, target in zip(planes, made, strict=True):
        ny, nx = planes[0].shape
        y0, y1 = max(dy, 0), min(dy + ny, target.shape[0])
        x0, x1 = max(dx, 0), min(dx + nx, target.shape[1])
        if y1 > y0 and x1 > x0:
            target[y0:y1, x0:x1] = source[y0 - dy : y1 - dy, x0 - dx : x1 - dx] if source.size else 0


def _interpolate(
    planes: list[NDArray[np.float32]],
    flags: NDArray[np.uint32],
    made: list[NDArray[np.float32]],
    out_flags: NDArray[np.uint32],
    back: Affine,
    box: tuple[int, int, int, int],
    interpolant: Interpolant,
    threshold: float,
) -> None:
    matrix, shift = back.matrix[::-1, ::-1], back.offset[::-1]
    shift = shift + matrix @ np.array([box[0], box[2]])
    shape = planes[0].shape if planes else flags.shape
    if interpolant in POLY_POINTS:
        points = POLY_POINTS[interpolant]
        nothing = np.zeros((0, 0), np.float32)
        sources = [*(np.pad(plane, (2, 3)) for plane in planes), nothing, nothing][:2]
        targets = [*made, nothing, nothing][:2]
        near = _window(flags, points) if flags.any() else np.zeros((0, 0), np.uint32)
        _polynomial(
            sources[0], sources[1], flags, near, targets[0], targets[1], out_flags, np.array(shape),
            matrix.astype(np.float32), shift.astype(np.float32), np.array(box), points, np.float32(threshold),
        )  # fmt: skip
        return
    _by_spline(planes, flags, made, out_flags, shape, (matrix, shift), box, SPLINE_ORDERS[interpolant], threshold)


def _by_spline(
    planes: list[NDArray[np.float32]],
    flags: NDArray[np.uint32],
    made: list[NDArray[np.float32]],
    out_flags: NDArray[np.uint32],
    shape: tuple[int, ...],
    back: tuple[NDArray[np.float64], NDArray[np.float64]],
    box: tuple[int, int, int, int],
    order: Literal[0, 1, 3, 5],
    threshold: float,
) -> None:
    from scipy.ndimage import affine_transform  # noqa: PLC0415 (rarely wanted, slow to import)

    matrix, shift = back
    y0, y1, x0, x1 = box
    inside = (slice(y0, y1), slice(x0, x1))

    def moved(image: NDArray[np.float32], outside: float) -> NDArray[np.float32]:
        result: NDArray[np.float32] = affine_transform(
            image, matrix, shift, (y1 - y0, x1 - x0), order=order, mode="constant", cval=outside
        )
        return result

    for source, target in zip(planes, made, strict=True):
        target[inside] = moved(source, 0.0)
    set_bits = int(np.bitwise_or.reduce(flags, axis=None)) if flags.size else 0
    result = np.zeros((y1 - y0, x1 - x0), np.uint32)
    for bit in (1 << k for k in range(17)):
        if not (set_bits | NO_DATA) & bit:
            continue
        image = ((flags & bit) != 0).astype(np.float32) if flags.size else np.zeros(shape, np.float32)
        result |= (np.abs(moved(image, float(bit == NO_DATA))) > threshold).astype(np.uint32) * np.uint32(bit)
    out_flags[inside] = result


@njit(cache=True, nogil=True)
def _window(flags: Any, points: int) -> Any:
    """OR together the flags of all pixels that an interpolation in the cell of a pixel looks at."""
    ny, nx = flags.shape
    before, after = points // 2 - 1, points // 2
    across = np.zeros((ny, nx), np.uint32)
    for y in range(ny):
        for k in range(-before, after + 1):
            for x in range(max(0, -k), min(nx, nx - k)):
                across[y, x] |= flags[y, x + k]
    near = np.zeros((ny, nx), np.uint32)
    for y in range(ny):
        for k in range(max(-before, -y), min(after + 1, ny - y)):
            for x in range(nx):
                near[y, x] |= across[y + k, x]
    return near


@njit(cache=True, nogil=True)
def _weigh(c: Any, cell: Any, w: Any, count: int, n: int, points: int) -> None:
    """Split positions into the pixel before them and the weights of the pixels 2 before to 3 after that one.

    The outermost two cells are interpolated linearly, with six points the next ones cubically.
    """
    one, two, four, six = np.float32(1.0), np.float32(2.0), np.float32(4.0), np.float32(6.0)
    zero, twentieth = np.float32(0.0), np.float32(0.05)
    for x in range(count):
        i = np.int32(c[x])
        cell[x] = i
        p = c[x] - np.float32(i)
        q = one - p
        cubic = (i > 0) & (i < n - 2)
        p3 = p * (p * p - one) / six if cubic else zero
        q3 = q * (q * q - one) / six if cubic else zero
        quintic = (points == 6) & (i > 1) & (i < n - 3)
        p5 = twentieth * p3 * (p * p - four) if quintic else zero
        q5 = twentieth * q3 * (q * q - four) if quintic else zero
        w[0, x] = q5
        w[1, x] = q3 - four * q5 + p5
        w[2, x] = q + p3 - two * q3 + six * q5 - four * p5
        w[3, x] = p + q3 - two * p3 + six * p5 - four * q5
        w[4, x] = p3 - four * p5 + q5
        w[5, x] = p5


@njit(cache=True, nogil=True)
def _weighted_sum(image: Any, i: int, j: int, wy: Any, wx: Any, first: int, last: int, points: int, out: Any) -> None:
    """Interpolate a run of pixels whose cells lie side by side, the first at (i, j) of the padded image."""
    count = last - first
    for x in range(count):
        out[first + x] = np.float32(0.0)
    if points == 4:
        for v in range(1, 5):
            row = image[i + v]
            for x in range(count):
                k, s = j + x, first + x
                total = wx[1, s] * row[k + 1] + wx[2, s] * row[k + 2] + wx[3, s] * row[k + 3] + wx[4, s] * row[k + 4]
                out[s] += wy[v, s] * total
        return
    for v in range(6):
        row = image[i + v]
        for x in range(count):
            k, s = j + x, first + x
            total = wx[0, s] * row[k] + wx[1, s] * row[k + 1] + wx[2, s] * row[k + 2]
            total += wx[3, s] * row[k + 3] + wx[4, s] * row[k + 4] + wx[5, s] * row[k + 5]
            out[s] += wy[v, s] * total


@njit(cache=True, nogil=True)
def _bits(flags: Any, near: Any, i: int, j: int, x: int, wy: Any, wx: Any, threshold: Any) -> Any:
    """Return the bits whose interpolated mask exceeds the threshold at one pixel."""
    ny, nx = flags.shape
    found = np.uint32(0)
    for k in range(17):
        bit = np.uint32(1) << np.uint32(k)
        if near & bit == 0:
            continue
        value = np.float32(0.0)
        for v in range(max(i - 2, 0), min(i + 4, ny)):
            for u in range(max(j - 2, 0), min(j + 4, nx)):
                if flags[v, u] & bit:
                    value += wy[v - i + 2, x] * wx[u - j + 2, x]
        if abs(value) > threshold:
            found |= bit
    return found


@njit(cache=True, nogil=True)
def _polynomial(
    data: Any, variance: Any, flags: Any, near: Any, out_data: Any, out_variance: Any, out_flags: Any,
    shape: Any, matrix: Any, shift: Any, box: Any, points: int, threshold: Any,
) -> None:  # fmt: skip
    """Interpolate row by row; images are padded by 2 pixels before and 3 behind."""
    ny, nx = shape[0], shape[1]
    y0, y1, x0, x1 = box[0], box[1], box[2], box[3]
    width = x1 - x0
    if width <= 0:
        return
    cy, cx = np.empty(width, np.float32), np.empty(width, np.float32)
    cell_y, cell_x = np.empty(width, np.int32), np.empty(width, np.int32)
    wy, wx = np.empty((6, width), np.float32), np.empty((6, width), np.float32)
    inside = np.empty(width, np.uint8)
    for y in range(y0, y1):
        fy = np.float32(y - y0)
        for x in range(width):
            fx = np.float32(x)
            cy[x] = matrix[0, 0] * fy + matrix[0, 1] * fx + shift[0]
            cx[x] = matrix[1, 0] * fy + matrix[1, 1] * fx + shift[1]
            inside[x] = (cy[x] >= 0) & (cy[x] < ny - 1) & (cx[x] >= 0) & (cx[x] < nx - 1)
        _weigh(cy, cell_y, wy, width, ny, points)
        _weigh(cx, cell_x, wx, width, nx, points)
        first = 0
        while first < width:
            if not inside[first]:
                first += 1
                continue
            i, j = cell_y[first], cell_x[first]
            last = first + 1
            while last < width and inside[last] and cell_y[last] == i and cell_x[last] == j + last - first:
                last += 1
            if data.size > 0:
                _weighted_sum(data, i, j, wy, wx, first, last, points, out_data[y, x0:x1])
            if variance.size > 0:
                _weighted_sum(variance, i, j, wy, wx, first, last, points, out_variance[y, x0:x1])
            for x in range(first, last):
                out_flags[y, x0 + x] = 0
            if near.size > 0:
                for x in range(first, last):
                    bits = near[i, j + x - first]
                    if bits:
                        out_flags[y, x0 + x] = _bits(flags, bits, i, j + x - first, x, wy, wx, threshold)
            first = last
