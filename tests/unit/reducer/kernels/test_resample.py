"""Resampling against a twin that sums over all neighbours of one pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from nightcrew.reducer.kernels.affine import Affine, Grid, bounds, corners, union_grid
from nightcrew.reducer.kernels.resample import resample, resample_mask


def weights(c: float, n: int, points: int) -> dict[int, float]:
    i = int(c)
    p = c - i
    q = 1 - p
    p3, q3 = p * (p * p - 1) / 6, q * (q * q - 1) / 6
    if points == 6 and 1 < i < n - 3:
        p5, q5 = 0.05 * p3 * (p * p - 4), 0.05 * q3 * (q * q - 4)
        taps = [q5, q3 - 4 * q5 + p5, q - 2 * q3 + p3 + 6 * q5 - 4 * p5, p - 2 * p3 + q3 + 6 * p5 - 4 * q5]
        return dict(enumerate([*taps, p3 - 4 * p5 + q5, p5], i - 2))
    if 0 < i < n - 2:
        return dict(enumerate([q3, q + p3 - 2 * q3, p + q3 - 2 * p3, p3], i - 1))
    return {i: q, i + 1: p}


def interpolate(
    image: np.ndarray, back: Affine, grid: Grid, box: tuple[int, ...], points: int, outside: float
) -> np.ndarray:
    ny, nx = image.shape
    made = np.full(grid.shape, outside)
    x0, y0, x1, y1 = box
    matrix, shift = back.matrix.astype(np.float32), (back.offset + back.matrix @ np.array([x0, y0])).astype(np.float32)
    for y in range(max(y0, 0), min(y1 + 1, grid.shape[0])):
        for x in range(max(x0, 0), min(x1 + 1, grid.shape[1])):
            dx, dy = np.float32(x - x0), np.float32(y - y0)
            cx = matrix[0, 1] * dy + matrix[0, 0] * dx + shift[0]
            cy = matrix[1, 1] * dy + matrix[1, 0] * dx + shift[1]
            if not (0 <= cx < nx - 1 and 0 <= cy < ny - 1):
                continue
            wx, wy = weights(float(cx), nx, points), weights(float(cy), ny, points)
            made[y, x] = sum(a * b * image[v, u] for v, a in wy.items() for u, b in wx.items())
    return made


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 1000), st.floats(-4, 4), st.floats(-4, 4), st.sampled_from([0.0, 0.0, 3.0]),
    st.sampled_from(["poly3", "poly5"]),
)  # fmt: skip
def test_every_pixel_is_resampled_as_the_plain_twin_does(
    seed: int, dx: float, dy: float, turn: float, name: str
) -> None:
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(6, 12)), int(rng.integers(6, 12)))
    data, variance = (rng.normal(100, 20, shape).astype(np.float32) for _ in range(2))
    dq = rng.choice([0, 0, 0, 0, 0, 1, 8, 16], shape).astype(np.uint16)
    objects = (rng.random(shape) < 0.1).astype(np.uint8)
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    to_reference = Affine(np.array([[c, -s], [s, c]]), np.array([dx + 0.013, dy + 0.017]))
    grid = union_grid([Affine.shift(0, 0), to_reference], [shape, shape])
    made = resample(data, variance, dq, objects, to_reference, grid, interpolant=name, conserve=False)  # type: ignore[arg-type]
    ours = to_reference.shifted(-grid.origin[0], -grid.origin[1])
    points = 6 if name == "poly5" else 4
    box = bounds(ours, shape)

    def twin(image: np.ndarray, outside: float = 0.0) -> np.ndarray:
        return interpolate(image, ours.inverse(), grid, box, points, outside)

    np.testing.assert_allclose(made.data, twin(data), atol=1e-3)
    np.testing.assert_allclose(made.variance, np.maximum(twin(variance), 0), atol=1e-3)
    for bit in (1, 8, 16):
        image = twin((dq & bit) / bit, 1.0 if bit == 16 else 0.0)
        decided = np.abs(np.abs(image) - 0.001) > 1e-6
        np.testing.assert_array_equal(((made.dq & bit) != 0)[decided], (np.abs(image) > 0.001)[decided])
    assert made.objmask is not None
    image = twin(objects)
    decided = np.abs(np.abs(image) - 0.001) > 1e-6
    np.testing.assert_array_equal(made.objmask[decided], (np.abs(image) > 0.001)[decided])


def test_one_bad_pixel_becomes_sixteen() -> None:
    dq = np.zeros((30, 30), np.uint16)
    dq[15, 15] = 1
    data = np.ones((30, 30), np.float32)
    made = resample(data, None, dq, dq.astype(np.uint8), Affine.shift(0.4, -0.3), Grid((0, 0), (30, 30)))
    assert np.count_nonzero(made.dq & 1) == 16
    assert made.objmask is not None
    assert made.objmask.sum() == 16
    assert made.variance is None


@pytest.mark.parametrize("threshold", [0.001, 0.6])
def test_flags_that_all_pixels_around_have_stay_and_the_number_of_threads_changes_nothing(threshold: float) -> None:
    dq = np.zeros((30, 30), np.uint16)
    dq[:, :18] = 64
    dq[10:, :9] |= 1
    data = np.random.default_rng(1).normal(100, 20, (30, 30)).astype(np.float32)
    made = [
        resample(
            data, data, dq, None, Affine.shift(0.4, -0.3), Grid((0, 0), (30, 30)), dq_threshold=threshold,
            threads=threads,
        )
        for threads in (1, 2, 7)
    ]  # fmt: skip
    assert (made[0].dq[:28, 3:15] & 64).all()
    assert not (made[0].dq[:28, 21:] & 64).any()
    assert (made[0].dq[13:28, 3:6] & 1).all()
    for other in made[1:]:
        for name in ("data", "variance", "dq"):
            np.testing.assert_array_equal(getattr(other, name), getattr(made[0], name))


def test_a_shift_by_whole_pixels_is_a_copy() -> None:
    data = np.arange(20, dtype=np.float32).reshape(4, 5)
    dq = np.full((4, 5), 2, np.uint16)
    made = resample(data, data, dq, None, Affine.shift(-2, 1), Grid((-2, 0), (6, 7)))
    assert (made.data[1:5, :5] == data).all()
    assert (made.dq[1:5, :5] == 2).all()
    assert made.dq[0, 0] == 16
    assert made.data[0, 0] == 0
    cut = resample(data, None, None, None, Affine.shift(-2, 1), Grid((0, 0), (3, 3)))
    assert cut.data[1:].tolist() == data[:2, 2:].tolist()
    assert (cut.dq[1:] == 0).all()
    away = resample(data, None, dq, None, Affine.shift(50, 0), Grid((0, 0), (3, 3)))
    assert (away.dq == 16).all()


def test_a_nearly_whole_shift_is_a_copy_only_if_asked_for() -> None:
    data = np.arange(25, dtype=np.float32).reshape(5, 5)
    nearly = Affine.shift(1e-6, 0)
    assert resample(data, None, None, None, nearly, Grid((0, 0), (5, 5))).dq[0, 0] == 16
    assert (resample(data, None, None, None, nearly, Grid((0, 0), (5, 5)), snap=1e-4).data == data).all()


def test_what_is_no_finite_number_counts_as_zero() -> None:
    data = np.ones((9, 9), np.float32)
    data[4, 4] = np.nan
    made = resample(data, np.full_like(data, np.inf), None, None, Affine.shift(0.5, 0.5), Grid((0, 0), (9, 9)))
    assert np.isfinite(made.data).all()
    assert made.replaced == 82


def test_flux_is_conserved_when_pixels_change_size() -> None:
    data = np.ones((40, 40), np.float32)
    smaller = Affine(np.eye(2) * 0.8, np.array([3.0, 3.0]))
    made = resample(data, data, None, None, smaller, Grid((0, 0), (40, 40)))
    assert made.jacobian == pytest.approx(1 / 0.64)
    assert made.data[20, 20] == pytest.approx(1 / 0.64)


@pytest.mark.parametrize(("name", "order"), [("nearest", 0), ("linear", 1), ("spline3", 3), ("spline5", 5)])
def test_the_other_interpolants_are_those_of_scipy(name: str, order: int) -> None:
    rng = np.random.default_rng(0)
    data = rng.normal(0, 1, (20, 25)).astype(np.float32)
    dq = np.zeros(data.shape, np.uint16)
    dq[10, 12] = 1
    move = Affine.shift(2.3, -1.6)
    made = resample(data, data**2, dq, None, move, Grid((0, 0), data.shape), interpolant=name)  # type: ignore[arg-type]
    back = move.inverse()
    want = ndimage.affine_transform(data, np.eye(2), back.offset[::-1], data.shape, order=order, mode="constant")
    seen = made.dq & 16 == 0
    np.testing.assert_allclose(made.data[seen], want[seen], atol=1e-5)
    assert made.dq[8, 14] & 1
    assert made.variance is not None
    assert made.variance.min() >= 0
    assert resample(data, None, None, None, move, Grid((0, 0), data.shape), interpolant=name).dq[0, 0] == 16  # type: ignore[arg-type]


def test_a_mask_travels_into_another_frame() -> None:
    mask = np.zeros((30, 30), np.uint8)
    mask[10:14, 10:14] = 1
    made = resample_mask(mask, Affine.shift(5.5, 2.5), (40, 20), interpolant="poly3", threshold=0.01)
    assert made.shape == (40, 20)
    assert made.dtype == np.uint8
    assert made[13:17, 16:19].all()
    assert not made[:9].any()


def test_an_affine_map_is_found_mapped_and_inverted() -> None:
    matrix = np.array([[0.99, 0.02], [-0.01, 1.01]])
    known = Affine(matrix, np.array([3.0, -4.0]))
    found = Affine.approximating(known, (100, 200))
    np.testing.assert_allclose(found.matrix, matrix)
    np.testing.assert_allclose(found.offset, known.offset)
    points = np.array([[1.0, 2.0], [50.0, 60.0]])
    np.testing.assert_allclose(known.inverse()(known(points)), points)
    assert known.area == pytest.approx(np.linalg.det(matrix))
    assert known.integer_shift() is None
    assert Affine.shift(3, -2).integer_shift() == (3, -2)


def test_the_grid_of_a_dither_holds_all_frames() -> None:
    maps = [Affine.shift(0, 0), Affine.shift(-10.3, -5.6), Affine.shift(7.25, 3.5)]
    grid = union_grid(maps, [(256, 256)] * 3)
    assert grid == Grid((-10, -5), (264, 273))
    assert corners(maps[1], (256, 256))[3].tolist() == [244.7, 249.4]


def test_a_frame_beside_the_grid_leaves_it_empty() -> None:
    data = np.ones((9, 9), np.float32)
    made = resample(data, None, None, None, Affine.shift(100.5, 0.5), Grid((0, 0), (9, 9)))
    assert (made.dq == 16).all()
