"""All primitives, by the name that users type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.reducer.primitives import (
    add_dq,
    align,
    associate_sky,
    background,
    bookkeeping,
    bpm,
    clean_readout,
    cloud_cover,
    conditions,
    corrections,
    detect_sources,
    detector,
    exclude_misregistered,
    flats,
    growing,
    guide_probe,
    header_repairs,
    image_quality,
    iraf,
    level_frames,
    object_masks,
    pattern_noise,
    prepare,
    quick_look,
    reference_catalogue,
    reference_frame,
    resample,
    scale_counts,
    separate_sky,
    sky_correct,
    sky_window,
    stack_products,
    stacking,
    storing,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nightcrew.reducer.engine.primitive import Primitive

MODULES = (
    add_dq,
    align,
    associate_sky,
    background,
    bookkeeping,
    bpm,
    clean_readout,
    cloud_cover,
    conditions,
    corrections,
    detect_sources,
    detector,
    exclude_misregistered,
    flats,
    growing,
    guide_probe,
    header_repairs,
    image_quality,
    iraf,
    level_frames,
    object_masks,
    pattern_noise,
    prepare,
    quick_look,
    reference_catalogue,
    reference_frame,
    resample,
    scale_counts,
    separate_sky,
    sky_correct,
    sky_window,
    stack_products,
    stacking,
    storing,
)
PRIMITIVES: Mapping[str, Primitive] = {p.name: p for module in MODULES for p in module.PRIMITIVES}
