"""Resample a frame onto another pixel grid, flags included (primitives-sky-and-stack, 11.2 and 11.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from nightcrew.reducer.kernels.affine import Affine, Grid, bounds
from nightcrew.reducer.kernels.compiler import njit
from nightcrew.reducer.kernels.pixelwise import scale
from nightcrew.reducer.kernels.threads import in_spans

if TYPE_CHECKING:
    from numpy.typing import NDArray

Interpolant: TypeAlias = Literal["nearest", "linear", "poly3", "poly5", "spline3", "spline5"]

SPLINE_ORDERS: dict[str, Literal[0, 1, 3, 5]] = {"nearest": 0, "linear": 1, "spline3": 3, "spline5": 5}
POLY_POINTS = {"poly3": 4, "poly5": 6}
NO_DATA = 16
OBJECT = 1 << 16
"""Bit that stands for OBJMASK among the bits of DQ while they travel together."""
DQ_THRESHOLD = 0.001
CERTAIN = 0.5
"""A mask that is set all around interpolates to 1, up to the rounding of weights: it exceeds such a threshold."""
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
    threads: int = 1,
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
    threads
        Threads at work; changes no result.

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
        _interpolate(planes, flags, made, out_flags, back, box, interpolant, dq_threshold, threads)
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
    threads: int = 1,
) -> None:
    matrix, shift = back.matrix[::-1, ::-1], back.offset[::-1]
    shift = shift + matrix @ np.array([box[0], box[2]])
    shape = planes[0].shape if planes else flags.shape
    if interpolant in POLY_POINTS:
        points = POLY_POINTS[interpolant]
        nothing = np.zeros((0, 0), np.float32)
        sources = [*(np.pad(plane, (2, 3)) for plane in planes), nothing, nothing][:2]
        targets = [*made, nothing, nothing][:2]
        none = np.zeros((0, 0), np.uint32)
        near, full = _window(flags, points) if flags.any() else (none, none)

        def rows(start: int, stop: int) -> None:
            _polynomial(
                sources[0], sources[1], flags, near, full, targets[0], targets[1], out_flags, np.array(shape),
                matrix.astype(np.float32), shift.astype(np.float32), np.array(box), start, stop, points,
                np.float32(threshold),
            )  # fmt: skip

        in_spans(rows, box[0], box[1], threads)
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
    """Unite the flags of all pixels that an interpolation in the cell of a pixel looks at.

    Returns
    -------
    any, all
        Flags that one of them has, and flags that all of them have as far as they are in the image.
    """
    ny, nx = flags.shape
    before, after = points // 2 - 1, points // 2
    some, every = np.empty((ny, nx), np.uint32), np.empty((ny, nx), np.uint32)
    for y in range(ny):
        row, a, b = flags[y], some[y], every[y]
        a[:] = row
        b[:] = row
        for k in range(-before, after + 1):
            start, stop = max(0, -k), min(nx, nx - k)
            if k == 0 or stop <= start:
                continue
            other, c, d = row[start + k : stop + k], a[start:stop], b[start:stop]
            for x in range(stop - start):
                c[x] |= other[x]
                d[x] &= other[x]
    near, full = np.empty((ny, nx), np.uint32), np.empty((ny, nx), np.uint32)
    for y in range(ny):
        a, b = near[y], full[y]
        a[:] = some[y]
        b[:] = every[y]
        for k in range(max(-before, -y), min(after + 1, ny - y)):
            c, d = some[y + k], every[y + k]
            for x in range(nx):
                a[x] |= c[x]
                b[x] &= d[x]
    return near, full


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
    """Interpolate a run of pixels whose cells lie side by side, the first at (i, j) of the padded image.

    Each row of the image adds to the sum by itself, and slices begin where the run does: so the loops are vectors.
    """
    n = last - first
    total = out[first:last]
    total[:] = np.float32(0.0)
    w0, w1, w2 = wx[0, first:last], wx[1, first:last], wx[2, first:last]
    w3, w4, w5 = wx[3, first:last], wx[4, first:last], wx[5, first:last]
    if points == 4:
        for v in range(1, 5):
            row, w = image[i + v, j : j + n + 5], wy[v, first:last]
            b, c, d, e = row[1 : n + 1], row[2 : n + 2], row[3 : n + 3], row[4 : n + 4]
            for x in range(n):
                total[x] += w[x] * (w1[x] * b[x] + w2[x] * c[x] + w3[x] * d[x] + w4[x] * e[x])
        return
    for v in range(6):
        row, w = image[i + v, j : j + n + 5], wy[v, first:last]
        a, b, c, d, e, f = row[0:n], row[1 : n + 1], row[2 : n + 2], row[3 : n + 3], row[4 : n + 4], row[5 : n + 5]
        for x in range(n):
            part = w0[x] * a[x] + w1[x] * b[x] + w2[x] * c[x]
            part += w3[x] * d[x] + w4[x] * e[x] + w5[x] * f[x]
            total[x] += w[x] * part


@njit(cache=True, nogil=True)
def _bits(flags: Any, near: Any, i: int, j: int, x: int, wy: Any, wx: Any, points: int, threshold: Any) -> Any:
    """Return the bits whose interpolated mask exceeds the threshold at one pixel, out of those in `near`."""
    ny, nx = flags.shape
    reach = points // 2
    found = np.uint32(0)
    for k in range(17):
        bit = np.uint32(1) << np.uint32(k)
        if near & bit == 0:
            continue
        value = np.float32(0.0)
        for v in range(max(i - reach + 1, 0), min(i + reach + 1, ny)):
            for u in range(max(j - reach + 1, 0), min(j + reach + 1, nx)):
                if flags[v, u] & bit:
                    value += wy[v - i + 2, x] * wx[u - j + 2, x]
        if abs(value) > threshold:
            found |= bit
    return found


@njit(cache=True, nogil=True)
def _polynomial(
    data: Any, variance: Any, flags: Any, near: Any, full: Any, out_data: Any, out_variance: Any, out_flags: Any,
    shape: Any, matrix: Any, shift: Any, box: Any, start: int, stop: int, points: int, threshold: Any,
) -> None:  # fmt: skip
    """Interpolate the rows `start` to `stop` of a box; images are padded by 2 pixels before and 3 behind."""
    ny, nx = shape[0], shape[1]
    y0, x0, x1 = box[0], box[2], box[3]
    certain = threshold < CERTAIN
    width = x1 - x0
    if width <= 0:
        return
    cy, cx = np.empty(width, np.float32), np.empty(width, np.float32)
    cell_y, cell_x = np.empty(width, np.int32), np.empty(width, np.int32)
    wy, wx = np.empty((6, width), np.float32), np.empty((6, width), np.float32)
    inside = np.empty(width, np.uint8)
    for y in range(start, stop):
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
                        # The weights add up to 1: what all pixels have need not be added up.
                        known = full[i, j + x - first] if certain else np.uint32(0)
                        if bits != known:
                            known |= _bits(flags, bits & ~known, i, j + x - first, x, wy, wx, points, threshold)
                        out_flags[y, x0 + x] = known
            first = last
