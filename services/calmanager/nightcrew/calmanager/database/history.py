"""Statements on the history of calibrations; lines are only ever added."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from nightcrew.calmanager.core.states import State
from nightcrew.calmanager.database.encoding import storable
from nightcrew.calmanager.database.tables import calibrations
from nightcrew.calmanager.database.tables import history as table
from nightcrew.calmanager.records import REMOVED, Happened, HistoryLine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection


def append(connection: Connection, number: int, line: HistoryLine) -> None:
    """Add a line to the history of an entry."""
    connection.execute(
        sa.insert(table).values(
            calibration_id=number,
            at=line.at,
            who=storable(line.who),
            event=line.event,
            before=line.before,
            after=line.after,
            reason=storable(line.reason),
            details=dict(line.details),
        )
    )


def notes(connection: Connection, numbers: Sequence[int]) -> dict[int, str]:
    """Return what happened last to each of some entries: `by ana at 2026-11-02 03:10: saturated`."""
    if not numbers:
        return {}
    theirs = table.c.calibration_id.in_(numbers)
    last = sa.select(sa.func.max(table.c.id)).where(theirs).group_by(table.c.calibration_id)
    columns = (table.c.calibration_id, table.c.who, table.c.at, table.c.reason)
    rows = connection.execute(sa.select(*columns).where(table.c.id.in_(last)))
    return {number: f"by {who} at {at:%Y-%m-%d %H:%M}: {reason}" for number, who, at, reason in rows}


def lines(connection: Connection, number: int) -> list[HistoryLine]:
    """Return the history of an entry, oldest first, by the index `history_calibration`."""
    rows = connection.execute(sa.select(table).where(table.c.calibration_id == number).order_by(table.c.id)).mappings()
    return [
        HistoryLine(
            row["at"],
            row["who"],
            row["event"],
            None if row["before"] is None else State(row["before"]),
            State(row["after"]),
            row["reason"],
            row["details"],
        )
        for row in rows
    ]


def since(connection: Connection, number: int, limit: int) -> list[Happened]:
    """Return certifications and withdrawals after a line, oldest first (primary key).

    Lines of transactions that are still going on are waited for: none with a smaller number comes later.
    """
    if connection.execute(sa.select(table.c.id).where(table.c.id > number).limit(1)).first() is None:
        return []
    connection.execute(sa.text("LOCK TABLE calibration.history IN SHARE MODE"))
    certified = (table.c.after == State.CERTIFIED) & table.c.event.in_(("add", "certify", "relocate"))
    withdrawn = table.c.after.in_((State.VETOED, State.SUPERSEDED)) | (table.c.event == REMOVED)
    known = (calibrations.c.name, calibrations.c.caltype, calibrations.c.instrument, calibrations.c.md5)
    rows = connection.execute(
        sa.select(table.c.id, table.c.event, table.c.after, table.c.calibration_id, *known, table.c.reason)
        .join(calibrations, calibrations.c.id == table.c.calibration_id)
        .where(table.c.id > number, certified | withdrawn)
        .order_by(table.c.id)
        .limit(limit)
    )
    return [
        Happened(row.id, row.event, State(row.after), row.calibration_id, row.name, row.caltype, row.instrument,
                 row.md5, row.reason)
        for row in rows
    ]  # fmt: skip
