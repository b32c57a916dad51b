"""excludeMisregistered: frames that would blur or double the sources of a stack are left out of it, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nightcrew.reducer.alignment.looks import trusted
from nightcrew.reducer.alignment.registration import Limits, Placed, Verdict, misplaced, misshapen
from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import all_frames
from nightcrew.reducer.geometry import tangent_plane
from nightcrew.reducer.primitives.reference_frame import looks_of

if TYPE_CHECKING:
    from nightcrew.reducer.engine.run import Run
    from nightcrew.reducer.geometry import TangentPlane
    from nightcrew.shared.frames import Frame

EXCLUDED = "NCEXCL"
BRIGHTEST = 100
"""Sources of a frame that are compared with those of the others."""


class ExcludeMisregistered(Parameters):
    """Parameters of excludeMisregistered."""

    ellipticity: float = parameter(0.25, "Largest ellipticity beyond that of the typical frame", gt=0.0, le=1.0)
    width: float = parameter(1.6, "Largest width of sources, in units of that of the typical frame", ge=1.0)
    radius: float = parameter(0.5, "Distance at which two sources are the same (arcsec)", gt=0.0)
    shift: float = parameter(0.15, "Largest common shift of the sources of two frames (arcsec)", gt=0.0)
    share: float = parameter(0.5, "Fraction of the bright sources that must coincide", ge=0.0, le=1.0)
    min_sources: int = parameter(3, "Bright sources in common view from which frames are compared", ge=1)


@all_frames("excludeMisregistered", ExcludeMisregistered)
def exclude_misregistered(frames: list[Frame], p: ExcludeMisregistered, run: Run) -> list[Frame]:
    """Leave out aligned frames that are trailed or blurred, or whose sources do not fall on those of the others.

    Each is named with the rule that it breaks.  At least one frame stays; NCEXCL001, ... of the others name it.
    """
    if len(frames) < 2:
        return frames
    reference = tangent_plane(frames[0])
    scale = reference.pixel_scale
    limits = Limits(p.ellipticity, p.width, p.radius / scale, p.shift / scale, p.share, p.min_sources)
    verdicts = misshapen(looks_of(frames), limits)
    bad = {verdict.index for verdict in verdicts}
    sharp = [i for i in range(len(frames)) if i not in bad]
    wrong, unknown = misplaced([_placed(frames[i], reference) for i in sharp], limits)
    verdicts += [Verdict(sharp[verdict.index], verdict.reason) for verdict in wrong]
    for verdict in verdicts:
        run.warn(f"{frames[verdict.index].filename}: left out of the stack: {verdict.reason}")
    for i in unknown:
        run.warn(
            f"{frames[sharp[i]].filename}: shares fewer than {p.min_sources} bright sources with the other frames, "
            "its alignment is not checked"
        )
    excluded = {verdict.index for verdict in verdicts}
    kept = [frame for i, frame in enumerate(frames) if i not in excluded]
    for frame in kept:
        for number, i in enumerate(sorted(excluded), 1):
            name = str(frames[i].phu.get("ORIGNAME", frames[i].filename))
            frame.phu[f"{EXCLUDED}{number:02d}"] = (name, "Left out of the stack")
    return kept


def _placed(frame: Frame, reference: TangentPlane) -> Placed:
    plane, catalogue = tangent_plane(frame), frame.planes[0].objcat
    ny, nx = frame.planes[0].shape[-2:]
    corners = np.array([[-0.5, -0.5], [nx - 0.5, -0.5], [nx - 0.5, ny - 0.5], [-0.5, ny - 0.5]])
    chosen = trusted(catalogue)[:BRIGHTEST]
    positions = np.empty((0, 2))
    if catalogue is not None and len(chosen):
        rows = catalogue.rows[chosen]
        positions = np.column_stack([rows["X_IMAGE"] - 1.0, rows["Y_IMAGE"] - 1.0]).astype(float)
        positions = plane.onto(reference, positions)
    return Placed(positions, plane.onto(reference, corners))


PRIMITIVES = (exclude_misregistered,)
