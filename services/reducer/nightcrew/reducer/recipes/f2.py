"""Recipes for Flamingos-2 imaging, science quality (primitives-calibration, 2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.reducer.engine.recipe import recipe
from nightcrew.reducer.recipes import deep, steps

if TYPE_CHECKING:
    from nightcrew.reducer.engine.recipe import Pipeline

DARK = {"F2", "CAL", "DARK"}
FLAT = {"F2", "IMAGE", "CAL", "FLAT"}
IMAGE = {"F2", "IMAGE"}


@recipe(tags=DARK, modes={"sq", "ql"}, default=True)
def makeProcessedDark(p: Pipeline) -> None:
    """Combine raw darks of one configuration into a master dark."""
    p.prepare()
    p.addDQ(add_illum_mask=False)
    p.ADUToElectrons()
    p.addVAR(poisson_noise=True, read_noise=True)
    p.nonlinearityCorrect()
    p.stackDarks()
    p.storeProcessedDark()


@recipe(tags=FLAT, modes={"sq", "ql"}, default=True)
def makeProcessedFlat(p: Pipeline) -> None:
    """Make a normalised master flat: lamp-on less lamp-off frames, in the K bands lamp-off frames less darks."""
    p.prepare()
    p.addDQ()
    p.ADUToElectrons()
    p.addVAR(poisson_noise=True, read_noise=True)
    p.nonlinearityCorrect()
    p.makeLampFlat()
    p.normalizeFlat()
    p.thresholdFlatfield()
    p.storeProcessedFlat()


@recipe(tags=FLAT, modes={"sq"})
def makeProcessedBPM(p: Pipeline) -> None:
    """Make a bad-pixel mask of flats and short darks; the flats come first in the list."""
    p.prepare()
    p.addDQ()
    p.addVAR(read_noise=True, poisson_noise=True)
    p.ADUToElectrons()
    p.selectFromInputs(tags="DARK", outstream="darks")
    p.selectFromInputs(tags="FLAT")
    p.stackFrames(stream="darks")
    p.makeLampFlat()
    p.normalizeFlat()
    p.makeBPM()


def subtract_dark(p: Pipeline) -> None:
    """Bring raw frames of the sky to electrons above the dark."""
    p.prepare()
    p.addDQ()
    p.ADUToElectrons()
    p.addVAR(read_noise=True, poisson_noise=True)
    p.nonlinearityCorrect()
    p.darkCorrect()


@recipe(tags=IMAGE, modes={"sq"}, default=True)
def reduce(p: Pipeline) -> None:
    """Reduce a dithered sequence to a stack, its sky subtracted in two passes."""
    subtract_dark(p)
    p.flatCorrect()
    p.flushPixels()
    p.separateSky()
    steps.subtract_sky_in_two_passes(p)
    p.flushPixels()
    steps.align_and_stack(p)
    p.writeOutputs()
    p.storeProcessedScience(suffix="_image")


@recipe(tags=IMAGE, modes={"sq"})
def ultradeep(p: Pipeline) -> None:
    """Reduce a deep field twice, the second time with the objects of the first stack masked in every sky."""
    subtract_dark(p)
    p.flatCorrect()
    p.flushPixels(outstream="flat_corrected")
    steps.stack_and_find_objects(p)
    p.transferObjectMask(instream="flat_corrected", outstream="main", source="main")
    p.clearStream(stream="flat_corrected")
    steps.stack_with_objects_masked(p)


@recipe(tags=IMAGE, modes={"sq"})
def ultradeep_part1(p: Pipeline) -> None:
    """Flat-field the frames of a deep field."""
    subtract_dark(p)
    p.flatCorrect()


@recipe(tags=IMAGE, modes={"sq"})
def makeSkyFlat(p: Pipeline) -> None:
    """Make a master flat of dithered frames of the sky, their objects masked."""
    subtract_dark(p)
    p.stackFrames(operation="median", scale=True, outstream="fastsky")
    steps.divide_by_fast_flat(p)
    p.detectSources(stream="flattened", detect_minarea=20)
    p.dilateObjectMask(stream="flattened", dilation=10)
    p.addObjectMaskToDQ(stream="flattened")
    p.writeOutputs(stream="flattened")
    p.transferAttribute(source="flattened", attribute="mask")
    p.clearStream(stream="flattened")
    p.scaleByIntensity()
    p.stackFrames(operation="mean", reject_method="minmax", nlow=0, nhigh=1)
    p.normalizeFlat()
    p.thresholdFlatfield()
    p.storeProcessedFlat(force=True)


@recipe(tags=IMAGE, modes={"sq", "ql"})
def alignAndStack(p: Pipeline) -> None:
    """Align and stack frames whose sky has been subtracted."""
    steps.align_and_stack(p)


@recipe(tags=IMAGE, modes={"sq", "ql"})
def makeIRAFCompatible(p: Pipeline) -> None:
    """Write frames with the keywords that IRAF's tasks for F2 look for."""
    p.makeIRAFCompatible()
    p.writeOutputs()


RECIPES = (
    makeProcessedDark,
    makeProcessedFlat,
    makeProcessedBPM,
    reduce,
    ultradeep,
    ultradeep_part1,
    recipe(tags=IMAGE, modes={"sq"})(deep.ultradeep_part2),
    recipe(tags=IMAGE, modes={"sq"})(deep.ultradeep_part3),
    makeSkyFlat,
    alignAndStack,
    makeIRAFCompatible,
)
