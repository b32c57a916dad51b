"""What a look at a night came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nightcrew.planner.core.model import Group, Plan


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look came to.

    Parameters
    ----------
    opened, closed, submitted, quick_looks, ended
        Names of groups that were opened, closed (with reasons), given to the reducers, frames that were, and groups
        that came to their end.
    unasked
        Why the calibration manager could not be asked; empty if it could.
    again
        Whether what was found asks for another look at once.
    taken
        The groups that were given to the reducers or cannot be reduced, as they were planned then.
    plan
        The plan of the night, as it is now; None if there is nothing to plan.
    """

    opened: tuple[str, ...] = ()
    closed: tuple[tuple[str, str], ...] = ()
    submitted: tuple[str, ...] = ()
    quick_looks: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
    unasked: str = ""
    again: bool = False
    taken: tuple[Group, ...] = ()
    plan: Plan | None = None

    def __add__(self, other: Looked) -> Looked:
        return Looked(
            self.opened + other.opened,
            self.closed + other.closed,
            self.submitted + other.submitted,
            self.quick_looks + other.quick_looks,
            self.ended + other.ended,
            other.unasked,
            other.again,
            self.taken + other.taken,
            other.plan or self.plan,
        )
