"""Which frame the others are aligned with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nightcrew.reducer.alignment.looks import Looks

Criterion: TypeAlias = Literal["best", "seeing", "sources", "central", "first"]
ENOUGH_SOURCES, ENOUGH_SHARPNESS = 0.8, 1.1
"""Of the frame with most sources, of the sharpest: what a frame needs that its pointing may decide."""
ROUND = 0.2
"""Ellipticity beyond that of the roundest frame that stars of a reference may have."""
WCS_AGREES = 3.0
"""Arcsec by which the WCS of a reference may disagree with the telescope offsets."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The place of a frame in the list, and why it was taken."""

    index: int
    reason: str


def choose_reference(frames: Sequence[Looks], criterion: Criterion = "best") -> Choice:
    """Return the frame that the others are to be aligned with.

    Parameters
    ----------
    frames
        At least one.
    criterion
        `seeing`: the sharpest; `sources`: the one with most sources; `central`: the one nearest to the middle of all
        pointings; `best`: the most central of those that have 80 % of the most sources and are within 10 % of the
        sharpest; `first`: the first.

    Notes
    -----
    Whatever the criterion, frames whose stars are trailed or whose WCS contradicts the telescope offsets come last.
    Of equals the first is taken, and of frames without sources the first of all.
    """
    seen = [i for i, frame in enumerate(frames) if frame.sources and math.isfinite(frame.fwhm)]
    if criterion == "first" or len(frames) < 2 or not seen:
        return Choice(0, "the first frame" if criterion == "first" else "no other has sources to compare by")
    fit = _sound(frames, seen)
    most = max(frames[i].sources for i in fit)
    sharpest = min(frames[i].fwhm for i in fit)
    ranks: dict[str, Callable[[Looks], float]] = {
        "seeing": lambda f: f.fwhm,
        "sources": lambda f: -f.sources,
        "central": lambda f: f.off_centre,
    }
    if criterion != "best":
        chosen = min(fit, key=lambda i: ranks[criterion](frames[i]))
    else:
        good = [
            i
            for i in fit
            if frames[i].sources >= ENOUGH_SOURCES * most and frames[i].fwhm <= ENOUGH_SHARPNESS * sharpest
        ]
        chosen = min(good or fit, key=lambda i: frames[i].off_centre)
    frame = frames[chosen]
    return Choice(
        chosen,
        f"{frame.sources} sources (at most {most}), width {frame.fwhm:.1f} pixels (at least {sharpest:.1f}), "
        f"{frame.off_centre:.1f} arcsec from the middle",
    )


def _sound(frames: Sequence[Looks], seen: Sequence[int]) -> list[int]:
    roundest = min(frames[i].ellipticity for i in seen)
    sound = [
        i for i in seen if frames[i].ellipticity <= roundest + ROUND and (frames[i].wcs_error or 0.0) <= WCS_AGREES
    ]
    return sound or list(seen)
