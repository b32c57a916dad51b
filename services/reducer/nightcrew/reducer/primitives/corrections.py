"""darkCorrect and flatCorrect (primitives-calibration, 9)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import InstanceOf

from nightcrew.reducer.auxiliary import lay_over
from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import all_frames
from nightcrew.reducer.kernels import pixelwise
from nightcrew.reducer.pending import develop
from nightcrew.shared.calibrations import CouldNotAsk, Found
from nightcrew.shared.errors import CalibrationError, FrameError, ServiceError
from nightcrew.shared.frames import Frame, ProvenanceRow

if TYPE_CHECKING:
    from nightcrew.reducer.engine.run import Run

Requirement = Literal["procmode", "force", "skip"]
REQUIREMENTS = {
    "procmode": "Use the default rules set by the processing mode.",
    "force": "Require a calibration regardless of the processing mode.",
    "skip": "Skip this correction, no calibration required.",
}


class DarkCorrect(Parameters):
    """Parameters of darkCorrect."""

    do_cal: Requirement = parameter("procmode", "Calibration requirement", choices=REQUIREMENTS)
    suffix: str = parameter("_darkCorrected", "Filename suffix")
    dark: str | InstanceOf[Frame] | None = parameter(None, "Dark frame")


class FlatCorrect(Parameters):
    """Parameters of flatCorrect."""

    do_cal: Requirement = parameter("procmode", "Calibration requirement", choices=REQUIREMENTS)
    suffix: str = parameter("_flatCorrected", "Filename suffix")
    flat: str | InstanceOf[Frame] | None = parameter(None, "Flatfield frame")


@all_frames("darkCorrect", DarkCorrect)
def dark_correct(frames: list[Frame], p: DarkCorrect, run: Run) -> list[Frame]:
    """Subtract the master dark; VAR adds, DQ is OR-ed.

    Raises
    ------
    CalibrationError
        If a frame has no dark and needs one.
    ServiceError
        If it needs one, and whoever may have it could not be asked.
    ShapeMismatch
        If the dark covers another part of the detector.
    """
    if p.do_cal == "skip":
        run.warn("Dark correction has been turned off.")
        return frames
    for frame in frames:
        dark = _calibration(frame, p.dark, "dark", "DARKCORR", p.do_cal, run)
        if dark is None:
            continue
        if _unit(dark) != _unit(frame):
            raise FrameError(
                f"{dark.filename}: in {_unit(dark)}, {frame.filename} in {_unit(frame)}; use a dark of ours"
            )
        _compare_exposures(dark, frame, run)
        for index, plane in enumerate(frame.planes):
            develop(plane, run.around.threads)
            plane.data, plane.variance, plane.dq = pixelwise.subtract(
                (plane.data, plane.variance, plane.dq), lay_over(dark, frame, index).planes(dark, index)
            )
        _mark(frame, dark, "DARKIM", "Dark image used", "DARKCORR", "darkCorrect", p.suffix, run)
    return frames


@all_frames("flatCorrect", FlatCorrect)
def flat_correct(frames: list[Frame], p: FlatCorrect, run: Run) -> list[Frame]:
    """Divide by the master flat; VAR by error propagation, DQ is OR-ed.

    Raises
    ------
    CalibrationError
        If a frame has no flat and needs one.
    ServiceError
        If it needs one, and whoever may have it could not be asked.
    FrameError
        If the flat is of another filter.
    ShapeMismatch
        If the flat covers another part of the detector.
    """
    if p.do_cal == "skip":
        run.warn("Flat correction has been turned off.")
        return frames
    for frame in frames:
        flat = _calibration(frame, p.flat, "flat", "FLATCORR", p.do_cal, run)
        if flat is None:
            continue
        filters = [describe_frame(f).get("filter_name") for f in (flat, frame)]
        if filters[0] != filters[1]:
            raise FrameError(
                f"{flat.filename}: filter {filters[0]}, {frame.filename} has {filters[1]}; "
                "use a flat of the same filter"
            )
        for index, plane in enumerate(frame.planes):
            develop(plane, run.around.threads)
            plane.data, plane.variance, plane.dq = pixelwise.divide(
                (plane.data, plane.variance, plane.dq), lay_over(flat, frame, index).planes(flat, index)
            )
        _mark(frame, flat, "FLATIM", "Flat image used", "FLATCORR", "flatCorrect", p.suffix, run)
    return frames


def _calibration(
    frame: Frame, given: str | Frame | None, word: str, keyword: str, do_cal: Requirement, run: Run
) -> Frame | None:
    """Return the calibration to apply, or None where the frame is to be left alone."""
    if keyword in frame.phu:
        run.warn(f"No changes will be made to {frame.filename}, since it has already been processed by {word}Correct")
        return None
    if isinstance(given, Frame):
        return given
    if given is not None:
        return run.auxiliary(Path(given))
    answer = run.around.calibrations.find(frame, f"processed_{word}")
    if isinstance(answer, Found):
        run.info(f"{frame.filename}: {word} {answer.path.name} (obtained from {answer.origin})")
        for caveat in answer.caveats:
            run.warn(caveat)
        return run.auxiliary(answer.path)
    needed = run.mode == "sq" or do_cal == "force"
    if needed and isinstance(answer, CouldNotAsk):
        raise ServiceError(
            f"processed {word} for {frame.filename}: {answer.reason}; try again, or give one with "
            f"--user_cal processed_{word}:FILE"
        )
    if needed:
        raise CalibrationError(
            f"No processed {word} listed for {frame.filename}: {answer.reason}; give one with "
            f"--user_cal processed_{word}:FILE or set {word}Correct:do_cal=skip"
        )
    run.warn(f"No changes will be made to {frame.filename}, since no {word} was specified: {answer.reason}")
    return None


def _unit(frame: Frame) -> str:
    return "ADU" if describe_frame(frame).value("is_in_adu") else "electrons"


def _compare_exposures(dark: Frame, frame: Frame, run: Run) -> None:
    times: list[Any] = [describe_frame(f).get("exposure_time") for f in (dark, frame)]
    if all(t is not None for t in times) and abs(times[0] - times[1]) > 0.01:
        run.warn(f"{dark.filename}: a dark of {times[0]:g} s, {frame.filename} was exposed {times[1]:g} s")


def _mark(
    frame: Frame, calibration: Frame, name_keyword: str, comment: str, stamp: str, primitive: str, suffix: str, run: Run
) -> None:
    frame.phu[name_keyword] = (calibration.filename, comment)
    if calibration.path is not None:
        row = ProvenanceRow(run.now(), calibration.path.name, run.md5(calibration.path), primitive)
        frame.provenance.append(row)
    run.stamp(frame, stamp, primitive)
    run.rename(frame, suffix)
    run.settle()


PRIMITIVES = (dark_correct, flat_correct)
