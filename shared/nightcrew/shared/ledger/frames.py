"""Frames: one row for each content, whatever it is called and however often it arrives."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import distinct_on, insert

from nightcrew.shared.ledger.records import FrameRow, NewFrame, Recorded
from nightcrew.shared.ledger.states import FRAME_OPEN, FrameState
from nightcrew.shared.ledger.tables import frames

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date

    from sqlalchemy import Connection, Row


def record(connection: Connection, frame: NewFrame) -> Recorded:
    """Record a frame; another content under a known name supersedes the earlier one.  See `record_all`."""
    (recorded,) = record_all(connection, [frame])
    return recorded


def record_all(connection: Connection, new: Sequence[NewFrame]) -> list[Recorded]:
    """Record frames of which no two have the same name or content; return what that came to, in their order.

    Notes
    -----
    Frames of one name are recorded one after the other (advisory locks of the transaction, in one order), contents are
    told apart by the unique `sha256`.
    """
    connection.execute(
        text(
            "SELECT pg_advisory_xact_lock(key) FROM (SELECT hashtextextended('frame ' || name, 0) AS key"
            " FROM unnest(CAST(:names AS text[])) AS name ORDER BY key) AS keys"
        ),
        {"names": [frame.name for frame in new]},
    )
    before = {
        row.name: row
        for row in connection.execute(
            select(frames.c.id, frames.c.name, frames.c.version)
            .ext(distinct_on(frames.c.name))
            .where(frames.c.name.in_([frame.name for frame in new]))
            .order_by(frames.c.name, frames.c.version.desc())
        )
    }
    rows = [
        {
            **{field.name: getattr(frame, field.name) for field in fields(frame)},
            "version": before[frame.name].version + 1 if frame.name in before else 1,
            "supersedes": before[frame.name].id if frame.name in before else None,
            "state": FrameState.RECEIVED,
        }
        for frame in new
    ]
    made = connection.execute(
        insert(frames).on_conflict_do_nothing(index_elements=[frames.c.sha256]).returning(frames.c.id, frames.c.sha256),
        rows,
    )
    numbers = {row.sha256: row.id for row in made}
    for frame in new:
        if frame.sha256 in numbers and frame.name in before:
            reason = f"{frame.name} came again with another content"
            settle(connection, [before[frame.name].id], FrameState.SUPERSEDED, reason)
    lost = [frame.sha256 for frame in new if frame.sha256 not in numbers]
    there = (
        connection.execute(select(frames.c.sha256, frames.c.id, frames.c.version).where(frames.c.sha256.in_(lost)))
        if lost
        else ()
    )
    earlier = {row.sha256: Recorded(row.id, new=False, version=row.version) for row in there}
    return [
        earlier[frame.sha256]
        if frame.sha256 in earlier
        else Recorded(numbers[frame.sha256], new=True, version=row["version"])
        for frame, row in zip(new, rows, strict=True)
    ]


def known(connection: Connection, sha256s: Collection[str]) -> dict[str, tuple[int, str]]:
    """Return number and path of the frames that have these contents, by content (unique index of `sha256`)."""
    wanted = select(frames.c.sha256, frames.c.id, frames.c.path).where(frames.c.sha256.in_(sha256s))
    return {row.sha256: (row.id, row.path) for row in connection.execute(wanted)}


def relocate(connection: Connection, frame_id: int, path: str) -> None:
    """Note that a frame is kept at another path: its content came again, and is not where it was."""
    connection.execute(update(frames).where(frames.c.id == frame_id).values(path=path))


def settle(connection: Connection, ids: Collection[int], state: FrameState, reason: str = "") -> None:
    """Set the state of frames; one that is superseded stays so."""
    if ids:
        connection.execute(
            update(frames)
            .where(frames.c.id.in_(ids), frames.c.state != FrameState.SUPERSEDED)
            .values(state=state, reason=reason)
        )


def of_night(connection: Connection, night: date, instrument: str) -> list[FrameRow]:
    """Return the frames of a night that are not superseded, in the order of their arrival (index `frames_by_night`)."""
    return of_nights(connection, [night], instrument)


def of_nights(connection: Connection, nights: Collection[date], instrument: str) -> list[FrameRow]:
    """Return the frames of several nights, as `of_night` does."""
    wanted = select(frames).where(
        frames.c.night.in_(nights), frames.c.instrument == instrument, frames.c.state != FrameState.SUPERSEDED
    )
    return [frame_row(row) for row in connection.execute(wanted.order_by(frames.c.id))]


def open_nights(connection: Connection) -> list[tuple[date, str]]:
    """Return night and instrument of all frames that have not come to their end (index `frames_open`)."""
    wanted = (
        select(frames.c.night, frames.c.instrument)
        .where(frames.c.state.in_(FRAME_OPEN))
        .distinct()
        .order_by(frames.c.night, frames.c.instrument)
    )
    return [(row.night, row.instrument) for row in connection.execute(wanted)]


def named(connection: Connection, name: str) -> list[FrameRow]:
    """Return the versions of a frame, the latest first; none if the name is not known."""
    wanted = select(frames).where(frames.c.name == name).order_by(frames.c.version.desc())
    return [frame_row(row) for row in connection.execute(wanted)]


def frame_row(row: Row[tuple[object, ...]]) -> FrameRow:
    """Return a row of the table as a value."""
    values = {name: getattr(row, name) for name in FrameRow.__slots__}
    return FrameRow(**{**values, "state": FrameState(row.state)})
