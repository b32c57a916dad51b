"""The N-image combiner: DQ hierarchy, rejection, combination (primitives-calibration, 10).

Every output pixel depends on the N input values at its position only.  The loops run over short
blocks of pixels, one comparison or addition for the whole block at a time, so that the compiler
can use vector instructions: N values are sorted by a network of minima and maxima, not one pixel
after the other.  Neither the block nor the tile has an influence on the bits of a pixel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from nightcrew.shared.errors import RecipeError
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

Operation: TypeAlias = Literal["mean", "median", "lmedian", "wtmean"]
RejectionMethod: TypeAlias = Literal["none", "minmax", "sigclip", "varclip"]

MEAN, MEDIAN, LMEDIAN, WTMEAN = range(4)
NONE, MINMAX, SIGCLIP, VARCLIP = range(4)
OPERATIONS: dict[str, int] = {"mean": MEAN, "median": MEDIAN, "lmedian": LMEDIAN, "wtmean": WTMEAN}
METHODS: dict[str, int] = {"none": NONE, "minmax": MINMAX, "sigclip": SIGCLIP, "varclip": VARCLIP}

TO_CONVERGENCE = 100
"""Iterations of clipping when no limit is asked for (10.2)."""
MEDIAN_VARIANCE = math.pi / 2
"""Variance of a median in units of that of a mean, for many Gaussian values."""
HARMLESS = 2 | 4
"""Bits that do not keep a pixel from being used: non-linear, saturated (10.1)."""
KNOWN = 127
UNUSABLE = 6
"""Level of badness of a pixel with a bit that has no meaning."""
BLOCK_VALUES = 4096
"""Values (inputs times pixels) in a block: they and their flags stay in the first-level cache."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """How deviant values are left out of a combination (primitives-calibration, 10.2).

    Parameters
    ----------
    method
        `none`, `minmax`, `sigclip` (scatter of the inputs) or `varclip` (each input's own VAR).
    lsigma, hsigma
        How many sigmas below and above the centre a value may lie.
    mclip
        Clip about the median; otherwise about the median first and the mean later.
    max_iters
        At most so many rounds of clipping; None means to convergence (100).
    nlow, nhigh
        How many of the lowest and highest values minmax leaves out, if all inputs are usable.
    recompute_centre
        With `mclip`, take the median of what is left in each round.  The reference keeps that of all usable values.
    reference_rounding
        Form the squares for sigma in float32, as the reference does.
    """

    method: RejectionMethod = "none"
    lsigma: float = 3.0
    hsigma: float = 3.0
    mclip: bool = True
    max_iters: int | None = None
    nlow: int = 0
    nhigh: int = 0
    recompute_centre: bool = False
    reference_rounding: bool = False

    def check(self, inputs: int) -> None:
        """Raise `RecipeError` if so many inputs cannot be combined with this rejection."""
        if self.method == "minmax" and self.nlow + self.nhigh >= inputs:
            raise RecipeError(
                f"Only {inputs} images but nlow={self.nlow} and nhigh={self.nhigh}; lower them or use reject_method=none"
            )


def combine_pixels(
    data: NDArray[np.float32],
    variance: NDArray[np.float32] | None,
    dq: NDArray[np.uint16] | None,
    operation: Operation,
    rejection: Rejection,
    *,
    scale: NDArray[np.float64],
    zero: NDArray[np.float64],
    out: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint16], NDArray[np.int16]],
) -> None:
    """Combine N values at each of P positions.

    Parameters
    ----------
    data, variance, dq
        Values of the inputs, shape (N, P), C-contiguous; `variance` and `dq` are those of all inputs or None.
    operation
        How the values that are left are averaged (10.3).
    rejection
        What is left out (10.2).
    scale, zero
        Input i enters as ``data[i] * scale[i] + zero[i]``, its variance as ``variance[i] * scale[i]**2``; shape (N,).
    out
        Receives data, variance, dq and the number of inputs that were not used, shape (P,) each.

    Notes
    -----
    Sums are double.  sigclip measures sigma about the mean in two passes unless the reference's rounding is asked for.
    """
    inputs, pixels = data.shape
    absent = np.empty((0, pixels), np.float32)
    unflagged = np.empty((0, pixels), np.uint16)
    clip = (rejection.lsigma, rejection.hsigma, rejection.max_iters or TO_CONVERGENCE)
    drop = (rejection.nlow, rejection.nhigh)
    switches = (rejection.mclip, rejection.recompute_centre, rejection.reference_rounding)
    method = METHODS[rejection.method]
    if method == VARCLIP and variance is None:
        method = SIGCLIP
    block = max(16, min(256, BLOCK_VALUES // max(inputs, 1) // 16 * 16))
    _combine(
        data, absent if variance is None else variance, unflagged if dq is None else dq, scale, zero,
        OPERATIONS[operation], method, clip, drop, switches, block, *out,
    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def _sort(keys: Any, inputs: int, pixels: int) -> None:
    """Sort the N values at each position: Batcher's network, odd-even merge sort."""
    p = 1
    while p < inputs:
        k = p
        while k >= 1:
            for j in range(k % p, inputs - k, 2 * k):
                for i in range(min(k, inputs - j - k)):
                    if (i + j) // (2 * p) == (i + j + k) // (2 * p):
                        low, high = keys[i + j], keys[i + j + k]
                        for x in range(pixels):
                            a, b = low[x], high[x]
                            low[x] = b if b < a else a
                            high[x] = a if b < a else b
            k //= 2
        p *= 2


@njit(cache=True, nogil=True, error_model="numpy")
def _middle(values: Any, live: Any, keys: Any, count: Any, centre: Any, low_median: bool, pixels: int) -> None:
    """Put the median of the live values into `centre`, and how many there are into `count`; NaN sorts last."""
    inputs = values.shape[0]
    count[:pixels] = 0
    nans = 0
    for i in range(inputs):
        for x in range(pixels):
            v = values[i, x]
            keys[i, x] = v if (live[i, x] != 0) & (v == v) else np.float32(np.inf)
            nans += (live[i, x] != 0) & (v != v)
            count[x] += live[i, x]
    _sort(keys, inputs, pixels)
    for x in range(pixels):
        n = count[x]
        if n == 0:
            centre[x] = np.float32(0.0)
            continue
        numbers = n
        if nans:
            for i in range(inputs):
                numbers -= (live[i, x] != 0) & (values[i, x] != values[i, x])
        below, above = (n - 1) // 2, n // 2
        if low_median:
            above = below
        if above >= numbers:
            centre[x] = np.float32(np.nan)
        elif above == below:
            centre[x] = keys[below, x]
        else:
            centre[x] = np.float32(0.5 * (np.float64(keys[below, x]) + np.float64(keys[above, x])))


@njit(cache=True, nogil=True, error_model="numpy")
def _mark_usable(dq: Any, start: int, pixels: int, usable: Any, levels: Any) -> None:
    """Mark the inputs of the mildest level of badness that occurs at each position (10.1)."""
    inputs = dq.shape[0]
    seen = np.uint16(0)
    for i in range(inputs):
        for x in range(pixels):
            seen |= dq[i, start + x]
    if seen & ~np.uint16(HARMLESS) == 0:
        usable[:, :pixels] = 1
        return
    best = levels[inputs]
    best[:pixels] = UNUSABLE
    for i in range(inputs):
        for x in range(pixels):
            q = dq[i, start + x]
            level = np.uint8(0)
            level = np.uint8(1) if q & 8 else level
            level = np.uint8(2) if q & 32 else level
            level = np.uint8(3) if q & 1 else level
            level = np.uint8(4) if q & 64 else level
            level = np.uint8(5) if q & 16 else level
            level = np.uint8(UNUSABLE) if q > KNOWN else level
            levels[i, x] = level
            best[x] = min(best[x], level)
    for i in range(inputs):
        for x in range(pixels):
            usable[i, x] = (levels[i, x] == best[x]) & (levels[i, x] < UNUSABLE)


@njit(cache=True, nogil=True, error_model="numpy")
def _reject_extremes(
    values: Any, live: Any, keys: Any, count: Any, centre: Any, nlow: int, nhigh: int, pixels: int
) -> None:
    """minmax: leave out the lowest and highest of the live values; of equal ones the first (10.2)."""
    inputs = values.shape[0]
    _middle(values, live, keys, count, centre, False, pixels)
    for x in range(pixels):
        n = np.int64(count[x])
        low = int(n * nlow / inputs + 0.001)
        high = int(n * nhigh / inputs + 0.001)
        if low:
            limit = keys[low - 1, x]
            ties = low
            for i in range(inputs):
                ties -= (live[i, x] != 0) & (values[i, x] < limit)
            for i in range(inputs):
                v = values[i, x]
                if live[i, x] and (v < limit or (v == limit and ties > 0)):
                    ties -= v == limit
                    live[i, x] = 0
        if high:
            nans = 0
            for i in range(inputs):
                nans += (live[i, x] != 0) & (values[i, x] != values[i, x])
            kept = max(high - nans, 0)
            limit = keys[n - nans - kept, x] if kept else np.float32(np.inf)
            ties = kept
            for i in range(inputs):
                ties -= (live[i, x] != 0) & (values[i, x] > limit)
            dropped_nans = min(high, nans)
            for i in range(inputs):
                v = values[i, x]
                if not live[i, x]:
                    continue
                if v != v:
                    if dropped_nans:
                        dropped_nans -= 1
                        live[i, x] = 0
                elif kept and (v > limit or (v == limit and ties > 0)):
                    ties -= v == limit
                    live[i, x] = 0


@njit(cache=True, nogil=True, error_model="numpy")
def _moments(values: Any, live: Any, count: Any, mean: Any, sigma: Any, float32_squares: bool, pixels: int) -> None:
    """Mean and population standard deviation of the live values, and how many there are."""
    inputs = values.shape[0]
    count[:pixels] = 0
    mean[:pixels] = 0.0
    sigma[:pixels] = 0.0
    for i in range(inputs):
        for x in range(pixels):
            count[x] += live[i, x]
            mean[x] += np.float64(values[i, x]) if live[i, x] else 0.0
    for x in range(pixels):
        mean[x] /= count[x]
    if float32_squares:
        for i in range(inputs):
            for x in range(pixels):
                sigma[x] += np.float64(values[i, x] * values[i, x]) if live[i, x] else 0.0
        for x in range(pixels):
            sigma[x] = math.sqrt(sigma[x] / count[x] - mean[x] * mean[x])
    else:
        for i in range(inputs):
            for x in range(pixels):
                d = np.float64(values[i, x]) - mean[x]
                sigma[x] += d * d if live[i, x] else 0.0
        for x in range(pixels):
            sigma[x] = math.sqrt(sigma[x] / count[x])


@njit(cache=True, nogil=True, error_model="numpy")
def _clip(
    values: Any, variances: Any, live: Any, keys: Any, count: Any, centre: Any, work: Any,
    by_variance: bool, clip: Any, switches: Any, pixels: int,
) -> None:  # fmt: skip
    """sigclip and varclip: leave out what is too far from the centre, until nothing is (10.2)."""
    lsigma, hsigma, max_iters = clip
    mclip, recompute, float32_squares = switches
    inputs = values.shape[0]
    mean, sigma, low, high = work[0], work[1], work[2], work[3]
    active = np.ones(pixels, np.uint8)
    rejected = np.empty(pixels, np.uint8)
    for iteration in range(max_iters):
        if iteration == 0 or (mclip and recompute):
            _middle(values, live, keys, count, centre, False, pixels)
        if not by_variance or not mclip:
            _moments(values, live, count, mean, sigma, float32_squares, pixels)
        rejected[:] = 0
        about_mean = iteration > 0 and not mclip
        if by_variance:
            for i in range(inputs):
                for x in range(pixels):
                    c = mean[x] if about_mean else np.float64(centre[x])
                    s = math.sqrt(np.float64(variances[i, x]))
                    d = np.float64(values[i, x])
                    out = ((d < c - lsigma * s) | (d > c + hsigma * s)) & (live[i, x] & active[x] != 0)
                    rejected[x] |= out
                    live[i, x] &= ~out
        else:
            for x in range(pixels):
                c = mean[x] if about_mean else np.float64(centre[x])
                low[x] = np.float32(c - lsigma * sigma[x])
                high[x] = np.float32(c + hsigma * sigma[x])
            for i in range(inputs):
                for x in range(pixels):
                    d = np.float64(values[i, x])
                    out = ((d < low[x]) | (d > high[x])) & (live[i, x] & active[x] != 0)
                    rejected[x] |= out
                    live[i, x] &= ~out
        going = 0
        for x in range(pixels):
            active[x] &= rejected[x]
            going |= active[x]
        if going == 0 or (by_variance and mclip and not recompute):
            break


@njit(cache=True, nogil=True, error_model="numpy")
def _average(
    values: Any, variances: Any, live: Any, keys: Any, count: Any, centre: Any, work: Any,
    operation: int, lone_median: bool, pixels: int,
) -> None:  # fmt: skip
    """Average the live values into ``work[0]``, with the variance of the result in ``work[1]`` (10.3)."""
    inputs = values.shape[0]
    average, spread = work[0], work[1]
    has_variance = variances.shape[0] > 0
    average[:pixels] = 0.0
    spread[:pixels] = 0.0
    if operation == WTMEAN and has_variance:
        for i in range(inputs):
            for x in range(pixels):
                weight = 1.0 / np.float64(variances[i, x]) if live[i, x] else 0.0
                average[x] += np.float64(values[i, x]) * weight if live[i, x] else 0.0
                spread[x] += weight
        for x in range(pixels):
            average[x] /= spread[x]
            spread[x] = 1.0 / spread[x]
        return
    if operation == MEAN or operation == WTMEAN:  # noqa: PLR1714 (Numba compares integers)
        for i in range(inputs):
            for x in range(pixels):
                average[x] += np.float64(values[i, x]) if live[i, x] else 0.0
        for x in range(pixels):
            average[x] /= count[x]
        factor = 1.0
    else:
        _middle(values, live, keys, count, centre, operation == LMEDIAN, pixels)
        for x in range(pixels):
            average[x] = np.float64(centre[x])
        factor = MEDIAN_VARIANCE
    if has_variance and lone_median:
        for i in range(inputs - 1, -1, -1):
            for x in range(pixels):
                spread[x] = np.float64(variances[i, x]) if np.float64(values[i, x]) == average[x] else spread[x]
    elif has_variance:
        for i in range(inputs):
            for x in range(pixels):
                spread[x] += np.float64(variances[i, x]) if live[i, x] else 0.0
        for x in range(pixels):
            n = np.float64(count[x])
            spread[x] = factor * spread[x] / (n * n)
    else:
        for i in range(inputs):
            for x in range(pixels):
                d = np.float64(values[i, x]) - average[x]
                spread[x] += d * d if live[i, x] else 0.0
        for x in range(pixels):
            n = np.float64(count[x])
            spread[x] = factor * spread[x] / (n * (n - 1.0)) if n > 1.0 else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _combine(
    data: Any, variance: Any, dq: Any, scale: Any, zero: Any,
    operation: int, method: int, clip: Any, drop: Any, switches: Any, block: int,
    out_data: Any, out_variance: Any, out_dq: Any, out_rejected: Any,
) -> None:  # fmt: skip
    inputs, total = data.shape
    has_variance, has_dq = variance.shape[0] > 0, dq.shape[0] > 0
    values = np.empty((inputs, block), np.float32)
    variances = np.empty((variance.shape[0], block), np.float32)
    keys = np.empty((inputs, block), np.float32)
    usable = np.ones((inputs, block), np.uint8)
    live = np.empty((inputs, block), np.uint8)
    levels = np.empty((inputs + 1, block), np.uint8)
    count = np.empty(block, np.int32)
    centre = np.empty(block, np.float32)
    work = np.empty((4, block), np.float64)
    lone_median = operation == MEDIAN and method == NONE and not has_dq and inputs % 2 == 1
    for start in range(0, total, block):
        pixels = min(block, total - start)
        for i in range(inputs):
            s, z = scale[i], zero[i]
            for x in range(pixels):
                values[i, x] = np.float32(np.float64(data[i, start + x]) * s + z)
        if has_variance:
            for i in range(inputs):
                s2 = scale[i] * scale[i]
                for x in range(pixels):
                    variances[i, x] = np.float32(np.float64(variance[i, start + x]) * s2)
        if has_dq:
            _mark_usable(dq, start, pixels, usable, levels)
        live[:] = usable
        if method == MINMAX:
            _reject_extremes(values, live, keys, count, centre, drop[0], drop[1], pixels)
        elif method != NONE:
            _clip(values, variances, live, keys, count, centre, work, method == VARCLIP, clip, switches, pixels)
        count[:pixels] = 0
        for i in range(inputs):
            for x in range(pixels):
                count[x] += live[i, x]
        for x in range(pixels):
            if count[x] == 0:
                for i in range(inputs):
                    live[i, x] = usable[i, x]
                    count[x] += usable[i, x]
        _average(values, variances, live, keys, count, centre, work, operation, lone_median, pixels)
        average, spread = work[0], work[1]
        for x in range(pixels):
            out_rejected[start + x] = inputs - count[x]
            nothing = count[x] == 0
            out_data[start + x] = np.float32(0.0) if nothing else np.float32(average[x])
            v = np.float32(np.nan) if nothing else np.float32(spread[x])
            out_variance[start + x] = np.float32(0.0) if v < 0 else v
            out_dq[start + x] = 0
        if has_dq:
            for i in range(inputs):
                for x in range(pixels):
                    out_dq[start + x] |= dq[i, start + x] if live[i, x] else np.uint16(0)
            if operation == WTMEAN:
                for x in range(pixels):
                    if out_dq[start + x] > 0 and not out_data[start + x] == out_data[start + x]:  # noqa: PLR0124
                        out_data[start + x] = np.float32(0.0)
