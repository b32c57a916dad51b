"""balanceSkies and growObjectMask: skies from a window around each frame, and nothing of the stars left in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import all_frames, each_frame
from nightcrew.reducer.primitives.associate_sky import SKYTABLE, sky_table
from nightcrew.reducer.sky.halos import grown
from nightcrew.reducer.sky.window import balanced

if TYPE_CHECKING:
    from datetime import datetime

    from nightcrew.reducer.engine.run import Run
    from nightcrew.shared.frames import Frame


class BalanceSkies(Parameters):
    """Parameters of balanceSkies."""

    max_skies: int = parameter(16, "Largest number of skies of a frame", ge=1)


class GrowObjectMask(Parameters):
    """Parameters of growObjectMask."""

    suffix: str = parameter("_objmaskGrown", "Filename suffix")
    growth: float = parameter(1.0, "Growth of a mask, in units of the object's radius", ge=0.0)
    largest: float = parameter(40.0, "Largest growth (pixels)", ge=0.0)
    most: float = parameter(0.6, "Largest fraction of a frame that may be masked", gt=0.0, le=1.0)


@all_frames("balanceSkies", BalanceSkies)
def balance_skies(frames: list[Frame], p: BalanceSkies, run: Run) -> list[Frame]:
    """Keep, of the skies that associateSky found, the nearest in time, as many before a frame as after it.

    The frame itself is never among them.
    """
    times = {sky.filename: describe_frame(sky).get("ut_datetime") for sky in run.stream("sky")}
    for frame in frames:
        table = frame.tables.get(SKYTABLE)
        when = describe_frame(frame).get("ut_datetime")
        if table is None or when is None:
            continue
        names = [str(name) for name in table.rows["SKYNAME"] if str(name) != frame.filename]
        moments = [times.get(name) for name in names]
        if len(names) <= p.max_skies or any(moment is None for moment in moments):
            continue
        chosen = balanced(0.0, [_seconds(moment, when) for moment in moments if moment is not None], p.max_skies)
        frame.tables[SKYTABLE] = sky_table([names[i] for i in chosen])
        run.info(f"{frame.filename}: {len(chosen)} of {len(names)} skies, the nearest before and after it")
    return frames


def _seconds(moment: datetime, since: datetime) -> float:
    return (moment - since).total_seconds()


@each_frame("growObjectMask", GrowObjectMask)
def grow_object_mask(frame: Frame, p: GrowObjectMask, run: Run) -> Frame:
    """Let the mask of every object grow in proportion to its size, so that the halo of a bright star is masked too."""
    for plane in frame.planes:
        if plane.objmask is None:
            run.warn(f"{frame.filename}: has no object mask to grow; run detectSources first")
            continue
        mask = grown(plane.objmask, p.growth, p.largest)
        if mask.mean() > p.most:
            run.warn(
                f"{frame.filename}: masks of objects would cover {100 * mask.mean():.0f} % of the frame "
                f"(limit {100 * p.most:.0f} %), they do not grow"
            )
            continue
        plane.objmask = mask
    return frame


PRIMITIVES = (balance_skies, grow_object_mask)
