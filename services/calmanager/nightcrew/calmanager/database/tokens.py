"""Statements on the tokens of those who may ask and write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from nightcrew.calmanager.database.tables import tokens as table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, RowMapping


def insert(connection: Connection, name: str, digest: bytes, scopes: Iterable[str], at: datetime) -> int:
    """Insert a token, known by its SHA-256 only; return its number."""
    values = {"name": name, "digest": digest, "scopes": sorted(scopes), "created_at": at}
    number: int = connection.execute(sa.insert(table).values(values).returning(table.c.id)).scalar_one()
    return number


def by_digest(connection: Connection, digest: bytes) -> RowMapping | None:
    """Return the token of a digest unless it was revoked, by the unique index on digests."""
    statement = sa.select(table).where(table.c.digest == digest, table.c.revoked_at.is_(None))
    return connection.execute(statement).mappings().one_or_none()


def revoke(connection: Connection, name: str, at: datetime) -> int:
    """Revoke all tokens of a name; return how many there were."""
    statement = sa.update(table).where(table.c.name == name, table.c.revoked_at.is_(None)).values(revoked_at=at)
    return connection.execute(statement).rowcount


def listed(connection: Connection) -> Sequence[RowMapping]:
    """Return all tokens, oldest first."""
    return connection.execute(sa.select(table).order_by(table.c.id)).mappings().all()
