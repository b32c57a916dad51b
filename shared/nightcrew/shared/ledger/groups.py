"""Groups: frames that one recipe reduces together, in versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from nightcrew.shared.ledger.records import GroupRow
from nightcrew.shared.ledger.states import GROUP_OPEN, GroupState
from nightcrew.shared.ledger.tables import group_frames, groups

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import date

    from sqlalchemy import Connection, Row


def open_group(
    connection: Connection,
    *,
    name: str,
    night: date,
    instrument: str,
    kind: str,
    plan: Mapping[str, Any],
    frames: Collection[int],
    borrowed: Collection[int] = (),
    supersedes: GroupRow | None = None,
) -> int:
    """Open a group, and return its number; one that it supersedes comes to its end."""
    values: dict[str, Any] = {"name": name, "night": night, "instrument": instrument, "kind": kind, "plan": plan}
    if supersedes is not None:
        values |= {"supersedes": supersedes.id, "version": supersedes.version + 1}
        settle(connection, supersedes.id, GroupState.SUPERSEDED, f"version {supersedes.version + 1} takes its place")
    made = insert(groups).values(state=GroupState.OPEN, **values).returning(groups.c.id)
    number: int = connection.execute(made).scalar_one()
    _fill(connection, number, frames, borrowed)
    return number


def change(
    connection: Connection,
    group: GroupRow,
    *,
    name: str,
    plan: Mapping[str, Any],
    frames: Collection[int],
    borrowed: Collection[int] = (),
) -> None:
    """Give an open group the frames and the plan that it has now; new frames make it wait anew."""
    values: dict[str, Any] = {"name": name, "plan": plan}
    if set(frames) - group.frames:
        values["last_arrival_at"] = func.now()
    connection.execute(update(groups).where(groups.c.id == group.id).values(values))
    connection.execute(delete(group_frames).where(group_frames.c.group_id == group.id))
    _fill(connection, group.id, frames, borrowed)


def close(connection: Connection, group_id: int, reason: str) -> None:
    """Let an open group take no more frames."""
    connection.execute(
        update(groups)
        .where(groups.c.id == group_id, groups.c.state == GroupState.OPEN)
        .values(state=GroupState.CLOSED, closed_at=func.now(), close_reason=reason)
    )


def settle(connection: Connection, group_id: int, state: GroupState, reason: str = "") -> None:
    """Set the state of a group; one that is superseded stays so."""
    connection.execute(
        update(groups)
        .where(groups.c.id == group_id, groups.c.state != GroupState.SUPERSEDED)
        .values(state=state, reason=reason)
    )


def note(connection: Connection, group_id: int, plan: Mapping[str, Any]) -> None:
    """Set what the planner has noted of a group."""
    connection.execute(update(groups).where(groups.c.id == group_id).values(plan=plan))


def of_night(connection: Connection, night: date, instrument: str) -> list[GroupRow]:
    """Return the groups of a night that are not superseded, the oldest first (index `groups_by_night`)."""
    return of_nights(connection, [night], instrument)


def of_nights(connection: Connection, nights: Collection[date], instrument: str) -> list[GroupRow]:
    """Return the groups of several nights, as `of_night` does."""
    wanted = (
        select(groups)
        .where(groups.c.night.in_(nights), groups.c.instrument == instrument, groups.c.state != GroupState.SUPERSEDED)
        .order_by(groups.c.id)
    )
    return group_rows(connection, connection.execute(wanted).all())


def nights_using(connection: Connection, name: str) -> list[tuple[date, str]]:
    """Return night and instrument of the groups that were given a calibration, by the name of its file."""
    return _nights(connection, {"used": [{"file": name}]})


def nights_wanting(connection: Connection, instrument: str, caltype: str) -> list[tuple[date, str]]:
    """Return night and instrument of the groups that had to do without a type of calibration, or with a bad one."""
    lacks = ({"file": ""}, {"provisional": True}, {"vetoed": True})
    found = {night for lack in lacks for night in _nights(connection, {"used": [{"caltype": caltype, **lack}]})}
    return sorted(one for one in found if one[1] == instrument)


def get(connection: Connection, group_id: int) -> GroupRow | None:
    """Return a group, or None."""
    found = group_rows(connection, connection.execute(select(groups).where(groups.c.id == group_id)).all())
    return found[0] if found else None


def of_frame(connection: Connection, frame_id: int) -> list[GroupRow]:
    """Return the groups that a frame is or was in, the oldest first (index `group_frames_by_frame`)."""
    wanted = select(groups).join(group_frames).where(group_frames.c.frame_id == frame_id).order_by(groups.c.id)
    return group_rows(connection, connection.execute(wanted).all())


def _nights(connection: Connection, noted: Mapping[str, Any]) -> list[tuple[date, str]]:
    """Return night and instrument of the groups of whom something is noted (index `groups_by_plan`)."""
    wanted = (
        select(groups.c.night, groups.c.instrument)
        .where(groups.c.plan.contains(noted), groups.c.state != GroupState.SUPERSEDED)
        .distinct()
        .order_by(groups.c.night, groups.c.instrument)
    )
    return [(row.night, row.instrument) for row in connection.execute(wanted)]


def open_nights(connection: Connection) -> list[tuple[date, str]]:
    """Return night and instrument of all groups that have not come to their end (index `groups_open`)."""
    wanted = select(groups.c.night, groups.c.instrument).where(groups.c.state.in_(GROUP_OPEN)).distinct()
    return [(row.night, row.instrument) for row in connection.execute(wanted)]


def _fill(connection: Connection, group_id: int, frames: Collection[int], borrowed: Collection[int]) -> None:
    rows = [{"group_id": group_id, "frame_id": frame, "borrowed": False} for frame in frames]
    rows += [{"group_id": group_id, "frame_id": frame, "borrowed": True} for frame in set(borrowed) - set(frames)]
    if rows:
        connection.execute(insert(group_frames), rows)


def group_rows(connection: Connection, rows: Collection[Row[Any]]) -> list[GroupRow]:
    """Return rows of the table as values, with their frames."""
    members: dict[int, dict[bool, set[int]]] = {row.id: {False: set(), True: set()} for row in rows}
    wanted = select(group_frames).where(group_frames.c.group_id.in_(members))
    for member in connection.execute(wanted):
        members[member.group_id][member.borrowed].add(member.frame_id)
    own = ("frames", "borrowed", "state")
    return [
        GroupRow(
            **{name: getattr(row, name) for name in GroupRow.__slots__ if name not in own},
            state=GroupState(row.state),
            frames=frozenset(members[row.id][False]),
            borrowed=frozenset(members[row.id][True]),
        )
        for row in rows
    ]
