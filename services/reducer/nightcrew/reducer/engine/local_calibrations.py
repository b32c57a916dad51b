"""Calibrations that earlier reductions left below `calibrations/` of the working directory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nightcrew.reducer.auxiliary import lay_over
from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.shared.association import Candidate, Level, Target, associate, explain, reasons_of
from nightcrew.shared.calibrations import Answer, Found, NotFound
from nightcrew.shared.downloads import is_download
from nightcrew.shared.errors import FrameError, ServiceError
from nightcrew.shared.fits import open_frame

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nightcrew.shared.frames import Frame

MASK = "processed_bpm"
NO_OLDER = "made of frames taken after these, the same night: no older mask is known"


def _no_objection(_: Path) -> str:
    return ""


@dataclass(slots=True)
class DirectoryCalibrations:
    """Answers by the association rules from the masters in a directory, one sub-directory for each type.

    Parameters
    ----------
    root
        Directory that holds `processed_dark`, `processed_flat`, ...; it need not exist.
    masks_of_the_night
        Whether a bad-pixel mask may be a provisional one, made of frames taken after the frame that it is for.
        Archives serve masks by date; but flats are usually taken in the morning after.
    mode
        Mode of the reduction that asks: `sq` refuses masters that were made for a quick look.
    objection
        Says why a file must not be used; empty if nobody objects.
    """

    root: Path
    masks_of_the_night: bool = False
    mode: str | None = None
    objection: Callable[[Path], str] = _no_objection
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
        level = Level.RELAXED if caltype == MASK and self.masks_of_the_night else Level.RULE
        answer = associate(target, caltype, self._known[caltype], mode=self.mode, max_level=level)
        unfit = []
        for match in answer.matches:
            path = match.candidate.path
            if path is not None and (not match.provisional or covers(path, frame)):
                relaxed = NO_OLDER if match.provisional else ""
                return Found(path, str(self.root), "; ".join(reasons_of(match)), relaxed)
            unfit.append(f"not {match.candidate.filename}: it covers another region of the detector")
        return NotFound("; ".join([*explain(replace(answer, matches=())), *unfit, *damaged]))

    def _look(self, caltype: str) -> None:
        folder = self.root / caltype
        self._known[caltype], self._damaged[caltype] = [], []
        for entry, path in enumerate(sorted(folder.glob("*.fits")) if folder.is_dir() else []):
            # What was fetched from a server is for the server to give: it may have withdrawn it.
            if is_download(path):
                continue
            if objection := self.objection(path):
                self._damaged[caltype].append(objection)
                continue
            try:
                master = open_frame(path)
            except (FrameError, ServiceError) as error:
                self._damaged[caltype].append(str(error))
            else:
                about = describe_frame(master)
                self._known[caltype].append(Candidate.from_description(about, path.name, path, entry, master.phu))


def covers(mask: Path, frame: Frame) -> bool:
    """Return whether a mask covers the part of the detector that a frame shows."""
    try:
        lay_over(open_frame(mask), frame, 0)
    except (FrameError, ServiceError):
        return False
    return True
