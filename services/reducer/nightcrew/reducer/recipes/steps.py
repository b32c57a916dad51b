"""Stretches that several recipes have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.shared.errors import FrameError

if TYPE_CHECKING:
    from nightcrew.reducer.engine.recipe import Pipeline


def subtract_sky_in_two_passes(p: Pipeline) -> None:
    """Find the objects on frames whose sky is roughly subtracted, then subtract the sky with the objects masked."""
    p.associateSky(stream="sky")
    p.skyCorrect(instream="sky", mask_objects=False, outstream="skysub")
    p.detectSources(stream="skysub")
    p.transferAttribute(stream="sky", source="skysub", attribute="OBJMASK")
    p.clearStream(stream="skysub")
    p.associateSky()
    p.skyCorrect(mask_objects=True)


def align_and_stack(p: Pipeline) -> None:
    """Bring frames whose sky has been subtracted onto one grid and average them."""
    p.detectSources()
    p.adjustWCSToReference()
    p.measureConditions()
    p.resampleToCommonFrame()
    p.scaleCountsToReference()
    p.stackFrames()


def divide_by_fast_flat(p: Pipeline) -> None:
    """Turn the stream `fastsky`, one stack of the sky, into a flat and divide the frames by it, as `flattened`."""
    p.normalizeFlat(stream="fastsky")
    p.thresholdFlatfield(stream="fastsky")
    p.flatCorrect(flat=next(iter(p.stream("fastsky")), None), outstream="flattened")


def stack_and_find_objects(p: Pipeline) -> None:
    """Make the first stack of a deep field, keep its alignment for `flat_corrected`, and find its objects.

    Raises
    ------
    FrameError
        If a frame shows only the target or only sky: the objects of the stack could not be masked in it.
    """
    p.separateSky()
    _check_that_all_are_target_and_sky(p)
    subtract_sky_in_two_passes(p)
    p.detectSources()
    p.adjustWCSToReference()
    p.transferAttribute(stream="flat_corrected", source="main", attribute="wcs")
    p.flushPixels()
    p.resampleToCommonFrame()
    p.scaleCountsToReference()
    p.stackFrames()
    p.detectSources()
    p.writeOutputs()


def stack_with_objects_masked(p: Pipeline) -> None:
    """Make the second stack of a deep field, the objects of the first masked in every sky."""
    p.separateSky()
    p.associateSky()
    p.skyCorrect(mask_objects=True)
    align_and_stack(p)
    p.writeOutputs()
    p.storeProcessedScience(suffix="_image")


def _check_that_all_are_target_and_sky(p: Pipeline) -> None:
    target, sky = ({frame.filename for frame in p.stream(name)} for name in ("main", "sky"))
    for names, what in ((sky - target, "sky only"), (target - sky, "the target only")):
        if names:
            raise FrameError(
                f"{', '.join(sorted(names))}: shows {what}, ultradeep needs frames that are target and sky at once; "
                "take it off the list, or use the recipe reduce"
            )
