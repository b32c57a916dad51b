"""makeBPM: bad pixels from a flat and short darks (primitives-calibration, 13.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import all_frames
from nightcrew.reducer.primitives.stacking import merge_records
from nightcrew.shared.dq import DQ
from nightcrew.shared.errors import FrameError, RecipeError

if TYPE_CHECKING:
    from nightcrew.reducer.engine.run import Run
    from nightcrew.shared.frames import Array, Frame


class MakeBPM(Parameters):
    """Parameters of makeBPM; the limits of the dark are in electrons."""

    override_thresh: bool = parameter(True, "Use the limits below rather than measured ones; must be True")
    dark_lo_thresh: float | None = parameter(None, "Low rejection threshold for dark (electrons)")
    dark_hi_thresh: float | None = parameter(None, "High rejection threshold for dark (electrons)")
    flat_lo_thresh: float | None = parameter(None, "Low rejection threshold for normalized flat", lt=1.0)
    flat_hi_thresh: float | None = parameter(None, "High rejection threshold for normalized flat", ge=1.0)
    keep_unilluminated: bool = parameter(False, "Mark unilluminated pixels as such, not as bad?")


@all_frames("makeBPM", MakeBPM, stamp="BPMASK")
def make_bpm(frames: list[Frame], p: MakeBPM, run: Run) -> list[Frame]:
    """Turn a normalised flat and the stream `darks` into a bad-pixel mask.

    Raises
    ------
    FrameError
        If flats or darks are missing.
    RecipeError
        If the limits are the wrong way round, or are to be measured.
    """
    if not p.override_thresh:
        raise RecipeError("makeBPM: limits are not measured; leave override_thresh=True, and set the limits themselves")
    darks = run.stream("darks")
    for found, word, remedy in ((frames, "FLATS", "before the darks"), (darks, "DARKS", "short ones, about 1 s")):
        if not found:
            names = ", ".join(frame.filename for frame in [*frames, *darks]) or "the list"
            raise FrameError(f"{names}: A SET OF {word} IS REQUIRED INPUT too; add them to the list ({remedy})")
    if p.dark_lo_thresh is not None and p.dark_hi_thresh is not None and p.dark_lo_thresh >= p.dark_hi_thresh:
        raise RecipeError("makeBPM: dark_hi_thresh must be greater than dark_lo_thresh; see 'nightcrew showpars'")
    flat, dark = frames[0], darks[0]
    about = describe_frame(dark)
    for index, (plane, dark_plane) in enumerate(zip(flat.planes, dark.planes, strict=True)):
        if plane.shape != dark_plane.shape:
            raise FrameError(
                f"{dark.filename}: {dark_plane.shape[1]} x {dark_plane.shape[0]} pixels, {flat.filename} has "
                f"{plane.shape[1]} x {plane.shape[0]}; use darks of the same region"
            )
        gain = float(about.value("gain")[index]) if about.value("is_in_adu") else 1.0
        bad = _outside(plane.data, p.flat_lo_thresh, p.flat_hi_thresh)
        bad |= _outside(dark_plane.data, _per(p.dark_lo_thresh, gain), _per(p.dark_hi_thresh, gain))
        mask = bad.astype(np.int16)
        if p.keep_unilluminated and plane.dq is not None:
            mask[(plane.dq & DQ.UNILLUMINATED) != 0] = DQ.UNILLUMINATED
        plane.data, plane.dq, plane.variance = mask, None, None
    merge_records([flat, dark], flat)
    flat.phu["OBJECT"] = "BPM"
    run.rename(flat, "_bpm")
    return [flat]


def _per(limit: float | None, gain: float) -> float | None:
    return None if limit is None else limit / gain


def _outside(data: Array, low: float | None, high: float | None) -> Array:
    """Tell which pixels lie outside the limits, or are not finite numbers."""
    bad: Array = ~np.isfinite(data)
    if low is not None:
        bad |= data < np.float32(low)
    if high is not None:
        bad |= data > np.float32(high)
    return bad


PRIMITIVES = (make_bpm,)
