"""From a line of the configuration to a database that can be asked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from nightcrew.cli.caldb.configuration import Config, DatabaseLine, Kind, classify, read_config
from nightcrew.shared.errors import CalibrationError, SchemaMismatch, SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nightcrew.cli.caldb.database import CalibrationDatabase
    from nightcrew.shared.database import Database

TOKEN = "NIGHTCREW_CALMANAGER_TOKEN"  # noqa: S105 - the name of a variable
UPGRADE = "nightcrew database upgrade"


class NoDatabase(SettingsError):
    """The configuration does not say which database is meant."""

    code = "no-database"


def load_config(file: Path | None = None) -> Config:
    """Read the configuration of the user.

    Raises
    ------
    SettingsError
        If it cannot be understood, or `file` does not exist.
    """
    return read_config(file, os.environ, Path.home())


def the_database(config: Config) -> DatabaseLine:
    """Return the database that commands work on: the only local one, else the only other one.

    Raises
    ------
    NoDatabase
        If there is none, or several.
    """
    if not config.file:
        raise NoDatabase(
            "Cannot read config file: there is no ~/.dragons/dragonsrc; write one with '[calibs]' and "
            "'databases = ~/.dragons/dragons.db get store', or name a database with -d"
        )
    for kind in (Kind.LOCAL, Kind.POSTGRESQL, Kind.HTTP):
        lines = [line for line in config.databases if line.kind is kind]
        if len(lines) == 1:
            return lines[0]
        if lines:
            what = {Kind.LOCAL: "local database files", Kind.POSTGRESQL: "databases", Kind.HTTP: "servers"}[kind]
            raise NoDatabase(f"{config.file}: Multiple {what} are listed in the config file; name one with -d")
    raise NoDatabase(f"{config.file}: No local database file is listed in the config file; name one with -d")


def database_named(name: str) -> DatabaseLine:
    """Return the database that a user names: a path, or an address with its scheme; it is read and written.

    Raises
    ------
    SettingsError
        If it is an address that nobody speaks.
    """
    # A bare name is that of a file here: without the ./ it might be a server's.
    prefix = "" if "://" in name or "/" in name else "./"
    full, kind = classify(
        f"{prefix}{name}", "-d", Path.home(), lambda one: Path(one).is_file(), lambda one: Path(one).is_dir()
    )
    return DatabaseLine(full.removeprefix(prefix), kind, get=True, store=True)


def open_line(line: DatabaseLine, config: Config, application: str = "caldb") -> CalibrationDatabase:
    """Open a database; it is to be closed.

    Raises
    ------
    CalibrationError
        If there is none, or it is one of DRAGONS.
    SchemaMismatch
        If its tables are of another version; the line tells the command.
    ServiceError
        If it cannot be reached.
    """
    if line.kind is Kind.HTTP:
        from nightcrew.cli.caldb.remote import ServerDatabase
        from nightcrew.shared.calibrations_http import Server

        return ServerDatabase(Server(line.name, token(os.environ), config.upload_cookie or ""), config)
    from nightcrew.calmanager.manager import CalibrationManager
    from nightcrew.cli.caldb.inprocess import ManagerDatabase

    database = open_tables(line, application)
    try:
        manager = CalibrationManager.open(database)
    except SchemaMismatch as error:
        database.close()
        raise _mismatch(line, error) from error
    except BaseException:
        database.close()
        raise
    return ManagerDatabase(line.shown, database, manager)


def open_tables(line: DatabaseLine, application: str) -> Database:
    """Open the PostgreSQL database behind a line, whatever its tables are.

    Raises
    ------
    CalibrationError
        If there is none, it is one of DRAGONS, or it is a server that keeps its tables to itself.
    ServiceError
        If it cannot be reached.
    """
    match line.kind:
        case Kind.LOCAL:
            from nightcrew.cli.caldb.local import open_local

            return open_local(line.path, application)
        case Kind.POSTGRESQL:
            from nightcrew.shared.database import open_database

            return open_database(line.name, application=application)
    raise CalibrationError(f"{line.shown}: is a server, whose tables only who runs it can make or change")


def token(environ: Mapping[str, str]) -> str:
    """Return the token for calibration managers; empty if there is none.

    Raises
    ------
    SettingsError
        If the file that should hold it cannot be read.
    """
    given = environ.get(TOKEN, "")
    file = environ.get(f"{TOKEN}_FILE", "")
    if given or not file:
        return given.strip()
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{TOKEN}_FILE: {file} cannot be read; it must hold the token in one line") from error


def _mismatch(line: DatabaseLine, error: SchemaMismatch) -> SchemaMismatch:
    text = str(error).partition(": ")[2] or str(error)
    what = text.replace(f"`{UPGRADE}`", UPGRADE).replace(UPGRADE, f"{UPGRADE} -d {line.shown}")
    return SchemaMismatch(f"{line.shown}: {what}")
