"""What is the same for every consumer, whoever the broker is: decode, set aside, settle once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Generic, TypeVar

from nightcrew.shared.bus.errors import ConsumerLost
from nightcrew.shared.bus.observer import DeliveryOutcome
from nightcrew.shared.bus.protocol import Lost, Published, Settled, Settlement
from nightcrew.shared.messages import Undecodable, decode

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event
    from types import TracebackType
    from typing import Self

    from nightcrew.shared.bus.observer import Observer
    from nightcrew.shared.bus.protocol import Publication
    from nightcrew.shared.messages import AnyMessage

Token = TypeVar("Token")


@dataclass(frozen=True, slots=True)
class Arrived(Generic[Token]):
    """What the broker delivered, as it came.

    Parameters
    ----------
    queue
        Where from, without prefix.
    body
        The bytes.
    redelivered, returns
        See `Delivery`.
    token
        By which the broker knows it.
    """

    queue: str
    body: bytes
    redelivered: bool
    returns: int
    token: Token


class HeldMessage:
    """A message in hand; see `Delivery`."""

    def __init__(
        self, message: AnyMessage, arrived: Arrived[Token], settle: Callable[[Settlement, str], Settled | Lost]
    ) -> None:
        self.message = message
        self.queue = arrived.queue
        self.redelivered = arrived.redelivered
        self.returns = arrived.returns
        self.settled = False
        self._settle = settle

    def ack(self) -> Settled | Lost:
        """Say that it is done."""
        return self._once(Settlement.ACKED)

    def requeue(self) -> Settled | Lost:
        """Hand it back unharmed."""
        return self._once(Settlement.REQUEUED)

    def dead_letter(self, reason: str) -> Settled | Lost:
        """Set it aside with a reason."""
        return self._once(Settlement.DEAD_LETTERED, reason)

    def _once(self, how: Settlement, reason: str = "") -> Settled | Lost:
        if self.settled:
            raise RuntimeError(f"{self.message.type} from {self.queue} was settled already")
        self.settled = True
        return self._settle(how, reason)


class BaseConsumer(ABC, Generic[Token]):
    """A subscription; see `Consumer`.

    Parameters
    ----------
    stop
        Ends it.
    tick
        Seconds after which an idle tick is yielded.
    observer
        Told how each delivery ended.
    """

    def __init__(self, stop: Event, tick: float, observer: Observer) -> None:
        self._stop = stop
        self._tick = tick
        self._observer = observer
        self._held: HeldMessage | None = None
        self.closed = False

    @property
    @abstractmethod
    def lost(self) -> str:
        """Why the subscription is gone; empty while it is there."""

    @abstractmethod
    def _next_arrived(self, seconds: float) -> Arrived[Token] | None:
        """Return what has come, or wait for it for at most so many seconds; may return None early."""

    @abstractmethod
    def _publish_dead(self, arrived: Arrived[Token], reason: str) -> Publication:
        """Publish a copy, with its reason, for the dead letters."""

    @abstractmethod
    def _tell(self, arrived: Arrived[Token], how: Settlement, *, failed: bool) -> str:
        """Tell the broker; return why that was not possible, or nothing.

        `failed` is set for what is requeued because it could not be set aside.
        """

    @abstractmethod
    def _end(self) -> None:
        """End the subscription at the broker, which takes back what was not settled."""

    def __iter__(self) -> Self:
        """Return itself."""
        return self

    def __next__(self) -> HeldMessage | None:
        """Return the next delivery, or None after an idle tick; see `Consumer`."""
        if self._held is not None and not self._held.settled:
            raise RuntimeError(f"{self._held.message.type} from {self._held.queue} was not settled")
        end = monotonic() + self._tick
        while True:
            if self._stop.is_set():
                self.close()
                raise StopIteration
            if self.lost:
                raise ConsumerLost(self.lost)
            arrived = self._next_arrived(max(end - monotonic(), 0))
            if arrived is not None and (held := self._decoded(arrived)) is not None:
                return held
            if monotonic() >= end:
                return None

    def _decoded(self, arrived: Arrived[Token]) -> HeldMessage | None:
        """Return a delivery, or None for bytes that are no message: those are set aside."""
        message = decode(arrived.body)
        if isinstance(message, Undecodable):
            self._set_aside(arrived, message.reason, DeliveryOutcome.INVALID)
            return None

        def settle(how: Settlement, reason: str) -> Settled | Lost:
            if how is Settlement.DEAD_LETTERED:
                return self._set_aside(arrived, reason, DeliveryOutcome.DEAD_LETTERED)
            return self._settle(arrived, Settled(how), DeliveryOutcome(how))

        self._held = HeldMessage(message, arrived, settle)
        return self._held

    def _set_aside(self, arrived: Arrived[Token], reason: str, outcome: DeliveryOutcome) -> Settled | Lost:
        """Publish a copy and acknowledge, because AMQP's own rejection gives no reason."""
        if self.lost:
            return self._settle(arrived, Settled(Settlement.DEAD_LETTERED), outcome)
        published = self._publish_dead(arrived, reason)
        if isinstance(published, Published):
            return self._settle(arrived, Settled(Settlement.DEAD_LETTERED, reason), outcome)
        why = f"no place for dead letters: {published.reason}"
        return self._settle(arrived, Settled(Settlement.REQUEUED, why), DeliveryOutcome.REQUEUED)

    def _settle(self, arrived: Arrived[Token], settled: Settled, outcome: DeliveryOutcome) -> Settled | Lost:
        failed = settled.how is Settlement.REQUEUED and bool(settled.reason)
        lost = self.lost or self._tell(arrived, settled.how, failed=failed)
        self._observer.settled(arrived.queue, DeliveryOutcome.LOST if lost else outcome)
        return Lost(lost) if lost else settled

    def close(self) -> None:
        """End the subscription; see `Consumer.close`."""
        if not self.closed:
            self.closed = True
            self._end()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the subscription."""
        self.close()
