"""Messages that are written in the transaction of what they tell, and published after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select, text, update

from nightcrew.shared.ledger.tables import outbox
from nightcrew.shared.messages import Message, Undecodable, decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta
    from uuid import UUID

    from sqlalchemy import Connection

    from nightcrew.shared.database import Database
    from nightcrew.shared.messages import AnyMessage

CHANNEL = "nightcrew_outbox"
"""PostgreSQL channel on which the relay is woken (NOTIFY)."""


@dataclass(frozen=True, slots=True)
class Relayed:
    """What one pass of the relay came to.

    Parameters
    ----------
    published
        Number of messages that the broker has confirmed.
    stopped
        Why it stopped early; empty if it did not.
    """

    published: int
    stopped: str = ""


@dataclass(frozen=True, slots=True)
class Pending:
    """What waits to be published: how many messages, and the age of the oldest in seconds."""

    messages: int
    oldest_seconds: float


def add(connection: Connection, message: Message) -> None:
    """Write a message to be published when the transaction is committed, and wake the relay."""
    add_all(connection, [message])


def add_all(connection: Connection, messages: Sequence[Message]) -> None:
    """Write messages to be published, in their order, when the transaction is committed, and wake the relay."""
    if messages:
        rows = [{"id": message.message_id, "body": encode(message).decode()} for message in messages]
        connection.execute(insert(outbox), rows)
        connection.execute(text(f"NOTIFY {CHANNEL}"))


def relay(database: Database, publish: Callable[[AnyMessage], str], limit: int = 100) -> Relayed:
    """Publish what waits, oldest first; several relays may do so at once.

    A crash between publishing and commit publishes a message again, under the same id.

    Parameters
    ----------
    database
        Holds the outbox.
    publish
        Returns an empty text once the broker has confirmed the message, else why it did not.
    limit
        Number of messages of one pass.

    Notes
    -----
    Index `outbox_pending`; rows that another relay holds are skipped.
    """
    with database.begin() as connection:
        waiting = connection.execute(
            select(outbox.c.id, outbox.c.body)
            .where(outbox.c.published_at.is_(None))
            .order_by(outbox.c.number)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        done: list[UUID] = []
        stopped = ""
        if waiting:  # a broker that is away is waited for, longer than a transaction may usually do nothing
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        for row in waiting:
            message = decode(row.body.encode())
            stopped = f"message {row.id}: {message.reason}" if isinstance(message, Undecodable) else publish(message)
            if stopped:
                break
            done.append(row.id)
        if done:
            connection.execute(update(outbox).where(outbox.c.id.in_(done)).values(published_at=func.now()))
    return Relayed(len(done), stopped)


def pending(connection: Connection) -> Pending:
    """Tell what waits to be published (index `outbox_pending`)."""
    row = connection.execute(
        select(
            func.count(),
            func.coalesce(func.extract("epoch", func.now() - func.min(outbox.c.created_at)), 0),
        ).where(outbox.c.published_at.is_(None))
    ).one()
    return Pending(row[0], float(row[1]))


def prune(connection: Connection, older_than: timedelta) -> int:
    """Delete what was published long ago (index `outbox_published`); return how much that was."""
    return connection.execute(delete(outbox).where(outbox.c.published_at < func.now() - older_than)).rowcount
