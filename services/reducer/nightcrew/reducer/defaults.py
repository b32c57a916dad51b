"""What an instrument sets otherwise than the primitive: tags, primitive, parameters.

Rows apply from top to bottom to frames that have all their tags, so the later and more special one wins
(primitives-calibration 4 and 13.3; primitives-sky-and-stack 4 and 8).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nightcrew.reducer.engine.recipe import Profile

ROWS: tuple[tuple[frozenset[str], str, Mapping[str, Any]], ...] = (
    (frozenset({"NIRI"}), "addDQ", {"latency": True, "add_illum_mask": False}),
    (frozenset({"F2"}), "addDQ", {"latency": False, "add_illum_mask": False}),
    (frozenset({"F2", "IMAGE"}), "addDQ", {"latency": False, "add_illum_mask": True}),
    (
        frozenset({"NIRI"}),
        "makeBPM",
        {"dark_lo_thresh": -20.0, "dark_hi_thresh": 1300.0, "flat_lo_thresh": 0.8, "flat_hi_thresh": 1.25},
    ),
    (
        frozenset({"F2", "IMAGE"}),
        "makeBPM",
        {"dark_lo_thresh": -150.0, "dark_hi_thresh": 3050.0, "flat_lo_thresh": 0.68, "flat_hi_thresh": 1.28},
    ),
    (frozenset({"NIRI"}), "addToGrowingStack", {"remove_first": True}),
    (frozenset({"NIRI"}), "associateSky", {"time": 900.0, "distance": 1.0}),
    (
        frozenset({"NIRI", "IMAGE"}),
        "detectSources",
        {"detect_minarea": 40, "detect_thresh": 1.5, "analysis_thresh": 1.5, "back_filtersize": 3},
    ),
    (frozenset({"F2", "IMAGE"}), "detectSources", {"mask": True}),
)


BEST: tuple[tuple[frozenset[str], str, Mapping[str, Any]], ...] = (
    (frozenset({"NIRI"}), "prepare", {"bad_wcs": "fix"}),
    (frozenset({"F2"}), "prepare", {"bad_wcs": "fix"}),
    # A frame of two minutes is over, and read, before the next begins: its afterglow needs longer than that.
    (frozenset({"F2"}), "addDQ", {"latency": True, "time": 300.0}),
)
"""Rows that the profile `best` adds."""


def defaults_for(tags: frozenset[str], profile: Profile = "standard") -> dict[str, dict[str, Any]]:
    """Return the defaults that replace those of the primitives, for frames with these tags."""
    merged: dict[str, dict[str, Any]] = {}
    for needed, primitive, values in (*ROWS, *(BEST if profile == "best" else ())):
        if needed <= tags:
            merged.setdefault(primitive, {}).update(values)
    return merged
