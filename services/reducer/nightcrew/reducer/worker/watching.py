"""Who is told what a reducer does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from nightcrew.reducer.worker.endings import Ending
    from nightcrew.reducer.worker.retaining import Cleaned
    from nightcrew.reducer.worker.wire import Begun, Ended, Ready, Said
    from nightcrew.shared.ledger.records import Claim
    from nightcrew.shared.ledger.retries import Decision


class Watcher(Protocol):
    """Follows a reducer: log, metrics, progress."""

    def warm(self, ready: Ready) -> None:
        """Note that a child is warm."""

    def refused(self, job: str, reason: str) -> None:
        """Note a message whose job is not to be run now."""

    def claimed(self, claim: Claim, waited: float | None) -> None:
        """Note a job that is taken up, after so many seconds in the queue."""

    def begun(self, claim: Claim, primitive: Begun) -> None:
        """Note that a primitive begins."""

    def ended(self, claim: Claim, primitive: Ended) -> None:
        """Note that a primitive has ended."""

    def said(self, claim: Claim, said: Said) -> None:
        """Note a remark or a warning of the recipe."""

    def settled(self, claim: Claim, ending: Ending, decision: Decision | None, seconds: float) -> None:
        """Note how an attempt ended after so many seconds, and what the ledger made of it: None if nothing."""

    def swept(self, finished: int, discarded: int) -> None:
        """Note what was found of dead attempts."""

    def cleaned(self, cleaned: Cleaned) -> None:
        """Note what was removed of old products and attempts."""

    def trouble(self, what: str, reason: str) -> None:
        """Note what keeps the reducer from working; it goes on trying."""

    def beat(self) -> None:
        """Note that the loop goes round: ten times a minute at least, unless it hangs."""
