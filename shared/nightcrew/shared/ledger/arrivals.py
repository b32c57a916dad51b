"""What was seen in the watched directories: the memory of ingest, so that a restart neither loses nor repeats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import distinct_on, insert

from nightcrew.shared.ledger.records import Arrival, End, Sighting
from nightcrew.shared.ledger.states import ArrivalState
from nightcrew.shared.ledger.tables import arrivals

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection, Row


IS_SETTLING = text("state = 'settling'")
"""Condition of the unique index, literally: a prepared statement would not find the index by a parameter."""


def see(connection: Connection, sightings: Iterable[Sighting]) -> None:
    """Note files that are not known yet as settling; one that has changed since it was noted begins to settle anew.

    Notes
    -----
    One statement, executed for each file, on the unique index `arrivals_settling`.
    """
    rows = [
        {"path": one.path, "size": one.size, "mtime_ns": one.mtime_ns, "inode": one.inode}
        for one in sorted(sightings, key=lambda one: one.path)
    ]
    if not rows:
        return
    new = insert(arrivals).values(state=ArrivalState.SETTLING)
    connection.execute(
        new.on_conflict_do_update(
            index_elements=[arrivals.c.path],
            index_where=IS_SETTLING,
            set_={
                "size": new.excluded.size,
                "mtime_ns": new.excluded.mtime_ns,
                "inode": new.excluded.inode,
                "steady_since": func.now(),
            },
            where=(arrivals.c.size != new.excluded.size)
            | (arrivals.c.mtime_ns != new.excluded.mtime_ns)
            | (arrivals.c.inode != new.excluded.inode),
        ),
        rows,
    )


def settling(connection: Connection, below: str = "") -> list[Arrival]:
    """Return the arrivals that have not ended, below a directory (index `arrivals_settling`)."""
    wanted = select(arrivals).where(arrivals.c.state == ArrivalState.SETTLING).order_by(arrivals.c.id)
    if below:
        wanted = wanted.where(arrivals.c.path.startswith(f"{below.rstrip('/')}/", autoescape=True))
    return [arrival_row(row) for row in connection.execute(wanted)]


def hold(connection: Connection, paths: Sequence[str]) -> dict[str, Arrival]:
    """Return the arrivals at these paths that have not ended, for the rest of the transaction nobody else's.

    Those that another ingest holds at this moment are not among them (index `arrivals_settling`).
    """
    wanted = (
        select(arrivals)
        .where(IS_SETTLING, arrivals.c.path.in_(paths))
        .order_by(arrivals.c.path)
        .with_for_update(skip_locked=True)
    )
    return {row.path: arrival_row(row) for row in connection.execute(wanted)}


def latest(connection: Connection, paths: Sequence[str]) -> dict[str, Arrival]:
    """Return the last arrival at each of the paths, if there was one (index `arrivals_by_path`)."""
    wanted = (
        select(arrivals)
        .ext(distinct_on(arrivals.c.path))
        .where(arrivals.c.path.in_(paths))
        .order_by(arrivals.c.path, arrivals.c.id.desc())
    )
    return {row.path: arrival_row(row) for row in connection.execute(wanted)}


def end(
    connection: Connection,
    arrival_id: int,
    state: ArrivalState,
    *,
    code: str = "",
    reason: str = "",
    frame_id: int | None = None,
    moved_to: str | None = None,
) -> bool:
    """Let an arrival come to its end; False if it has ended already, which another ingest may have seen to."""
    return end_all(connection, [End(arrival_id, state, code, reason, frame_id, moved_to)]) == 1


def end_all(connection: Connection, ends: Sequence[End]) -> int:
    """Let arrivals come to their ends; return how many there were that had not ended already (primary key)."""
    if not ends:
        return 0
    ended = (
        update(arrivals)
        .where(arrivals.c.id == bindparam("arrival"), arrivals.c.state == ArrivalState.SETTLING)
        .values(
            {name: bindparam(f"new_{name}") for name in ("state", "code", "reason", "frame_id", "moved_to")}
            | {"ended_at": func.now()}
        )
    )
    rows = [
        {
            "arrival": one.arrival_id, "new_state": one.state, "new_code": one.code, "new_reason": one.reason,
            "new_frame_id": one.frame_id, "new_moved_to": one.moved_to,
        }
        for one in ends
    ]  # fmt: skip
    return connection.execute(ended, rows).rowcount


def arrival_row(row: Row[tuple[object, ...]]) -> Arrival:
    """Return a row of the table as a value."""
    return Arrival(
        row.id,
        Sighting(row.path, row.size, row.mtime_ns, row.inode),
        ArrivalState(row.state),
        row.code,
        row.reason,
        row.frame_id,
        row.first_seen_at,
        row.steady_since,
        row.moved_to,
    )
