"""What has been changed in the headers of a frame since it was taken, in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.reducer.geometry import TangentPlane, field_centre, tangent_plane
from nightcrew.reducer.pointing import separation
from nightcrew.shared.errors import FrameError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nightcrew.shared.frames import Frame

MOVED = 0.05
"""Arcsec by which a WCS must have moved to count as changed."""
SCALED = 1e-5
"""Relative change of the pixel scale that counts."""
SAME_EXPOSURE = 0.01
"""Seconds."""


def repairs(taken: Frame, now: Frame) -> Iterator[str]:
    """Tell what a frame's headers say otherwise than when it was taken.

    What every frame is given (units, gain, levels, standard names, exposure times with all coadds) is no repair.
    """
    yield from _wcs(_plane(taken), _plane(now), now)
    exposure, kept = describe_frame(taken).get("exposure_time"), now.phu.get("EXPTIME")
    if isinstance(exposure, int | float) and isinstance(kept, int | float) and abs(exposure - kept) > SAME_EXPOSURE:
        yield f"EXPTIME changed from {exposure:g} s to {kept:g} s"


def _plane(frame: Frame) -> TangentPlane | None:
    try:
        return tangent_plane(frame)
    except FrameError:
        return None


def _wcs(before: TangentPlane | None, after: TangentPlane | None, frame: Frame) -> Iterator[str]:
    if after is None:
        return
    if before is None:
        yield "WCS made, there was no usable one"
        return
    middle = field_centre(frame.planes[0].shape)
    old, new = (tuple(float(v) for v in plane.sky(*middle)) for plane in (before, after))
    moved = separation((old[0], old[1]), (new[0], new[1]))
    if moved > MOVED:
        distance = f"{moved:.1f} arcsec" if moved < 120 else f"{moved / 60:.1f} arcmin"
        yield f"WCS corrected: the field lies {distance} from where CRVAL, CRPIX and CD had it"
    turned = math.degrees(_angle(after) - _angle(before))
    turned = (turned + 180.0) % 360.0 - 180.0
    if abs(turned) > 0.01:
        yield f"WCS turned by {turned:.2f} degrees"
    if abs(after.pixel_scale / before.pixel_scale - 1) > SCALED:
        yield f"pixel scale of the WCS changed from {before.pixel_scale:.5f} to {after.pixel_scale:.5f} arcsec"


def _angle(plane: TangentPlane) -> float:
    return math.atan2(plane.cd[0][1], plane.cd[1][1])
