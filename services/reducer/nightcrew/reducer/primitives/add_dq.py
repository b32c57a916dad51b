"""addDQ: bad, non-linear, saturated, unilluminated and persistent pixels (primitives-calibration, 4)."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nightcrew.reducer.auxiliary import lay_over
from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import all_frames
from nightcrew.reducer.illumination import f2_imaging_mask
from nightcrew.reducer.kernels.pixelwise import flag_levels
from nightcrew.reducer.kernels.threads import all_of, batched
from nightcrew.reducer.pending import pending_of
from nightcrew.shared.calibrations import CouldNotAsk, Found, NotFound
from nightcrew.shared.dq import DQ
from nightcrew.shared.errors import CalibrationError, FrameError
from nightcrew.shared.frames import ProvenanceRow

if TYPE_CHECKING:
    from nightcrew.reducer.engine.run import Run
    from nightcrew.shared.frames import Array, Frame, Plane

STATIC_DEFAULT = "default"
REMEDY = "reduce again once it answers, or name a mask with addDQ:user_bpm=FILE"


class AddLatencyToDQ(Parameters):
    """Parameters of addLatencyToDQ."""

    suffix: str = parameter("_latencyAdded", "Filename suffix")
    non_linear: bool = parameter(False, "Flag non-linear pixels?")
    time: float = parameter(120.0, "Persistence time (seconds)", ge=0.0)


class AddIllumMaskToDQ(Parameters):
    """Parameters of addIllumMaskToDQ."""

    suffix: str = parameter("_illumMaskAdded", "Filename suffix")
    illum_mask: str | None = parameter(None, "Name of illumination mask")


class AddDQ(Parameters):
    """Parameters of addDQ."""

    suffix: str = parameter("_dqAdded", "Filename suffix")
    non_linear: bool = parameter(False, "Flag non-linear pixels?")
    time: float = parameter(120.0, "Persistence time (seconds)", ge=0.0)
    illum_mask: str | None = parameter(None, "Name of illumination mask")
    static_bpm: str | None = parameter(STATIC_DEFAULT, "Static bad pixel mask")
    user_bpm: str | None = parameter(None, "User bad pixel mask")
    add_illum_mask: bool = parameter(False, "Apply illumination mask?")
    latency: bool = parameter(False, "Apply latency for saturated pixels?")


@all_frames("addDQ", AddDQ, stamp="ADDDQ", once=True)
def add_dq(frames: list[Frame], p: AddDQ, run: Run) -> list[Frame]:
    """Give every plane a DQ: bad-pixel masks, detector levels, persistence, illumination.

    Pixels that are not finite numbers become 0 with the bit no_data.
    """
    threads = run.around.threads
    for some in batched(frames, threads):
        masks = [[_open_mask(run, path, frame) for path in _mask_files(frame, p, run)] for frame in some]
        levels = all_of(lambda frame: [_flagged_by_level(plane) for plane in frame.planes], some, threads)
        for frame, of_frame, flags in zip(some, masks, levels, strict=True):
            _set_flags(frame, of_frame, flags, run)
        run.settle()
    if p.latency:
        frames = run.call("addLatencyToDQ", frames, **p.shared_with(AddLatencyToDQ))
    if p.add_illum_mask:
        frames = run.call("addIllumMaskToDQ", frames, **p.shared_with(AddIllumMaskToDQ))
    return frames


def _flagged_by_level(plane: Plane) -> Array | None:
    """Return the flags that the counts of a plane ask for, and correct them; None if it has flags already."""
    if plane.has("dq"):
        return None
    pixels = plane.data
    data, dq = flag_levels(pixels, _level(plane.header, "SATLEVEL"), _level(plane.header, "NONLINEA"))
    if data is pixels and pending_of(plane) is not None:
        plane.release("data")
    else:
        plane.data = data
    return dq


def _set_flags(frame: Frame, masks: list[Frame], levels: list[Array | None], run: Run) -> None:
    """Give the planes of a frame their flags: those of their own levels, and those of the masks."""
    for index, (plane, dq) in enumerate(zip(frame.planes, levels, strict=True)):
        if dq is None:
            run.warn(f"{frame.filename}: a mask already exists in extension {index + 1}")
            continue
        for mask in masks:
            flags = lay_over(mask, frame, index).of(mask, index, "data")
            assert flags is not None
            _check_flags(flags, mask)
            np.bitwise_or(dq, flags.astype(np.uint16, copy=False), out=dq)
        plane.dq = dq
        if np.bitwise_or.reduce(dq, axis=None) & DQ.NO_DATA:
            lost = int(np.count_nonzero(dq & DQ.NO_DATA))
            run.warn(f"{frame.filename}: {lost} pixels are not finite numbers; flagged as no data (16) and set to 0")


def _level(header: Any, keyword: str) -> float | None:
    value = header.get(keyword)
    return float(value) if isinstance(value, int | float) and value else None


def _mask_files(frame: Frame, p: AddDQ, run: Run) -> list[Path]:
    """Return the masks to use: the static one and the user's."""
    files = []
    if p.static_bpm == STATIC_DEFAULT:
        match run.around.calibrations.find(frame, "processed_bpm"):
            case Found() as found:
                files.append(found.path)
                if found.relaxed:
                    run.warn(f"{found.path.name}: bad-pixel mask {found.relaxed}")
                for caveat in found.caveats:
                    run.warn(caveat)
            case CouldNotAsk(reason):
                _say_once(run, f"without the observatory's bad-pixel mask: {reason}; {REMEDY}")
            case NotFound() if p.user_bpm is None:
                run.info(f"No BPMs found for {frame.filename} and none supplied by the user.")
    elif p.static_bpm is not None:
        files.append(Path(p.static_bpm))
    if p.user_bpm is not None:
        files.append(Path(p.user_bpm))
    return files


def _say_once(run: Run, text: str) -> None:
    """Warn, but not again for each frame."""
    if text not in run.ledger.warnings:
        run.warn(text)


def _open_mask(run: Run, path: Path, frame: Frame) -> Frame:
    try:
        mask = run.auxiliary(path)
    except FrameError as error:
        raise CalibrationError(f"{path}: bad-pixel mask cannot be opened ({error}); check addDQ:user_bpm") from error
    frame.provenance.append(ProvenanceRow(run.now(), path.name, run.md5(path), "addDQ"))
    return mask


def _check_flags(flags: Array, mask: Frame) -> None:
    """Refuse an image in place of a mask: its pixels are fractions, or none of them is 0."""
    if flags.all() or (flags.dtype.kind == "f" and not np.array_equal(flags, np.trunc(flags))):
        raise CalibrationError(
            f"{mask.filename}: is no bad-pixel mask, whose pixels are 0 where they are good and flags elsewhere; "
            "check addDQ:user_bpm"
        )


@all_frames("addLatencyToDQ", AddLatencyToDQ)
def add_latency(frames: list[Frame], p: AddLatencyToDQ, run: Run) -> list[Frame]:  # noqa: ARG001
    """Flag pixels that were saturated in a frame taken shortly before, as cosmic_ray (4.2)."""
    flags = np.uint16(DQ.SATURATED | DQ.NON_LINEAR if p.non_linear else DQ.SATURATED)
    times = [describe_frame(frame).get("ut_datetime") for frame in frames]
    window = timedelta(seconds=p.time)
    hot = [[_flagged(plane.dq, flags) for plane in frame.planes] for frame in frames]
    for frame, when in zip(frames, times, strict=True):
        for earlier, before, sources in zip(frames, times, hot, strict=True):
            if not _within(before, when, window):
                continue
            for index, plane in enumerate(frame.planes):
                persistent = sources[index] if index < len(sources) else None
                if persistent is not None and plane.dq is not None:
                    part = lay_over(earlier, frame, index)
                    plane.dq = plane.dq | (persistent[part.rows, part.columns] * np.uint16(DQ.COSMIC_RAY))
    return frames


def _flagged(dq: Array | None, flags: np.uint16) -> Array | None:
    """Return where any of the flags is set, or None if nowhere."""
    if dq is None:
        return None
    found = (dq & flags) != 0
    return found if found.any() else None


def _within(before: datetime | None, when: datetime | None, window: timedelta) -> bool:
    return before is not None and when is not None and timedelta(0) < when - before < window


@all_frames("addIllumMaskToDQ", AddIllumMaskToDQ, stamp="ADILLMSK", once=True)
def add_illumination_mask(frames: list[Frame], p: AddIllumMaskToDQ, run: Run) -> list[Frame]:
    """Flag what the telescope does not illuminate (4.3)."""
    for frame in frames:
        about = describe_frame(frame)
        if about.tags & {"DARK", "BIAS"}:
            continue
        if p.illum_mask is not None:
            source = run.auxiliary(Path(p.illum_mask))
            masks = [lay_over(source, frame, i).of(source, i, "data") for i in range(len(frame.planes))]
        elif about.instrument == "F2" and "IMAGE" in about.tags:
            masks = [f2_imaging_mask()]
        else:
            continue
        for plane, mask in zip(frame.planes, masks, strict=True):
            assert mask is not None
            if mask.shape != plane.shape:
                raise FrameError(
                    f"{frame.filename}: {plane.shape[1]} x {plane.shape[0]} pixels, the illumination mask has "
                    f"{mask.shape[1]} x {mask.shape[0]}; set addDQ:add_illum_mask=False"
                )
            unlit = (mask > 0) * np.uint16(DQ.UNILLUMINATED)
            plane.dq = unlit if plane.dq is None else plane.dq | unlit
    return frames


PRIMITIVES = (add_dq, add_latency, add_illumination_mask)
