"""Calibrations in a database without FITS files behind them, for tests of association and life cycle."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nightcrew.calmanager.core.states import State
from nightcrew.calmanager.core.validity import Validity, kind_key
from nightcrew.calmanager.database import records
from nightcrew.calmanager.incoming import caltype_of, digests_of
from nightcrew.shared.association import rules_for

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from nightcrew.shared.association import Candidate
    from nightcrew.shared.database import Database

MOMENT = datetime(2016, 1, 4, tzinfo=UTC)


def enter_candidates(
    database: Database, candidates: Iterable[Candidate], directory: Path, *, lone: bool = False
) -> dict[str, int]:
    """Enter candidates with small files behind them, in the order of their entries.

    Parameters
    ----------
    database, candidates
        Where to and what.
    directory
        Where the files are made.
    lone
        Whether each shall be a kind of its own, so that their validities may overlap.

    Returns
    -------
    dict
        Numbers of the entries by name.
    """
    directory.mkdir(parents=True, exist_ok=True)
    numbers = {}
    with database.begin() as connection:
        for candidate in sorted(candidates, key=lambda one: one.entry):
            path = directory / candidate.filename
            path.write_text(f"{candidate.filename} {candidate.entry}")
            entry = entry_of(candidate, path)
            if lone:
                entry = replace(entry, kind=candidate.filename)
            numbers[candidate.filename] = records.insert(connection, entry)
    return numbers


def entry_of(candidate: Candidate, path: Path) -> records.Entry:
    """Return a candidate as it is entered, in place."""
    instrument = str(candidate.columns.get("instrument"))
    caltype = caltype_of(candidate) or ""
    rule = rules_for(instrument).get(caltype.removeprefix("processed_"))
    return records.Entry(
        replace(candidate, path=path),
        caltype,
        kind_key(instrument, caltype, candidate.columns, rule),
        digests_of(path),
        path.parent,
        State(candidate.state),
        MOMENT,
        "tests",
        None if candidate.valid is None else Validity(*candidate.valid),
        present=candidate.present,
    )


def forget_all(database: Database) -> None:
    """Remove all calibrations that have no history."""
    with database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM calibration.calibrations")
