"""What was seen in the watched directories: the memory of ingest, so that a restart neither loses nor repeats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import distinct_on, insert

from nightcrew.shared.ledger.records import Arrival, Sighting
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
    One statement for each file, on the unique index `arrivals_settling`.
    """
    for one in sightings:
        new = insert(arrivals).values(
            path=one.path, size=one.size, mtime_ns=one.mtime_ns, inode=one.inode, state=ArrivalState.SETTLING
        )
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
            )
        )


def settling(connection: Connection, below: str = "") -> list[Arrival]:
    """Return the arrivals that have not ended, below a directory (index `arrivals_settling`)."""
    wanted = select(arrivals).where(arrivals.c.state == ArrivalState.SETTLING).order_by(arrivals.c.id)
    if below:
        wanted = wanted.where(arrivals.c.path.startswith(f"{below.rstrip('/')}/", autoescape=True))
    return [_arrival(row) for row in connection.execute(wanted)]


def latest(connection: Connection, paths: Sequence[str]) -> dict[str, Arrival]:
    """Return the last arrival at each of the paths, if there was one (index `arrivals_by_path`)."""
    wanted = (
        select(arrivals)
        .ext(distinct_on(arrivals.c.path))
        .where(arrivals.c.path.in_(paths))
        .order_by(arrivals.c.path, arrivals.c.id.desc())
    )
    return {row.path: _arrival(row) for row in connection.execute(wanted)}


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
    ended = (
        update(arrivals)
        .where(arrivals.c.id == arrival_id, arrivals.c.state == ArrivalState.SETTLING)
        .values(state=state, code=code, reason=reason, frame_id=frame_id, moved_to=moved_to, ended_at=func.now())
    )
    return connection.execute(ended).rowcount == 1


def _arrival(row: Row[tuple[object, ...]]) -> Arrival:
    return Arrival(
        row.id,
        Sighting(row.path, row.size, row.mtime_ns, row.inode),
        ArrivalState(row.state),
        row.code,
        row.reason,
        row.frame_id,
        row.first_seen_at,
        row.steady_since,
    )
