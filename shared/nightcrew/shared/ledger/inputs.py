"""What the inputs of a job were when they came in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from nightcrew.shared.ledger.tables import frames

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import Connection


def hashes(connection: Connection, ids: Collection[int]) -> Mapping[int, str]:
    """Return the SHA-256 of frames, hexadecimal, by number (primary key); unknown numbers are left out."""
    if not ids:
        return {}
    rows = connection.execute(select(frames.c.id, frames.c.sha256).where(frames.c.id.in_(ids)))
    return {row.id: row.sha256 for row in rows}
