"""cleanPatternNoise: the readout's pattern is taken off where it is there, and only if that helps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import all_frames
from nightcrew.reducer.kernels.pattern import PatternOptions
from nightcrew.reducer.pattern_trial import QUADRANTS, Trial, clean_where_it_helps
from nightcrew.shared.errors import RecipeError

if TYPE_CHECKING:
    from nightcrew.reducer.engine.run import Run
    from nightcrew.shared.frames import Frame

STAMP = "NCPATCLN"


class CleanPatternNoise(Parameters):
    """Parameters of cleanPatternNoise."""

    suffix: str = parameter("_patternCleaned", "Filename suffix")
    pattern_x_size: int = parameter(16, "Pattern x size (pixels)", gt=0)
    pattern_y_size: int = parameter(4, "Pattern y size (pixels)", gt=0)
    significance: float = parameter(3.0, "Least strength of a pattern, in units of what noise alone makes", ge=0.0)
    gain: float = parameter(0.01, "Fraction by which the rms of a quadrant must fall", ge=0.0, lt=1.0)
    rounds: int = parameter(4, "Largest number of cleanings of a quadrant", ge=1)


@all_frames("cleanPatternNoise", CleanPatternNoise)
def clean_pattern_noise(frames: list[Frame], p: CleanPatternNoise, run: Run) -> list[Frame]:
    """Take off the pattern that repeats every few columns, quadrant by quadrant.

    A quadrant is cleaned if its pattern is stronger than noise would make one, and stays cleaned only if the rms of
    pixels that had no part in measuring the pattern falls.
    """
    options = PatternOptions(p.pattern_x_size, p.pattern_y_size, level_bias_offset=False)
    for frame in frames:
        for plane in frame.planes:
            try:
                trial = clean_where_it_helps(
                    plane.data, plane.dq, plane.objmask, options,
                    significance=p.significance, gain=p.gain, rounds=p.rounds,
                )  # fmt: skip
            except RecipeError as error:
                run.warn(f"{frame.filename}: no pattern is looked for: {error}")
                continue
            plane.data = trial.data
            _tell(frame, trial, run)
            if any(trial.cleaned):
                frame.phu[STAMP] = (
                    ", ".join(name for name, done in zip(QUADRANTS, trial.cleaned, strict=True) if done),
                    "Quadrants whose pattern was taken off",
                )
        run.rename(frame, p.suffix)
        run.settle()
    return frames


def _tell(frame: Frame, trial: Trial, run: Run) -> None:
    for name, cleaned, before, after in zip(QUADRANTS, trial.cleaned, trial.before, trial.after, strict=True):
        if cleaned:
            run.info(f"{frame.filename}: pattern of the {name} quadrant taken off, rms {before:.4g} to {after:.4g}")
    if not any(trial.cleaned):
        run.info(f"{frame.filename}: no pattern to take off")


PRIMITIVES = (clean_pattern_noise,)
