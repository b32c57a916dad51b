"""Entering a calibration: one transaction that decides whether a file is new, known, or another one of its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nightcrew.calmanager.core.states import State
from nightcrew.calmanager.database import history, products, records
from nightcrew.calmanager.records import HistoryLine, ProductRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection, RowMapping

    from nightcrew.calmanager.core.gates import Verdict
    from nightcrew.calmanager.incoming import Incoming


@dataclass(frozen=True, slots=True)
class Entrance:
    """A file that is handed in.

    Parameters
    ----------
    incoming
        What is known of it.
    directory
        Where it lies; None if in the store.
    who, why
        Who hands it in, and why.
    at
        Now.
    certified
        Whether somebody or the gates vouch for it.
    verdict
        What the gates say; None if nobody asked them.
    """

    incoming: Incoming
    directory: Path | None
    who: str
    why: str
    at: datetime
    certified: bool
    verdict: Verdict | None = None


def enter(
    connection: Connection, entrance: Entrance, still_there: Callable[[RowMapping], bool]
) -> tuple[RowMapping, bool]:
    """Enter a file; return its row and whether it is new.

    The same content under the same name is one entry; if the file of the known entry is gone, it lies where the new
    one does from now on.  Other content under the name takes the name over.

    Parameters
    ----------
    connection
        In a transaction.
    entrance
        The file.
    still_there
        Tells whether the file of a known entry can still be used.
    """
    incoming = entrance.incoming
    name = incoming.candidate.filename
    records.own_the_name(connection, name)
    known = records.canonical_of(connection, name, lock=True)
    if known is not None and known["sha256"] == incoming.digests.sha256:
        if not (known["present"] and still_there(known)):
            _relocate(connection, entrance, known)
        return _row(connection, known["id"]), False
    if known is not None:
        _replace(connection, entrance, known)
    number = _insert(connection, entrance)
    _record_as_product(connection, entrance)
    return _row(connection, number), True


def _insert(connection: Connection, entrance: Entrance) -> int:
    incoming, verdict = entrance.incoming, entrance.verdict
    bad = records.vetoed_content(connection, incoming.digests.sha256)
    state = State.CERTIFIED if entrance.certified and bad is None else State.CANDIDATE
    number = records.insert(
        connection,
        records.Entry(
            incoming.candidate,
            incoming.caltype,
            incoming.kind,
            incoming.digests,
            entrance.directory,
            state,
            entrance.at,
            entrance.who,
        ),
    )
    reasons = list(verdict.reasons) if verdict else []
    if bad is not None:
        reasons.append(f"the same content was vetoed as {bad}")
    why = entrance.why or "; ".join(reasons) or ("gates passed" if verdict else "entered by hand")
    details = {"findings": [finding.told() for finding in verdict.findings]} if verdict else {}
    history.append(connection, number, HistoryLine(entrance.at, entrance.who, "add", None, state, why, details))
    return number


def _replace(connection: Connection, entrance: Entrance, known: RowMapping) -> None:
    """Take the name from another file; a veto of that one stays."""
    before = State(known["state"])
    after = before if before is State.VETOED else State.SUPERSEDED
    records.replace(connection, known["id"], after)
    why = "another file of the same name was entered"
    details = {"sha256": entrance.incoming.digests.sha256}
    line = HistoryLine(entrance.at, entrance.who, "replace", before, after, why, details)
    history.append(connection, known["id"], line)


def _relocate(connection: Connection, entrance: Entrance, known: RowMapping) -> None:
    records.relocate(connection, known["id"], entrance.directory, entrance.incoming.digests.modified)
    state = State(known["state"])
    where = "the store" if entrance.directory is None else str(entrance.directory)
    why = f"its file was {'gone' if known['present'] else 'removed'}; it lies in {where} now"
    history.append(connection, known["id"], HistoryLine(entrance.at, entrance.who, "relocate", state, state, why))


def _record_as_product(connection: Connection, entrance: Entrance) -> None:
    """Note what a master was made of, so that a veto of one of these finds it."""
    incoming = entrance.incoming
    if incoming.inputs:
        path = incoming.candidate.path
        assert path is not None
        made = incoming.candidate.ut_datetime or entrance.at.replace(tzinfo=None)
        name, md5 = incoming.candidate.filename, incoming.digests.md5
        products.record(connection, ProductRecord(name, path, md5, incoming.caltype, made, incoming.inputs))


def _row(connection: Connection, number: int) -> RowMapping:
    row = records.by_id(connection, number)
    assert row is not None
    return row
