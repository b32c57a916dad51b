"""What an association answers: matches with their level and reasons, and what came near."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nightcrew.shared.association.conditions import Condition
    from nightcrew.shared.association.facts import Candidate


class Level(IntEnum):
    """How good a match is; the lower the better."""

    SAME_NIGHT = 0
    """It fulfils the rule and was taken in the observing night of the frame."""
    RULE = 1
    """It fulfils the rule."""
    RELAXED = 2
    """It fulfils only a relaxed form of the rule: provisional."""


@dataclass(frozen=True, slots=True)
class Match:
    """A candidate that serves, and why.

    Parameters
    ----------
    candidate
        The calibration.
    level
        How good it is.
    reasons
        `same read mode, coadds`, `20.002 s`, `8.1 h apart`.
    relaxed
        Conditions of the rule that it breaks, with both values; only at level RELAXED.
    caveats
        What speaks against it although no rule does: `QA state Usable`.
    """

    candidate: Candidate
    level: Level
    reasons: tuple[str, ...]
    relaxed: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()

    @property
    def provisional(self) -> bool:
        """Whether a better one should replace it as soon as there is one."""
        return self.level is Level.RELAXED


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A calibration of the right type that fails.

    Parameters
    ----------
    candidate
        The calibration.
    failed
        The first condition that it fails.
    passed
        Number of conditions that it fulfils before.
    """

    candidate: Candidate
    failed: Condition
    passed: int

    @property
    def reason(self) -> str:
        """Both values: `coadds 2, wanted 1`."""
        return self.failed.failure(self.candidate)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found for a target.

    Parameters
    ----------
    target
        Name of the frame.
    caltype
        Type of calibration, such as `processed_dark`.
    matches
        Those that serve, best first.
    near_misses
        Those of the right type that do not, nearest first.
    limit
        How many are given out unless more are asked for.
    conditions
        What was asked of each, in order: of the rule or, where provisional ones were asked for, of its relaxed form.
    ingested
        Number of calibrations of this instrument and type that there are, good or not.
    wishes
        What was wanted, one condition each.
    note
        Why nothing can match, if that is known beforehand.
    """

    target: str
    caltype: str
    matches: tuple[Match, ...] = ()
    near_misses: tuple[NearMiss, ...] = ()
    limit: int = 0
    conditions: tuple[Condition, ...] = ()
    ingested: int = 0
    wishes: tuple[str, ...] = ()
    note: str = ""

    @property
    def best(self) -> Match | None:
        """The calibration to use."""
        return self.matches[0] if self.matches else None
