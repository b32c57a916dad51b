"""Statements on entries of calibrations."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import Range

from nightcrew.calmanager.core.states import State
from nightcrew.calmanager.core.validity import Validity
from nightcrew.calmanager.database.encoding import columns_from_json, columns_to_json, storable
from nightcrew.calmanager.database.tables import calibrations as table
from nightcrew.calmanager.records import Listing, Record
from nightcrew.shared.association.columns import PROCESSING_RANK
from nightcrew.shared.association.facts import DERIVED

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection, RowMapping

    from nightcrew.calmanager.incoming import Digests
    from nightcrew.shared.association import Candidate


LARGEST = 2**63 - 1
"""Larger numbers no entry can have."""


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """A calibration that is to be entered; `directory` is None for one in the store."""

    candidate: Candidate
    caltype: str
    kind: str
    digests: Digests
    directory: Path | None
    state: State
    added_at: datetime
    added_by: str
    validity: Validity | None = None
    canonical: bool = True
    present: bool = True

    def row(self) -> dict[str, Any]:
        """Return the entry as a row."""
        candidate = self.candidate
        # What follows from other columns is kept as well, so that the database need not know how.
        columns = {**{name: candidate.value(name) for name in DERIVED}, **candidate.columns}
        processing = columns.get("processing")
        return {
            "name": candidate.filename,
            "directory": "" if self.directory is None else str(self.directory),
            "stored": self.directory is None,
            "instrument": str(columns.get("instrument")),
            "caltype": self.caltype,
            "state": self.state.value,
            "processing_rank": PROCESSING_RANK.get(processing, -1) if isinstance(processing, str) else -1,
            "ut_datetime": candidate.ut_datetime,
            "ut_seconds": candidate.seconds,
            "columns": columns_to_json(columns),
            "tags": sorted(map(storable, candidate.tags)),
            "kind": self.kind,
            "valid": as_range(self.validity),
            "canonical": self.canonical,
            "present": self.present,
            **dataclasses.asdict(self.digests),
            "added_at": self.added_at,
            "added_by": storable(self.added_by),
        }


def as_range(validity: Validity | None) -> Range[datetime] | None:
    """Return a validity as the database keeps it."""
    return None if validity is None else Range(validity.since, validity.until, bounds="[)")


def insert(connection: Connection, entry: Entry) -> int:
    """Insert an entry; return its number."""
    number: int = connection.execute(sa.insert(table).values(entry.row()).returning(table.c.id)).scalar_one()
    return number


def by_id(connection: Connection, number: int, *, lock: bool = False) -> RowMapping | None:
    """Return the row of an entry, by the primary key; `lock` keeps others from changing it."""
    if not 0 < number <= LARGEST:
        return None
    statement = sa.select(table).where(table.c.id == number)
    return connection.execute(statement.with_for_update() if lock else statement).mappings().one_or_none()


def canonical_of(connection: Connection, name: str, *, lock: bool = False) -> RowMapping | None:
    """Return the row that a name means, by the index `calibrations_name`."""
    statement = sa.select(table).where(table.c.name == storable(name), table.c.canonical)
    return connection.execute(statement.with_for_update() if lock else statement).mappings().one_or_none()


def listed(connection: Connection, listing: Listing) -> Iterable[RowMapping]:
    """Return the rows that a listing asks for, by name and number, by the index `calibrations_name`."""
    statement = sa.select(table)
    for column in ("instrument", "caltype", "state", "name"):
        wanted = getattr(listing, column)
        if wanted is not None:
            statement = statement.where(table.c[column] == storable(wanted))
    if not listing.everything:
        statement = statement.where(table.c.canonical, table.c.present)
    if listing.after is not None:
        name, number = listing.after
        after = sa.tuple_(sa.literal(storable(name)), sa.literal(min(number, LARGEST)))
        statement = statement.where(sa.tuple_(table.c.name, table.c.id) > after)
    statement = statement.order_by(table.c.name, table.c.id).limit(listing.limit)
    return connection.execute(statement).mappings().all()


def set_state(connection: Connection, number: int, state: State, validity: Validity | None = None) -> None:
    """Give an entry a state, and the validity that goes with it.

    Raises
    ------
    sqlalchemy.exc.IntegrityError
        `calibrations_no_overlap`, if another certified one of the kind is valid at the same time.
    """
    values = {"state": state.value, "valid": as_range(validity)}
    connection.execute(sa.update(table).where(table.c.id == number).values(values))


def overlapping(connection: Connection, number: int, kind: str, validity: Validity) -> RowMapping | None:
    """Return a certified calibration of the kind that is valid at the same time, or None."""
    statement = (
        sa.select(table)
        .where(table.c.kind == kind, table.c.state == State.CERTIFIED.value, table.c.id != number)
        .where(table.c.valid.op("&&")(sa.literal(as_range(validity), table.c.valid.type)))
        .limit(1)
    )
    return connection.execute(statement).mappings().one_or_none()


def relocate(connection: Connection, number: int, directory: Path | None, modified: int) -> None:
    """Tell where the file of an entry lies now; it is there again."""
    values: dict[str, Any] = {"directory": "" if directory is None else str(directory), "stored": directory is None}
    values |= {"modified": modified, "present": True}
    connection.execute(sa.update(table).where(table.c.id == number).values(values))


def replace(connection: Connection, number: int, state: State) -> None:
    """Take the name from an entry, since another file has it by now."""
    connection.execute(sa.update(table).where(table.c.id == number).values(canonical=False, state=state.value))


def remove(connection: Connection, number: int) -> None:
    """Tell that the file of an entry was removed; the name still means it until another file takes it over."""
    connection.execute(sa.update(table).where(table.c.id == number).values(present=False))


def vetoed_content(connection: Connection, sha256: str) -> str | None:
    """Return the name under which the same content was vetoed, or None; by the index `calibrations_sha256`."""
    statement = sa.select(table.c.name).where(table.c.sha256 == sha256, table.c.state == State.VETOED.value).limit(1)
    return connection.execute(statement).scalar_one_or_none()


def stored_contents(connection: Connection, name: str | None = None) -> set[tuple[str, str]]:
    """Return SHA-256 and name of all entries, or those of a name, whose file lies in the store."""
    statement = sa.select(table.c.sha256, table.c.name).where(table.c.stored)
    if name is not None:
        statement = statement.where(table.c.name == name)
    return {(sha256, found) for sha256, found in connection.execute(statement)}


def own_the_name(connection: Connection, name: str) -> None:
    """Let nobody else enter, replace, remove or sweep files of a name until the transaction ends."""
    _own(connection, f"calibration {name}")


def own_the_kind(connection: Connection, kind: str) -> None:
    """Let nobody else certify calibrations of a kind for a time until the transaction ends."""
    _own(connection, f"kind {kind}")


def _own(connection: Connection, what: str) -> None:
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(what, 0))))


def validity_of(row: RowMapping) -> Validity | None:
    """Return the time for which an entry is certified; None if the rules decide."""
    valid = row["valid"]
    return None if valid is None else Validity(valid.lower, valid.upper)


def previous_master(connection: Connection, kind: str, before: datetime | None) -> RowMapping | None:
    """Return the certified calibration of a kind that is nearest in time to a moment, by `calibrations_kind`."""
    since = sa.func.abs(sa.func.extract("epoch", table.c.ut_datetime - sa.literal(before, sa.DateTime)))
    statement = (
        sa.select(table)
        .where(table.c.kind == kind, table.c.state == State.CERTIFIED.value, table.c.present)
        .order_by(since.asc().nulls_last(), table.c.id.desc())
        .limit(1)
    )
    return connection.execute(statement).mappings().one_or_none()


def as_record(row: RowMapping, path: Path | None) -> Record:
    """Return an entry as callers see it."""
    return Record(
        id=row["id"],
        name=row["name"],
        path=path,
        stored=row["stored"],
        instrument=row["instrument"],
        caltype=row["caltype"],
        state=State(row["state"]),
        columns=columns_from_json(row["columns"]),
        tags=frozenset(row["tags"]),
        canonical=row["canonical"],
        present=row["present"],
        md5=row["md5"],
        sha256=row["sha256"],
        size=row["size"],
        modified=row["modified"],
        added_at=row["added_at"],
        added_by=row["added_by"],
        validity=validity_of(row),
    )
