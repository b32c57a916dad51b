"""How far a reader has come in what others write: one number for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from nightcrew.shared.ledger.tables import marks

if TYPE_CHECKING:
    from sqlalchemy import Connection


def reached(connection: Connection, name: str) -> int:
    """Return how far a reader has come; 0 if it has not begun."""
    value: int | None = connection.execute(select(marks.c.value).where(marks.c.name == name)).scalar()
    return value or 0


def set_mark(connection: Connection, name: str, value: int) -> None:
    """Note how far a reader has come; never backwards."""
    new = insert(marks).values(name=name, value=value)
    connection.execute(
        new.on_conflict_do_update(
            index_elements=[marks.c.name], set_={"value": new.excluded.value}, where=marks.c.value < new.excluded.value
        )
    )
