"""Recipes for NIRI imaging, science quality (primitives-calibration, 2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.reducer.engine.recipe import recipe
from nightcrew.reducer.recipes import deep, steps

if TYPE_CHECKING:
    from nightcrew.reducer.engine.recipe import Pipeline

DARK = {"NIRI", "CAL", "DARK"}
FLAT = {"NIRI", "IMAGE", "CAL", "FLAT"}
IMAGE = {"NIRI", "IMAGE"}


@recipe(tags=DARK, default=True)
def makeProcessedDark(p: Pipeline) -> None:
    """Combine raw darks of one configuration into a master dark."""
    p.prepare()
    p.addDQ(add_illum_mask=False)
    p.nonlinearityCorrect()
    p.ADUToElectrons()
    p.addVAR(poisson_noise=True, read_noise=True)
    p.stackDarks()
    p.storeProcessedDark()


@recipe(tags=FLAT, default=True)
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


def subtract_dark(p: Pipeline) -> None:
    """Bring raw frames of the sky, without the first, to electrons above the dark."""
    p.prepare()
    p.addDQ()
    p.removeFirstFrame()
    p.ADUToElectrons()
    p.addVAR(read_noise=True, poisson_noise=True)
    p.nonlinearityCorrect()
    p.darkCorrect()


@recipe(tags=IMAGE, modes={"sq", "ql"}, default=True)
def reduce(p: Pipeline) -> None:
    """Reduce a dithered sequence to a stack, its sky subtracted in two passes."""
    subtract_dark(p)
    p.flatCorrect()
    p.separateSky()
    steps.subtract_sky_in_two_passes(p)
    p.cleanReadout()
    steps.align_and_stack(p)
    p.storeProcessedScience(suffix="_image")


@recipe(tags=IMAGE, modes={"sq"})
def ultradeep(p: Pipeline) -> None:
    """Reduce a deep field twice, the second time with the objects of the first stack masked in every sky."""
    subtract_dark(p)
    p.flatCorrect()
    p.flushPixels(outstream="flat_corrected")
    steps.stack_and_find_objects(p)
    p.transferObjectMask(stream="flat_corrected", source="main")
    p.clearStream(stream="main")
    p.dilateObjectMask(instream="flat_corrected", outstream="main", dilation=2)
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
    p.detectSources(stream="flattened")
    p.dilateObjectMask(stream="flattened", dilation=10)
    p.addObjectMaskToDQ(stream="flattened")
    p.transferAttribute(source="flattened", attribute="mask")
    p.stackFrames(operation="mean", scale=True, reject_method="minmax", nlow=0, nhigh=1)
    p.normalizeFlat()
    p.thresholdFlatfield()
    p.storeProcessedFlat(force=True)


@recipe(tags=IMAGE, modes={"sq", "ql"})
def alignAndStack(p: Pipeline) -> None:
    """Align and stack frames whose sky has been subtracted."""
    steps.align_and_stack(p)


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
)
