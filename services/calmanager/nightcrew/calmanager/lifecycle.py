"""Events in the life of a calibration, each one transaction with its line of history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from nightcrew.calmanager.core.states import Event, Refusal, Standing, State, next_state
from nightcrew.calmanager.database import history, records
from nightcrew.calmanager.errors import NoReason, NotAllowed, Overlap, Unknown
from nightcrew.calmanager.records import HistoryLine

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection, RowMapping

    from nightcrew.calmanager.core.validity import Validity


def wanted(connection: Connection, which: int | str, *, lock: bool = False) -> RowMapping:
    """Return the row of a calibration by number or name.

    Raises
    ------
    Unknown
        If there is none.
    """
    if isinstance(which, str):
        row = records.canonical_of(connection, which, lock=lock)
    else:
        row = records.by_id(connection, which, lock=lock)
    if row is None:
        what = f"has the number {which}" if isinstance(which, int) else f"is called {which}"
        raise Unknown(f"no calibration {what}; `nightcrew caldb list` shows what there is")
    return row


def happen(
    connection: Connection,
    which: int | str,
    event: Event,
    *,
    who: str,
    why: str,
    at: datetime,
    validity: Validity | None = None,
    details: Mapping[str, object] | None = None,
) -> RowMapping:
    """Let an event happen to a calibration; return its row.

    Parameters
    ----------
    connection
        In a transaction.
    which
        Number or name.
    event, who, why, at
        What happens, by whom, why and when.
    validity
        For which time it is certified.
    details
        For the history.

    Raises
    ------
    Unknown, NotAllowed, NoReason
    Overlap
        If another certified one of the kind is valid at the same time.
    """
    row = wanted(connection, which, lock=True)
    name = row["name"]
    for what, said in (("who does it", who), ("why", why)):
        if not said.strip():
            raise NoReason(f"{name}: {event} needs to know {what}; say it, for those who read the history")
    change = next_state(Standing(State(row["state"]), row["canonical"], row["present"]), event)
    if isinstance(change, Refusal):
        raise NotAllowed(f"{name}: cannot {event}: {change.reason}")
    if validity is not None:
        _alone_in_its_time(connection, row, validity)
    try:
        records.set_state(connection, row["id"], change.after, validity)
    except IntegrityError as error:
        raise Overlap(f"{name}: another certified one of its kind is valid at the same time; {_REMEDY}") from error
    told = dict(details or {})
    if validity is not None:
        told |= {"since": _iso(validity.since), "until": _iso(validity.until)}
    line = HistoryLine(at, who, event.value, change.before, change.after, why, told)
    history.append(connection, row["id"], line)
    return wanted(connection, row["id"])


def remove(connection: Connection, name: str, *, who: str, why: str, at: datetime) -> int:
    """Tell that the file of a name is not to be given out any more; return how many entries that concerns."""
    records.own_the_name(connection, name)
    row = records.canonical_of(connection, name, lock=True)
    if row is None or not row["present"]:
        return 0
    records.remove(connection, row["id"])
    state = State(row["state"])
    history.append(connection, row["id"], HistoryLine(at, who, "remove", state, state, why or "removed by hand"))
    return 1


_REMEDY = "choose another time, or withdraw that one first"


def _alone_in_its_time(connection: Connection, row: RowMapping, validity: Validity) -> None:
    """Refuse a validity that overlaps that of another one; nobody else can certify one of the kind meanwhile."""
    records.own_the_kind(connection, row["kind"])
    other = records.overlapping(connection, row["id"], row["kind"], validity)
    if other is not None:
        valid = records.validity_of(other)
        raise Overlap(f"{row['name']}: {other['name']} is certified {valid} for the same kind; {_REMEDY}")


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
