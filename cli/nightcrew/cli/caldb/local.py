"""Local databases: a path stands for a database in the PostgreSQL server that nightcrew keeps for the user.

At the path lies a small text file, the marker.  It says in which server the database is and what it is called there,
so that the path behaves as DRAGONS' database file does: where there is none there is no database; it can be moved;
who removes it is rid of the database.
"""

from __future__ import annotations

import os
import re
import secrets
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nightcrew.shared.errors import CalibrationError, NightcrewError, ServiceError

if TYPE_CHECKING:
    from nightcrew.shared.database import Database, DatabaseSettings
    from nightcrew.shared.database.embedded import EmbeddedServer

SERVER = "postgres"
"""Directory of the server in the data directory."""
_HEAD = "# nightcrew calibration database\n"
_TEXT = """\
# This file stands for a database in nightcrew's own PostgreSQL server. It may be moved or renamed.
# Without it nobody finds the database again: back up with `nightcrew caldb list --json`, not by copying this file.
server = {server}
database = {database}
"""
_SQLITE = b"SQLite format 3\0"
_DATABASE = re.compile(r"calibrations_[0-9a-f]{16}")
_MOST = 10_000  # bytes: a marker is much smaller


class DatabaseMissing(CalibrationError):
    """There is no file at the path, or no database behind it."""

    code = "missing"


class DatabaseExists(CalibrationError):
    """There is a database at the path already."""

    code = "exists"


class OtherFile(CalibrationError):
    """At the path lies something else, which is not ours to touch."""

    code = "foreign"


class DragonsDatabase(OtherFile):
    """At the path lies a database of DRAGONS, an SQLite file."""

    code = "dragons"


@dataclass(frozen=True, slots=True)
class Marker:
    """What a path stands for: the directory of a server, and the name of a database in it."""

    server: Path
    database: str

    def text(self) -> str:
        """Return what the file says."""
        return _HEAD + _TEXT.format(server=self.server, database=self.database)


def read_marker(path: Path) -> Marker:
    """Read the file at the path of a local database.

    Raises
    ------
    DatabaseMissing
        If there is no file.
    DragonsDatabase, OtherFile
        If it is another one.
    ServiceError
        If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_MOST)
    except FileNotFoundError as error:
        raise DatabaseMissing(
            f"Unable to find calibration database file {path}; make it with 'nightcrew caldb init'"
        ) from error
    except OSError as error:
        raise ServiceError(f"{path}: cannot be read ({error.strerror}); check the permissions") from error
    if head.startswith(_SQLITE):
        raise DragonsDatabase(
            f"{path}: is a database of DRAGONS, which nightcrew does not write to; take over what it lists with "
            f"'nightcrew caldb init --import-from {path}'"
        )
    text = head.decode("utf-8", "replace")
    found = dict(re.findall(r"(?m)^(server|database) = (.+)$", text))
    if not text.startswith(_HEAD) or set(found) != {"server", "database"} or not _DATABASE.fullmatch(found["database"]):
        raise OtherFile(f"{path}: is no calibration database; name another file, or move this one away")
    return Marker(Path(found["server"]), found["database"])


def create_local(path: Path, *, wipe: bool = False) -> None:
    """Make an empty database and the file that stands for it.

    Parameters
    ----------
    path
        Where the file will lie; its directory is made.
    wipe
        Whether a database that is there already is replaced, with all it knows; files on disk stay.

    Raises
    ------
    DatabaseExists
        If there is one and it may not be replaced.
    OtherFile
        If something else lies at the path, be it a database of DRAGONS.
    ServiceError
        If the server does not start, or the disk refuses.
    """
    from nightcrew.calmanager.database import CALIBRATION
    from nightcrew.shared.database import Database, DatabaseSettings, upgrade
    from nightcrew.shared.fits.output import writing

    old = _existing(path, wipe=wipe)
    settings = DatabaseSettings.load()
    marker = Marker((settings.data_dir / SERVER).absolute(), f"calibrations_{secrets.token_hex(8)}")
    with closing(_server(marker, settings)) as server:
        server.start()
        server.create_database(marker.database)
        try:
            with Database(server.url(marker.database), settings, application="caldb") as database:
                upgrade(database, CALIBRATION)
            with writing(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                _write(path, marker)
        except BaseException:
            server.drop_database(marker.database)
            raise
    if old is not None:
        # It is unknown from now on; whether its server still exists matters to nobody.
        with suppress(NightcrewError):
            _drop(old, settings)


def open_local(path: Path, application: str = "caldb") -> Database:
    """Open the database that a path stands for; its server runs as long as somebody has it open.

    Raises
    ------
    DatabaseMissing
        If there is no file, or what it stands for is gone.
    DragonsDatabase, OtherFile
        If another file lies there.
    ServiceError
        If the server does not start.
    """
    from nightcrew.shared.database import Database, DatabaseSettings

    marker = read_marker(path)
    settings = DatabaseSettings.load()
    if not (marker.server / "data").is_dir():
        raise DatabaseMissing(_gone(path, f"its server {marker.server}"))
    server = _server(marker, settings)
    server.start()
    try:
        if marker.database not in server.databases():
            raise DatabaseMissing(_gone(path, f"{marker.database} in {marker.server}"))
        return Database(server.url(marker.database), settings, application=application, server=server)
    except BaseException:
        server.close()
        raise


def _existing(path: Path, *, wipe: bool) -> Marker | None:
    try:
        marker = read_marker(path)
    except DatabaseMissing:
        return None
    if not wipe:
        raise DatabaseExists(f"Error creating database file {path}: it exists; 'nightcrew caldb init -w' empties it")
    return marker


def _gone(path: Path, what: str) -> str:
    return f"{path}: {what} is gone; restore it, or begin anew with 'nightcrew caldb init -w'"


def _drop(marker: Marker, settings: DatabaseSettings) -> None:
    if (marker.server / "data").is_dir():
        with closing(_server(marker, settings)) as server:
            server.start()
            server.drop_database(marker.database)


def _server(marker: Marker, settings: DatabaseSettings) -> EmbeddedServer:
    from nightcrew.shared.database.embedded import EmbeddedServer

    return EmbeddedServer(marker.server, linger=settings.database_linger)


def _write(path: Path, marker: Marker) -> None:
    from nightcrew.shared.fits.output import whole_file

    with whole_file(path) as number:
        os.write(number, marker.text().encode())
