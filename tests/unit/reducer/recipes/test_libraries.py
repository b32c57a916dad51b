"""Which recipes there are, and that what they call exists."""

from __future__ import annotations

import pytest

from nightcrew.reducer.engine.parameters import make
from nightcrew.reducer.engine.recipe import calls_of, choose, matching
from nightcrew.reducer.engine.run import STREAM_WORDS
from nightcrew.reducer.primitives import PRIMITIVES
from nightcrew.reducer.recipes import RECIPES

DARK, FLAT, IMAGE = {"CAL", "DARK"}, {"IMAGE", "CAL", "FLAT"}, {"IMAGE"}
DEEP = {"ultradeep", "ultradeep_part1", "ultradeep_part2", "ultradeep_part3"}


def recipe_of(instrument: str, name: str, mode: str = "sq"):
    return choose(RECIPES, frozenset({instrument, "IMAGE"}), mode, name)


def steps_of(instrument: str, name: str, mode: str = "sq") -> list[str]:
    return [step for step, _ in calls_of(recipe_of(instrument, name, mode))]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda r: f"{r.module.rpartition('.')[2]}.{r.name}")
def test_a_recipe_calls_primitives_that_exist_with_parameters_that_they_have(recipe) -> None:
    for name, given in calls_of(recipe):
        assert name in PRIMITIVES, name
        make(PRIMITIVES[name].model, {k: v for k, v in given.items() if k not in STREAM_WORDS}, name)


@pytest.mark.parametrize("instrument", ["NIRI", "F2"])
@pytest.mark.parametrize(
    ("tags", "mode", "default", "others"),
    [
        (DARK, "sq", "makeProcessedDark", set()),
        (DARK, "ql", "makeProcessedDark", set()),
        (DARK, "qa", "makeProcessedDark", set()),
        (FLAT, "sq", "makeProcessedFlat", {"makeProcessedBPM"}),
        (FLAT, "ql", "makeProcessedFlat", set()),
        (FLAT, "qa", "makeProcessedFlat", set()),
        (IMAGE, "sq", "reduce", {"alignAndStack", "makeSkyFlat", *DEEP}),
        (IMAGE, "ql", "reduce", {"alignAndStack", "quickLook"}),
    ],
)
def test_the_libraries_have_the_recipes_of_the_reference(instrument, tags, mode, default, others) -> None:
    tags = frozenset({instrument, *tags})
    found = {r.name for r in matching(RECIPES, tags, mode)}
    assert choose(RECIPES, tags, mode).name == default
    assert {default, *others} <= found
    assert ("makeIRAFCompatible" in found) == (instrument == "F2" and "CAL" not in tags)


def test_a_plain_name_finds_the_recipe_of_the_instrument() -> None:
    assert steps_of("NIRI", "reduce")[:3] == ["prepare", "addDQ", "removeFirstFrame"]
    assert "removeFirstFrame" not in steps_of("F2", "reduce")
    assert recipe_of("NIRI", "makeIRAFCompatible") is None


def test_the_two_instruments_correct_non_linearity_at_their_own_places() -> None:
    for instrument, tags in (("NIRI", DARK), ("NIRI", FLAT), ("F2", DARK), ("F2", FLAT)):
        calls = [name for name, _ in calls_of(choose(RECIPES, frozenset({instrument, *tags}), "sq"))]
        before = calls.index("nonlinearityCorrect") < calls.index("ADUToElectrons")
        assert before == (instrument == "NIRI")


def test_quick_look_of_f2_subtracts_the_sky_once_and_of_niri_twice() -> None:
    assert steps_of("F2", "reduce", "ql").count("skyCorrect") == 1
    assert steps_of("NIRI", "reduce", "ql").count("skyCorrect") == 2


@pytest.mark.parametrize("instrument", ["NIRI", "F2"])
def test_the_parts_of_a_deep_reduction_make_up_the_whole(instrument) -> None:
    housekeeping = {"flushPixels", "clearStream", "copyInputs"}
    whole = [step for step in steps_of(instrument, "ultradeep") if step not in housekeeping]
    parts = [step for n in (1, 2, 3) for step in steps_of(instrument, f"ultradeep_part{n}") if step not in housekeeping]
    if instrument == "NIRI":
        whole.remove("dilateObjectMask")
    assert parts == whole


def test_quality_assessment_of_f2_leaves_non_linearity_alone() -> None:
    for tags in (DARK, FLAT):
        calls = [name for name, _ in calls_of(choose(RECIPES, frozenset({"F2", *tags}), "qa"))]
        assert "nonlinearityCorrect" not in calls


def test_quality_assessment_measures_before_and_after_the_sky_is_subtracted() -> None:
    tags = frozenset({"F2", "IMAGE"})
    assert choose(RECIPES, tags, "qa").name == "reduce_nostack"
    for instrument, name, stacked in (("NIRI", "reduce", 1), ("F2", "reduce_nostack", 0), ("F2", "reduce", 1)):
        steps = steps_of(instrument, name, "qa")
        assert steps.count("measureIQ") == steps.count("measureCC") == 2 + stacked
        assert steps.index("measureBG") < steps.index("skyCorrect")
        assert steps.count("stackFrames") == stacked
        assert ("nonlinearityCorrect" in steps) == (instrument == "NIRI")


@pytest.mark.parametrize("instrument", ["NIRI", "F2"])
def test_a_quick_look_needs_no_other_frame(instrument) -> None:
    steps = steps_of(instrument, "quickLook", "ql")
    assert not {"removeFirstFrame", "separateSky", "associateSky", "skyCorrect", "stackFrames"} & set(steps)
    assert steps.index("assessCorrections") > steps.index("flatCorrect")
    assert recipe_of(instrument, "quickLook") is None
