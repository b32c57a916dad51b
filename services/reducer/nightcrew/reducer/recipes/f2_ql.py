"""Recipes for Flamingos-2 imaging, quick look: where they differ from science quality (primitives-calibration, 2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.reducer.engine.recipe import recipe
from nightcrew.reducer.recipes import f2, steps

if TYPE_CHECKING:
    from nightcrew.reducer.engine.recipe import Pipeline


@recipe(tags=f2.IMAGE, modes={"ql"}, default=True)
def reduce(p: Pipeline) -> None:
    """Reduce a dithered sequence to a stack, its sky subtracted in one pass."""
    f2.subtract_dark(p)
    p.flatCorrect()
    p.flushPixels()
    p.separateSky()
    p.associateSky(max_skies=9)
    p.skyCorrect(mask_objects=False)
    p.flushPixels()
    steps.align_and_stack(p)
    p.writeOutputs()
    p.storeProcessedScience(suffix="_image")


RECIPES = (reduce,)
