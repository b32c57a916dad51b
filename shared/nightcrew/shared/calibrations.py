"""Who is asked for a calibration, and what may be answered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.shared.association.facts import Validity
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
    caveats
        What a user should know about it, one line each: who could not be asked before, what speaks against it.
    valid
        The time for which somebody has certified it; None if the rules decide by its date.
    """

    path: Path
    origin: str
    reason: str = ""
    relaxed: str = ""
    caveats: tuple[str, ...] = ()
    valid: Validity | None = None


@dataclass(frozen=True, slots=True)
class NotFound:
    """Nothing fits; `reason` says what was looked for and what came nearest."""

    reason: str


@dataclass(frozen=True, slots=True)
class CouldNotAsk:
    """Whether there is one is not known: `reason` names the server or database, and what is wrong with it."""

    reason: str


Answer: TypeAlias = Found | NotFound | CouldNotAsk


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
        return NotFound(f"no {caltype} among the {self.origin.removeprefix('the ')} for {frame.filename}")


@dataclass(frozen=True, slots=True)
class Chain:
    """Several sources, asked in order; the first that finds something answers."""

    sources: tuple[CalibrationSource, ...]

    def find(self, frame: Frame, caltype: str) -> Answer:
        """Ask one after the other.

        A source that could not be asked does not keep the later ones from answering; what they find carries the
        caveat that a better one may exist.  If nobody finds anything, it is not known whether there is one.  A
        calibration for which a rule was relaxed is used only if no later source has one that fulfils it.
        """
        unasked: list[str] = []
        without: list[str] = []
        makeshift: Found | None = None
        for source in self.sources:
            match source.find(frame, caltype):
                case Found(relaxed="") as found:
                    return _doubted(found, unasked)
                case Found() as found:
                    makeshift = makeshift or found
                case NotFound(reason):
                    without.append(reason)
                case CouldNotAsk(reason):
                    unasked.append(reason)
        if makeshift is not None:
            return _doubted(makeshift, unasked)
        if unasked:
            return CouldNotAsk("; ".join(unasked))
        return NotFound("; ".join(without) or f"nobody to ask for a {caltype}")


def _doubted(found: Found, unasked: list[str]) -> Found:
    doubts = tuple(f"{found.path.name} used, but {reason}" for reason in unasked)
    return replace(found, caveats=(*doubts, *found.caveats)) if doubts else found
