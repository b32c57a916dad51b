"""Which messages a consumer has handled: the row is written with the effects, so a repeat has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert

from nightcrew.shared.ledger.tables import inbox

if TYPE_CHECKING:
    from datetime import timedelta
    from uuid import UUID

    from sqlalchemy import Connection


def first_time(connection: Connection, consumer: str, message_id: UUID) -> bool:
    """Note that a consumer handles a message in this transaction; False if it has done so before.

    Where two handle it at once, the second waits for the first to commit or roll back (primary key).
    """
    noted = insert(inbox).values(consumer=consumer, message_id=message_id).on_conflict_do_nothing()
    return connection.execute(noted.returning(inbox.c.message_id)).first() is not None


def prune(connection: Connection, older_than: timedelta) -> int:
    """Forget messages that were handled long ago (index `inbox_by_time`); return how many."""
    return connection.execute(delete(inbox).where(inbox.c.handled_at < func.now() - older_than)).rowcount
