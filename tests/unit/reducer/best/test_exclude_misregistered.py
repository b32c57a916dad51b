"""Trailed and misplaced frames stay out of the stack, by name; some frame always stays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.reducer.alignment.looks import Looks
from nightcrew.reducer.alignment.registration import Limits, Placed, misplaced, misshapen
from support.fields import exposure
from support.runs import running

LIMITS = Limits(radius=4.0)
FIELD = np.array([[0.0, 0.0], [200.0, 0.0], [200.0, 200.0], [0.0, 200.0]])
STARS = np.random.default_rng(7).uniform(20, 180, (25, 2))


def look(ellipticity: float = 0.05, fwhm: float = 4.0, sources: int = 20) -> Looks:
    return Looks("frame", sources, fwhm, ellipticity)


def placed(dx: float = 0.0, dy: float = 0.0, stars=STARS, moved: float = 0.0) -> Placed:
    return Placed(stars + np.array([dx, dy]), FIELD + np.array([moved, 0.0]))


def out(frames, limits: Limits = LIMITS) -> list[int]:
    return [verdict.index for verdict in misplaced(frames, limits)[0]]


def test_trailed_and_blurred_frames_are_misshapen_and_the_rule_is_told():
    verdicts = misshapen([look(), look(0.7), look(), look(fwhm=9.0)], LIMITS)
    assert [v.index for v in verdicts] == [1, 3]
    assert "ellipticity 0.70 (others 0.05, limit 0.30)" in verdicts[0].reason
    assert "9.0 pixels wide (others 4.0, limit 6.4)" in verdicts[1].reason


def test_of_two_frames_the_better_one_sets_the_measure():
    assert [v.index for v in misshapen([look(0.7), look()], LIMITS)] == [0]


def test_frames_without_sources_are_not_judged_by_shape():
    assert misshapen([look(sources=0, fwhm=np.nan), look()], LIMITS) == []
    assert misshapen([look(sources=2, ellipticity=0.9), look(), look()], LIMITS) == []


def test_a_frame_beside_the_others_is_misplaced():
    verdicts, unknown = misplaced([placed(), placed(0.5), placed(13.0, -8.0), placed(-0.4, 0.3)], LIMITS)
    assert [v.index for v in verdicts] == [2]
    assert "beside those of 3 other frames" in verdicts[0].reason
    assert unknown == []


def test_a_small_shift_of_all_sources_is_one_too_many():
    verdicts, _ = misplaced([placed(), placed(0.2), placed(2.0, 1.0)], LIMITS)
    assert [v.index for v in verdicts] == [2]
    assert "pixels beside those of 2 other frames (limit 1.3)" in verdicts[0].reason


def test_the_majority_is_right_even_against_the_first():
    assert out([placed(13.0, -8.0), placed(), placed(0.5)]) == [0]
    assert out([placed(), placed(13.0, -8.0)]) == [1]


def test_a_chain_of_overlapping_frames_holds_together():
    stars = np.random.default_rng(3).uniform(0, 500, (200, 2))
    frames = []
    for x in (0.0, 120.0, 240.0):
        inside = (stars[:, 0] > x) & (stars[:, 0] < x + 200) & (stars[:, 1] < 200)
        frames.append(Placed(stars[inside], FIELD + np.array([x, 0.0])))
    assert misplaced(frames, LIMITS) == ([], [])


def test_a_deeper_frame_agrees_with_a_shallow_one():
    assert out([placed(), placed(stars=STARS[:8]), placed()]) == []


def test_too_few_sources_in_common_cannot_be_judged():
    nothing = np.empty((0, 2))
    verdicts, unknown = misplaced([placed(), placed(), placed(stars=nothing), placed(moved=400.0)], LIMITS)
    assert verdicts == []
    assert unknown == [2, 3]


@given(st.lists(st.tuples(st.floats(-60, 60), st.floats(-60, 60)), min_size=1, max_size=6))
def test_some_frame_always_stays(shifts):
    verdicts, unknown = misplaced([placed(*shift) for shift in shifts], LIMITS)
    assert len({v.index for v in verdicts}) + len(unknown) < len(shifts)


DETECT = ("detectSources:detect_minarea=10",)


def stacked(directory, *frames, user=()):
    with running(directory, *frames, user=(*DETECT, *user)) as run:
        for name in ("detectSources", "chooseReferenceFrame", "adjustWCSToReference", "excludeMisregistered"):
            run.step(name, {})
        return run


def test_a_frame_that_the_offsets_put_in_a_wrong_place_is_named_and_left_out(tmp_path):
    frames = [exposure(n, p=p, size=160) for n, p in ((1, 0.0), (2, 2.0), (3, -2.0), (4, 1.0))]
    # The WCS is out of reach of the search, and the telescope was not where its offsets say.
    frames[3] = exposure(4, p=1.0, size=160, wcs_error=(200.0, 0.0))
    frames[3].phu["POFFSET"] = 4.0
    run = stacked(tmp_path, *frames)
    assert len(run.stream("main")) == 3
    assert any("S0004" in w and "left out of the stack" in w and "limit 50 %" in w for w in run.ledger.warnings)
    assert {f.phu["NCEXCL01"] for f in run.stream("main")} == {"N20160102S0004.fits"}


def test_good_frames_stay_without_a_word(tmp_path):
    run = stacked(tmp_path, *(exposure(n, p=float(n), size=160) for n in range(3)))
    assert len(run.stream("main")) == 3
    assert run.ledger.warnings == []


def test_a_frame_without_sources_stays_and_that_it_is_unchecked_is_said(tmp_path):
    frames = [exposure(1, size=160), exposure(2, size=160), exposure(3, size=160, sources=[(-99.0, -99.0)])]
    run = stacked(tmp_path, *frames)
    assert len(run.stream("main")) == 3
    assert any("alignment is not checked" in w and "S0003" in w for w in run.ledger.warnings)


def test_a_single_frame_is_left_alone(tmp_path):
    with running(tmp_path, exposure(1)) as run:
        run.step("excludeMisregistered", {})
        assert len(run.stream("main")) == 1


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_share_is_the_users(share: float):
    half = np.concatenate([STARS[:12], STARS[12:] + 9.0])
    assert out([placed(), placed(), placed(stars=half)], Limits(radius=4.0, share=share)) == ([2] if share else [])
