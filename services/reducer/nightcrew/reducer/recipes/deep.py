"""Second and third part of a deep reduction, the same for all instruments (primitives-calibration, 2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.reducer.recipes.steps import stack_and_find_objects, stack_with_objects_masked

if TYPE_CHECKING:
    from nightcrew.reducer.engine.recipe import Pipeline


def ultradeep_part2(p: Pipeline) -> None:
    """Stack flat-fielded frames and give each of them the mask of the stack's objects."""
    p.copyInputs(outstream="flat_corrected")
    stack_and_find_objects(p)
    p.transferObjectMask(instream="flat_corrected", outstream="main", source="main")


def ultradeep_part3(p: Pipeline) -> None:
    """Stack flat-fielded frames that bear an object mask of the whole field."""
    stack_with_objects_masked(p)
