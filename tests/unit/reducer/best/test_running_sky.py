"""Skies from a window around each frame, without the frame itself and without the halos of stars."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.reducer.sky.halos import grown
from nightcrew.reducer.sky.window import balanced
from support.fields import exposure
from support.runs import f2_frame, running

TIMES = st.lists(st.integers(-500, 500).filter(bool), min_size=1, max_size=30, unique=True)


def test_as_many_skies_before_a_frame_as_after_it():
    times = [-90.0, -60.0, -30.0, 30.0, 60.0, 90.0]
    assert balanced(0.0, times, 4) == (1, 2, 3, 4)
    assert balanced(0.0, times, 3) == (1, 2, 3)
    assert balanced(0.0, [-90.0, -60.0, 30.0, 60.0], 3) == (1, 2, 3)


def test_where_one_side_is_short_the_other_makes_up_for_it():
    assert balanced(0.0, [30.0, 60.0, 90.0, 120.0], 3) == (0, 1, 2)
    assert balanced(0.0, [-30.0, 30.0, 60.0, 90.0, 120.0], 4) == (0, 1, 2, 3)
    assert balanced(0.0, [-120.0, -90.0, -60.0, -30.0, 10.0], 4) == (1, 2, 3, 4)


@given(TIMES, st.integers(1, 12))
def test_a_window_is_full_in_order_and_balanced(times, most):
    chosen = [times[i] for i in balanced(0.0, times, most)]
    assert len(chosen) == min(most, len(times))
    assert chosen == sorted(chosen)
    before, after = sum(t < 0 for t in chosen), sum(t > 0 for t in chosen)
    spare = min(sum(t < 0 for t in times) - before, sum(t > 0 for t in times) - after)
    assert spare <= 0 or abs(before - after) <= 1


def dithered(count: int, **more):
    return [exposure(n, p=2.0 * (n % 5), q=1.5 * (n % 3), **more) for n in range(count)]


def skies_of(run) -> list[list[str]]:
    return [[str(name)[:14] for name in f.tables["SKYTABLE"].rows["SKYNAME"]] for f in run.stream("main")]


def test_each_frame_keeps_the_nearest_skies_and_never_itself(tmp_path):
    with running(tmp_path, *dithered(12), user=("balanceSkies:max_skies=4",)) as run:
        for name in ("separateSky", "associateSky", "balanceSkies"):
            run.step(name, {})
        skies, frames = skies_of(run), run.stream("main")
    assert {len(names) for names in skies} == {4}
    assert all(frame.filename[:14] not in names for frame, names in zip(frames, skies, strict=True))
    middle = [int(name[-4:]) for name in skies[6]]
    assert sum(number < 6 for number in middle) == 2


def test_a_sequence_of_f2_is_its_own_sky_and_each_frame_keeps_the_nearest_others(tmp_path):
    frames = [
        f2_frame(
            f"S20131128S{n:04d}.fits", np.zeros((64, 64), np.float32), PREPARE="done",
            ORIGNAME=f"S20131128S{n:04d}.fits", UT=f"03:{n:02d}:00.0", UTSTART=f"03:{n:02d}:00.0",
            POFFSET=15.0 * (n % 3), QOFFSET=15.0 * (n % 2),
        )
        for n in range(9)
    ]  # fmt: skip
    for frame in frames:
        header = frame.planes[0].header
        header["CRVAL1"] += frame.phu["POFFSET"] / 3600
        header["CRVAL2"] += frame.phu["QOFFSET"] / 3600
    with running(tmp_path, *frames, user=("balanceSkies:max_skies=4",)) as run:
        for name in ("separateSky", "associateSky", "balanceSkies"):
            run.step(name, {})
        skies, frames = skies_of(run), run.stream("main")
    assert len(frames) == 9
    for frame, names in zip(frames, skies, strict=True):
        here = int(frame.filename[10:14])
        apart = sorted(abs(int(name[-4:]) - here) for name in names)
        assert len(names) == 4
        assert 0 not in apart
        assert max(apart) <= 6


def test_a_short_sequence_keeps_all_its_skies(tmp_path):
    with running(tmp_path, *dithered(4)) as run:
        for name in ("separateSky", "associateSky"):
            run.step(name, {})
        before = skies_of(run)
        run.step("balanceSkies", {})
        assert skies_of(run) == before


def test_frames_without_skies_pass(tmp_path):
    with running(tmp_path, exposure(1)) as run:
        run.step("balanceSkies", {})
        assert "SKYTABLE" not in run.stream("main")[0].tables


def disc(radius: float, size: int = 200, where=(100, 100)):
    y, x = np.mgrid[:size, :size]
    return (np.hypot(x - where[0], y - where[1]) <= radius).astype(np.uint8)


@pytest.mark.parametrize("radius", [4, 12, 25])
def test_a_mask_grows_in_proportion_to_its_object(radius):
    mask = grown(disc(radius), 1.0, 60.0)
    reached = np.sqrt(mask.sum() / np.pi)
    assert 1.85 * radius < reached < 2.4 * radius
    assert mask.dtype == np.uint8


def test_large_and_small_objects_grow_apart_and_none_beyond_the_limit():
    mask = disc(20, where=(60, 60)) | disc(3, where=(160, 160))
    done = grown(mask, 1.0, 10.0)
    assert done[60, 60 + 29]
    assert not done[60, 60 + 33]
    assert done[160, 160 + 5]
    assert not done[160, 160 + 9]


def test_nothing_grows_from_nothing_or_by_nothing():
    assert not grown(np.zeros((20, 20), np.uint8), 1.0, 10.0).any()
    assert (grown(disc(5), 0.0, 10.0) == disc(5)).all()


def test_masks_that_would_cover_the_frame_stay_and_it_is_said(tmp_path):
    small, huge, bare = exposure(1), exposure(2), exposure(3)
    small.planes[0].objmask, huge.planes[0].objmask = disc(5, 128, (60, 60)), disc(50, 128, (60, 60))
    with running(tmp_path, small, huge, bare) as run:
        run.step("growObjectMask", {})
        first, second, _ = run.stream("main")
    assert first.planes[0].objmask.sum() > 3 * disc(5, 128).sum()
    assert (second.planes[0].objmask == disc(50, 128, (60, 60))).all()
    assert [("S0002" in w and "limit 60 %" in w) or "S0003" in w for w in run.ledger.warnings] == [True, True]
