"""All primitives, by the name that users type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.reducer.primitives import (
    add_dq,
    bookkeeping,
    bpm,
    corrections,
    detector,
    flats,
    prepare,
    stacking,
    storing,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nightcrew.reducer.engine.primitive import Primitive

MODULES = (prepare, add_dq, detector, corrections, stacking, flats, bpm, bookkeeping, storing)
PRIMITIVES: Mapping[str, Primitive] = {p.name: p for module in MODULES for p in module.PRIMITIVES}
