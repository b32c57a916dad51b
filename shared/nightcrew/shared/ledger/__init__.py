"""The ledger: what arrived, what it belongs to, what was done with it, and what is still to be told.

State lives here, in PostgreSQL; the broker only wakes (docs/explanation/exactly-once.md).  Functions take a connection
in a transaction of their caller's, so that several of them happen together or not at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nightcrew.shared.ledger.states import ArrivalState, AttemptEnd, FrameState, GroupState, JobState

if TYPE_CHECKING:
    from nightcrew.shared.ledger.tables import LEDGER

__all__ = ["LEDGER", "ArrivalState", "AttemptEnd", "FrameState", "GroupState", "JobState"]


def __getattr__(name: str) -> Any:
    """Import the tables when they are asked for: a ledger in memory needs no SQLAlchemy, which takes half a second."""
    if name != "LEDGER":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from nightcrew.shared.ledger.tables import LEDGER  # noqa: PLC0415

    return LEDGER
