"""What the planner asks of the calibration manager, be it in the same process or a server."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeAlias

from nightcrew.shared.calibrations import CouldNotAsk, NotFound

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.shared.association import Target
    from nightcrew.shared.frame_facts import FrameFacts


@dataclass(frozen=True, slots=True)
class Master:
    """A calibration that fits a frame.

    Parameters
    ----------
    id
        Its number at the manager.
    name, path
        Base name; where a reducer finds the file.
    md5
        Of its bytes.
    caltype
        `processed_dark`, ...
    facts
        What planning knows of it.
    level
        0 same night, 1 within the rule, 2 provisional.
    reasons
        Why this one; where the rule was relaxed, what it does not fulfil.
    """

    id: int
    name: str
    path: Path
    md5: str
    caltype: str
    facts: FrameFacts
    level: int
    reasons: tuple[str, ...] = ()

    @property
    def provisional(self) -> bool:
        """Whether it is given for want of a better one."""
        return self.level >= 2


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a master that was handed in.

    Parameters
    ----------
    id
        Its number at the manager.
    certified
        Whether it may be given out.
    reason
        Why not, in one line.
    """

    id: int
    certified: bool
    reason: str = ""


class Turn(StrEnum):
    """A change that concerns products."""

    CERTIFIED = "certified"
    WITHDRAWN = "withdrawn"
    """By a veto, or because a better one took its place."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something happened to a calibration.

    Parameters
    ----------
    number
        Counts all changes; later ones have larger numbers.
    turn
        What happened.
    id, name, caltype, instrument, md5
        The calibration; another one of the same name may have taken its place.
    reason
        Why.
    """

    number: int
    turn: Turn
    id: int
    name: str
    caltype: str
    instrument: str
    md5: str
    reason: str = ""


Offer: TypeAlias = Master | NotFound | CouldNotAsk


class CalibrationDesk(Protocol):
    """Gives masters out, takes new ones in, tells what changes."""

    def find(self, target: Target, caltype: str, *, mode: str, relaxed: bool = False) -> Offer:
        """Return the best master for a frame; with `relaxed`, one that breaks a rule rather than none."""

    def submit(self, path: Path, caltype: str, why: str) -> Judged | CouldNotAsk:
        """Hand in a new master; the same file again gets the same answer."""

    def changes(self, after: int) -> tuple[Change, ...] | CouldNotAsk:
        """Return what has happened since a change, oldest first."""
