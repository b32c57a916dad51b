"""Exchanges and queues in memory, for threads of one process."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from threading import Condition
from typing import TYPE_CHECKING

from nightcrew.shared.bus.errors import TopologyError
from nightcrew.shared.bus.protocol import Publication, Published, Refused, Returned
from nightcrew.shared.messages import Route

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nightcrew.shared.bus.topology import Queue, Topology

DEATH_REASON = "x-first-death-reason"
DEATH_QUEUE = "x-first-death-queue"


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as a queue holds it."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    returns: int = 0
    queue: str = ""


@dataclass(eq=False, slots=True)
class Session:
    """What the broker knows of a consumer; the queue whose turn is next comes first."""

    queues: tuple[str, ...] = ()
    held: list[Stored] = field(default_factory=list)
    lost: str = ""


@dataclass(eq=False, slots=True)
class _Line:
    """A queue and who consumes from it, the active one first."""

    queue: Queue
    waiting: deque[Stored] = field(default_factory=deque)
    sessions: list[Session] = field(default_factory=list)


class MemoryBroker:
    """Exchanges and queues of a topology, with the limits that its policies state.

    Parameters
    ----------
    topology
        What there is.
    """

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._lines = {queue.name: _Line(queue) for queue in topology.queues}
        self._changed = Condition()

    def publish(self, route: Route, stored: Stored) -> Publication:
        """Put a message into every queue that wants it, or into none.

        Raises
        ------
        TopologyError
            If there is no such exchange.
        """
        with self._changed:
            return self._put(route, stored)

    def _put(self, route: Route, stored: Stored) -> Publication:
        wanted = self._topology.destinations(route.exchange, route.key)
        lines = [self._lines[name] for name in wanted if name in self._lines]
        if not lines:
            return Returned(f"NO_ROUTE: no queue wants {route.key!r} at {route.exchange}")
        for line in lines:
            limits = line.queue.limits
            if limits.length is not None and limits.refuses and len(line.waiting) >= limits.length:
                return Refused(f"queue {line.queue.name!r} is full: {limits.length} messages wait")
        for line in lines:
            line.waiting.append(replace(stored, queue=line.queue.name, returns=0))
            if line.queue.limits.length is not None and len(line.waiting) > line.queue.limits.length:
                line.waiting.popleft()
        self._changed.notify_all()
        return Published()

    def subscribe(self, session: Session, queues: Sequence[str]) -> None:
        """Let a consumer take from queues.

        Raises
        ------
        TopologyError
            If there is no such queue.
        """
        with self._changed:
            for name in queues:
                if name not in self._lines:
                    raise TopologyError(f"no queue {name!r}; there are {', '.join(self._lines)}")
            session.queues = tuple(queues)
            for name in queues:
                self._lines[name].sessions.append(session)

    def take(self, session: Session, seconds: float) -> Stored | None:
        """Return the next message for a consumer; None if none comes in time."""
        with self._changed:
            taken = self._next(session)
            if taken is None and self._changed.wait(seconds):
                taken = self._next(session)
            return taken

    def _next(self, session: Session) -> Stored | None:
        if session.lost:
            return None
        for number, name in enumerate(session.queues, 1):
            line = self._lines[name]
            standing_by = line.queue.single_active and line.sessions[0] is not session
            if line.waiting and not standing_by:
                stored = line.waiting.popleft()
                session.held.append(stored)
                session.queues = session.queues[number:] + session.queues[:number]
                return stored
        return None

    def settle(self, session: Session, stored: Stored, *, back: bool) -> str:
        """Forget a message, or take it back; return why neither was possible, or nothing."""
        with self._changed:
            if session.lost:
                return session.lost
            session.held.remove(stored)
            if back:
                self._take_back(stored)
            return ""

    def leave(self, session: Session, reason: str) -> None:
        """End a subscription; what it holds goes back."""
        with self._changed:
            self._leave(session, reason)

    def _leave(self, session: Session, reason: str) -> None:
        session.lost = reason
        for name in session.queues:
            if name in self._lines:
                self._lines[name].sessions.remove(session)
        for stored in reversed(session.held):
            self._take_back(stored)
        session.held.clear()
        self._changed.notify_all()

    def _take_back(self, stored: Stored) -> None:
        """Put a message where it was, or among the dead letters after too many returns."""
        line = self._lines.get(stored.queue)
        if line is None:
            return
        again = replace(stored, returns=stored.returns + 1)
        limits = line.queue.limits
        if limits.redeliveries is not None and again.returns > limits.redeliveries:
            if not limits.dead_letters:
                return
            dead = Stored(stored.body, {DEATH_REASON: "delivery_limit", DEATH_QUEUE: stored.queue})
            if isinstance(self._put(Route(limits.dead_letters, stored.queue), dead), Published):
                return
        line.waiting.appendleft(again)
        self._changed.notify_all()

    def delete(self, queue: str) -> None:
        """Delete a queue with all that is in it; its consumers are lost."""
        with self._changed:
            line = self._lines.pop(queue)
            for session in list(line.sessions):
                self._leave(session, "cancelled by the broker: the queue was deleted")
