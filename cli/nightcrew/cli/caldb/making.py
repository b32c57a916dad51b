"""Making empty databases, and emptying them."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from nightcrew.cli.caldb.configuration import DatabaseLine, Kind
from nightcrew.cli.caldb.local import DatabaseExists, DragonsDatabase, create_local, read_marker
from nightcrew.cli.caldb.opening import open_tables
from nightcrew.shared.errors import CalibrationError

if TYPE_CHECKING:
    from pathlib import Path


def make(line: DatabaseLine, *, wipe: bool = False, sure: bool = False) -> None:
    """Make an empty database.

    Parameters
    ----------
    line
        Where.
    wipe
        Whether one that is there already is emptied.
    sure
        Whether even a served one, which others may use, is emptied.

    Raises
    ------
    DatabaseExists
        If there is one, and it may not be emptied.
    CalibrationError
        If something else lies there, or it is a server's.
    ServiceError
        If disk or server fail.
    """
    if line.kind is Kind.LOCAL:
        create_local(line.path, wipe=wipe)
        return
    from nightcrew.calmanager.database import CALIBRATION
    from nightcrew.shared.database import downgrade, state, upgrade
    from nightcrew.shared.database.schema import Standing

    with closing(open_tables(line, "caldb")) as database:
        missing = state(database, CALIBRATION).standing is Standing.MISSING
        if not missing and not wipe:
            raise DatabaseExists(
                f"Error creating database {line.shown}: it has the tables already; '-w --yes' empties them, "
                "'nightcrew database upgrade' brings old ones up to date"
            )
        if not missing and not sure:
            raise CalibrationError(
                f"{line.shown}: others may use it; '-w --yes' deletes all that it knows of calibrations and products"
            )
        if not missing:
            downgrade(database, CALIBRATION, "base")
        upgrade(database, CALIBRATION)


def set_aside(line: DatabaseLine, old: Path) -> None:
    """Rename a database of DRAGONS that lies where the new one will be; elsewhere it stays as it is.

    Raises
    ------
    DatabaseExists
        If the name that it would get is taken.
    """
    if line.kind is not Kind.LOCAL or not line.path.exists() or not line.path.samefile(old):
        return
    try:
        read_marker(line.path)
    except DragonsDatabase:
        aside = old.with_name(f"{old.name}.dragons")
        if aside.exists():
            raise DatabaseExists(f"{aside}: exists; move it away, then the old database can be renamed so") from None
        old.rename(aside)
