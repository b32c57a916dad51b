"""Where the telescope pointed in a sequence: on the target, or off it for the sky."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nightcrew.planner.core.grouping import Frames
    from nightcrew.planner.core.rules import SkyRule
    from nightcrew.shared.frame_facts import FrameFacts


def on_target(frames: Frames, rule: SkyRule) -> Frames:
    """Return the frames of a sequence that show the target.

    Parameters
    ----------
    frames
        The sequence, in order of time.
    rule
        Size and shape of the field of view.

    Returns
    -------
    tuple
        All frames if their fields overlap, as in a dither; otherwise those of the pointing nearest the base
        position.  A frame without offsets counts as pointing at the target.

    Notes
    -----
    Fields are joined as `separateSky` does it: two pointings whose offsets differ by less than a fraction of
    the field are one, and so are those that a third one connects.
    """
    pointings: list[list[FrameFacts]] = []
    for frame in frames:
        apart: list[list[FrameFacts]] = []
        joined = [frame]
        for members in pointings:
            if any(_overlap(frame, other, rule) for other in members):
                joined += members
            else:
                apart.append(members)
        pointings = [*apart, joined]
    nearest = min(pointings, key=lambda members: min((_offset(frame), frame.file) for frame in members))
    chosen = {frame.file for frame in nearest}
    return tuple(frame for frame in frames if frame.file in chosen)


def _overlap(one: FrameFacts, other: FrameFacts, rule: SkyRule) -> bool:
    dx, dy = (abs(a - b) for a, b in zip(_position(one), _position(other), strict=True))
    if rule.shape == "circle":
        return math.hypot(dx, dy) < rule.fraction * rule.diameter
    nx, ny = _size(one)
    return dx < rule.fraction * nx and dy < rule.fraction * ny


def _size(frame: FrameFacts) -> tuple[float, float]:
    section = frame.values.get("data_section")
    if not isinstance(section, tuple) or len(section) != 4:
        return math.inf, math.inf
    x1, x2, y1, y2 = (float(edge) for edge in section if isinstance(edge, (int, float)))
    return x2 - x1, y2 - y1


def _position(frame: FrameFacts) -> tuple[float, float]:
    return frame.number("detector_x_offset") or 0.0, frame.number("detector_y_offset") or 0.0


def _offset(frame: FrameFacts) -> float:
    return math.hypot(*_position(frame))
