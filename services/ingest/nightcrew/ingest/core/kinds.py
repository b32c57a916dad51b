"""What a frame is a frame of, in one word: for routing keys, labels and lists, not for planning."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nightcrew.shared.frame_facts import FrameFacts

OTHER = "other"
BY_TAG = {"BIAS": "bias", "DARK": "dark", "ARC": "arc", "FLAT": "flat"}
"""In order: a dark that was taken with the lamp's shutter closed is no flat."""
BY_CLASS = {"acq": "acquisition", "acqCal": "acquisition", "partnerCal": "standard"}
KINDS = ("bias", "dark", "arc", "flat", "acquisition", "standard", "science", "processed", OTHER)


def kind_of(facts: FrameFacts) -> str:
    """Return the kind of a frame, one of `KINDS`."""
    if "PROCESSED" in facts.tags:
        return "processed"
    by_tag = next((kind for tag, kind in BY_TAG.items() if tag in facts.tags), None)
    if by_tag is not None:
        return by_tag
    if facts.values.get("observation_type") != "OBJECT":
        return OTHER
    return BY_CLASS.get(str(facts.values.get("observation_class")), "science")
