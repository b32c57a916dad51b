"""Recipes for Flamingos-2 imaging, quality assessment: its calibrations (primitives-calibration, 2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.reducer.engine.recipe import recipe
from nightcrew.reducer.recipes import f2

if TYPE_CHECKING:
    from nightcrew.reducer.engine.recipe import Pipeline


@recipe(tags=f2.DARK, modes={"qa"}, default=True)
def makeProcessedDark(p: Pipeline) -> None:
    """Combine raw darks into a master dark, without a correction for non-linearity."""
    p.prepare()
    p.addDQ(add_illum_mask=False)
    p.ADUToElectrons()
    p.addVAR(poisson_noise=True, read_noise=True)
    p.stackFrames()
    p.storeProcessedDark()


@recipe(tags=f2.FLAT, modes={"qa"}, default=True)
def makeProcessedFlat(p: Pipeline) -> None:
    """Make a normalised master flat, without a correction for non-linearity."""
    p.prepare()
    p.addDQ()
    p.ADUToElectrons()
    p.addVAR(poisson_noise=True, read_noise=True)
    p.makeLampFlat()
    p.normalizeFlat()
    p.thresholdFlatfield()
    p.storeProcessedFlat()


RECIPES = (makeProcessedDark, makeProcessedFlat)
