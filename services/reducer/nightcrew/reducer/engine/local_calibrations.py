"""Calibrations that earlier reductions left below `calibrations/` of the working directory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.shared.association import Candidate, Target, associate, explain
from nightcrew.shared.calibrations import Answer, Found, NotFound
from nightcrew.shared.errors import FrameError, ServiceError
from nightcrew.shared.fits import open_frame

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.shared.frames import Frame


@dataclass(slots=True)
class DirectoryCalibrations:
    """Answers by the association rules from the masters in a directory, one sub-directory for each type.

    Parameters
    ----------
    root
        Directory that holds `processed_dark`, `processed_flat`, ...; it need not exist.
    """

    root: Path
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
        if answer.best is None or answer.best.candidate.path is None:
            return NotFound("; ".join([*explain(answer), *damaged]))
        return Found(answer.best.candidate.path, str(self.root), "; ".join(answer.best.reasons))

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
