"""chooseReferenceFrame and restoreInputOrder: the best frame is the one that the others are aligned with."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np

from nightcrew.reducer.alignment.looks import Looks, look_at
from nightcrew.reducer.alignment.reference import WCS_AGREES, choose_reference
from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import all_frames
from nightcrew.reducer.geometry import field_centre, tangent_plane
from nightcrew.reducer.pointing import pointing_of

if TYPE_CHECKING:
    from nightcrew.reducer.engine.run import Run
    from nightcrew.shared.frames import Array, Frame

REFERENCE, ORDER = "NCREFIM", "NCORDER"
CRITERIA = {
    "best": "the most central of those with most sources and best seeing",
    "seeing": "the sharpest",
    "sources": "the one with most sources",
    "central": "the one nearest to the middle of the pointings",
    "first": "the first, as without this primitive",
}


class ChooseReferenceFrame(Parameters):
    """Parameters of chooseReferenceFrame."""

    criterion: Literal["best", "seeing", "sources", "central", "first"] = parameter(
        "best", "Which frame the others are aligned with", choices=CRITERIA
    )


class RestoreInputOrder(Parameters):
    """restoreInputOrder has no parameters."""


@all_frames("chooseReferenceFrame", ChooseReferenceFrame)
def choose_reference_frame(frames: list[Frame], p: ChooseReferenceFrame, run: Run) -> list[Frame]:
    """Put the best frame first, so that the others are aligned with it; NCREFIM says which it is.

    It needs the catalogues of detectSources.
    """
    if not frames:
        return frames
    looks = looks_of(frames)
    for frame, look in zip(frames, looks, strict=True):
        if look.wcs_error is not None and look.wcs_error > WCS_AGREES:
            run.warn(
                f"{frame.filename}: WCS {look.wcs_error:.1f} arcsec beside where the telescope offsets put it; "
                "it is aligned by its sources, and no reference for others"
            )
    choice = choose_reference(looks, p.criterion)
    best = frames[choice.index]
    name = str(best.phu.get("ORIGNAME", best.filename))
    for place, frame in enumerate(frames):
        frame.phu[REFERENCE] = (name, "Frame that the others are aligned with")
        frame.phu[ORDER] = (place, "Place among the inputs")
    run.info(f"{best.filename}: the others are aligned with it: {choice.reason}")
    return [best, *(frame for frame in frames if frame is not best)]


@all_frames("restoreInputOrder", RestoreInputOrder)
def restore_input_order(frames: list[Frame], p: RestoreInputOrder, run: Run) -> list[Frame]:  # noqa: ARG001
    """Put the frames in the order that they had before chooseReferenceFrame: the first names the stack."""
    ordered = sorted(frames, key=lambda frame: int(frame.phu.get(ORDER, 0)))
    for frame in ordered:
        frame.phu.remove(ORDER, ignore_missing=True)
    return ordered


def looks_of(frames: list[Frame]) -> list[Looks]:
    """Return the quality of frames that have been searched for sources."""
    east, north = _pointings(frames)
    off_centre = np.hypot(east - _middle(east), north - _middle(north))
    errors = _wcs_errors(frames)
    return [
        look_at(frame.filename, frame.planes[0].objcat, float(distance), error)
        for frame, distance, error in zip(frames, off_centre, errors, strict=True)
    ]


def _pointings(frames: list[Frame]) -> tuple[Array, Array]:
    """Return where the fields lie beside the first, arcsec east and north."""
    places = [tangent_plane(frame).sky(*field_centre(frame.planes[0].shape)) for frame in frames]
    ra0, dec0 = (float(v) for v in places[0])
    east = [((float(ra) - ra0 + 180.0) % 360.0 - 180.0) * 3600.0 * math.cos(math.radians(dec0)) for ra, _ in places]
    return np.array(east), np.array([(float(dec) - dec0) * 3600.0 for _, dec in places])


def _middle(values: Array) -> float:
    return float(values.min() + values.max()) / 2.0


def _wcs_errors(frames: list[Frame]) -> list[float | None]:
    """Return by how much each WCS disagrees with target and telescope offsets, what they have in common taken out."""
    found: list[tuple[float, float] | None] = []
    for frame in frames:
        pointing = pointing_of(frame, describe_frame(frame))
        if pointing is None:
            found.append(None)
            continue
        ra, dec = (float(v) for v in tangent_plane(frame).sky(*field_centre(frame.planes[0].shape)))
        ra0, dec0 = pointing.expected
        east = ((ra - ra0 + 180.0) % 360.0 - 180.0) * 3600.0 * math.cos(math.radians(dec0))
        found.append((east, (dec - dec0) * 3600.0))
    known = np.array([error for error in found if error is not None])
    if not len(known):
        return [None] * len(frames)
    common = np.median(known, axis=0)
    return [None if error is None else float(np.hypot(*(np.array(error) - common))) for error in found]


PRIMITIVES = (choose_reference_frame, restore_input_order)
