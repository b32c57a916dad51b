"""Exchanges, queues, bindings and their limits, as `definitions.json` states them.

`definitions.json` is the file that RabbitMQ itself imports; `deploy/rabbitmq/` holds a copy.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from nightcrew.shared.bus.errors import TopologyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from importlib.resources.abc import Traversable
    from pathlib import Path

DEFINITIONS: Traversable = files("nightcrew.shared.bus") / "definitions.json"
DEAD = "nightcrew.dlx"
"""Exchange to which messages go that nobody can use."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """An exchange.

    Parameters
    ----------
    name
        Its name, without prefix.
    kind
        `topic`, `direct` or `fanout`.
    alternate
        Exchange for what no binding wants; empty: it goes back to the publisher.
    arguments
        What it is declared with, and can never be changed at the broker.
    """

    name: str
    kind: str
    alternate: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a queue's policy says.

    Parameters
    ----------
    redeliveries
        How often a message may come back before it is dead-lettered; None: for ever.
    dead_letters
        Exchange for those; empty: they are dropped.
    length
        How many messages may wait; None: any number.
    refuses
        Whether a full queue refuses new messages, rather than dropping the oldest.
    """

    redeliveries: int | None = None
    dead_letters: str = ""
    length: int | None = None
    refuses: bool = False


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue; `arguments` can never be changed at the broker once the queue exists."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits = Limits()

    @property
    def single_active(self) -> bool:
        """Whether one consumer gets all messages while the others stand by."""
        return bool(self.arguments.get("x-single-active-consumer"))


@dataclass(frozen=True, slots=True)
class Binding:
    """A queue wants what is published to an exchange under keys that match `key`."""

    exchange: str
    queue: str
    key: str


@dataclass(frozen=True, slots=True)
class Topology:
    """All exchanges, queues and bindings.

    Parameters
    ----------
    exchanges, queues, bindings
        By their names without prefix.
    prefix
        Stands before every name at the broker, so that tests can share one.
    """

    exchanges: tuple[Exchange, ...]
    queues: tuple[Queue, ...]
    bindings: tuple[Binding, ...]
    prefix: str = ""

    @classmethod
    def load(cls, path: Path | Traversable = DEFINITIONS) -> Topology:
        """Read a definitions file of RabbitMQ.

        Raises
        ------
        TopologyError
            If it cannot be read, or names what it does not define.
        """
        try:
            return _parse(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TopologyError(f"{path}: no definitions of RabbitMQ ({error!r}); take deploy/rabbitmq/'s") from error

    def prefixed(self, prefix: str) -> Topology:
        """Return the same topology under other names at the broker."""
        return replace(self, prefix=prefix)

    def physical(self, name: str) -> str:
        """Return the name at the broker of an exchange or queue."""
        return f"{self.prefix}{name}"

    def exchange(self, name: str) -> Exchange | None:
        """Return an exchange by its name without prefix."""
        return next((exchange for exchange in self.exchanges if exchange.name == name), None)

    def queue(self, name: str) -> Queue | None:
        """Return a queue by its name without prefix."""
        return next((queue for queue in self.queues if queue.name == name), None)

    def destinations(self, exchange: str, key: str) -> tuple[str, ...]:
        """Return the queues that get what is published to an exchange; empty: it goes back to the publisher.

        Raises
        ------
        TopologyError
            If there is no such exchange.
        """
        found = self.exchange(exchange)
        if found is None:
            raise TopologyError(f"no exchange {exchange!r}; there are {_names(self.exchanges)}")
        wanted = [b.queue for b in self.bindings if b.exchange == exchange and matches(found.kind, b.key, key)]
        if not wanted and found.alternate:
            return self.destinations(found.alternate, key)
        return tuple(dict.fromkeys(wanted))


def matches(kind: str, pattern: str, key: str) -> bool:
    """Tell whether a binding wants a routing key.

    In a topic pattern `*` stands for one word and `#` for any number of words (AMQP 0-9-1, 3.1.3.3).
    """
    if kind == "fanout":
        return True
    if kind == "direct":
        return pattern == key
    return _topic(pattern.split("."), key.split("."))


def _topic(pattern: list[str], words: list[str]) -> bool:
    if not pattern:
        return not words
    if pattern[0] == "#":
        return any(_topic(pattern[1:], words[skip:]) for skip in range(len(words) + 1))
    return bool(words) and pattern[0] in ("*", words[0]) and _topic(pattern[1:], words[1:])


def _parse(data: dict[str, Any]) -> Topology:
    policies = sorted(data["policies"], key=lambda policy: policy["priority"], reverse=True)
    exchanges = tuple(
        Exchange(
            e["name"],
            e["type"],
            _policy(policies, "exchanges", e["name"]).get("alternate-exchange", ""),
            e["arguments"],
        )
        for e in data["exchanges"]
    )
    queues = tuple(
        Queue(q["name"], q["arguments"], _limits(_policy(policies, "queues", q["name"]))) for q in data["queues"]
    )
    bindings = tuple(Binding(b["source"], b["destination"], b["routing_key"]) for b in data["bindings"])
    made = Topology(exchanges, queues, bindings)
    for name in (
        {e.alternate for e in exchanges} | {q.limits.dead_letters for q in queues} | {b.exchange for b in bindings}
    ):
        if name and made.exchange(name) is None:
            raise ValueError(f"exchange {name!r} is not defined")
    for binding in bindings:
        if made.queue(binding.queue) is None:
            raise ValueError(f"queue {binding.queue!r} is not defined")
    return made


def _policy(policies: Iterable[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """Return what the first policy that fits says: RabbitMQ applies one to each queue, never several."""
    for policy in policies:
        if policy["apply-to"] in (kind, "all") and re.search(policy["pattern"], name):
            definition: dict[str, Any] = policy["definition"]
            return definition
    return {}


def _limits(definition: Mapping[str, Any]) -> Limits:
    return Limits(
        redeliveries=definition.get("delivery-limit"),
        dead_letters=definition.get("dead-letter-exchange", ""),
        length=definition.get("max-length"),
        refuses=definition.get("overflow") == "reject-publish",
    )


def _names(things: Iterable[Exchange]) -> str:
    return ", ".join(thing.name for thing in things)
