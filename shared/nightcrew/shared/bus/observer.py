"""What a bus tells whoever counts."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from nightcrew.shared.bus.protocol import Publication, Published, Returned


class Side(StrEnum):
    """The two connections of a bus."""

    PUBLISHING = "publishing"
    CONSUMING = "consuming"


class PublishOutcome(StrEnum):
    """Ends of a publication, as metrics call them."""

    CONFIRMED = "confirmed"
    RETURNED = "returned"
    NACKED = "nacked"


def ending(publication: Publication) -> PublishOutcome:
    """Return the end of a publication, as metrics call it."""
    if isinstance(publication, Published):
        return PublishOutcome.CONFIRMED
    return PublishOutcome.RETURNED if isinstance(publication, Returned) else PublishOutcome.NACKED


class DeliveryOutcome(StrEnum):
    """Ends of a delivery, as metrics call them."""

    ACKED = "acked"
    REQUEUED = "requeued"
    DEAD_LETTERED = "dead_lettered"
    INVALID = "invalid"
    LOST = "lost"


class Observer(Protocol):
    """Told of everything that a bus does; must return at once and not raise."""

    def connected(self, side: Side, up: bool) -> None:
        """A connection was made, or broke, or was closed."""

    def reconnecting(self, side: Side, attempt: int, delay: float, reason: str) -> None:
        """Attempt number `attempt` to connect failed; the next is made in `delay` seconds."""

    def published(self, exchange: str, outcome: PublishOutcome) -> None:
        """A publication came to an end."""

    def settled(self, queue: str, outcome: DeliveryOutcome) -> None:
        """A delivery came to an end."""


class Silent:
    """An observer that counts nothing."""

    def connected(self, side: Side, up: bool) -> None:
        """Ignore it."""

    def reconnecting(self, side: Side, attempt: int, delay: float, reason: str) -> None:
        """Ignore it."""

    def published(self, exchange: str, outcome: PublishOutcome) -> None:
        """Ignore it."""

    def settled(self, queue: str, outcome: DeliveryOutcome) -> None:
        """Ignore it."""
