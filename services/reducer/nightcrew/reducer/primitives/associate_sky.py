"""associateSky (primitives-sky-and-stack, 4)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import InstanceOf

from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import all_frames
from nightcrew.reducer.geometry import field_centre, tangent_plane
from nightcrew.reducer.sky.association import Association, Limits, Pointing, all_others, associate
from nightcrew.shared.frames import Frame, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nightcrew.reducer.engine.run import Run

SKYTABLE = "SKYTABLE"
CONFIGURATION = (
    "data_section", "detector_roi_setting", "read_mode", "well_depth_setting", "gain_setting", "detector_x_bin",
    "detector_y_bin", "coadds", "camera", "filter_name", "focal_plane_mask", "lyot_stop", "decker", "pupil_mask",
    "disperser",
)  # fmt: skip
"""Descriptors that a frame and its sky have in common."""


class AssociateSky(Parameters):
    """Parameters of associateSky."""

    suffix: str = parameter("_skyAssociated", "Filename suffix")
    time: float = parameter(600.0, "Maximum time interval for associating sky frames (seconds)", ge=0.0)
    distance: float = parameter(3.0, "Minimum separation for associating sky frames (arcsec)", ge=0.0)
    min_skies: int | None = parameter(3, "Minimum number of sky frames to associate", ge=0)
    max_skies: int | None = parameter(None, "Maximum number of sky frames to associate", ge=1)
    use_all: bool = parameter(False, "Associate every sky frame with each object frame?")
    sky: list[str | InstanceOf[Frame]] | None = parameter(None, "List of sky frames")


@all_frames("associateSky", AssociateSky, stamp="ASSOCSKY")
def associate_sky(frames: list[Frame], p: AssociateSky, run: Run) -> list[Frame]:
    """Give every frame the list of skies that will be subtracted from it, as the table SKYTABLE.

    A frame for which there are none goes to the stream `no_skies`, unless nobody has any.
    """
    skies = run.stream("sky") if p.sky is None else [_opened(item, run) for item in p.sky]
    if not frames or not skies:
        if frames:
            run.warn(f"{frames[0].filename}: no sky frames to associate; sky will not be subtracted")
        return frames
    also_science = {id(frame) for frame in frames}
    for frame in frames:
        run.rename(frame, p.suffix)
    for sky in skies:
        if id(sky) not in also_science:
            run.stamp(sky, "ASSOCSKY", "associateSky")
            run.rename(sky, p.suffix)
    lacking = []
    for frame, names in zip(frames, _names(frames, skies, p, run), strict=True):
        frame.tables.pop(SKYTABLE, None)
        if names:
            frame.tables[SKYTABLE] = sky_table(names)
        else:
            lacking.append(frame)
    run.streams["sky"] = skies
    if len(lacking) == len(frames):
        run.warn(f"{frames[0].filename}: no skies for any of the {len(frames)} frames; sky will not be subtracted")
        return frames
    for frame in lacking:
        run.warn(
            f"{frame.filename}: no skies of its configuration elsewhere on the sky, left out of what follows; "
            "relax associateSky:distance or use_all=True to keep it"
        )
    run.streams["no_skies"] = lacking[::-1]
    without = {id(frame) for frame in lacking}
    return [frame for frame in frames if id(frame) not in without]


def sky_table(names: Sequence[str]) -> Table:
    """Return the table of the skies of a frame."""
    text = np.array(names)
    return Table(text.astype([("SKYNAME", text.dtype)]))


def _opened(item: str | Frame, run: Run) -> Frame:
    return run.auxiliary(Path(item)).copy() if isinstance(item, str) else item


def _names(frames: list[Frame], skies: list[Frame], p: AssociateSky, run: Run) -> list[list[str]]:
    known: dict[int, Pointing] = {}

    def pointing(frame: Frame) -> Pointing:
        if id(frame) not in known:
            known[id(frame)] = _pointing(frame)
        return known[id(frame)]

    pool = skies
    if p.use_all:
        pool = list({id(frame): frame for frame in (*frames, *skies)}.values())
    candidates = [pointing(sky) for sky in pool]
    limits = Limits(p.time, p.distance, p.min_skies, p.max_skies)
    result = []
    for frame in frames:
        found: Association = (
            all_others(pointing(frame), candidates, p.distance)
            if p.use_all
            else associate(pointing(frame), candidates, limits)
        )
        if found.remark:
            run.warn(found.remark)
        result.append([pool[i].filename for i in found.skies])
    return result


def _pointing(frame: Frame) -> Pointing:
    about = describe_frame(frame)
    ra, dec = tangent_plane(frame).sky(*field_centre(frame.planes[0].shape))
    exposure = about.get("exposure_time")
    configuration = (
        tuple(plane.shape for plane in frame.planes),
        about.get("central_wavelength") is None,
        *(str(about.get(name)) for name in CONFIGURATION),
    )
    return Pointing(
        frame.filename, (float(ra), float(dec)), about.value("ut_datetime"),
        None if exposure is None else float(exposure), configuration,
    )  # fmt: skip


PRIMITIVES = (associate_sky,)
