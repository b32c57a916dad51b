"""The recipe growStack and its primitive."""

from __future__ import annotations

import pytest

from nightcrew.reducer.defaults import defaults_for
from nightcrew.reducer.engine.recipe import calls_of, choose
from nightcrew.reducer.primitives.growing import AddToGrowingStack
from nightcrew.reducer.recipes import RECIPES
from support.growing import taken, trailed
from support.runs import running


@pytest.mark.parametrize("instrument", ["NIRI", "F2"])
def test_both_instruments_can_grow_a_stack_in_quick_look(instrument) -> None:
    recipe = choose(RECIPES, frozenset({instrument, "IMAGE"}), "ql", "growStack")
    names = [name for name, _ in calls_of(recipe)]
    assert names[-4:] == ["detectSources", "measureIQ", "measureBG", "addToGrowingStack"]


def test_only_niri_loses_its_first_exposure() -> None:
    left_out = [defaults_for(frozenset({name, "IMAGE"})).get("addToGrowingStack", {}) for name in ("NIRI", "F2")]
    assert left_out == [{"remove_first": True}, {}]


def test_several_frames_in_one_run_grow_one_stack_in_their_order(tmp_path) -> None:
    frames = [*map(taken, (1, 3, 2)), trailed(8), taken(3)]
    for frame in frames[1:]:
        frame.phu["DATALAB"] = "GN-2016A-Q-1-1-002"
    with running(tmp_path, *frames, mode="ql") as run:
        run.step("detectSources", {})
        run.step("addToGrowingStack", {})
        (stack,) = run.stream("main")
    assert run.written == ["N20160102S0001_growing.fits"]
    assert [stack.phu[f"IMCMB{n:03d}"][11:14] for n in (1, 2)] == ["003", "002"]
    assert stack.phu["PROCMODE"] == "ql"
    assert "PROCSCI" in stack.phu
    told = [m for m in run.measurements if m.kind == "growth"]
    assert [m.status for m in told] == ["unsettled", "added", "added", "misshapen", "added"]
    assert told[-1].duplicate
    assert sum("not added to the stack" in text for text in run.ledger.warnings) == 3


def test_a_frame_that_has_to_go_again_is_named(tmp_path) -> None:
    frames = [trailed(8, 8.0), taken(1)]
    with running(tmp_path, *frames, mode="ql", user=("addToGrowingStack:remove_first=False",)) as run:
        run.step("detectSources", {})
        run.step("addToGrowingStack", {})
    assert any("N20160102S0008.fits: taken out of the stack again" in text for text in run.ledger.warnings)


def test_a_frame_that_makes_no_stack_leaves_no_product(tmp_path) -> None:
    with running(tmp_path, trailed(8, 20.0), mode="ql") as run:
        run.step("detectSources", {})
        run.step("addToGrowingStack", {"remove_first": False})
    assert run.stream("main") == []
    assert run.written == []


def test_parameters_become_settings() -> None:
    settings = AddToGrowingStack(max_skies=2, min_skies=5, max_wcs_error=7.0, sky_offset=None).settings()
    assert (settings.window.size, settings.window.least) == (2, 2)
    assert settings.placing.wcs_error == 7.0
    assert settings.sky_beyond is None
