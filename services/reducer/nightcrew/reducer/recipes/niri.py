"""Recipes for NIRI imaging, science quality (primitives-calibration, 2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.reducer.engine.recipe import recipe

if TYPE_CHECKING:
    from nightcrew.reducer.engine.recipe import Pipeline

DARK = {"NIRI", "CAL", "DARK"}
FLAT = {"NIRI", "IMAGE", "CAL", "FLAT"}
IMAGE = {"NIRI", "IMAGE"}


@recipe(tags=DARK, modes={"sq", "ql"}, default=True)
def makeProcessedDark(p: Pipeline) -> None:
    """Combine raw darks of one configuration into a master dark."""
    p.prepare()
    p.addDQ(add_illum_mask=False)
    p.nonlinearityCorrect()
    p.ADUToElectrons()
    p.addVAR(poisson_noise=True, read_noise=True)
    p.stackDarks()
    p.storeProcessedDark()


@recipe(tags=FLAT, modes={"sq", "ql"}, default=True)
def makeProcessedFlat(p: Pipeline) -> None:
    """Make a normalised master flat of lamp-on and lamp-off frames."""
    p.prepare()
    p.addDQ()
    p.nonlinearityCorrect()
    p.ADUToElectrons()
    p.addVAR(poisson_noise=True, read_noise=True)
    p.makeLampFlat()
    p.normalizeFlat()
    p.thresholdFlatfield()
    p.storeProcessedFlat()


@recipe(tags=FLAT, modes={"sq"})
def makeProcessedBPM(p: Pipeline) -> None:
    """Make a bad-pixel mask of flats and short darks; the flats come first in the list."""
    p.prepare()
    p.ADUToElectrons()
    p.selectFromInputs(tags="DARK", outstream="darks")
    p.selectFromInputs(tags="FLAT")
    p.stackFrames(stream="darks")
    p.makeLampFlat()
    p.normalizeFlat()
    p.makeBPM()


@recipe(tags=IMAGE, modes={"sq", "ql"}, default=True)
def reduce(p: Pipeline) -> None:
    """Reduce a dithered sequence to a stack, its sky subtracted in two passes."""
    p.prepare()
    p.addDQ()
    p.removeFirstFrame()
    p.ADUToElectrons()
    p.addVAR(read_noise=True, poisson_noise=True)
    p.nonlinearityCorrect()
    p.darkCorrect()
    p.flatCorrect()
    p.separateSky()
    p.associateSky(stream="sky")
    p.skyCorrect(instream="sky", mask_objects=False, outstream="skysub")
    p.detectSources(stream="skysub")
    p.transferAttribute(stream="sky", source="skysub", attribute="OBJMASK")
    p.clearStream(stream="skysub")
    p.associateSky()
    p.skyCorrect(mask_objects=True)
    p.cleanReadout()
    p.detectSources()
    p.adjustWCSToReference()
    p.resampleToCommonFrame()
    p.scaleCountsToReference()
    p.stackFrames()
    p.storeProcessedScience(suffix="_image")


@recipe(tags=IMAGE, modes={"sq", "ql"})
def alignAndStack(p: Pipeline) -> None:
    """Align and stack frames whose sky has been subtracted."""
    p.detectSources()
    p.adjustWCSToReference()
    p.resampleToCommonFrame()
    p.scaleCountsToReference()
    p.stackFrames()


RECIPES = (makeProcessedDark, makeProcessedFlat, makeProcessedBPM, reduce, alignAndStack)
