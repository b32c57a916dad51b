"""Frames: one row for each content, whatever it is called and however often it arrives."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from nightcrew.shared.ledger.records import FrameRow, NewFrame
from nightcrew.shared.ledger.states import FRAME_OPEN, FrameState
from nightcrew.shared.ledger.tables import frames

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

    from sqlalchemy import Connection, Row


@dataclass(frozen=True, slots=True)
class Recorded:
    """What recording a frame came to.

    Parameters
    ----------
    frame_id
        The frame.
    new
        Whether its content was not known before.
    version
        How many contents have come under its name.
    """

    frame_id: int
    new: bool
    version: int


def record(connection: Connection, frame: NewFrame) -> Recorded:
    """Record a frame; another content under a known name supersedes the earlier one.

    Notes
    -----
    Frames of one name are recorded one after the other (advisory lock of the transaction), contents are told apart
    by the unique `sha256`.
    """
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"frame {frame.name}", 0))))
    before = connection.execute(
        select(frames.c.id, frames.c.version).where(frames.c.name == frame.name).order_by(frames.c.version.desc())
    ).first()
    version = 1 if before is None else before.version + 1
    row = connection.execute(
        insert(frames)
        .values(**asdict(frame), version=version, supersedes=before and before.id, state=FrameState.RECEIVED)
        .on_conflict_do_nothing(index_elements=[frames.c.sha256])
        .returning(frames.c.id)
    ).first()
    if row is None:
        known = connection.execute(select(frames.c.id, frames.c.version).where(frames.c.sha256 == frame.sha256)).one()
        return Recorded(known.id, new=False, version=known.version)
    if before is not None:
        settle(connection, [before.id], FrameState.SUPERSEDED, f"{frame.name} came again with another content")
    return Recorded(row.id, new=True, version=version)


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
    wanted = select(frames).where(
        frames.c.night == night, frames.c.instrument == instrument, frames.c.state != FrameState.SUPERSEDED
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
    fields = {name: getattr(row, name) for name in FrameRow.__slots__}
    return FrameRow(**{**fields, "state": FrameState(row.state)})
