"""What comes of showing a frame to a growing stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from nightcrew.reducer.growing.ledger import Seen


@dataclass(frozen=True, slots=True)
class Added:
    """The frame is in the stack.

    Parameters
    ----------
    frame
        What is known about it.
    product
        Name of the stack.
    frames
        How many frames are in it now.
    dismissed
        Frames that were in it before and, by what this one shows, do not belong there.
    """

    frame: Seen
    product: str
    frames: int
    dismissed: tuple[Seen, ...] = ()


@dataclass(frozen=True, slots=True)
class Excluded:
    """The frame is not in the stack, or was there before.

    Parameters
    ----------
    frame
        What is known about it.
    reason
        Why.
    product
        Name of the stack; empty if there is none yet.
    frames
        How many frames are in it.
    duplicate
        Whether the frame was shown before: nothing has changed.
    """

    frame: Seen
    reason: str
    product: str
    frames: int
    duplicate: bool = False


Verdict: TypeAlias = Added | Excluded
