"""The stack of a sequence that is still being taken, frame by frame, for NIRI and Flamingos-2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.reducer.engine.recipe import recipe
from nightcrew.reducer.recipes import f2, niri

if TYPE_CHECKING:
    from nightcrew.reducer.engine.recipe import Pipeline


def growStack(p: Pipeline) -> None:
    """Add frames to the stack of their sequence, which lies in the directory, and measure frames and stack."""
    p.prepare(bad_wcs="ignore")
    p.addDQ()
    p.ADUToElectrons()
    p.addVAR(read_noise=True, poisson_noise=True)
    p.nonlinearityCorrect()
    p.darkCorrect()
    p.flatCorrect()
    p.assessCorrections()
    p.detectSources()
    p.measureIQ()
    p.measureBG()
    p.addToGrowingStack()


RECIPES = tuple(recipe(tags=tags, modes={"ql"})(growStack) for tags in (niri.IMAGE, f2.IMAGE))
