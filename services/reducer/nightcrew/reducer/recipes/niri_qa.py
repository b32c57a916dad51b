"""Recipes for NIRI imaging, quality assessment: those that measure nothing (primitives-calibration, 2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.reducer.engine.recipe import recipe
from nightcrew.reducer.recipes import niri, steps

if TYPE_CHECKING:
    from nightcrew.reducer.engine.recipe import Pipeline


@recipe(tags=niri.IMAGE, modes={"qa"})
def makeSkyFlat(p: Pipeline) -> None:
    """Make a flat of dithered frames of the sky, their objects masked; it is not kept among the calibrations."""
    p.prepare()
    p.addDQ()
    p.ADUToElectrons()
    p.addVAR(read_noise=True, poisson_noise=True)
    p.nonlinearityCorrect()
    p.darkCorrect()
    p.scaleByIntensity(outstream="fastsky")
    p.stackFrames(stream="fastsky", operation="median")
    steps.divide_by_fast_flat(p)
    p.detectSources(stream="flattened", detect_minarea=20)
    p.dilateObjectMask(stream="flattened", dilation=10)
    p.addObjectMaskToDQ(stream="flattened")
    p.writeOutputs(stream="flattened")
    p.transferAttribute(source="flattened", attribute="mask")
    p.scaleByIntensity()
    p.stackFrames(operation="mean", nlow=0, nhigh=1)
    p.normalizeFlat()
    p.thresholdFlatfield()
    p.storeProcessedFlat()


RECIPES = (makeSkyFlat,)
