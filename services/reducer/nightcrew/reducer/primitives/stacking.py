"""stackFrames and its relatives (primitives-calibration, 11)."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nightcrew.reducer.engine.describing import describe_frame, of_extension
from nightcrew.reducer.engine.naming import original_name
from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import all_frames
from nightcrew.reducer.kernels.combine import Rejection
from nightcrew.reducer.kernels.statistics import normalization
from nightcrew.reducer.kernels.tiles import combine_planes
from nightcrew.reducer.products.covariance import average_factor, write_factor
from nightcrew.reducer.products.stack_facts import describe_input, facts_of_average, write_facts, write_noise
from nightcrew.shared.errors import FrameError, RecipeError
from nightcrew.shared.frames import Plane

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nightcrew.reducer.engine.run import Run
    from nightcrew.shared.frames import Frame, HistoryRow

OPERATIONS = {
    "mean": "arithmetic mean",
    "wtmean": "variance-weighted mean",
    "median": "median",
    "lmedian": "low-median",
}
REJECTIONS = {
    "none": "no rejection",
    "minmax": "reject highest and lowest pixels",
    "sigclip": "reject pixels based on scatter",
    "varclip": "reject pixels based on variance array",
}
Operation = Literal["mean", "wtmean", "median", "lmedian"]
RejectMethod = Literal["none", "minmax", "sigclip", "varclip"]
SAME_EXPOSURE = 0.01
"""Seconds by which darks of one stack may differ (11.3)."""


class Combination(Parameters):
    """Parameters that everything which combines frames has."""

    suffix: str = parameter("_stack", "Filename suffix")
    apply_dq: bool = parameter(True, "Use DQ to mask bad pixels?")
    statsec: str | None = parameter(None, "Section for statistics, x1:x2,y1:y2")
    operation: Operation = parameter("mean", "Averaging operation", choices=OPERATIONS)
    reject_method: RejectMethod = parameter("sigclip", "Pixel rejection method", choices=REJECTIONS)
    hsigma: float = parameter(3.0, "High rejection threshold (sigma)", ge=0.0)
    lsigma: float = parameter(3.0, "Low rejection threshold (sigma)", ge=0.0)
    mclip: bool = parameter(True, "Use median for sigma-clipping?")
    max_iters: int | None = parameter(None, "Maximum number of clipping iterations", ge=1)
    nlow: int = parameter(0, "Number of low pixels to reject", ge=0)
    nhigh: int = parameter(0, "Number of high pixels to reject", ge=0)
    memory: float | None = parameter(1.0, "Accepted, without effect: the budget is that of the run (--memory)", ge=0.01)
    save_rejection_map: bool = parameter(False, "Save rejection map?")


class StackFrames(Combination):
    """Parameters of stackFrames."""

    separate_ext: bool = parameter(True, "Handle extensions separately?")
    scale: bool = parameter(False, "Scale images to the same intensity?")
    zero: bool = parameter(False, "Apply additive offsets to images to match intensity?")


class StackDarks(Combination):
    """Parameters of stackDarks."""

    reject_method: RejectMethod = parameter("varclip", "Pixel rejection method", choices=REJECTIONS)
    separate_ext: bool = parameter(True, "Handle extensions separately?")


class StackFlats(StackFrames):
    """Parameters of stackFlats."""

    reject_method: RejectMethod = parameter("minmax", "Pixel rejection method", choices=REJECTIONS)
    nlow: int = parameter(1, "Number of low pixels to reject", ge=0)
    nhigh: int = parameter(1, "Number of high pixels to reject", ge=0)


@all_frames("stackFrames", StackFrames)
def stack_frames(frames: list[Frame], p: StackFrames, run: Run) -> list[Frame]:
    """Combine the frames into one, named after the first.

    The first also gives the header and, where that is asked for, the level; the order of the others does not matter.

    Raises
    ------
    FrameError
        If the frames have different numbers of extensions or shapes.
    RecipeError
        If more images are to be rejected than there are, or the section is not one.
    """
    if len(frames) < 2:
        run.warn(f"No stacking will be performed, since {_only(frames)}")
        return frames
    _check_shapes(frames)
    reject = p.reject_method
    if reject == "minmax" and p.nlow + p.nhigh >= len(frames):
        if run.mode != "qa":
            raise RecipeError(
                f"stackFrames: Only {len(frames)} images but nlow={p.nlow} and nhigh={p.nhigh}; lower nlow and nhigh"
            )
        run.warn(f"only {len(frames)} images: nlow and nhigh are set to 0")
        reject = "none"
    if reject == "varclip" and not all(plane.has("variance") for frame in frames for plane in frame.planes):
        run.warn("varclip needs VAR planes, and some frame has none: sigclip is used")
        reject = "sigclip"
    scale, zero = p.scale, p.zero
    if scale and zero:
        run.warn("Both scale and zero are set. Setting scale=False.")
        scale = False
    rejection = Rejection(reject, p.lsigma, p.hsigma, p.mclip, p.max_iters, p.nlow, p.nhigh)
    run.info(f"Combining {len(frames)} inputs with {p.operation} and {reject} rejection")
    frames = in_rank(frames)
    summing = sorted(range(len(frames)), key=lambda i: original_name(frames[i]))
    stack = frames[0].copy()
    stack.planes = []
    for index in range(len(frames[0].planes)):
        planes = [frame.planes[index] for frame in frames]
        factors, offsets = _normalise(planes, scale=scale, zero=zero, section=p.statsec, run=run)
        run.settle()
        made = combine_planes(
            [planes[i] for i in summing],
            p.operation,
            rejection,
            scale=factors and [factors[i] for i in summing],
            zero=offsets and [offsets[i] for i in summing],
            use_dq=p.apply_dq,
            budget=run.around.memory.for_tiles,
            threads=run.around.threads,
            rejection_map=p.save_rejection_map,
        )
        plane = Plane(planes[0].header.copy(), made.data, made.variance, made.dq, rejmap=made.rejected)
        _keep_first_catalogue(planes, plane)
        stack.planes.append(plane)
    _write_headers(frames, stack, p.operation, run)
    merge_records([frames[i] for i in summing], stack)
    run.stamp(stack, "STACKFRM", "stackFrames")
    run.rename(stack, p.suffix)
    return [stack]


def in_rank(frames: list[Frame]) -> list[Frame]:
    """Return the frames in the order of their rank: the first leads, the others are equal and follow by name."""
    return [*frames[:1], *sorted(frames[1:], key=original_name)]


def _only(frames: list[Frame]) -> str:
    return f"{frames[0].filename} is the only input" if frames else "there is no input"


def _check_shapes(frames: list[Frame]) -> None:
    first = frames[0]
    for frame in frames[1:]:
        if len(frame.planes) != len(first.planes):
            raise FrameError(
                f"{frame.filename}: not the same number of extensions as {first.filename}; "
                "stack frames of one instrument"
            )
        for ours, theirs in zip(frame.planes, first.planes, strict=True):
            if ours.shape != theirs.shape:
                raise FrameError(
                    f"{frame.filename}: {ours.shape[1]} x {ours.shape[0]} pixels, {first.filename} has "
                    f"{theirs.shape[1]} x {theirs.shape[0]}; stack frames of the same shape"
                )


SECTION = re.compile(r"\[?\s*(\d+)\s*:\s*(\d+)\s*,\s*(\d+)\s*:\s*(\d+)\s*\]?")


def parse_section(text: str) -> tuple[slice, slice]:
    """Return rows and columns of a section `x1:x2,y1:y2`, 1-based and inclusive.

    Raises
    ------
    RecipeError
        If the text is no section.
    """
    found = SECTION.fullmatch(text.strip())
    x1, x2, y1, y2 = map(int, found.groups()) if found else (0, 0, 0, 0)
    if not (0 < x1 < x2 and 0 < y1 < y2):
        raise RecipeError(f"section '{text}' is not x1:x2,y1:y2 with 1 <= x1 < x2 and 1 <= y1 < y2")
    return slice(y1 - 1, y2), slice(x1 - 1, x2)


def _normalise(
    planes: list[Plane], *, scale: bool, zero: bool, section: str | None, run: Run
) -> tuple[list[float] | None, list[float] | None]:
    """Return the factors or the offsets that bring the planes to the level of the first."""
    if not (scale or zero):
        return None, None
    window = parse_section(section) if section else (slice(None), slice(None))
    data = [plane.data[window] for plane in planes]
    flags = [None if plane.dq is None else plane.dq[window] for plane in planes]
    values = normalization(data, flags, scaling=scale)
    if scale and not all(math.isfinite(v) and v > 0 for v in values):
        run.warn("Some scale factors are negative or infinite, no scaling is done")
        return None, None
    return (values, None) if scale else (None, values)


def _keep_first_catalogue(planes: list[Plane], stack: Plane) -> None:
    """Carry mask and catalogue of the first input, where all inputs have them, as the reference does (11.2)."""
    if all(plane.has("objmask") for plane in planes):
        stack.objmask = planes[0].objmask
    if all(plane.objcat is not None for plane in planes):
        stack.objcat = planes[0].objcat


def _write_headers(frames: list[Frame], stack: Frame, operation: str, run: Run) -> None:
    about = [describe_frame(frame) for frame in frames]
    for index, plane in enumerate(stack.planes):
        gains = [of_extension(a.get("gain"), index) for a in about]
        if len(set(gains)) > 1 and all(gains):
            run.warn(f"{stack.filename}: inputs have different gains, the harmonic mean is kept")
            plane.header["GAIN"] = len(gains) / sum(1.0 / g for g in gains)
        noises = [of_extension(a.get("read_noise"), index) for a in about]
        if all(n is not None for n in noises):
            plane.header["RDNOISE"] = math.sqrt(sum(n * n for n in noises) / len(noises))
        inputs = [describe_input(frame, a, index) for frame, a in zip(frames, about, strict=True)]
        facts = facts_of_average(inputs, about[0].get("exposure_time"), operation)
        write_facts(facts, stack.phu)
        # A flat is going to be divided by its level, and its pixels are no electrons then.
        if "FLAT" not in about[0].tags:
            write_noise(facts, plane.header)
        write_factor(average_factor([frame.planes[index] for frame in frames]), plane.header)
    phu = stack.phu
    airmasses = [a.get("airmass") for a in about]
    if all(a is not None for a in airmasses):
        phu["AIRMASS"] = (float(np.mean(airmasses)), "Mean airmass for the exposure")
    if "DATALAB" in phu:
        phu["DATALAB"] = f"{phu['DATALAB']}-STACK"
    phu["NCOMBINE"] = (len(frames), "Number of input images")
    for number, frame in enumerate(frames, 1):
        phu[f"IMCMB{number:03d}"] = original_name(frame)


def merge_records(frames: list[Frame], into: Frame) -> None:
    """Give a combination the provenance, history and tables of all its inputs; what inputs have in common counts once.

    A step that a frame went through twice stays twice, also where a clock that stands still makes its rows equal.
    """
    provenance = {(r.filename, r.md5, r.added_by): r for frame in reversed(frames) for r in reversed(frame.provenance)}
    history = dict.fromkeys(step for frame in frames for step in _numbered(frame.history))
    into.provenance = sorted(provenance.values(), key=_order(frames))
    into.history = [row for row, _ in history]
    shared = set.intersection(*(set(frame.tables) for frame in frames))
    into.tables = {name: frames[0].tables[name] for name in into.tables if name in shared}


def _numbered(rows: list[HistoryRow]) -> Iterator[tuple[HistoryRow, int]]:
    """Give each row with the number of equal rows before it."""
    seen: Counter[HistoryRow] = Counter()
    for row in rows:
        yield row, seen[row]
        seen[row] += 1


def _order(frames: list[Frame]) -> Any:
    places: dict[tuple[str, str, str], int] = {}
    for frame in frames:
        for row in frame.provenance:
            places.setdefault((row.filename, row.md5, row.added_by), len(places))
    return lambda row: places[row.filename, row.md5, row.added_by]


@all_frames("stackDarks", StackDarks)
def stack_darks(frames: list[Frame], p: StackDarks, run: Run) -> list[Frame]:
    """Combine darks of one exposure time.

    Raises
    ------
    FrameError
        If a frame is no dark, or exposed otherwise than the first.
    """
    about = [describe_frame(frame) for frame in frames]
    for frame, a in zip(frames, about, strict=True):
        if "DARK" not in a.tags:
            raise FrameError(f"{frame.filename}: Not all inputs have DARK tag; take it off the list of darks")
        if abs(a.value("exposure_time") - about[0].value("exposure_time")) >= SAME_EXPOSURE:
            raise FrameError(
                f"{frame.filename}: Darks are not of equal exposure time ({a.value('exposure_time'):g} s, "
                f"{frames[0].filename} {about[0].value('exposure_time'):g} s); make one list for each"
            )
    return run.call("stackFrames", frames, **p.shared_with(StackFrames), suffix=p.suffix, scale=False, zero=False)


@all_frames("stackFlats", StackFlats)
def stack_flats(frames: list[Frame], p: StackFlats, run: Run) -> list[Frame]:
    """Combine flats, extreme values left out."""
    return run.call("stackFrames", frames, **p.shared_with(StackFrames), suffix=p.suffix)


PRIMITIVES = (stack_frames, stack_darks, stack_flats)
