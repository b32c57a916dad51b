"""Recipes of the profile `best`: the same data, and what a user would rather have than the reference's numbers.

What is done otherwise than in the profile `standard` stands here step by step; parameters that change are in
`defaults.BEST`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.reducer.engine.recipe import Recipe
from nightcrew.reducer.recipes import f2, niri, steps

if TYPE_CHECKING:
    from nightcrew.reducer.engine.recipe import Pipeline


def stack_and_account(p: Pipeline) -> None:
    """Align and average frames; say of the stack what is in it, how deep it is, and how well its frames agree."""
    p.detectSources()
    p.adjustWCSToReference()
    p.resampleToCommonFrame()
    p.scaleCountsToReference()
    p.copyInputs(outstream="aligned")
    p.stackFrames(save_rejection_map=True)
    p.detectSources()
    p.makeExposureMap(source="aligned")
    p.summarizeStack(source="aligned")
    p.clearStream(stream="aligned")


def _reduce_niri(p: Pipeline) -> None:
    """Reduce a dithered sequence to a stack, and account for what the stack is worth."""
    niri.subtract_dark(p)
    p.flatCorrect()
    p.separateSky()
    steps.subtract_sky_in_two_passes(p)
    p.cleanReadout()
    stack_and_account(p)
    p.storeProcessedScience(suffix="_image")


def _reduce_f2(p: Pipeline) -> None:
    """Reduce a dithered sequence to a stack, and account for what the stack is worth."""
    f2.subtract_dark(p)
    p.flatCorrect()
    p.separateSky()
    steps.subtract_sky_in_two_passes(p)
    stack_and_account(p)
    p.storeProcessedScience(suffix="_image")


RECIPES = (
    Recipe("reduce", _reduce_niri, frozenset(niri.IMAGE), frozenset({"sq", "ql"}), default=True, profile="best"),
    Recipe("reduce", _reduce_f2, frozenset(f2.IMAGE), frozenset({"sq"}), default=True, profile="best"),
)
