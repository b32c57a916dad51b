"""Calibrations that earlier reductions left below `calibrations/` of the working directory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from nightcrew.reducer.auxiliary import lay_over
from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.shared.association import Candidate, Target, associate, explain, rule_set
from nightcrew.shared.calibrations import Answer, Found, NotFound
from nightcrew.shared.errors import FrameError, ServiceError
from nightcrew.shared.fits import open_frame

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.shared.frames import Frame

MASK = "processed_bpm"
SAME_NIGHT = timedelta(days=1)
"""How long after a frame the flats of its bad-pixel mask may have been taken, where that is allowed at all."""


@dataclass(slots=True)
class DirectoryCalibrations:
    """Answers by the association rules from the masters in a directory, one sub-directory for each type.

    Parameters
    ----------
    root
        Directory that holds `processed_dark`, `processed_flat`, ...; it need not exist.
    masks_of_the_night
        Whether a bad-pixel mask may be made of frames taken after the frame that it is for, within a day.  The rules
        forbid it, since archives serve masks by date; but flats are usually taken in the morning after.
    """

    root: Path
    masks_of_the_night: bool = False
    _known: dict[str, list[Candidate]] = field(default_factory=dict)
    _damaged: dict[str, list[str]] = field(default_factory=dict)

    def find(self, frame: Frame, caltype: str) -> Answer:
        """Return the master that the rules of the frame's instrument choose."""
        if caltype not in self._known:
            self._look(caltype)
        damaged = self._damaged[caltype]
        if not self._known[caltype]:
            return NotFound("; ".join([f"no {caltype} in {self.root / caltype}", *damaged]))
        target = Target.from_description(describe_frame(frame), frame.filename)
        answer = associate(target, caltype, self._known[caltype])
        if answer.best is None and caltype == MASK and self.masks_of_the_night:
            mask = self._mask_of_the_night(frame, target)
            if mask is not None:
                return mask
        if answer.best is None or answer.best.candidate.path is None:
            return NotFound("; ".join([*explain(answer), *damaged]))
        return Found(answer.best.candidate.path, str(self.root), "; ".join(answer.best.reasons))

    def _mask_of_the_night(self, frame: Frame, target: Target) -> Found | None:
        """Return the nearest mask that covers the frame and fulfils every rule but that of its date."""
        rules = rule_set(target.instrument)
        if rules is None or "bpm" not in rules.rules:
            return None
        relaxed = replace(rules.rules["bpm"], not_after_target=False, max_interval=SAME_NIGHT)
        rules = replace(rules, rules={**rules.rules, "bpm": relaxed})
        for match in associate(target, MASK, self._known[MASK], rules).matches:
            path = match.candidate.path
            if path is not None and _covers(path, frame):
                why = "made of frames taken after these, the same night: no older mask is known"
                return Found(path, str(self.root), "; ".join(match.reasons), why)
        return None

    def _look(self, caltype: str) -> None:
        folder = self.root / caltype
        self._known[caltype], self._damaged[caltype] = [], []
        for entry, path in enumerate(sorted(folder.glob("*.fits")) if folder.is_dir() else []):
            try:
                master = open_frame(path)
            except (FrameError, ServiceError) as error:
                self._damaged[caltype].append(str(error))
            else:
                about = describe_frame(master)
                self._known[caltype].append(Candidate.from_description(about, path.name, path, entry, master.phu))


def _covers(mask: Path, frame: Frame) -> bool:
    try:
        lay_over(open_frame(mask), frame, 0)
    except (FrameError, ServiceError):
        return False
    return True
