"""Recipes of the profile `best`: the same data, and what a user would rather have than the reference's numbers.

What is done otherwise than in the profile `standard` stands here step by step; parameters that change are in
`defaults.BEST`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.reducer.engine.recipe import Recipe
from nightcrew.reducer.recipes import f2, niri

if TYPE_CHECKING:
    from nightcrew.reducer.engine.recipe import Pipeline


def tell_header_repairs(p: Pipeline) -> None:
    """Tell what had to be mended in the headers, by comparison with the frames as they were taken."""
    p.listHeaderRepairs(source="as_taken")
    p.clearStream(stream="as_taken")


def subtract_sky_in_two_passes(p: Pipeline) -> None:
    """Subtract a running sky twice, the second time with objects and their halos masked."""
    p.associateSky(stream="sky")
    p.balanceSkies(stream="sky")
    p.skyCorrect(instream="sky", mask_objects=False, outstream="skysub")
    p.detectSources(stream="skysub")
    p.growObjectMask(stream="skysub")
    p.transferAttribute(stream="sky", source="skysub", attribute="OBJMASK")
    p.clearStream(stream="skysub")
    p.associateSky()
    p.balanceSkies()
    p.skyCorrect(mask_objects=True)


def stack_and_account(p: Pipeline) -> None:
    """Align and average frames, without those that do not fit; say of the stack what is in it and what it is worth."""
    p.detectSources()
    p.chooseReferenceFrame()
    p.adjustWCSToReference()
    # Once more, for frames that the telescope offsets have only brought near.
    p.adjustWCSToReference()
    p.excludeMisregistered()
    p.measureConditions()
    p.resampleToCommonFrame()
    p.scaleCountsToReference()
    p.levelFrames()
    p.restoreInputOrder()
    p.copyInputs(outstream="aligned")
    p.stackFrames(save_rejection_map=True)
    p.catalogueStack()
    p.makeExposureMap(source="aligned")
    p.summarizeStack(source="aligned")
    p.clearStream(stream="aligned")


def _reduce_niri(p: Pipeline) -> None:
    """Reduce a dithered sequence to a stack, and account for what the stack is worth."""
    p.copyInputs(outstream="as_taken")
    niri.subtract_dark(p)
    tell_header_repairs(p)
    p.flatCorrect()
    p.separateSky()
    subtract_sky_in_two_passes(p)
    p.cleanReadout()
    p.cleanPatternNoise()
    stack_and_account(p)
    p.storeProcessedScience(suffix="_image")


def _reduce_f2(p: Pipeline) -> None:
    """Reduce a dithered sequence to a stack, and account for what the stack is worth."""
    p.copyInputs(outstream="as_taken")
    f2.subtract_dark(p)
    tell_header_repairs(p)
    p.flagGuideProbe()
    p.flatCorrect()
    p.separateSky()
    subtract_sky_in_two_passes(p)
    stack_and_account(p)
    p.storeProcessedScience(suffix="_image")


def _make_bpm_niri(p: Pipeline) -> None:
    """Make a bad-pixel mask of flats and short darks, and keep it where later reductions find it."""
    niri.makeProcessedBPM.function(p)
    p.storeBPM()


def _make_bpm_f2(p: Pipeline) -> None:
    """Make a bad-pixel mask of flats and short darks, and keep it where later reductions find it."""
    f2.makeProcessedBPM.function(p)
    p.storeBPM()


RECIPES = (
    Recipe("reduce", _reduce_niri, frozenset(niri.IMAGE), frozenset({"sq", "ql"}), default=True, profile="best"),
    Recipe("reduce", _reduce_f2, frozenset(f2.IMAGE), frozenset({"sq"}), default=True, profile="best"),
    Recipe("makeProcessedBPM", _make_bpm_niri, frozenset(niri.FLAT), frozenset({"sq"}), profile="best"),
    Recipe("makeProcessedBPM", _make_bpm_f2, frozenset(f2.FLAT), frozenset({"sq"}), profile="best"),
)
