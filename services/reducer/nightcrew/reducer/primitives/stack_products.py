"""catalogueStack, makeExposureMap, summarizeStack: what one wants to know about a stack before trusting it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.reducer.engine.naming import original_name
from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import all_frames, each_frame
from nightcrew.reducer.primitives.stacking import in_rank
from nightcrew.reducer.products.covariance import PIXEL
from nightcrew.reducer.products.exposure_map import exposure_map
from nightcrew.reducer.products.stack_facts import GAIN, READ_NOISE, TOTAL, describe_input
from nightcrew.reducer.products.summary import (
    FrameSummary,
    StackSummary,
    agreement,
    background_pull,
    inputs_table,
    overall_rms,
    write_summary,
    zero_point_scatter,
)

if TYPE_CHECKING:
    from nightcrew.reducer.engine.run import Run
    from nightcrew.reducer.products.stack_facts import Input
    from nightcrew.shared.frames import Array, Frame, Plane

INPUTS = "INPUTS"


class OfStack(Parameters):
    """Parameters of makeExposureMap and summarizeStack."""

    suffix: str | None = parameter(None, "Filename suffix")
    source: str = parameter("aligned", "Stream that holds the frames as they were stacked")


class CatalogueStack(Parameters):
    """Parameters of catalogueStack."""

    suffix: str | None = parameter("_sourcesDetected", "Filename suffix")


@each_frame("catalogueStack", CatalogueStack)
def catalogue_stack(frame: Frame, p: CatalogueStack, run: Run) -> Frame:
    """Find the sources of a stack as detectSources does, the errors of their fluxes by its effective gain.

    GAIN is that of one frame: with it the shot noise of N frames would be too large by the root of N.
    """
    gains = [plane.header.get("GAIN") for plane in frame.planes]
    for plane in frame.planes:
        if GAIN in plane.header:
            plane.header["GAIN"] = plane.header[GAIN]
    (frame,) = run.call("detectSources", [frame], suffix=p.suffix)
    for plane, gain in zip(frame.planes, gains, strict=True):
        if gain is not None:
            plane.header["GAIN"] = gain
    return frame


@all_frames("makeExposureMap", OfStack)
def make_exposure_map(frames: list[Frame], p: OfStack, run: Run) -> list[Frame]:
    """Give a stack the extension EXPMAP: seconds of exposure that went into each pixel.

    With REJMAP (`stackFrames:save_rejection_map=True`) what was rejected is not counted.
    """
    aligned = in_rank(run.stream(p.source))
    for frame in _stacks(frames, aligned, "makeExposureMap", run):
        for index, plane in enumerate(frame.planes):
            seconds = [given.seconds for given in _inputs(aligned, index)]
            if any(value is None for value in seconds):
                run.warn(f"{frame.filename}: an input has no exposure time, no exposure map is made; correct EXPTIME")
                break
            planes = [source.planes[index] for source in aligned]
            plane.expmap = exposure_map([value or 0.0 for value in seconds], planes, plane.rejmap)
            run.settle()
        run.rename(frame, p.suffix)
    return frames


@all_frames("summarizeStack", OfStack)
def summarize_stack(frames: list[Frame], p: OfStack, run: Run) -> list[Frame]:
    """Say how well the frames of a stack agree: alignment, zero points, noise of the background.

    Per frame in the table INPUTS, summed up in the headers.
    """
    aligned = in_rank(run.stream(p.source))
    for frame in _stacks(frames, aligned, "summarizeStack", run):
        summary = _summary(frame, aligned)
        write_summary(summary, frame.phu, frame.planes[0].header)
        frame.tables[INPUTS] = inputs_table(summary.inputs)
        run.measurements.append(summary)
        run.info(_sentence(summary))
        run.rename(frame, p.suffix)
    return frames


def _stacks(frames: list[Frame], aligned: list[Frame], primitive: str, run: Run) -> list[Frame]:
    """Return the frames that are stacks of what lies in the stream."""
    names = {original_name(source) for source in aligned}
    stacks = []
    for frame in frames:
        listed = {str(value) for keyword, value in frame.phu.items() if keyword.startswith("IMCMB")}
        if listed and listed == names and all(a.planes[0].shape == frame.planes[0].shape for a in aligned):
            stacks.append(frame)
        else:
            run.warn(f"{frame.filename}: {primitive} leaves it as it is, it is no stack of the frames given")
    return stacks


def _inputs(aligned: list[Frame], index: int) -> list[Input]:
    return [describe_input(frame, describe_frame(frame), index) for frame in aligned]


def _summary(stack: Frame, aligned: list[Frame]) -> StackSummary:
    plane = stack.planes[0]
    given = _inputs(aligned, 0)
    reference = aligned[0].planes[0].objcat
    frames = []
    for number, (frame, one) in enumerate(zip(aligned, given, strict=True)):
        found = agreement(reference, frame.planes[0].objcat, one.factor / given[0].factor)
        frames.append(
            FrameSummary(
                original_name(frame),
                one.seconds,
                found.matched,
                found.rms if number else None,
                found.zero_point,
                found.zero_point_error if number else 0.0,
                frame.planes[0].header.get(PIXEL),
            )
        )
    factor = plane.header.get(PIXEL)
    return StackSummary(
        frame=stack.filename,
        inputs=tuple(frames),
        total=stack.phu.get(TOTAL),
        median=_median_exposure(plane),
        gain=plane.header.get(GAIN),
        read_noise=plane.header.get(READ_NOISE),
        variance_factor=factor,
        alignment=overall_rms(frames),
        zero_point_scatter=zero_point_scatter(frames),
        sources=0 if plane.objcat is None else len(plane.objcat.rows),
        pull=background_pull(plane.data, plane.variance, _empty(plane), factor or 1.0),
    )


def _median_exposure(plane: Plane) -> float | None:
    if plane.expmap is None:
        return None
    exposed = plane.expmap[plane.expmap > 0]
    return float(np.median(exposed)) if exposed.size else None


def _empty(plane: Plane) -> Array:
    """Return the pixels that show neither flags nor sources."""
    empty = np.isfinite(plane.data)
    for mask in (plane.dq, plane.objmask):
        if mask is not None:
            empty &= mask == 0
    return empty


def _sentence(summary: StackSummary) -> str:
    parts = [f"{len(summary.inputs)} frames"]
    for value, text in (
        (summary.total, "{:g} s in all"),
        (summary.alignment, "sources agree to {:.3f} arcsec"),
        (summary.zero_point_scatter, "zero points to {:.3f} mag"),
        (summary.pull, "pull of the background {:.2f}"),
    ):
        if value is not None:
            parts.append(text.format(value))
    return f"{summary.frame}: {', '.join(parts)}"


PRIMITIVES = (catalogue_stack, make_exposure_map, summarize_stack)
