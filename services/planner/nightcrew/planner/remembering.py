"""What the calibration manager has answered, remembered until something changes there.

Only a memory: what is forgotten is asked again, and nothing is remembered that the manager cannot vouch for.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from nightcrew.shared.calibration_desk import Master
from nightcrew.shared.calibrations import CouldNotAsk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nightcrew.shared.association import Target
    from nightcrew.shared.calibration_desk import CalibrationDesk, Change, Judged, Offer

LONGEST = 5.0
"""Seconds after which a question is asked again though nothing was heard of: no change may stay unnoticed for long."""


class _Question(NamedTuple):
    frame: str
    caltype: str
    mode: str


class _Answer(NamedTuple):
    target: Target
    offer: Offer
    at: float


@dataclass(slots=True)
class RememberingDesk:
    """A `CalibrationDesk` that asks another one only what it does not know.

    Answers are remembered from the first time on that `changes` is asked, and forgotten when it tells of any change,
    or cannot tell; when a master is handed in; and in any case after a while.

    Parameters
    ----------
    desk
        Who is asked.
    longest
        Seconds for which an answer is remembered.
    clock
        Seconds that only go forward.
    """

    desk: CalibrationDesk
    longest: float = LONGEST
    clock: Callable[[], float] = time.monotonic
    _answers: dict[_Question, _Answer] = field(default_factory=dict)
    _reached: int | None = None

    def find(self, target: Target, caltype: str, *, mode: str, relaxed: bool = False) -> Offer:
        """Return the best master for a frame; one that breaks a rule is asked for each time."""
        question = _Question(target.name, caltype, mode)
        known = None if relaxed else self._answers.get(question)
        if known is not None and known.target == target and self._holds(known):
            return known.offer
        offer = self.desk.find(target, caltype, mode=mode, relaxed=relaxed)
        if self._reached is not None and not relaxed and not isinstance(offer, CouldNotAsk):
            self._answers[question] = _Answer(target, offer, self.clock())
        return offer

    def submit(self, path: Path, caltype: str, why: str) -> Judged | CouldNotAsk:
        """Hand in a new master, which may be a better answer than those before."""
        self._answers.clear()
        return self.desk.submit(path, caltype, why)

    def changes(self, after: int) -> tuple[Change, ...] | CouldNotAsk:
        """Return what has happened since a change, oldest first.

        Another planner may have seen to changes of which this memory has not heard.
        """
        reached = after if self._reached is None else self._reached
        changes = self.desk.changes(min(after, reached))
        if isinstance(changes, CouldNotAsk):
            self._answers.clear()
            self._reached = None
            return changes
        self._reached = max([reached, *(change.number for change in changes)])
        if changes:  # also with numbers below `reached`: a restored database counts anew from where it was
            self._answers.clear()
        return tuple(change for change in changes if change.number > after)

    def _holds(self, answer: _Answer) -> bool:
        """Whether an answer is young enough, and the file that it names is still there."""
        fresh = self.clock() - answer.at < self.longest
        return fresh and (not isinstance(answer.offer, Master) or answer.offer.path.is_file())
