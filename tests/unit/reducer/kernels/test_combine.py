"""The combiner against a plain twin that treats one pixel at a time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightcrew.reducer.kernels.combine import Rejection
from nightcrew.reducer.kernels.tiles import combine_planes
from nightcrew.shared.errors import RecipeError, ShapeMismatch
from nightcrew.shared.frames import Plane

LADDER = (6, 14, 46, 47, 111, 127)
OPERATIONS = ("mean", "median", "lmedian", "wtmean")


def usable_inputs(dq: list[int]) -> list[int]:
    for allowed in LADDER:
        found = [i for i, q in enumerate(dq) if q & ~allowed == 0]
        if found:
            return found
    return []


def middle(values: list[float], *, low: bool = False) -> float:
    ordered = sorted(values, key=lambda v: (math.isnan(v), v))
    below, above = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return below if low or below == above else float(np.float32(0.5 * (below + above)))


def moments(values: list[float], *, float32_squares: bool) -> tuple[float, float]:
    mean = sum(values) / len(values)
    if float32_squares:
        square = sum(float(np.float32(v) * np.float32(v)) for v in values) / len(values) - mean * mean
        return mean, math.sqrt(square) if square >= 0 else math.nan
    return mean, math.sqrt(sum((v - mean) ** 2 for v in values) / len(values))


def survivors(values: list[float], variances: list[float] | None, start: list[int], n: int, r: Rejection) -> list[int]:
    if r.method == "none":
        return start
    if r.method == "minmax":
        order = sorted(start, key=lambda i: (math.isnan(values[i]), values[i]))
        low, high = int(len(start) * r.nlow / n + 0.001), int(len(start) * r.nhigh / n + 0.001)
        left = set(order[low:])
        keep = len(start) - low - high
        while len(left) > keep:
            left.discard(
                max(sorted(left), key=lambda i: (math.isnan(values[i]) or values[i] == math.inf, values[i], -i))
            )
        return sorted(left)
    live = list(start)
    first_centre = middle([values[i] for i in start])
    for iteration in range(r.max_iters or 100):
        here = [values[i] for i in live]
        mean, sigma = moments(here, float32_squares=r.reference_rounding) if live else (math.nan, math.nan)
        centre = first_centre if iteration == 0 or r.mclip else mean
        if r.mclip and r.recompute_centre and live:
            centre = middle(here)
        kept = []
        for i in live:
            if r.method == "varclip" and variances is not None:
                own = math.sqrt(variances[i])
                low, high = centre - r.lsigma * own, centre + r.hsigma * own
            else:
                low, high = (float(np.float32(centre + s * sigma)) for s in (-r.lsigma, r.hsigma))
            if not (values[i] < low or values[i] > high):
                kept.append(i)
        if kept == live:
            break
        live = kept
    return live or start


def combine_one(
    values: list[float], variances: list[float] | None, dq: list[int] | None, operation: str, r: Rejection
) -> tuple[float, float, int, int]:
    n = len(values)
    start = usable_inputs(dq) if dq is not None else list(range(n))
    if not start:
        return 0.0, math.nan, 0, n
    live = survivors(values, variances, start, n, r)
    m = len(live)
    used = [values[i] for i in live]
    flags = 0
    for i in live:
        flags |= dq[i] if dq is not None else 0
    if operation == "wtmean" and variances is not None:
        weights = [1.0 / variances[i] for i in live]
        return sum(v * w for v, w in zip(used, weights, strict=True)) / sum(weights), 1 / sum(weights), flags, n - m
    median = operation in {"median", "lmedian"}
    result = middle(used, low=operation == "lmedian") if median else sum(used) / m
    factor = math.pi / 2 if median else 1.0
    if variances is None:
        spread = sum((v - result) ** 2 for v in used) / (m * (m - 1)) if m > 1 else 0.0
        return result, factor * spread, flags, n - m
    if operation == "median" and dq is None and r.method == "none" and n % 2:
        return result, next(variances[i] for i in live if values[i] == result), flags, n - m
    return result, factor * sum(variances[i] for i in live) / m**2, flags, n - m


def planes(data: np.ndarray, variance: np.ndarray | None, dq: np.ndarray | None) -> list[Plane]:
    return [
        Plane(None, d, None if variance is None else variance[i], None if dq is None else dq[i])  # type: ignore[arg-type]
        for i, d in enumerate(data)
    ]


def combine(data: Any, variance: Any = None, dq: Any = None, operation: str = "mean", **rejection: Any) -> Any:
    """Combine lists of one row of pixels per input."""
    frames = planes(
        np.array(data, np.float32)[:, None],
        None if variance is None else np.array(variance, np.float32)[:, None],
        None if dq is None else np.array(dq, np.uint16)[:, None],
    )
    return combine_planes(frames, operation, Rejection(**rejection), rejection_map=True)  # type: ignore[arg-type]


@st.composite
def stacks(draw: st.DrawFn) -> dict[str, Any]:
    inputs, pixels = draw(st.integers(1, 9)), draw(st.integers(1, 5))
    method = draw(st.sampled_from(["none", "minmax", "sigclip", "varclip"]))
    nlow = draw(st.integers(0, inputs - 1)) if method == "minmax" else 0
    nhigh = draw(st.integers(0, inputs - 1 - nlow)) if method == "minmax" else 0
    value = st.floats(-50, 2000, width=32).map(lambda v: round(v * 4) / 4)

    def grid(of: st.SearchStrategy[Any]) -> list[list[Any]]:
        return draw(st.lists(st.lists(of, min_size=pixels, max_size=pixels), min_size=inputs, max_size=inputs))

    flag = st.sampled_from([0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 3, 65, 128])
    return {
        "data": grid(st.one_of(value, st.sampled_from([100.0, 101.0, 5000.0]))),
        "variance": grid(st.floats(0.5, 400, width=32)) if draw(st.booleans()) else None,
        "dq": grid(flag) if draw(st.booleans()) else None,
        "operation": draw(st.sampled_from(OPERATIONS)),
        "rejection": Rejection(
            method, draw(st.sampled_from([1.0, 1.6, 3.0])), draw(st.sampled_from([1.0, 2.0, 3.0])), draw(st.booleans()),
            draw(st.sampled_from([None, 1, 2])), nlow, nhigh, draw(st.booleans()), draw(st.booleans()),
        ),
    }  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(stacks())
def test_every_pixel_is_combined_as_the_plain_twin_does(stack: dict[str, Any]) -> None:
    data = np.array(stack["data"], np.float32)
    variance = None if stack["variance"] is None else np.array(stack["variance"], np.float32)
    dq = None if stack["dq"] is None else np.array(stack["dq"], np.uint16)
    made = combine_planes(
        planes(data[:, None], None if variance is None else variance[:, None], None if dq is None else dq[:, None]),
        stack["operation"], stack["rejection"], rejection_map=True,
    )  # fmt: skip
    for x in range(data.shape[1]):
        values, variances, flags, unused = combine_one(
            data[:, x].tolist(), None if variance is None else variance[:, x].tolist(),
            None if dq is None else dq[:, x].tolist(), stack["operation"], stack["rejection"],
        )  # fmt: skip
        assert made.data[0, x] == pytest.approx(values, rel=2e-7, abs=1e-9)
        assert made.variance[0, x] == pytest.approx(variances, rel=2e-6, abs=1e-12, nan_ok=True)
        assert made.rejected is not None
        assert made.rejected[0, x] == unused
        if dq is not None:
            assert made.dq is not None
            assert made.dq[0, x] == flags


@pytest.mark.parametrize("inputs", [1, 2, 3, 5, 8, 11, 16, 37, 100])
def test_the_median_of_any_number_of_inputs_is_the_median(inputs: int) -> None:
    data = np.random.default_rng(inputs).normal(0, 1, (inputs, 50)).astype(np.float32)
    made = combine(data, operation="median")
    np.testing.assert_array_equal(made.data[0], np.median(data, axis=0))


def night_stack(inputs: int = 7, shape: tuple[int, int] = (37, 23)) -> list[Plane]:
    rng = np.random.default_rng(5)
    data = rng.normal(1000, 30, (inputs, *shape)).astype(np.float32)
    data[rng.random(data.shape) < 0.02] += 5000
    dq = rng.choice([0, 0, 0, 0, 1, 2, 8, 16], data.shape).astype(np.uint16)
    return planes(data, np.full(data.shape, 900, np.float32), dq)


@pytest.mark.parametrize("method", ["none", "minmax", "sigclip", "varclip"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_tiles_and_threads_do_not_change_a_bit(operation: Any, method: Any) -> None:
    frames, rejection = night_stack(), Rejection(method, 2.0, 2.0, nlow=1, nhigh=1)
    scale = [1.0, 1.1, 0.9, 1.05, 1.0, 0.97, 1.02]
    whole = combine_planes(frames, operation, rejection, scale=scale, rejection_map=True)
    for budget, threads in ((1, 1), (20_000, 1), (20_000, 2), (10**9, 3)):
        tiled = combine_planes(
            frames, operation, rejection, scale=scale, rejection_map=True, budget=budget, threads=threads
        )
        for plane in ("data", "variance", "dq", "rejected"):
            ours, theirs = getattr(tiled, plane), getattr(whole, plane)
            assert ours.tobytes() == theirs.tobytes()


def test_one_input_without_flags_makes_all_flags_count_for_nothing() -> None:
    frames = night_stack(3)
    frames[1].dq = None
    made = combine_planes(frames, "mean", Rejection())
    assert made.dq is None
    np.testing.assert_allclose(made.data, np.mean([f.data for f in frames], axis=0), rtol=1e-6)


def test_flags_are_not_looked_at_if_they_are_not_to_be_used() -> None:
    assert combine_planes(night_stack(3), "mean", Rejection(), use_dq=False).dq is None


def test_the_centre_stays_the_first_median_unless_it_is_to_be_computed_again() -> None:
    values = [[10.0], [10.5], [9.5], [10.2], [14.0], [30.0]]
    clip = {"method": "sigclip", "lsigma": 1.5, "hsigma": 1.5}
    assert combine(values, **clip).data[0, 0] == pytest.approx(10.35)
    assert combine(values, **clip, recompute_centre=True).data[0, 0] == pytest.approx((10 + 10.5 + 10.2) / 3)


def test_squares_in_float32_lose_the_outlier_on_a_bright_background_as_in_the_reference() -> None:
    faint = np.array([*range(9), 60.0])
    bright = (faint + 1e6)[:, None]
    clip = {"method": "sigclip", "lsigma": 2.0, "hsigma": 2.0}
    kept = combine(bright, **clip, reference_rounding=True)
    assert kept.rejected[0, 0] == 0
    assert combine(bright, **clip).rejected[0, 0] == 1
    assert combine(faint[:, None], **clip, reference_rounding=True).rejected[0, 0] == 1


def test_a_value_that_is_no_number_turns_clipping_off_and_spoils_the_mean() -> None:
    values = [[1.0], [2.0], [math.nan], [1000.0]]
    assert math.isnan(combine(values, method="sigclip", lsigma=1.0, hsigma=1.0).data[0, 0])
    assert combine(values, operation="lmedian").data[0, 0] == 2.0
    assert math.isnan(combine([[1.0], [math.nan], [math.nan]], operation="median").data[0, 0])
    assert combine(values, operation="mean", method="minmax", nhigh=2).data[0, 0] == 1.5


def test_a_pixel_with_unknown_bits_everywhere_is_empty() -> None:
    made = combine([[5.0], [6.0]], [[1.0], [1.0]], [[128], [256]])
    assert made.data[0, 0] == 0
    assert math.isnan(made.variance[0, 0])
    assert made.dq[0, 0] == 0


def test_a_weighted_mean_of_pixels_without_variance_is_zero_where_flagged() -> None:
    made = combine([[5.0, 5.0], [6.0, 6.0]], [[0.0, 0.0], [0.0, 0.0]], [[2, 0], [0, 0]], "wtmean")
    assert made.data[0, 0] == 0
    assert math.isnan(made.data[0, 1])


def test_negative_variances_do_not_come_out() -> None:
    assert combine([[5.0], [6.0]], [[-1.0], [-1.0]]).variance[0, 0] == 0


def test_more_rejections_than_images_are_refused() -> None:
    with pytest.raises(RecipeError, match="Only 2 images but nlow=1 and nhigh=1"):
        combine([[1.0], [2.0]], method="minmax", nlow=1, nhigh=1)


def test_images_of_different_shapes_are_refused() -> None:
    frames = planes(np.zeros((1, 4, 4), np.float32), None, None) + planes(np.zeros((1, 4, 5), np.float32), None, None)
    with pytest.raises(ShapeMismatch, match="input 2"):
        combine_planes(frames, "mean", Rejection())


def test_nothing_to_combine_is_refused() -> None:
    with pytest.raises(RecipeError, match="nothing to combine"):
        combine_planes([], "mean", Rejection())
