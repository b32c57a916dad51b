"""cleanReadout (primitives-calibration, 14.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import all_frames
from nightcrew.reducer.kernels.pattern import PatternOptions, clean_pattern

if TYPE_CHECKING:
    from nightcrew.reducer.engine.run import Run
    from nightcrew.shared.frames import Frame

CLEANING = {
    "skip": "Skip this routine",
    "default": "Apply where the pattern is strong",
    "force": "Force cleaning of all quadrants",
}
STAMP = "CLNRDOUT"
QUADRANTS = ("bottom left", "bottom right", "top left", "top right")


class CleanReadout(Parameters):
    """Parameters of cleanReadout."""

    suffix: str = parameter("_readoutCleaned", "Filename suffix")
    hsigma: float = parameter(3.0, "High rejection threshold (sigma)", ge=0.0)
    lsigma: float = parameter(3.0, "Low rejection threshold (sigma)", ge=0.0)
    pattern_x_size: int = parameter(16, "Pattern x size (pixels)", gt=0)
    pattern_y_size: int = parameter(4, "Pattern y size (pixels)", gt=0)
    debug_subtract_background: bool = parameter(True, "Subtract median in each pattern box?")
    level_bias_offset: bool = parameter(True, "Level the bias offset between the quadrants?")
    smoothing_extent: int = parameter(5, "Width (in pixels) of the region at quadrant edges for levelling", ge=1)
    sg_win_size: int = parameter(25, "Smoothing window size for the edge finding (not used)", ge=3)
    simple_thres: float = parameter(0.6, "Pattern edge detection threshold", ge=0.0)
    pat_strength_thres: float = parameter(15.0, "Pattern strength threshold", ge=0.0)
    clean: Literal["skip", "default", "force"] = parameter("skip", "Cleaning mode", choices=CLEANING)
    debug_canny_sigma: float = parameter(3.0, "Standard deviation of the smoothing for edge finding", ge=1.0)
    intraquad_smooth: int = parameter(50, "Height (in pixels) of the region at pattern edges for levelling", ge=1)


@all_frames("cleanReadout", CleanReadout)
def clean_readout(frames: list[Frame], p: CleanReadout, run: Run) -> list[Frame]:
    """Take the pattern off that repeats every few columns, from all quadrants in which it is strong; off by default."""
    if p.clean == "skip":
        return frames
    options = PatternOptions(
        p.pattern_x_size, p.pattern_y_size, p.lsigma, p.hsigma, p.debug_subtract_background, p.pat_strength_thres,
        p.clean == "force", p.level_bias_offset, p.smoothing_extent, p.intraquad_smooth, p.simple_thres,
        p.debug_canny_sigma,
    )  # fmt: skip
    for frame in frames:
        if STAMP in frame.phu:
            run.warn(
                f"No changes will be made to {frame.filename}, since it has already been processed by cleanReadout"
            )
            continue
        for plane in frame.planes:
            done = clean_pattern(plane.data, plane.dq, plane.objmask, options)
            plane.data = done.data
            for name, strength, cleaned in zip(QUADRANTS, done.strengths, done.cleaned, strict=True):
                verdict = "cleaned" if cleaned else "too weak to be cleaned"
                run.info(f"{frame.filename}: pattern of the {name} quadrant {strength:.1f}, {verdict}")
        run.stamp(frame, STAMP, "cleanReadout")
        run.rename(frame, p.suffix)
        run.settle()
    return frames


PRIMITIVES = (clean_readout,)
