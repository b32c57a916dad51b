"""What was seen in the watched directories: the memory of ingest, so that a restart neither loses nor repeats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import distinct_on

from nightcrew.shared.ledger.records import Arrival, End, Sighting
from nightcrew.shared.ledger.states import ArrivalState
from nightcrew.shared.ledger.tables import arrivals

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection, Row


IS_SETTLING = text("state = 'settling'")
"""Condition of the unique index, literally: a prepared statement would not find the index by a parameter."""


_SEE = text("""
    INSERT INTO ledger.arrivals (path, size, mtime_ns, inode, state)
    SELECT path, size, mtime_ns, inode, 'settling'
    FROM unnest(CAST(:paths AS text[]), CAST(:sizes AS bigint[]), CAST(:mtimes AS bigint[]), CAST(:inodes AS bigint[]))
        AS seen (path, size, mtime_ns, inode)
    ORDER BY path
    ON CONFLICT (path) WHERE state = 'settling' DO UPDATE
    SET size = excluded.size, mtime_ns = excluded.mtime_ns, inode = excluded.inode, steady_since = now()
    WHERE (arrivals.size, arrivals.mtime_ns, arrivals.inode) <> (excluded.size, excluded.mtime_ns, excluded.inode)
""")
_KNOWN = text("""
    DELETE FROM ledger.arrivals AS again
    USING unnest(CAST(:paths AS text[])) AS seen (path)
    WHERE again.path = seen.path AND again.state = 'settling' AND EXISTS (
        SELECT FROM (SELECT * FROM ledger.arrivals AS other WHERE other.path = again.path AND other.id <> again.id
                     ORDER BY other.id DESC LIMIT 1) AS before
        WHERE before.state NOT IN ('settling', 'gone')
        AND (before.size, before.mtime_ns, before.inode) = (again.size, again.mtime_ns, again.inode))
    RETURNING again.path
""")
_END = text("""
    UPDATE ledger.arrivals
    SET state = ended.state, code = ended.code, reason = ended.reason, frame_id = ended.frame_id,
        moved_to = ended.moved_to, ended_at = now()
    FROM unnest(CAST(:ids AS bigint[]), CAST(:states AS text[]), CAST(:codes AS text[]), CAST(:reasons AS text[]),
                CAST(:frames AS bigint[]), CAST(:places AS text[]))
        AS ended (id, state, code, reason, frame_id, moved_to)
    WHERE arrivals.id = ended.id AND arrivals.state = 'settling'
""")


def see(connection: Connection, sightings: Iterable[Sighting]) -> None:
    """Note files that are not known yet as settling; one that has changed since it was noted begins to settle anew.

    Parameters
    ----------
    connection
        In a transaction.
    sightings
        Of each path one.

    Notes
    -----
    One statement, on the unique index `arrivals_settling`; in the order of the paths, so that two do not wait for one
    another.
    """
    seen = list(sightings)
    if seen:
        connection.execute(
            _SEE,
            {
                "paths": [one.path for one in seen],
                "sizes": [one.size for one in seen],
                "mtimes": [one.mtime_ns for one in seen],
                "inodes": [one.inode for one in seen],
            },
        )


def see_new(connection: Connection, sightings: Iterable[Sighting]) -> set[str]:
    """Note files as `see` does, but for those whose arrival has ended as they are; return the paths of these.

    Who has listed a directory, and asked which of its files are known, may find that another ingest has brought one to
    its end meanwhile: that is the same arrival, not the file once more.  One that is gone, and is back, arrives anew.

    Notes
    -----
    The second statement sees what others have committed while the first waited for them (index `arrivals_by_path`);
    its rows are held already.
    """
    seen = list(sightings)
    see(connection, seen)
    return set(connection.execute(_KNOWN, {"paths": [one.path for one in seen]}).scalars())


def settling(connection: Connection, below: str = "") -> list[Arrival]:
    """Return the arrivals that have not ended, below a directory (index `arrivals_settling`)."""
    wanted = select(arrivals).where(arrivals.c.state == ArrivalState.SETTLING).order_by(arrivals.c.id)
    if below:
        wanted = wanted.where(arrivals.c.path.startswith(f"{below.rstrip('/')}/", autoescape=True))
    return [arrival_row(row) for row in connection.execute(wanted)]


def hold(connection: Connection, paths: Sequence[str], *, wait: bool = False) -> dict[str, Arrival]:
    """Return the arrivals at these paths that have not ended, for the rest of the transaction nobody else's.

    Those that another ingest holds at this moment are waited for, or are not among them (index `arrivals_settling`).
    """
    wanted = (
        select(arrivals)
        .where(IS_SETTLING, arrivals.c.path.in_(paths))
        .order_by(arrivals.c.path)
        .with_for_update(skip_locked=not wait)
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
    return connection.execute(
        _END,
        {
            "ids": [one.arrival_id for one in ends],
            "states": [str(one.state) for one in ends],
            "codes": [one.code for one in ends],
            "reasons": [one.reason for one in ends],
            "frames": [one.frame_id for one in ends],
            "places": [one.moved_to for one in ends],
        },
    ).rowcount


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
