"""cleanReadout's numbers on patterns put there on purpose."""

from __future__ import annotations

import numpy as np
import pytest

from nightcrew.reducer.kernels.pattern import Edge, PatternOptions, affected_rows, clean_pattern, find_edges
from nightcrew.shared.errors import RecipeError

OPTIONS = PatternOptions()
SHAPE = (256, 256)


def pattern(strength: float) -> np.ndarray:
    tile = np.zeros((4, 16))
    tile[:, ::8] = strength
    return tile - tile.mean()


def sky(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(1000, 5, SHAPE)


def tiled(strength: float, rows: int = 128, columns: int = 128) -> np.ndarray:
    return np.tile(pattern(strength), (rows // 4, columns // 16))


def test_the_pattern_of_a_quadrant_is_taken_off() -> None:
    clean = sky()
    data = clean.copy()
    data[:128, 128:] += tiled(100)
    made = clean_pattern(data.astype(np.float32), None, None, OPTIONS)
    assert made.cleaned == (False, True, False, False)
    assert made.strengths[1] == pytest.approx(100 * np.sqrt(1 / 8 * 7 / 8), rel=0.02)
    assert made.edges == ()
    assert (made.data - clean).std() < 1.0
    assert abs((made.data - clean).mean()) < 1.0


def test_a_weak_pattern_is_left_unless_forced() -> None:
    data = sky()
    data[:128, :128] += tiled(20)
    left = clean_pattern(data.astype(np.float32), None, None, OPTIONS)
    assert not any(left.cleaned)
    np.testing.assert_array_equal(left.data, data.astype(np.float32))
    assert all(clean_pattern(data.astype(np.float32), None, None, PatternOptions(force=True)).cleaned)


def test_a_pattern_in_some_rows_only_is_taken_off_there() -> None:
    clean = sky()
    data = clean.copy()
    data[40:128, :128] += tiled(200, 88)
    data[128:216, :128] += tiled(200, 88)
    made = clean_pattern(data.astype(np.float32), None, None, PatternOptions(strength=5.0))
    assert made.cleaned == (True, False, True, False)
    assert len(made.edges) == 1
    assert made.edges[0] == pytest.approx(40, abs=2)
    residual = made.data - clean
    assert residual[:36, :128].std() < 3
    assert residual[44:212, :128].std() < 3


def test_flags_and_objects_do_not_change_the_pattern() -> None:
    clean = sky()
    data = clean.copy()
    data[:128, :128] += tiled(100)
    objects, dq = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint16)
    objects[30:60, 30:60] = 1
    data[30:60, 30:60] += 5000
    dq[80:90, 10:90] = 1
    data[80:90, 10:90] = -1e5
    made = clean_pattern(data.astype(np.float32), dq, objects, PatternOptions(subtract_background=True))
    good = (objects == 0) & (dq == 0)
    assert (made.data - clean)[good].std() < 2


def test_levels_on_both_sides_of_the_middle_are_made_equal() -> None:
    data = sky()
    data[:128, :128] += 40
    data[:128, 128:] += 70
    data[128:, 128:] += 30
    made = clean_pattern(data.astype(np.float32), None, None, PatternOptions(force=True))
    means = [made.data[y : y + 128, x : x + 128].mean() for y in (0, 128) for x in (0, 128)]
    assert np.ptp(means) < 3
    untouched = clean_pattern(data.astype(np.float32), None, None, PatternOptions(force=True, level_bias_offset=False))
    assert np.ptp([untouched.data[y : y + 128, x : x + 128].mean() for y in (0, 128) for x in (0, 128)]) > 60


def test_a_side_that_is_masked_throughout_changes_no_level() -> None:
    dq = np.zeros(SHAPE, np.uint16)
    dq[128:] = 1
    data = sky()
    made = clean_pattern(data.astype(np.float32), dq, None, PatternOptions(force=True))
    assert np.isfinite(made.data).all()


def test_rows_that_do_not_fill_a_box_are_padded_for_the_time_being() -> None:
    data = sky()[:254]
    assert clean_pattern(data.astype(np.float32), None, None, OPTIONS).data.shape == (254, 256)


def test_a_frame_that_cannot_be_cut_into_boxes_is_refused() -> None:
    with pytest.raises(RecipeError, match="quadrants of 130 x 128"):
        clean_pattern(np.zeros((256, 260), np.float32), None, None, OPTIONS)


def test_edges_are_steps_of_the_amplitude() -> None:
    profile = np.zeros(200)
    profile[60:140] = 1.0
    edges = find_edges(profile, OPTIONS)
    assert [edge.rising for edge in edges] == [True, False]
    assert [edge.row for edge in edges] == pytest.approx([60, 140], abs=2)
    assert find_edges(np.ones(200), OPTIONS) == []


def test_the_pattern_is_on_between_a_rising_and_a_falling_edge() -> None:
    on, off = (lambda row: Edge(row, rising=True)), (lambda row: Edge(row, rising=False))
    assert np.flatnonzero(affected_rows([on(3), off(6)], 10)).tolist() == [3, 4, 5]
    assert np.flatnonzero(affected_rows([off(2), on(8)], 10)).tolist() == [0, 1, 8, 9]
    assert np.flatnonzero(affected_rows([on(7)], 10)).tolist() == [7, 8, 9]
    assert affected_rows([], 4).all()
