"""Steps that treat every pixel alone: flags, linearity, noise, arithmetic with VAR and DQ.

All take C-contiguous or other arrays of any real type and return new float32 (DQ: uint16) arrays;
what they are given is never written to.  VAR is never negative on return.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from nightcrew.reducer.kernels.compiler import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels: TypeAlias = NDArray[np.float32]
    Flags: TypeAlias = NDArray[np.uint16]
    Planes: TypeAlias = tuple[Pixels, Pixels | None, Flags | None]
    """Science pixels, their variance and their flags; the latter two may be absent."""

NON_LINEAR, SATURATED, NO_DATA = 2, 4, 16
HOLE = 10_000
"""Pixels that a hole in a saturated star may have at most (primitives-calibration, 4)."""


def native(pixels: NDArray[Any]) -> Pixels:
    """Return float32, C-contiguous, native byte order; the array itself if it is that already."""
    return np.ascontiguousarray(pixels, np.float32)


def flag_levels(
    raw: NDArray[Any], saturation: float | None, non_linear: float | None, *, hole: int = HOLE
) -> tuple[Pixels, Flags]:
    """Flag what the detector cannot measure (primitives-calibration, 4).

    Parameters
    ----------
    raw
        Counts, shape (ny, nx), any real type.
    saturation, non_linear
        Levels in the units of `raw`; None or 0 where not known.
    hole
        Largest region of counts below `non_linear`, connected by edges, that is taken for the hole
        in the centre of a saturated star.

    Returns
    -------
    data
        The counts as float32; 0 in place of what is not a finite number.
    dq
        16 where the count is not finite, 4 where saturated or a hidden saturation, 2 where not linear.
    """
    data = native(raw)
    dq = np.empty(data.shape, np.uint16)
    limits = (min(non_linear or np.inf, saturation or np.inf), saturation or np.inf)
    wrong, bright = _flag(data.reshape(-1), dq.reshape(-1), *limits)
    if wrong:
        data = np.where(np.isfinite(data), data, np.float32(0.0))
    levels_known = saturation and non_linear and saturation > non_linear
    if non_linear and levels_known and data.ndim == 2 and (bright or data.size <= hole):
        _fill_holes(data, dq, non_linear, hole, bright)
    return data, dq


@njit(cache=True, nogil=True)
def _flag(data: Any, dq: Any, non_linear: float, saturation: float) -> Any:
    """Flag by level; return how many pixels are no finite numbers and how many are not linear."""
    wrong, bright = 0, 0
    for i in range(data.size):
        value = np.float64(data[i])
        q = np.uint16(NON_LINEAR) if value >= non_linear else np.uint16(0)
        q = np.uint16(SATURATED) if value >= saturation else q
        bright += 1 if value >= non_linear else 0
        undefined = not np.isfinite(value)
        wrong += 1 if undefined else 0
        dq[i] = np.uint16(NO_DATA) if undefined else q
    return wrong, bright


@njit(cache=True, nogil=True)
def _lonely(data: Any, y: int, x: int, limit: float) -> bool:
    """Tell whether none of the eight pixels around one is at or above the limit."""
    ny, nx = data.shape
    for v in range(max(y - 1, 0), min(y + 2, ny)):
        for u in range(max(x - 1, 0), min(x + 2, nx)):
            if (v != y or u != x) and data[v, u] >= limit:
                return False
    return True


@njit(cache=True, nogil=True)
def _fill_holes(data: Any, dq: Any, limit: float, hole: int, total: int) -> None:
    """Flag every 4-connected region below `limit` that has at most `hole` pixels.

    Such a region either touches a pixel at or above the limit, where the search starts, or is the
    whole array.  A search ends as soon as the region is too large or meets one known to be.  Bright pixels
    that touch no other, not even at a corner, enclose nothing: all around one belongs to one region, which, if
    it touches none but such pixels, is all the rest of the array.
    """
    ny, nx = data.shape
    skip_lonely = ny * nx - total > hole and ny > 1 and nx > 1
    if ny * nx <= hole:
        bright = 0
        for y in range(ny):
            for x in range(nx):
                bright += data[y, x] >= limit
        if bright == 0:
            for y in range(ny):
                for x in range(nx):
                    dq[y, x] |= SATURATED
            return
    seen = np.zeros((0, 0), np.uint8)
    stack = np.empty((0, 2), np.int32)
    steps = ((0, 1), (0, -1), (1, 0), (-1, 0))
    for y in range(ny):
        bright = 0
        for x in range(nx):
            bright += data[y, x] >= limit
        for x in range(nx if bright else 0):
            if not data[y, x] >= limit or (skip_lonely and _lonely(data, y, x, limit)):
                continue
            if seen.size == 0:
                seen = np.zeros((ny, nx), np.uint8)
                stack = np.empty((hole + 5, 2), np.int32)
            for dy, dx in steps:
                v, u = y + dy, x + dx
                if not (0 <= v < ny and 0 <= u < nx) or data[v, u] >= limit or seen[v, u]:
                    continue
                # The region lies in stack[:size]; those before `done` have had their neighbours looked at.
                stack[0, 0], stack[0, 1] = v, u
                seen[v, u] = 1
                size, done, large = 1, 0, False
                while done < size and not large:
                    for ey, ex in steps:
                        b, a = stack[done, 0] + ey, stack[done, 1] + ex
                        if not (0 <= b < ny and 0 <= a < nx) or data[b, a] >= limit:
                            continue
                        if seen[b, a] == 2:
                            large = True
                        elif seen[b, a] == 0:
                            seen[b, a] = 1
                            stack[size, 0], stack[size, 1] = b, a
                            size += 1
                    done += 1
                    large = large or size > hole
                for k in range(size):
                    if large:
                        seen[stack[k, 0], stack[k, 1]] = 2
                    else:
                        dq[stack[k, 0], stack[k, 1]] |= SATURATED


def linearize_niri(
    data: Pixels,
    variance: Pixels | None,
    gamma: float,
    eta: float,
    gain: float,
    coadds: int,
    exposure: float,
    dt: float,
) -> tuple[Pixels, Pixels | None]:
    """Bring NIRI counts to what a linear detector would have recorded (primitives-calibration, 6.1).

    Parameters
    ----------
    data, variance
        Counts and their variance.
    gamma, eta
        Coefficients of the polynomial, per electron and per electron squared.
    gain
        Electrons per count: that of the detector for ADU, 1 for electrons.
    coadds
        Exposures that were summed.
    exposure
        Nominal seconds of one of them.
    dt
        Seconds that the array integrates in addition; the result is scaled to the nominal time.

    Notes
    -----
    Coefficients and pixels are float32, as in the reference.  The variance grows by the counts that were added.
    """
    single = np.float32
    time, extra = single(exposure), single(dt)
    factor = time / (time + extra)
    units = (single(gain / coadds), single(coadds / gain))
    return _linearize(
        data,
        variance,
        (single(1.0), single(gamma), single(eta)),
        units,
        factor,
        single(gain),
    )


def linearize_f2(
    data: Pixels,
    variance: Pixels | None,
    coefficients: tuple[float, float, float],
    gain: float,
    coadds: int,
    *,
    update_variance: bool,
) -> tuple[Pixels, Pixels | None]:
    """Bring F2 counts to what a linear detector would have recorded (primitives-calibration, 6.2).

    Parameters
    ----------
    data, variance
        Counts and their variance.
    coefficients
        c0, c1, c2: linear electrons are ``c * (c0 + c * (c1 + c * c2))``.
    gain, coadds
        As for NIRI.
    update_variance
        Whether the variance contains photon noise, which grows with the counts.
    """
    single = np.float32
    c0, c1, c2 = (single(c) for c in coefficients)
    pair = (single(gain / coadds), single(coadds / gain))
    linear, noise = _linearize(
        data, variance if update_variance else None, (c0, c1, c2), pair, single(1.0), single(gain)
    )
    return linear, noise if update_variance else variance


def _linearize(
    data: Pixels,
    variance: Pixels | None,
    polynomial: tuple[np.float32, np.float32, np.float32],
    units: tuple[np.float32, np.float32],
    factor: np.float32,
    gain: np.float32,
) -> tuple[Pixels, Pixels | None]:
    data = native(data)
    linear = np.empty_like(data)
    noise = None if variance is None else np.empty_like(data)
    before, after = _flat_or_nothing(variance), _flat_or_nothing(noise)
    _polynomial(data.reshape(-1), before, linear.reshape(-1), after, polynomial, units, factor, gain)
    return linear, noise


@njit(cache=True, nogil=True)
def _polynomial(
    data: Any, variance: Any, out: Any, out_variance: Any, polynomial: Any, units: Any, factor: Any, gain: Any
) -> None:
    c0, c1, c2 = polynomial
    per_count, per_electron = units
    has_variance = variance.size > 0
    for i in range(data.size):
        c = data[i] * per_count
        linear = c * (c0 + c * (c1 + c * c2)) * per_electron
        out[i] = linear * factor
        if has_variance:
            v = (variance[i] + (linear - data[i]) / gain) * factor * factor
            out_variance[i] = np.float32(0.0) if v < 0 else v


def scale(data: Pixels, variance: Pixels | None, factor: float) -> tuple[Pixels, Pixels | None]:
    """Multiply pixels by a number and their variance by its square; products are double, then rounded."""
    data = native(data)
    scaled = np.empty_like(data)
    _times(data.reshape(-1), scaled.reshape(-1), float(factor))
    if variance is None:
        return scaled, None
    noise = np.empty_like(data)
    _times(native(variance).reshape(-1), noise.reshape(-1), float(factor) ** 2)
    return scaled, noise


def divide_by(data: Pixels, variance: Pixels | None, divisor: float) -> tuple[Pixels, Pixels | None]:
    """Divide pixels by a number and their variance by its square."""
    return scale(data, variance, 1.0 / divisor)


@njit(cache=True, nogil=True)
def _times(values: Any, out: Any, factor: float) -> None:
    for i in range(values.size):
        out[i] = np.float32(np.float64(values[i]) * factor)


def offset(data: Pixels, amount: float) -> Pixels:
    """Add a number to pixels; the sum is double, then rounded."""
    return np.add(data, np.float64(amount), dtype=np.float64).astype(np.float32)


def add_variance(
    data: Pixels, variance: Pixels | None, *, read_variance: float = 0.0, poisson_gain: float | None = None
) -> Pixels:
    """Return the variance with read noise and photon noise added (primitives-calibration, 8).

    Parameters
    ----------
    data, variance
        Pixels, and the variance that they have already.
    read_variance
        Square of the read noise in units of `data`.
    poisson_gain
        Electrons per unit of `data`; None adds no photon noise.  Negative pixels count as 0.
    """
    data = native(data)
    noise = np.empty_like(data)
    per_gain = np.float32(0.0 if poisson_gain is None else 1.0 / poisson_gain)
    _noise(data.reshape(-1), _flat_or_nothing(variance), noise.reshape(-1), np.float32(read_variance), per_gain)
    return noise


def with_noise(
    data: Pixels, variance: Pixels | None, *, read_variance: float = 0.0, poisson_gain: float | None = None
) -> tuple[Pixels, Pixels]:
    """Return the pixels as they are, and their variance as `add_variance` makes it."""
    return data, add_variance(data, variance, read_variance=read_variance, poisson_gain=poisson_gain)


@njit(cache=True, nogil=True)
def _noise(data: Any, variance: Any, out: Any, read_variance: Any, per_gain: Any) -> None:
    has_variance = variance.size > 0
    for i in range(data.size):
        photons = data[i] * per_gain if data[i] > 0 else np.float32(0.0)
        v = read_variance + photons
        if has_variance:
            v += variance[i]
        out[i] = np.float32(0.0) if v < 0 else v


def subtract(a: Planes, b: Planes) -> Planes:
    """Subtract: VAR adds, DQ is OR-ed, an absent VAR counts as 0 (primitives-calibration, 9.1)."""
    data = np.subtract(native(a[0]), native(b[0]))
    return data, _sum_of_variances(a[1], b[1]), _either(a[2], b[2])


def divide(a: Planes, b: Planes) -> Planes:
    """Divide: ``VAR = (VA * B**2 + VB * A**2) / B**4``, DQ is OR-ed (primitives-calibration, 9.1).

    There is no protection against a divisor of 0: the result is infinite or no number.
    """
    numerator, divisor = native(a[0]), native(b[0])
    data = np.empty_like(numerator)
    variance = None if a[1] is None and b[1] is None else np.empty_like(numerator)
    _quotient(
        numerator.reshape(-1), _flat_or_nothing(a[1]), divisor.reshape(-1), _flat_or_nothing(b[1]),
        data.reshape(-1), _flat_or_nothing(variance),
    )  # fmt: skip
    return data, variance, _either(a[2], b[2])


@njit(cache=True, nogil=True, error_model="numpy")
def _quotient(a: Any, va: Any, b: Any, vb: Any, out: Any, out_variance: Any) -> None:
    propagate, has_va, has_vb = out_variance.size > 0, va.size > 0, vb.size > 0
    for i in range(a.size):
        out[i] = a[i] / b[i]
        if propagate:
            x, y = np.float64(a[i]), np.float64(b[i])
            y2 = y * y
            v = np.float64(va[i]) * y2 if has_va else 0.0
            v += np.float64(vb[i]) * x * x if has_vb else 0.0
            out_variance[i] = np.float32(v / (y2 * y2))


def _flat_or_nothing(pixels: NDArray[Any] | None) -> Pixels:
    return np.empty(0, np.float32) if pixels is None else native(pixels).reshape(-1)


def _sum_of_variances(a: Pixels | None, b: Pixels | None) -> Pixels | None:
    if a is None or b is None:
        present = b if a is None else a
        return None if present is None else native(present).copy()
    return np.add(native(a), native(b))


def _either(a: Flags | None, b: Flags | None) -> Flags | None:
    if a is None or b is None:
        present = b if a is None else a
        return None if present is None else present.copy()
    return np.bitwise_or(a, b)
