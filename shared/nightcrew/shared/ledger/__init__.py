"""The ledger: what arrived, what it belongs to, what was done with it, and what is still to be told.

State lives here, in PostgreSQL; the broker only wakes (docs/explanation/exactly-once.md).  Functions take a connection
in a transaction of their caller's, so that several of them happen together or not at all.
"""

from nightcrew.shared.ledger.states import ArrivalState, AttemptEnd, FrameState, GroupState, JobState
from nightcrew.shared.ledger.tables import LEDGER

__all__ = ["LEDGER", "ArrivalState", "AttemptEnd", "FrameState", "GroupState", "JobState"]
