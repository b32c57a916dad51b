"""assessCorrections: how far a single frame could be corrected with the calibrations at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.reducer.engine.parameters import Parameters
from nightcrew.reducer.engine.primitive import each_frame
from nightcrew.reducer.quality.measurements import CorrectionLevel

if TYPE_CHECKING:
    from nightcrew.reducer.engine.run import Run
    from nightcrew.shared.frames import Frame

CALIBRATIONS = ("bpm", "dark", "flat")
KEYWORDS = {"dark": "DARKIM", "flat": "FLATIM"}
"""Where corrections note in the primary header which master they used; a bad-pixel mask stands in PROVENANCE."""


class AssessCorrections(Parameters):
    """No parameters."""


@each_frame("assessCorrections", AssessCorrections)
def assess_corrections(frame: Frame, p: AssessCorrections, run: Run) -> Frame:  # noqa: ARG001
    """State in NCLEVEL which calibrations a frame was corrected with: `bpm+dark+flat` at best, `none` at worst."""
    used = {name for name, keyword in KEYWORDS.items() if keyword in frame.phu}
    used |= {"bpm" for row in frame.provenance if row.added_by == "addDQ"}
    applied = tuple(name for name in CALIBRATIONS if name in used)
    missing = tuple(name for name in CALIBRATIONS if name not in used)
    level = CorrectionLevel(frame.filename, applied, missing)
    frame.phu["NCLEVEL"] = (level.level, "Calibrations applied to this quick look")
    run.measurements.append(level)
    run.info(f"{frame.filename}: corrected with {level.level}")
    return frame


PRIMITIVES = (assess_corrections,)
