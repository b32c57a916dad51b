"""flagGuideProbe: what the guide probe shades is flagged, where the headers place it in the field."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import each_frame
from nightcrew.reducer.geometry import tangent_plane
from nightcrew.reducer.guiding import PROBES, arm_in_field, guide_star, shadow
from nightcrew.shared.dq import DQ

if TYPE_CHECKING:
    from nightcrew.reducer.engine.run import Run
    from nightcrew.shared.frames import Frame, Plane

STAMP = "NCPROBE"
WORTH_TELLING = 0.01
"""Fraction of the lit pixels that may be shaded without a caveat."""


class FlagGuideProbe(Parameters):
    """Parameters of flagGuideProbe; the sizes are those of the shadow with its soft edge."""

    suffix: str = parameter("_probeFlagged", "Filename suffix")
    probe: str = parameter("PWFS2", "Probes to look for, separated by commas (PWFS1, PWFS2)")
    radius: float = parameter(22.0, "Radius of the shadow of the probe's mirror (arcsec)", ge=0.0)
    half_width: float = parameter(22.0, "Half the width of the shadow of the probe's arm (arcsec)", ge=0.0)
    flare: float = parameter(0.05, "Growth of that half width along the arm", ge=0.0)


@each_frame("flagGuideProbe", FlagGuideProbe)
def flag_guide_probe(frame: Frame, p: FlagGuideProbe, run: Run) -> Frame:
    """Flag pixels in the shadow of a guide probe as unilluminated (64).

    A probe that guides stands where its guide star is, and its arm leads from there straight out of the field.
    """
    wanted = [name.strip() for name in p.probe.split(",")]
    for name in wanted:
        if name not in PROBES:
            run.warn(f"flagGuideProbe: no probe {name} is known; one of {', '.join(PROBES)}")
            continue
        star = guide_star(frame.phu, PROBES[name])
        if star is None:
            continue
        for index, plane in enumerate(frame.planes):
            _flag(frame, plane, index, name, star, p, run)
    return frame


def _flag(
    frame: Frame, plane: Plane, index: int, name: str, star: tuple[float, float], p: FlagGuideProbe, run: Run
) -> None:
    sky = tangent_plane(frame, index)
    ny, nx = (int(side) for side in plane.shape[-2:])
    x, y = (float(value) for value in sky.pixels(*star))
    scale = sky.pixel_scale
    middle = (nx - 1) / 2, (ny - 1) / 2
    arm = arm_in_field(
        (x, y), middle, max(nx, ny) / 2, radius=p.radius / scale, half_width=p.half_width / scale, flare=p.flare
    )
    if arm is None:
        run.info(f"{frame.filename}: {name} guides outside the field")
        return
    shaded = shadow((ny, nx), arm)
    dq = np.zeros((ny, nx), np.uint16) if plane.dq is None else plane.dq
    lit = (dq & DQ.UNILLUMINATED) == 0
    fraction = int(np.count_nonzero(shaded & lit)) / max(1, int(np.count_nonzero(lit)))
    plane.dq = dq | (shaded * np.uint16(DQ.UNILLUMINATED))
    frame.phu[STAMP] = (f"{name} {x + 1:.0f} {y + 1:.0f}", "Guide probe in the field, pixel of its star")
    if fraction > WORTH_TELLING:
        run.warn(
            f"{frame.filename}: {name} guides in the field, at pixel ({x + 1:.0f}, {y + 1:.0f}); its shadow, "
            f"{100 * fraction:.0f} % of the field, is flagged"
        )


PRIMITIVES = (flag_guide_probe,)
