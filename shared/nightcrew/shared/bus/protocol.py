"""What a service sees of the bus: publish, consume, settle.

`RabbitBus` and `MemoryBus` do the same things and pass the same tests.  A bus belongs to the thread that made it; only
`wake` and the stop event may be used from others.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from nightcrew.shared.messages import AnyMessage, Message, Route

REASON = "x-nightcrew-reason"
"""Header of a dead letter: why it is one."""
ORIGIN = "x-nightcrew-queue"
"""Header of a dead letter: the queue that it was in."""


@dataclass(frozen=True, slots=True)
class Published:
    """The broker has the message on disk, in every queue that wants it."""


@dataclass(frozen=True, slots=True)
class Returned:
    """No queue wants the message; `reason` is the broker's."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The broker did not take the message, or could not be asked; publish it again later.

    It may have got it all the same: a consumer tells by the `message_id`.
    """

    reason: str


Publication: TypeAlias = Published | Returned | Refused


class Settlement(StrEnum):
    """What became of a delivery."""

    ACKED = "acked"
    """Its effects are committed."""
    REQUEUED = "requeued"
    """Somebody else may try; the broker counts how often."""
    DEAD_LETTERED = "dead_lettered"
    """Set aside with a reason."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The broker was told.

    It does not confirm that it heard: a message may come again although it was acknowledged.
    """

    how: Settlement
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Lost:
    """The subscription is gone; what was in hand goes, or has gone, to another consumer.

    No reason to give up a job half done: its lease decides whether its effects count, not the broker.
    """

    reason: str


class Delivery(Protocol):
    """A message in hand, to be settled once its effects are committed, and before the next is taken."""

    @property
    def message(self) -> AnyMessage:
        """The message."""

    @property
    def queue(self) -> str:
        """The queue that it comes from, without prefix."""

    @property
    def redelivered(self) -> bool:
        """Whether it may have been in other hands before."""

    @property
    def returns(self) -> int:
        """How often it came back, as the broker counts: on which occasions depends on its release."""

    def ack(self) -> Settled | Lost:
        """Say that it is done."""

    def requeue(self) -> Settled | Lost:
        """Hand it back unharmed."""

    def dead_letter(self, reason: str) -> Settled | Lost:
        """Set it aside; `reason` stands in its header `x-nightcrew-reason`.

        If the copy cannot be published, the message is requeued: never dropped.
        """


class Consumer(Protocol):
    """A subscription: yields deliveries, and None whenever nothing came for a `tick`.

    Ends when the bus is told to stop.  Messages that cannot be decoded are dead-lettered and not yielded.
    """

    def __iter__(self) -> Self:
        """Return itself."""

    def __next__(self) -> Delivery | None:
        """Return the next delivery, or None after an idle tick.

        Raises
        ------
        StopIteration
            After the stop event was set.
        ConsumerLost
            If the subscription ended in any other way.
        """

    def close(self) -> None:
        """End the subscription; what was not settled goes back."""

    def __enter__(self) -> Self:
        """Return itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the subscription."""


class Bus(Protocol):
    """The seam between the services and the broker."""

    def publish(self, message: Message, route: Route | None = None) -> Publication:
        """Publish a message, persistent and confirmed, where it belongs or to another route."""

    def consume(self, *queues: str, tick: float = 1.0) -> Consumer:
        """Subscribe to queues, one message at a time from each.

        Raises
        ------
        BusUnavailable
            If the broker cannot be reached.
        ConsumerLost
            If a queue cannot be consumed from: it is missing, or not for this user.
        """

    def pull(self, *queues: str, tick: float = 1.0) -> Consumer:
        """Take from several queues in turn, one message at a time from all of them together.

        For whoever is busy with a message for long: what waits in another queue is left to others meanwhile.  None of
        the queues may be one that is for a single consumer.

        Raises
        ------
        BusUnavailable
            If the broker cannot be reached.
        ConsumerLost
            If it breaks at once.
        """

    def pump(self, seconds: float) -> Lost | None:
        """Serve the connections for a while, with a job running elsewhere; tell if the subscription was lost.

        Ends early when `wake` is called.
        """

    def wake(self) -> None:
        """End a `pump` that is going on, or the next one; from any thread."""

    def close(self) -> None:
        """Close the connections; what was not settled goes back."""
