"""What every message says of itself, whatever it is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID, uuid4

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

EVENTS = "nightcrew.events"
"""Topic exchange: something happened; whoever is concerned has bound a queue to it."""
JOBS = "nightcrew.jobs"
"""Direct exchange: something is to be done, by one worker of the class that is the routing key."""

Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]
"""A name without dots, which can be one word of a routing key."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a message is published: exchange and routing key, as `Topology` names them."""

    exchange: str
    key: str


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def _now() -> datetime:
    return datetime.now(UTC)


def _own_id(data: dict[str, Any]) -> UUID:
    own: UUID = data["message_id"]
    return own


class Message(BaseModel):
    """A fact that one service tells the others: identifiers and small values, never configuration or secrets.

    Messages cannot be changed, and cannot hold what their kind does not name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_serialization_defaults_required=True)

    EXCHANGE: ClassVar[str] = EVENTS
    KEY: ClassVar[str]
    """Routing key, with the fields that it is made of in braces; in lower case when it is published."""
    type: str
    version: str
    message_id: UUID = Field(
        default_factory=uuid4, description="Identifies the message; the id of its outbox row. A repeat bears it again."
    )
    correlation_id: UUID = Field(
        default_factory=_own_id,
        description="Identifies the story: the `message_id` of the first message of it, handed on by the others.",
    )
    timestamp: Annotated[AwareDatetime, AfterValidator(_utc)] = Field(
        default_factory=_now, description="When the message was made, UTC."
    )
    producer: Word = Field(description="The service that made it.")

    @property
    def route(self) -> Route:
        """Where the message belongs."""
        return Route(self.EXCHANGE, self.KEY.format_map(dict(self)).lower())
