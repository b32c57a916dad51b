"""listHeaderRepairs: what had to be mended in the headers is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import all_frames
from nightcrew.reducer.repairs import repairs

if TYPE_CHECKING:
    from nightcrew.reducer.engine.run import Run
    from nightcrew.shared.frames import Frame


class ListHeaderRepairs(Parameters):
    """Parameters of listHeaderRepairs."""

    source: str = parameter("as_taken", "Stream that holds the frames as they were taken")


@all_frames("listHeaderRepairs", ListHeaderRepairs)
def list_header_repairs(frames: list[Frame], p: ListHeaderRepairs, run: Run) -> list[Frame]:
    """Tell, as caveats, what the headers say otherwise than when the frames were taken; change nothing."""
    taken = {frame.filename: frame for frame in run.stream(p.source)}
    if not taken:
        run.warn(f"listHeaderRepairs: no stream {p.source} to compare with; copy the inputs into it before prepare")
    told: dict[str, list[str]] = {}
    for frame in frames:
        name = str(frame.phu.get("ORIGNAME", frame.filename))
        if name in taken:
            for text in repairs(taken[name], frame):
                told.setdefault(text, []).append(name)
    for text, names in told.items():
        whose = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]} ({len(names)} frames)"
        run.warn(f"{whose}: {text}")
    return frames


PRIMITIVES = (list_header_repairs,)
