"""Lamp flats: combine, subtract, normalise, threshold (primitives-calibration, 12 and 13)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import all_frames, each_frame
from nightcrew.reducer.kernels import pixelwise
from nightcrew.reducer.kernels.statistics import masked_mean, masked_median
from nightcrew.reducer.primitives.stacking import SAME_EXPOSURE, Combination, merge_records
from nightcrew.shared.dq import DQ
from nightcrew.shared.errors import CalibrationError, FrameError

if TYPE_CHECKING:
    from nightcrew.reducer.engine.run import Run
    from nightcrew.shared.frames import Array, Frame


class MakeLampFlat(Combination):
    """Parameters of makeLampFlat."""

    suffix: str = parameter("_lampstack", "Filename suffix")


class NormalizeFlat(Parameters):
    """Parameters of normalizeFlat."""

    suffix: str = parameter("_normalized", "Filename suffix")
    scale: Literal["median", "mean"] = parameter(
        "median", "Statistic for scaling", choices={"mean": "Scale by mean", "median": "Scale by median"}
    )
    separate_ext: bool = parameter(False, "Scale extensions separately?")


class ThresholdFlatfield(Parameters):
    """Parameters of thresholdFlatfield."""

    suffix: str = parameter("_thresholdFlatfielded", "Filename suffix")
    upper: float | None = parameter(10.0, "Upper limit for valid pixels", ge=1.0)
    lower: float | None = parameter(0.01, "Lower limit for valid pixels", lt=1.0)


@all_frames("makeLampFlat", MakeLampFlat)
def make_lamp_flat(frames: list[Frame], p: MakeLampFlat, run: Run) -> list[Frame]:
    """Stack flats and subtract what is not the lamp's: lamp-off frames, or darks for F2 in the K bands.

    Raises
    ------
    FrameError
        If the frames that a flat needs are missing, or darks do not match them.
    CalibrationError
        If F2 flats in a K band come without darks, and no master dark is found.
    """
    first = describe_frame(frames[0]) if frames else None
    if first is not None and first.instrument == "F2" and first.get("wavelength_band") == "K":
        return _thermal_flat(frames, p, run)
    return _lamp_on_less_lamp_off(frames, p, run)


def _lamp_on_less_lamp_off(frames: list[Frame], p: MakeLampFlat, run: Run) -> list[Frame]:
    on, off = _with_tag(frames, "LAMPON"), _with_tag(frames, "LAMPOFF")
    if not on:
        raise FrameError(
            f"{_first_names(frames)}: {len(off)} lamp-off frames and no lamp-on frame; "
            "a flat needs frames taken with the lamp on"
        )
    _name_left_out(frames, [*on, *off], "neither lamp-on nor lamp-off", run)
    stacking = {**p.shared_with(MakeLampFlat), "scale": False, "zero": False}
    lit = run.call("stackFrames", on, **stacking)[0]
    if not off:
        run.warn(f"{on[0].filename}: no lamp-off flats, nothing is subtracted from the lamp-on stack")
        return [lit]
    unlit = run.call("stackFrames", off, **stacking)[0]
    times = [describe_frame(frame).get("exposure_time") for frame in (lit, unlit)]
    if times[0] != times[1]:
        run.warn(f"{lit.filename}: lamp-on frames of {times[0]} s, lamp-off frames of {times[1]} s")
    return [_difference(lit, unlit, p, run)]


def _thermal_flat(frames: list[Frame], p: MakeLampFlat, run: Run) -> list[Frame]:
    """Make a flat of the thermal glow of the calibration unit, which in the K bands is the lamp (12.2)."""
    flats, darks = _with_tag(frames, "FLAT"), _with_tag(frames, "DARK")
    if not flats:
        raise FrameError(f"{_first_names(frames)}: {len(darks)} darks and no flat; a flat needs frames taken as such")
    _name_left_out(frames, [*flats, *darks], "neither flat nor dark", run)
    if _with_tag(flats, "LAMPON") and _with_tag(flats, "LAMPOFF"):
        run.warn(f"{flats[0].filename}: lamp-on and lamp-off frames in a K band are stacked alike; list only lamp-off")
    if darks:
        _check_exposures(flats[0], darks[0])
    stacking = p.shared_with(MakeLampFlat)
    unlit = run.call("stackDarks", darks, **stacking) if darks else []
    lit = run.call("stackFrames", flats, **stacking, scale=False, zero=False)
    if unlit:
        return [_difference(lit[0], unlit[0], p, run)]
    try:
        return run.call("darkCorrect", lit, suffix=p.suffix)
    except CalibrationError as error:
        seconds = describe_frame(flats[0]).value("exposure_time")
        raise CalibrationError(
            f"{flats[0].filename}: flats in a K band need darks of their own exposure time; list darks of "
            f"{seconds:g} s with the flats ({error})"
        ) from error


def _check_exposures(flat: Frame, dark: Frame) -> None:
    lit, unlit = (describe_frame(frame).value("exposure_time") for frame in (flat, dark))
    if abs(lit - unlit) >= SAME_EXPOSURE:
        raise FrameError(
            f"{dark.filename}: Darks exposure time not equal to flats exposure time ({unlit:g} s, {flat.filename} "
            f"{lit:g} s); list darks of {lit:g} s"
        )


def _with_tag(frames: list[Frame], tag: str) -> list[Frame]:
    return [frame for frame in frames if tag in describe_frame(frame).tags]


def _first_names(frames: list[Frame]) -> str:
    return ", ".join(frame.filename for frame in frames[:3]) or "the list"


def _name_left_out(frames: list[Frame], known: list[Frame], what: str, run: Run) -> None:
    for frame in frames:
        if not any(frame is one for one in known):
            run.warn(f"{frame.filename}: {what}, left out of the flat")


def _difference(lit: Frame, unlit: Frame, p: MakeLampFlat, run: Run) -> Frame:
    for plane, dark in zip(lit.planes, unlit.planes, strict=True):
        plane.data, plane.variance, plane.dq = pixelwise.subtract(
            (plane.data, plane.variance, plane.dq), (dark.data, dark.variance, dark.dq)
        )
    merge_records([lit, unlit], lit)
    run.rename(lit, p.suffix)
    return lit


def _said(level: float | None, scale: str) -> str:
    known = level is not None and np.isfinite(level)
    return f"the {scale} of the good pixels is {level:.6g}" if known else "no pixel is good"


@each_frame("normalizeFlat", NormalizeFlat, stamp="NORMLIZE")
def normalize_flat(frame: Frame, p: NormalizeFlat, run: Run) -> Frame:  # noqa: ARG001
    """Divide a flat by the median (or mean) of its good pixels.

    Raises
    ------
    FrameError
        If no pixel is good, or the level is not a positive number.
    """
    statistic = masked_median if p.scale == "median" else masked_mean
    groups = [[plane] for plane in frame.planes] if p.separate_ext else [list(frame.planes)]
    for planes in groups:
        level = statistic([plane.data for plane in planes], [plane.dq for plane in planes])
        if level is None or not np.isfinite(level) or level <= 0:
            raise FrameError(
                f"{frame.filename}: {_said(level, p.scale)}, a flat needs light; "
                "check that lamp-on and lamp-off frames are what their headers say"
            )
        for plane in planes:
            plane.data, plane.variance = pixelwise.divide_by(plane.data, plane.variance, float(np.float32(level)))
    return frame


@each_frame("thresholdFlatfield", ThresholdFlatfield, stamp="TRHFLAT")
def threshold_flatfield(frame: Frame, p: ThresholdFlatfield, run: Run) -> Frame:  # noqa: ARG001
    """Flag pixels without light, or with far too much, as unilluminated and set them to 1."""
    for plane in frame.planes:
        plane.data, plane.dq = thresholded(plane.data, plane.dq, p.lower, p.upper)
    return frame


def thresholded(data: Array, dq: Array | None, lower: float | None, upper: float | None) -> tuple[Array, Array]:
    """Return pixels and flags of a flat after thresholding (13.2).

    Parameters
    ----------
    data, dq
        Normalised flat, float32, and its flags, uint16.
    lower, upper
        Limits of what counts as illuminated; None does not limit.
    """
    flags = np.zeros(data.shape, np.uint16) if dq is None else dq
    outside = np.zeros(data.shape, bool)
    dim = np.zeros(data.shape, bool) if lower is None else data < np.float32(lower)
    if upper is not None:
        outside |= data > np.float32(upper)
    outside |= dim
    flags = np.where(outside & ((flags & DQ.BAD_PIXEL) == 0), flags | np.uint16(DQ.UNILLUMINATED), flags)
    return np.where((flags & DQ.UNILLUMINATED).astype(bool) | dim, np.float32(1.0), data), flags


PRIMITIVES = (make_lamp_flat, normalize_flat, threshold_flatfield)
