"""When the newest calibrations were taken, for the metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from nightcrew.calmanager.core.states import State
from nightcrew.calmanager.database.tables import calibrations as table

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection


def newest(connection: Connection) -> dict[tuple[str, str], datetime]:
    """Return when the newest certified calibration of each instrument and type was taken, UTC without zone.

    Reads the whole table: 0.2 s for a million entries.
    """
    statement = (
        sa.select(table.c.instrument, table.c.caltype, sa.func.max(table.c.ut_datetime).label("taken"))
        .where(table.c.state == State.CERTIFIED.value, table.c.canonical, table.c.present)
        .where(table.c.ut_datetime.is_not(None))
        .group_by(table.c.instrument, table.c.caltype)
    )
    return {(row.instrument, row.caltype): row.taken for row in connection.execute(statement)}
