"""levelFrames: aligned frames are brought to one level where they overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.reducer.engine.naming import original_name
from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import all_frames
from nightcrew.reducer.kernels.pixelwise import offset
from nightcrew.reducer.kernels.statistics import normalization

if TYPE_CHECKING:
    from nightcrew.reducer.engine.run import Run
    from nightcrew.shared.frames import Frame

OFFSET = "NCLEVOFF"
SAMPLE = 300_000
"""Pixels of a frame that tell its level."""


class LevelFrames(Parameters):
    """Parameters of levelFrames."""

    suffix: str = parameter("_levelled", "Filename suffix")
    keep_mean: bool = parameter(True, "Keep the mean level of all frames, rather than that of the first?")


@all_frames("levelFrames", LevelFrames)
def level_frames(frames: list[Frame], p: LevelFrames, run: Run) -> list[Frame]:
    """Add to every frame the constant by which it agrees best with the others where they overlap.

    It does what `stackFrames:zero=True` does, as a step of its own; NCLEVOFF is the constant.  A sky that was
    subtracted unscaled leaves the drift of its level in the frames, and that leaves steps in the stack.
    """
    if len(frames) < 2 or len({tuple(plane.shape for plane in frame.planes) for frame in frames}) > 1:
        run.warn(f"{frames[0].filename if frames else 'no frames'}: no frames on a common grid to be levelled with")
        return frames
    for index in range(len(frames[0].planes)):
        # By name: in another order the offsets would differ in their last digit.
        planes = [frame.planes[index] for frame in sorted(frames, key=original_name)]
        step = max(1, planes[0].data.size // SAMPLE)
        offsets = normalization(
            [plane.data[::step] for plane in planes],
            [None if plane.dq is None else plane.dq[::step] for plane in planes],
            scaling=False,
        )
        common = sum(offsets) / len(offsets) if p.keep_mean else 0.0
        for plane, value in zip(planes, offsets, strict=True):
            plane.data = offset(plane.data, value - common)
            plane.header[OFFSET] = (value - common, "Added to bring the frame to the level of the others")
        run.settle()
        run.info(f"frames levelled by {min(offsets) - common:.4g} to {max(offsets) - common:.4g}")
    for frame in frames:
        run.rename(frame, p.suffix)
    return frames


PRIMITIVES = (level_frames,)
