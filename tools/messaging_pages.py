"""What follows from the messages and the topology: reference pages, JSON Schemas, the definitions for RabbitMQ."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nightcrew.shared.bus.topology import DEFINITIONS, Topology
from nightcrew.shared.messages import KINDS, JobClass
from nightcrew.shared.messages.schema import file_name, schema_of, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nightcrew.shared.bus.topology import Limits
    from nightcrew.shared.messages import Message

ROOT = Path(__file__).resolve().parents[1]
SCHEMAS = "shared/nightcrew/shared/messages/schemas"
MADE = "<!-- written by `make docs`: edit the code instead -->"
ENVELOPE = ("type", "version", "message_id", "correlation_id", "timestamp", "producer")
PLACE = re.compile(r"\{(\w+)\}")

ABOUT_MESSAGES = """
Services tell one another facts: identifiers and small values, never configuration or secrets. A message is a JSON
object in UTF-8 of at most 16 KiB, persistent. What it is about is in the database.

Every message has these fields; AMQP's properties `message_id`, `correlation_id`, `type`, `timestamp` and `app_id` say
the same, for tools that do not look inside.
"""
ABOUT_VERSIONS = """
A reader takes every version with the major version that it knows, and leaves out fields of later minor versions that
it does not know. A message that it cannot read goes to the queue `dead` with the reason in the header
`x-nightcrew-reason`. The schemas of all released versions stay in
[`schemas/`](../../shared/nightcrew/shared/messages/schemas).
"""
ABOUT_QUEUES = """
All of it is in `deploy/rabbitmq/definitions.json`, which RabbitMQ imports ([how](../how-to/message-broker.md)). Queues
are quorum queues and never have other arguments than their type and `x-single-active-consumer`, because arguments
cannot be changed; limits are policies, which can. Nothing in it needs more than RabbitMQ 3.10, or is gone in 4.x.
"""
ABOUT_DEAD = """
A message goes to `dead` in two ways. A service that cannot use it publishes a copy with the headers
`x-nightcrew-reason` and `x-nightcrew-queue` and acknowledges the original. A message that has come back too often is
moved by the broker, with `x-first-death-reason: delivery_limit` and `x-first-death-queue`. Before RabbitMQ 4.3 every
way of coming back counts, from 4.3 on only failures do; nothing in nightcrew relies on the difference, because the
attempts at a job are counted in the database.

A consumer holds one message at a time, for at most two and a half hours (`consumer_timeout` in `rabbitmq.conf`).
"""


def messages() -> str:
    """Return the page of the messages."""
    any_kind = next(iter(KINDS.values()))
    lines = [f"# Messages\n\n{MADE}\n{ABOUT_MESSAGES}", *_fields(any_kind, ENVELOPE), ABOUT_VERSIONS]
    for type_, kind in KINDS.items():
        version = kind.model_fields["version"].default
        exchange, key = kind.EXCHANGE, PLACE.sub(r"<\1>", kind.KEY)
        queues = ", ".join(f"`{queue}`" for queue in dict.fromkeys(_queues(kind)))
        lines += [
            f"## {type_} {version}",
            "",
            (kind.__doc__ or "").strip(),
            "",
            f"Exchange `{exchange}`, key `{key}` in lower case. Comes to {queues}.",
            "",
            f"Schema: [{file_name(kind)}](../../{SCHEMAS}/{file_name(kind)}).",
            "",
            *_fields(kind, tuple(name for name in schema_of(kind)["properties"] if name not in ENVELOPE)),
            "",
        ]
    return "\n".join(lines).rstrip() + "\n"


def _queues(kind: type[Message]) -> Iterator[str]:
    """Yield where messages of a kind come to, whatever their fields hold."""
    topology = Topology.load()
    choices = [tuple(JobClass) if name == "job_class" else ("x",) for name in PLACE.findall(kind.KEY)]
    for words in itertools.product(*choices):
        key = kind.KEY.format_map(dict(zip(PLACE.findall(kind.KEY), words, strict=True)))
        yield from topology.destinations(kind.EXCHANGE, key)


def _fields(kind: type[Message], names: tuple[str, ...]) -> list[str]:
    schema = schema_of(kind)
    lines = ["| field | value | meaning |", "|---|---|---|"]
    for name in names:
        field = schema["properties"][name]
        meaning = field.get("description", "What the message is: one of those below." if name == "type" else "")
        lines.append(f"| `{name}` | {_value(field, schema, name)} | {meaning} |")
    return lines


def _value(field: dict[str, Any], schema: dict[str, Any], name: str) -> str:
    if "$ref" in field:
        field = schema["$defs"][field["$ref"].rpartition("/")[2]]
    if "enum" in field:
        return ", ".join(f"`{choice}`" for choice in field["enum"])
    if name == "version":
        return "`major.minor`"
    if "format" in field:
        return str(field["format"])
    if "minimum" in field:
        return f"{field['type']}, at least {field['minimum']}"
    return f"`{field['pattern']}`".replace("|", "\\|") if "pattern" in field else str(field["type"])


def queues() -> str:
    """Return the page of exchanges and queues."""
    topology = Topology.load()
    lines = [f"# Exchanges and queues\n\n{MADE}\n{ABOUT_QUEUES}", "## Exchanges", ""]
    lines += ["| exchange | type | what no queue wants |", "|---|---|---|"]
    for exchange in topology.exchanges:
        alternate = f"goes to `{exchange.alternate}`" if exchange.alternate else "goes back to the publisher"
        lines.append(f"| `{exchange.name}` | {exchange.kind} | {'' if exchange.kind == 'fanout' else alternate} |")
    lines += ["", "## Queues", "", "| queue | gets | consumers | limits |", "|---|---|---|---|"]
    for queue in topology.queues:
        gets = [f"`{b.exchange}` {f'`{b.key}`' if b.key else ''}".strip() for b in topology.bindings
                if b.queue == queue.name]  # fmt: skip
        consumers = "one at a time" if queue.single_active else "any number"
        lines.append(f"| `{queue.name}` | {', '.join(gets)} | {consumers} | {_limits(queue.limits)} |")
    return "\n".join(lines) + "\n" + ABOUT_DEAD


def _limits(limits: Limits) -> str:
    said = []
    if limits.redeliveries is not None:
        then = f"then goes to `{limits.dead_letters}`" if limits.dead_letters else "then is lost"
        said.append(f"comes back {limits.redeliveries} times, {then}")
    if limits.length is not None:
        full = "refuses more" if limits.refuses else "forgets the oldest"
        said.append(f"{limits.length} messages, {full}")
    return "; ".join(said)


FILES: dict[Path, Callable[[], str]] = {
    ROOT / "docs/reference/messages.md": messages,
    ROOT / "docs/reference/queues.md": queues,
    ROOT / "deploy/rabbitmq/definitions.json": lambda: DEFINITIONS.read_text(encoding="utf-8"),
}


def _schema_writer(kind: type[Message]) -> Callable[[], str]:
    return lambda: written(kind)


FILES |= {ROOT / SCHEMAS / file_name(kind): _schema_writer(kind) for kind in KINDS.values()}
