"""The N-image combiner: DQ hierarchy, rejection, combination (primitives-calibration, 10).

Every output pixel depends on the N input values at its position only.  The loops run over all
pixels of a strip, one comparison or addition for the whole strip at a time, so that the compiler
can use vector instructions: N values are sorted by a network of minima and maxima, not one pixel
after the other.  How pixels are cut into strips has no influence on their bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import numpy as np

from nightcrew.reducer.kernels.compiler import njit
from nightcrew.shared.errors import RecipeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Operation: TypeAlias = Literal["mean", "median", "lmedian", "wtmean"]
RejectionMethod: TypeAlias = Literal["none", "minmax", "sigclip", "varclip"]

MEAN, MEDIAN, LMEDIAN, WTMEAN = range(4)
OPERATIONS: dict[str, int] = {"mean": MEAN, "median": MEDIAN, "lmedian": LMEDIAN, "wtmean": WTMEAN}

TO_CONVERGENCE = 100
"""Iterations of clipping when no limit is asked for (10.2)."""
MEDIAN_VARIANCE = math.pi / 2
"""Variance of a median in units of that of a mean, for many Gaussian values."""
HARMLESS = 2 | 4
"""Bits that do not keep a pixel from being used: non-linear, saturated (10.1)."""
KNOWN = 127
UNUSABLE = 6
"""Level of badness of a pixel with a bit that has no meaning."""


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
                f"Only {inputs} images but nlow={self.nlow} and nhigh={self.nhigh}; lower them, or reject none"
            )


class Workspace:
    """Room for the combination of N inputs in strips of at most `pixels` pixels; one for each thread."""

    def __init__(self, inputs: int, pixels: int) -> None:
        self.inputs = inputs
        self._values: dict[str, NDArray[Any]] = {
            name: np.empty(inputs * pixels, kind) for name, kind in self.PER_VALUE.items()
        }
        self._pixels: dict[str, NDArray[Any]] = {name: np.empty(pixels, kind) for name, kind in self.PER_PIXEL.items()}

    PER_VALUE: ClassVar[dict[str, type]] = {
        "keys": np.float32, "live": np.uint8, "usable": np.uint8, "levels": np.uint8,
    }  # fmt: skip
    PER_PIXEL: ClassVar[dict[str, type]] = {
        "count": np.int32, "centre": np.float32, "average": np.float64, "spread": np.float64,
        "active": np.uint8, "rejected": np.uint8,
    }  # fmt: skip

    def values(self, name: str, pixels: int) -> NDArray[Any]:
        """Return an array of shape (N, pixels)."""
        return self._values[name][: self.inputs * pixels].reshape(self.inputs, pixels)

    def pixels(self, name: str, pixels: int) -> NDArray[Any]:
        """Return an array of shape (pixels,)."""
        return self._pixels[name][:pixels]


def combine_pixels(
    values: NDArray[np.float32],
    variances: NDArray[np.float32] | None,
    dq: NDArray[np.uint16] | None,
    operation: Operation,
    rejection: Rejection,
    *,
    out: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint16] | None, NDArray[np.int16] | None],
    room: Workspace | None = None,
) -> None:
    """Combine N values at each of P positions.

    Parameters
    ----------
    values, variances, dq
        Values of the inputs, shape (N, P), C-contiguous; `variances` and `dq` are those of all inputs or None.
    operation
        How the values that are left are averaged (10.3).
    rejection
        What is left out (10.2).
    out
        Receives data, variance, flags and the number of inputs that were not used, shape (P,) each.
    room
        To be used again for the next strip.

    Notes
    -----
    Sums are double.  sigclip measures sigma about the mean in two passes unless the reference's rounding is asked for.
    """
    inputs, pixels = values.shape
    room = room or Workspace(inputs, pixels)
    keys, live, usable = (room.values(name, pixels) for name in ("keys", "live", "usable"))
    count, centre, average, spread = (room.pixels(n, pixels) for n in ("count", "centre", "average", "spread"))
    if dq is None:
        usable[:] = 1
    else:
        _mark_usable(dq, usable, room.values("levels", pixels), room.pixels("rejected", pixels))
    live[:] = usable
    if rejection.method == "minmax":
        _middle(values, live, keys, count, centre, False)
        _drop_extremes(values, live, keys, count, rejection.nlow, rejection.nhigh)
    elif rejection.method != "none":
        _clip(values, variances, rejection, room)
    all_used = rejection.method == "none"
    if not all_used:
        _undo(live, usable)
    absent = np.empty((0, pixels), np.float32)
    lone_median = operation == "median" and all_used and dq is None and inputs % 2 == 1 and variances is not None
    if operation in ("median", "lmedian"):
        _middle(values, live, keys, count, centre, operation == "lmedian")
    own, code = absent if variances is None else variances, OPERATIONS[operation]
    _average(values, own, live, centre, count, average, spread, code, lone_median)
    data, variance, flags, unused = out
    _deliver(average, spread, count, data, variance)
    if flags is not None and dq is not None:
        _unite_flags(dq, live, data, flags, operation == "wtmean")
    if unused is not None:
        np.subtract(inputs, count, out=unused, casting="unsafe")


def _clip(
    values: NDArray[np.float32], variances: NDArray[np.float32] | None, rejection: Rejection, room: Workspace
) -> None:
    """Sigclip and varclip: leave out what is too far from the centre, until nothing is (10.2)."""
    pixels = values.shape[1]
    keys, live = room.values("keys", pixels), room.values("live", pixels)
    count, centre, mean, sigma = (room.pixels(n, pixels) for n in ("count", "centre", "average", "spread"))
    active, rejected = room.pixels("active", pixels), room.pixels("rejected", pixels)
    active[:] = 1
    own = variances if rejection.method == "varclip" else None
    absent = np.empty((0, pixels), np.float32)
    for iteration in range(rejection.max_iters or TO_CONVERGENCE):
        if iteration == 0 or (rejection.mclip and rejection.recompute_centre):
            _middle(values, live, keys, count, centre, False)
        if own is None or not rejection.mclip:
            _moments(values, live, count, mean, sigma, rejection.reference_rounding)
        _reject(
            values, absent if own is None else own, live, centre, mean, sigma, active, rejected,
            rejection.lsigma, rejection.hsigma, iteration > 0 and not rejection.mclip,
        )  # fmt: skip
        settled = own is not None and rejection.mclip and not rejection.recompute_centre
        if settled or not active.any():
            break


@njit(cache=True, nogil=True, error_model="numpy")
def _mark_usable(dq: Any, usable: Any, levels: Any, best: Any) -> None:
    """Mark the inputs of the mildest level of badness that occurs at each position (10.1)."""
    inputs, pixels = dq.shape
    seen = np.uint16(0)
    for i in range(inputs):
        for x in range(pixels):
            seen |= dq[i, x]
    usable[:] = 1
    if seen & ~np.uint16(HARMLESS) == 0:
        return
    best[:] = UNUSABLE
    for i in range(inputs):
        for x in range(pixels):
            q = dq[i, x]
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
def _middle(values: Any, live: Any, keys: Any, count: Any, centre: Any, low_median: bool) -> None:
    """Sort the live values at each position into `keys`, count them, and put their median into `centre`.

    NaN sorts last, as infinity.  The sort is Batcher's network: odd-even merge sort.
    """
    inputs, pixels = values.shape
    count[:] = 0
    nans = 0
    for i in range(inputs):
        for x in range(pixels):
            v = values[i, x]
            keys[i, x] = v if (live[i, x] != 0) & ~np.isnan(v) else np.float32(np.inf)
            nans += (live[i, x] != 0) & np.isnan(v)
            count[x] += live[i, x]
    p = 1
    while p < inputs:
        k = p
        while k >= 1:
            for j in range(k % p, inputs - k, 2 * k):
                for i in range(j, j + min(k, inputs - j - k)):
                    if i // (2 * p) == (i + k) // (2 * p):
                        low, high = keys[i], keys[i + k]
                        for x in range(pixels):
                            a, b = low[x], high[x]
                            low[x] = b if b < a else a
                            high[x] = a if b < a else b
            k //= 2
        p *= 2
    for x in range(pixels):
        n = count[x]
        below = max(n - 1, 0) // 2
        above = below if low_median else n // 2
        centre[x] = np.float32(0.5 * (np.float64(keys[below, x]) + np.float64(keys[min(above, inputs - 1), x])))
        if below == above:
            centre[x] = keys[below, x]
    if nans:
        for x in range(pixels):
            numbers = count[x]
            for i in range(inputs):
                numbers -= (live[i, x] != 0) & np.isnan(values[i, x])
            if (max(count[x] - 1, 0) // 2 if low_median else count[x] // 2) >= numbers:
                centre[x] = np.float32(np.nan)


@njit(cache=True, nogil=True, error_model="numpy")
def _drop_extremes(values: Any, live: Any, keys: Any, count: Any, nlow: int, nhigh: int) -> None:
    """minmax: leave out the lowest and highest of the live values, of equal ones the first (10.2)."""
    inputs, pixels = values.shape
    infinity = np.float32(np.inf)
    limit, ties = np.empty(pixels, np.float32), np.empty(pixels, np.int32)
    for x in range(pixels):
        ties[x] = int(np.float64(count[x]) * nlow / inputs + 0.001)
        limit[x] = keys[max(ties[x] - 1, 0), x] if ties[x] > 0 else -infinity
    for i in range(inputs):
        for x in range(pixels):
            ties[x] -= (live[i, x] != 0) & (values[i, x] < limit[x])
    for i in range(inputs):
        for x in range(pixels):
            v = values[i, x]
            tie = (live[i, x] != 0) & (v == limit[x]) & (ties[x] > 0)
            ties[x] -= tie
            live[i, x] &= ~(tie | (v < limit[x]))
    for x in range(pixels):
        n = count[x]
        ties[x] = int(np.float64(n) * nhigh / inputs + 0.001)
        limit[x] = keys[n - ties[x], x] if ties[x] > 0 else infinity
    for i in range(inputs):
        for x in range(pixels):
            v = infinity if np.isnan(values[i, x]) else values[i, x]
            ties[x] -= (live[i, x] != 0) & (v > limit[x])
    for i in range(inputs):
        for x in range(pixels):
            v = infinity if np.isnan(values[i, x]) else values[i, x]
            tie = (live[i, x] != 0) & (v == limit[x]) & (ties[x] > 0)
            ties[x] -= tie
            live[i, x] &= ~(tie | (v > limit[x]))


@njit(cache=True, nogil=True, error_model="numpy")
def _moments(values: Any, live: Any, count: Any, mean: Any, sigma: Any, float32_squares: bool) -> None:
    """Mean and population standard deviation of the live values, and how many there are."""
    inputs, pixels = values.shape
    count[:] = 0
    mean[:] = 0.0
    sigma[:] = 0.0
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
def _reject(
    values: Any, variances: Any, live: Any, centre: Any, mean: Any, sigma: Any, active: Any, rejected: Any,
    lsigma: float, hsigma: float, about_mean: bool,
) -> None:  # fmt: skip
    """Do one round of clipping; `active` are the positions where some value is left out in it."""
    inputs, pixels = values.shape
    rejected[:] = 0
    if variances.shape[0] > 0:
        for i in range(inputs):
            for x in range(pixels):
                c = mean[x] if about_mean else np.float64(centre[x])
                s = math.sqrt(np.float64(variances[i, x]))
                d = np.float64(values[i, x])
                out = ((d < c - lsigma * s) | (d > c + hsigma * s)) & (live[i, x] & active[x] != 0)
                rejected[x] |= out
                live[i, x] &= ~out
    else:
        low, high = np.empty(pixels, np.float32), np.empty(pixels, np.float32)
        for x in range(pixels):
            c = mean[x] if about_mean else np.float64(centre[x])
            low[x] = np.float32(c - lsigma * sigma[x])
            high[x] = np.float32(c + hsigma * sigma[x])
        for i in range(inputs):
            for x in range(pixels):
                v = values[i, x]
                out = ((v < low[x]) | (v > high[x])) & (live[i, x] & active[x] != 0)
                rejected[x] |= out
                live[i, x] &= ~out
    for x in range(pixels):
        active[x] &= rejected[x]


@njit(cache=True, nogil=True, error_model="numpy")
def _undo(live: Any, usable: Any) -> None:
    """Bring back the usable values of positions where rejection left none."""
    inputs, pixels = live.shape
    some = np.zeros(pixels, np.uint8)
    for i in range(inputs):
        for x in range(pixels):
            some[x] |= live[i, x]
    for i in range(inputs):
        for x in range(pixels):
            live[i, x] = live[i, x] if some[x] else usable[i, x]


@njit(cache=True, nogil=True, error_model="numpy")
def _average(
    values: Any, variances: Any, live: Any, centre: Any, count: Any, average: Any, spread: Any,
    operation: int, lone_median: bool,
) -> None:  # fmt: skip
    """Average the live values, with the variance of the result in `spread` (10.3); medians are in `centre`.

    Sums are formed in float32, one input after the other: so they are the reference's to the bit, and the sky
    estimator, which turns a last digit into a visible level (primitives-sky-and-stack, 5.1), draws its sample.
    """
    inputs, pixels = values.shape
    has_variance = variances.shape[0] > 0
    is_median = (operation == MEDIAN) | (operation == LMEDIAN)
    count[:] = 0
    average[:] = 0.0
    spread[:] = 0.0
    for i in range(inputs):
        for x in range(pixels):
            count[x] += live[i, x]
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
    for i in range(inputs if not is_median else 0):
        for x in range(pixels):
            v = values[i, x] if live[i, x] else np.float32(0.0)
            average[x] = np.float64(np.float32(average[x]) + v)
    for x in range(pixels):
        mean = np.float64(np.float32(average[x]) / np.float32(count[x]))
        average[x] = np.float64(centre[x]) if is_median else mean
    factor = MEDIAN_VARIANCE if is_median else 1.0
    if lone_median:
        for i in range(inputs - 1, -1, -1):
            for x in range(pixels):
                spread[x] = np.float64(variances[i, x]) if np.float64(values[i, x]) == average[x] else spread[x]
    elif has_variance:
        for i in range(inputs):
            for x in range(pixels):
                v = variances[i, x] if live[i, x] else np.float32(0.0)
                spread[x] = np.float64(np.float32(spread[x]) + v)
        for x in range(pixels):
            used = np.float32(count[x])
            spread[x] = factor * np.float64(np.float32(spread[x]) / used / used)
    else:
        for i in range(inputs):
            for x in range(pixels):
                d = np.float64(values[i, x]) - average[x]
                spread[x] += d * d if live[i, x] else 0.0
        for x in range(pixels):
            n = np.float64(count[x])
            spread[x] = factor * spread[x] / (n * (n - 1.0)) if n > 1.0 else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _deliver(average: Any, spread: Any, count: Any, data: Any, variance: Any) -> None:
    """Round to float32; what no input could be used for is 0 with a variance that is no number."""
    for x in range(data.size):
        nothing = count[x] == 0
        data[x] = np.float32(0.0) if nothing else np.float32(average[x])
        v = np.float32(np.nan) if nothing else np.float32(spread[x])
        variance[x] = np.float32(0.0) if v < 0 else v


@njit(cache=True, nogil=True, error_model="numpy")
def _unite_flags(dq: Any, live: Any, data: Any, flags: Any, weighted: bool) -> None:
    """OR together the flags of what was averaged; a weighted mean of 0/0 under a flag becomes 0 (10.3)."""
    inputs, pixels = dq.shape
    flags[:] = 0
    for i in range(inputs):
        for x in range(pixels):
            flags[x] |= dq[i, x] if live[i, x] else np.uint16(0)
    for x in range(pixels if weighted else 0):
        data[x] = np.float32(0.0) if (flags[x] > 0) & np.isnan(data[x]) else data[x]


@njit(cache=True, nogil=True, error_model="numpy")
def scale_values(values: Any, scale: Any, zero: Any) -> None:
    """Replace every value by ``value * scale[i] + zero[i]``, formed in double; shape (N, P)."""
    for i in range(values.shape[0]):
        for x in range(values.shape[1]):
            values[i, x] = np.float32(np.float64(values[i, x]) * scale[i] + zero[i])
