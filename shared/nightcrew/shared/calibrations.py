"""Who is asked for a calibration, and what may be answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.shared.frames import Frame


@dataclass(frozen=True, slots=True)
class Found:
    """A calibration to use.

    Parameters
    ----------
    path
        File of the master.
    origin
        Who answered: `user calibrations`, a directory, a database.
    reason
        Why this one, in one line.
    relaxed
        Which rule it does not fulfil, if one was relaxed for want of anything better.
    """

    path: Path
    origin: str
    reason: str = ""
    relaxed: str = ""


@dataclass(frozen=True, slots=True)
class NotFound:
    """Nothing fits; `reason` says what was looked for and what came nearest."""

    reason: str


Answer: TypeAlias = Found | NotFound


class CalibrationSource(Protocol):
    """Answers which calibration belongs to a frame."""

    def find(self, frame: Frame, caltype: str) -> Answer:
        """Return the calibration of type `caltype` (`processed_dark`, ...) for `frame`."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Calibrations that the user or a planner has chosen, for all frames alike."""

    files: dict[str, Path]
    origin: str = "user calibrations"
    reasons: dict[str, str] | None = None

    def find(self, frame: Frame, caltype: str) -> Answer:
        """Return the chosen file, without asking whether it fits."""
        if caltype in self.files:
            return Found(self.files[caltype], self.origin, (self.reasons or {}).get(caltype, "chosen by hand"))
        return NotFound(f"no {caltype} among the {self.origin} for {frame.filename}")


@dataclass(frozen=True, slots=True)
class Chain:
    """Several sources, asked in order; the first that finds something answers."""

    sources: tuple[CalibrationSource, ...]

    def find(self, frame: Frame, caltype: str) -> Answer:
        """Ask one after the other; if none finds anything, say what each of them said."""
        reasons = []
        for source in self.sources:
            answer = source.find(frame, caltype)
            if isinstance(answer, Found):
                return answer
            reasons.append(answer.reason)
        return NotFound("; ".join(reasons) or f"nobody to ask for a {caltype}")
