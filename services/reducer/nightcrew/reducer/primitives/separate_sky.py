"""separateSky (primitives-sky-and-stack, 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import all_frames
from nightcrew.reducer.geometry import tangent_plane
from nightcrew.reducer.sky.grouping import Circle, Exposure, Rectangle, group_pointings, separate

if TYPE_CHECKING:
    from collections.abc import Callable

    from nightcrew.reducer.engine.run import Run
    from nightcrew.shared.frames import Frame
    from nightcrew.shared.instruments import Description

GUIDERS = ("PWFS1_ST", "PWFS2_ST", "OIWFS_ST")
F2_CENTRE = (1024.0, 1024.0)
F2_DIAMETER = {False: 2048, True: 1300}
"""Diameter in pixels of the field of F2, without and with adaptive optics."""


class SeparateSky(Parameters):
    """Parameters of separateSky."""

    suffix: str = parameter("_skySeparated", "Filename suffix")
    ref_obj: str | None = parameter(None, "Reference frame(s) with object (comma-separated)")
    ref_sky: str | None = parameter(None, "Reference frame(s) on sky (comma-separated)")
    frac_FOV: float = parameter(0.9, "Fraction of field of view for association", ge=0.3, le=1.0)  # noqa: N815


@all_frames("separateSky", SeparateSky, stamp="SEPSKY")
def separate_sky(frames: list[Frame], p: SeparateSky, run: Run) -> list[Frame]:
    """Find out which frames show the target and which the sky; the latter go to the stream `sky`.

    A frame may be both, as in a dither around a small target.  Frames that are neither are left out, by name.
    """
    if not frames:
        return frames
    about = [describe_frame(frame) for frame in frames]
    exposures = [_exposure(frame, what) for frame, what in zip(frames, about, strict=True)]
    groups = group_pointings(exposures, _overlap(about[0], p.frac_FOV))
    named = [_find(text, frames, run) for text in (p.ref_obj, p.ref_sky)]
    found = separate(exposures, groups, _target(frames[0], about[0], run, needed=len(groups) > 1), *named)
    for remark in found.remarks:
        run.warn(remark)
    for i in found.left_out:
        run.warn(
            f"{frames[i].filename}: neither on target nor on sky, left out; name it in ref_obj or ref_sky to use it"
        )
    objects = [frame for i, frame in enumerate(frames) if i in found.objects]
    skies = [frame for i, frame in enumerate(frames) if i in found.skies]
    for i, frame in enumerate(frames):
        frame.phu["EXPGROUP"] = found.groups[i]
        if i in found.objects:
            frame.phu["OBJFRAME"] = "TRUE"
        if i in found.skies:
            frame.phu["SKYFRAME"] = "TRUE"
        if i in found.skies - found.objects:
            run.stamp(frame, "SEPSKY", "separateSky")
            run.rename(frame, p.suffix)
    run.streams["sky"] = skies
    run.info(f"{len(objects)} frames on target, {len(skies)} on sky, of {len(frames)} in {len(groups)} groups")
    return objects


def _exposure(frame: Frame, about: Description) -> Exposure:
    ny, nx = frame.planes[0].shape[-2:]
    unguided = about.get("wavefront_sensor") is None and all(keyword in frame.phu for keyword in GUIDERS)
    return Exposure(
        frame.filename, tangent_plane(frame), (ny, nx), "OBJFRAME" in frame.phu, "SKYFRAME" in frame.phu, unguided
    )


def _overlap(about: Description, fraction: float) -> Callable[[Exposure, Exposure], bool]:
    if about.instrument == "F2":
        diameter = F2_DIAMETER[bool(about.get("is_ao"))]
        return Circle(fraction * diameter * float(about.value("pixel_scale")), F2_CENTRE)
    return Rectangle(fraction)


def _target(frame: Frame, about: Description, run: Run, *, needed: bool) -> tuple[float, float] | None:
    ra, dec = about.get("target_ra"), about.get("target_dec")
    if ra is not None and dec is not None:
        return float(ra), float(dec)
    if needed:
        run.warn(f"{frame.filename}: no coordinates of the target; if nothing else tells, its own group is on target")
    return None


def _find(text: str | None, frames: list[Frame], run: Run) -> list[int]:
    """Return the frame that each of the names, or parts of names, stands for: the first that has it."""
    found = []
    for name in (part.strip().removesuffix(".fits") for part in (text or "").split(",")):
        if not name:
            continue
        hits = [i for i, frame in enumerate(frames) if name in frame.filename]
        if not hits:
            run.warn(f"{name}: not among the inputs of separateSky; give the name of one of them")
            continue
        if len(hits) > 1:
            others = ", ".join(frames[i].filename for i in hits[1:])
            run.warn(
                f"{name}: stands for {frames[hits[0]].filename}, but is in the name of {others} too; give more of it"
            )
        found.append(hits[0])
    return found


PRIMITIVES = (separate_sky,)
