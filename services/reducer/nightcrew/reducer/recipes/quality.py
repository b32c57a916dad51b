"""Recipes that tell how good the data are: quality assessment, and the quick look of one frame.

(primitives-calibration, 2.2; the lists of frames that the reference keeps on disk between its runs are left out: the
frames given are the list.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.reducer.engine.recipe import Recipe, recipe
from nightcrew.reducer.recipes import f2, niri

if TYPE_CHECKING:
    from nightcrew.reducer.engine.recipe import Pipeline


def _measure_on_the_sky(p: Pipeline, *, linearise: bool) -> None:
    """Flat-field frames and measure them while the sky is still in them; find out which frames show their sky."""
    p.prepare()
    p.addDQ()
    p.ADUToElectrons()
    p.addVAR(read_noise=True, poisson_noise=True)
    if linearise:
        p.nonlinearityCorrect()
    p.darkCorrect()
    p.flatCorrect()
    p.detectSources()
    p.measureIQ(display=True)
    p.measureBG()
    p.addReferenceCatalog()
    p.determineAstrometricSolution()
    p.measureCC()
    p.separateSky()
    p.associateSky()


def _measure_sky_subtracted(p: Pipeline) -> None:
    p.detectSources()
    p.measureIQ(display=True)
    p.determineAstrometricSolution()
    p.measureCC()


def _align_and_average(p: Pipeline) -> None:
    p.adjustWCSToReference()
    p.resampleToCommonFrame()
    p.scaleCountsToReference()
    p.stackFrames()


@recipe(tags=niri.IMAGE, modes={"qa"}, default=True)
def reduce(p: Pipeline) -> None:
    """Measure NIRI frames as they come, subtract their sky in one pass, stack them and measure the stack."""
    _measure_on_the_sky(p, linearise=True)
    p.skyCorrect(mask_objects=False)
    _measure_sky_subtracted(p)
    _align_and_average(p)
    _measure_sky_subtracted(p)
    p.writeOutputs()


@recipe(tags=f2.IMAGE, modes={"qa"}, default=True)
def reduce_nostack(p: Pipeline) -> None:
    """Measure F2 frames as they come, subtract their sky in one pass and measure them again."""
    _measure_on_the_sky(p, linearise=False)
    p.skyCorrect(mask_objects=False)
    _measure_sky_subtracted(p)
    p.writeOutputs()


def _reduce_f2(p: Pipeline) -> None:
    """Measure F2 frames as they come, subtract their sky in one pass, stack them and measure the stack."""
    _measure_on_the_sky(p, linearise=False)
    p.skyCorrect()
    _measure_sky_subtracted(p)
    _align_and_average(p)
    p.detectSources()
    p.determineAstrometricSolution()
    p.measureIQ(display=True)
    p.measureCC()
    p.writeOutputs()


def quickLook(p: Pipeline) -> None:
    """Look at frames one by one: correct each with the calibrations at hand, measure it, subtract its own sky."""
    p.prepare()
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
    p.removeBackground()
    p.storeProcessedScience(suffix="_quicklook")


RECIPES = (
    reduce,
    reduce_nostack,
    Recipe("reduce", _reduce_f2, frozenset(f2.IMAGE), frozenset({"qa"})),
    *(recipe(tags=tags, modes={"ql"})(quickLook) for tags in (niri.IMAGE, f2.IMAGE)),
)
