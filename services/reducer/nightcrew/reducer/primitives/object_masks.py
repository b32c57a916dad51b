"""Object masks: grown, turned into flags, carried from frame to frame (primitives-sky-and-stack, 7)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import all_frames, each_frame
from nightcrew.reducer.geometry import WCS_KEYWORDS, tangent_plane
from nightcrew.reducer.kernels.morphology import dilate
from nightcrew.reducer.kernels.resample import Interpolant, resample_mask
from nightcrew.reducer.primitives.resample import INTERPOLANTS
from nightcrew.shared.dq import DQ

if TYPE_CHECKING:
    from nightcrew.reducer.engine.run import Run
    from nightcrew.shared.frames import Frame, Plane

DILATED = "DLOBJMSK"
PLANES = {"OBJMASK": "objmask", "OBJCAT": "objcat", "MASK": "dq", "DQ": "dq", "VARIANCE": "variance", "VAR": "variance"}
"""Attributes of an extension, as users call them and as a plane does."""


class DilateObjectMask(Parameters):
    """Parameters of dilateObjectMask."""

    suffix: str = parameter("_objmaskDilated", "Filename suffix")
    dilation: float = parameter(1.0, "Radius for dilation (pixels)", ge=0.0)
    repeat: bool = parameter(False, "Allow a repeated dilation?")


class AddObjectMaskToDQ(Parameters):
    """Parameters of addObjectMaskToDQ."""

    suffix: str = parameter("_objectMaskAdded", "Filename suffix")


class TransferAttribute(Parameters):
    """Parameters of transferAttribute."""

    suffix: str = parameter("_attributeTransferred", "Filename suffix")
    source: str | None = parameter(None, "Stream to transfer from")
    attribute: str | None = parameter(None, "Name of attribute to transfer")


class TransferObjectMask(Parameters):
    """Parameters of transferObjectMask."""

    suffix: str = parameter("_objmaskTransferred", "Filename suffix")
    source: str | None = parameter(None, "Filename of/Stream containing stacked image")
    interpolant: Interpolant = parameter("poly3", "Type of interpolant", choices=INTERPOLANTS)
    dq_threshold: float = parameter(0.01, "Fraction from DQ-flagged pixel to count as 'bad'", ge=0.0, le=1.0)
    dilation: float = parameter(1.5, "Dilation radius (pixels)", ge=0.0)


@all_frames("dilateObjectMask", DilateObjectMask)
def dilate_object_mask(frames: list[Frame], p: DilateObjectMask, run: Run) -> list[Frame]:
    """Let the masks of objects grow by a disc; those that have grown already are left as they are."""
    for frame in dilate_masks(frames, p.dilation, run, repeat=p.repeat):
        run.rename(frame, p.suffix)
    return frames


def dilate_masks(frames: list[Frame], radius: float, run: Run, *, repeat: bool = False) -> list[Frame]:
    """Let the masks of objects grow; return the frames whose masks did."""
    if radius < 1:
        return []
    grown = []
    for frame in frames:
        if DILATED in frame.phu and not repeat:
            run.info(f"{frame.filename}: its object mask has been dilated already")
            continue
        masked = [plane for plane in frame.planes if plane.has("objmask")]
        for plane in masked:
            assert plane.objmask is not None
            plane.objmask = dilate(plane.objmask, radius)
        if not masked:
            continue
        run.stamp(frame, DILATED, "dilateObjectMask")
        grown.append(frame)
    return grown


@each_frame("addObjectMaskToDQ", AddObjectMaskToDQ)
def add_object_mask_to_dq(frame: Frame, p: AddObjectMaskToDQ, run: Run) -> Frame:  # noqa: ARG001
    """Flag the pixels of objects as bad, so that they do not enter a stack."""
    for plane in frame.planes:
        _flag_objects(frame, plane, run)
    return frame


def with_objects_flagged(frame: Frame, run: Run) -> Frame:
    """Return a copy of a frame in which the pixels of objects are flagged as bad."""
    copy = frame.copy()
    for plane in copy.planes:
        _flag_objects(frame, plane, run)
    return copy


def _flag_objects(frame: Frame, plane: Plane, run: Run) -> None:
    if plane.objmask is None:
        run.warn(f"{frame.filename}: has no object mask, its objects are not masked; run detectSources first")
        return
    objects = (plane.objmask != 0).astype(np.uint16) * np.uint16(DQ.BAD_PIXEL)
    plane.dq = objects if plane.dq is None else plane.dq | objects


@all_frames("transferAttribute", TransferAttribute)
def transfer_attribute(frames: list[Frame], p: TransferAttribute, run: Run) -> list[Frame]:
    """Give the frames an attribute of those in another stream: OBJMASK, OBJCAT, mask, wcs, or a table.

    The streams correspond frame by frame, or there is one source for all.
    """
    if p.source is None or p.source not in run.streams:
        run.info(f"transferAttribute: no stream {p.source}, nothing is transferred")
        return frames
    sources = run.stream(p.source)
    if p.attribute is None or len(sources) not in {1, len(frames)}:
        run.warn(
            f"transferAttribute: {len(sources)} frames in stream {p.source}, {len(frames)} here; nothing is transferred"
        )
        return frames
    matched = sources * len(frames) if len(sources) == 1 else sources
    for frame, source in zip(frames, matched, strict=True):
        if not _transfer(source, frame, p.attribute):
            run.warn(f"{source.filename}: has no {p.attribute} to transfer to {frame.filename}")
            continue
        run.rename(frame, p.suffix)
    return frames


def _transfer(source: Frame, frame: Frame, attribute: str) -> bool:
    """Copy one attribute; return whether there was one."""
    if attribute in source.tables:
        frame.tables[attribute] = source.tables[attribute]
        return True
    done = False
    for theirs, ours in zip(source.planes, frame.planes, strict=False):
        if attribute.lower() == "wcs":
            for keyword in WCS_KEYWORDS:
                if keyword in theirs.header:
                    ours.header[keyword] = theirs.header[keyword]
            done = True
        elif (name := PLANES.get(attribute.upper())) is not None and getattr(theirs, name) is not None:
            setattr(ours, name, getattr(theirs, name))
            done = True
    return done


@all_frames("transferObjectMask", TransferObjectMask)
def transfer_object_mask(frames: list[Frame], p: TransferObjectMask, run: Run) -> list[Frame]:
    """Give every frame the object mask of a stack, resampled onto its pixels and dilated."""
    stack = _mask_source(p.source, run)
    if stack is None:
        return frames
    mask, sky = stack.planes[0].objmask, tangent_plane(stack)
    assert mask is not None
    for frame in frames:
        for index, plane in enumerate(frame.planes):
            if plane.objmask is not None:
                run.warn(f"{frame.filename}: its object mask is replaced by that of {stack.filename}")
            ny, nx = plane.shape
            to_stack = tangent_plane(frame, index).affine_onto(sky, (ny, nx))
            found = resample_mask(
                mask, to_stack.inverse(), (ny, nx), interpolant=p.interpolant, threshold=p.dq_threshold
            )
            plane.objmask = dilate(found, p.dilation)
        run.rename(frame, p.suffix)
        run.settle()
    return frames


def _mask_source(source: str | None, run: Run) -> Frame | None:
    if source is None:
        run.warn("transferObjectMask: no source given; name a stream or a file")
        return None
    if source in run.streams:
        stream = run.stream(source)
        if len(stream) != 1:
            run.warn(f"transferObjectMask: stream {source} has {len(stream)} frames, needs one; nothing is transferred")
            return None
        stack = stream[0]
    elif Path(source).exists():
        stack = run.auxiliary(Path(source))
    else:
        run.warn(f"transferObjectMask: {source} is neither a stream nor a file; nothing is transferred")
        return None
    if stack.planes[0].objmask is None:
        run.warn(f"{stack.filename}: has no object mask to transfer; run detectSources first")
        return None
    return stack


PRIMITIVES = (
    dilate_object_mask,
    add_object_mask_to_dq,
    transfer_attribute,
    transfer_object_mask,
)
