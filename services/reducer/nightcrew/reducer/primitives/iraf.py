"""makeIRAFCompatible: keywords where IRAF's tasks look for them (primitives-calibration, 14.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import each_frame
from nightcrew.reducer.geometry import WCS_KEYWORDS

if TYPE_CHECKING:
    from nightcrew.reducer.engine.run import Run
    from nightcrew.shared.frames import Frame


class MakeIRAFCompatible(Parameters):
    """Parameters of makeIRAFCompatible."""

    delvar: bool = parameter(False, "Delete VAR plane?")
    deldq: bool = parameter(False, "Delete DQ plane?")
    delobjmask: bool = parameter(False, "Delete OBJMASK plane?")


@each_frame("makeIRAFCompatible", MakeIRAFCompatible, stamp="IRAFCOMP")
def make_iraf_compatible(frame: Frame, p: MakeIRAFCompatible, run: Run) -> Frame:  # noqa: ARG001
    """Copy the WCS of an F2 frame to its primary header, and drop the planes that are not wanted."""
    plane = frame.planes[0]
    if p.delvar:
        plane.variance = None
    if p.deldq:
        plane.dq = None
    if p.delobjmask:
        plane.objmask = None
    if describe_frame(frame).instrument == "F2":
        for keyword in (*WCS_KEYWORDS, "EQUINOX"):
            if keyword in plane.header:
                frame.phu[keyword] = (plane.header[keyword], plane.header.comments[keyword])
        frame.phu["NSCIEXT"] = (len(frame.planes), "Number of science extensions")
    return frame


PRIMITIVES = (make_iraf_compatible,)
