"""`recipe_system.cal_service`: calibration databases, under the names of 4.2 and of 3.0 (commands, 15.3)."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from nightcrew.cli.login import login_name
from nightcrew.shared.errors import CalibrationError, NightcrewError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nightcrew.cli.caldb.configuration import DatabaseLine
    from nightcrew.cli.caldb.database import CalibrationDatabase

__all__ = ["CalibrationService", "FileData", "LocalDB", "LocalManagerError", "set_cal_service", "set_local_database"]

ERROR_CANT_WIPE, ERROR_CANT_CREATE, ERROR_CANT_READ, ERROR_DIDNT_FIND, ERROR_MISSING = range(5)
"""DRAGONS' numbers of what can go wrong with a database."""


class LocalManagerError(CalibrationError):
    """A database that cannot be made, found or read.

    Attributes
    ----------
    error_type
        0: it exists, 1: cannot be made, 2: cannot be read, 3: has no such calibration, 4: does not exist.
    message
        What is wrong, in one line.
    """

    code: ClassVar[str] = "database"

    def __init__(self, error_type: int, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message


class ConfigurationMissing(SettingsError, OSError):
    """There is no configuration file, or it names no database; an `OSError` too."""


class FileData(NamedTuple):
    """A calibration: name of its file, and the directory that it lies in."""

    name: str
    path: str


class LocalDB:
    """A calibration database.

    Parameters
    ----------
    dbfile
        Path, as `~/cals/cal_manager.db`; a directory stands for `cal_manager.db` in it.  `postgresql://...` and
        `http://...` will do as well.
    force_init
        Whether it is made if it does not exist.
    """

    def __init__(self, dbfile: str | Path, force_init: bool = False) -> None:
        from nightcrew.cli.caldb.opening import database_named

        self._line: DatabaseLine = database_named(str(dbfile))
        if force_init and not self._exists():
            self.init()

    @property
    def dbfile(self) -> str:
        """Where the database is."""
        return self._line.shown

    @property
    def name(self) -> str:
        """The same: how the log names it."""
        return self._line.shown

    def init(self, wipe: bool = False) -> None:
        """Make the database, empty.

        Raises
        ------
        LocalManagerError
            If there is one and `wipe` is False, or it cannot be made.
        """
        from nightcrew.cli.caldb.local import DatabaseExists
        from nightcrew.cli.caldb.making import make

        try:
            make(self._line, wipe=wipe, sure=wipe)
        except DatabaseExists as error:
            raise LocalManagerError(ERROR_CANT_WIPE, str(error)) from error
        except NightcrewError as error:
            raise LocalManagerError(ERROR_CANT_CREATE, str(error)) from error

    def add_cal(self, path: str | Path) -> None:
        """Enter a calibration where it lies.

        Raises
        ------
        OSError
            If there is no such file.
        FrameError
            If it is no calibration.
        LocalManagerError
            If the database does not exist or cannot be asked.
        """
        if not Path(path).is_file():
            raise FileNotFoundError(f"File {path} does not exist; check the name")
        with closing(self._open()) as database:
            database.add(Path(path).absolute(), login_name())

    def add_directory(self, path: str | Path, walk: bool = False) -> None:
        """Enter all FITS files of a directory; with `walk` also those below it."""
        found = Path(path).rglob("*.fits") if walk else Path(path).glob("*.fits")
        for file in sorted(found):
            self.add_cal(file)

    def remove_cal(self, name: str | Path) -> None:
        """Forget a calibration; its file stays.

        Raises
        ------
        LocalManagerError
            If the database has none of that name.
        """
        with closing(self._open()) as database:
            if not database.remove(Path(name).name, login_name()):
                raise LocalManagerError(ERROR_DIDNT_FIND, f"{Path(name).name}: not in {self.name}; see list_files()")

    def list_files(self) -> Iterator[FileData]:
        """Give all calibrations by name."""
        with closing(self._open()) as database:
            rows = database.calibrations()
        yield from (FileData(str(row["name"]), str(row["directory"])) for row in rows)

    def _open(self) -> CalibrationDatabase:
        from nightcrew.cli.caldb.local import DatabaseMissing
        from nightcrew.cli.caldb.opening import load_config, open_line

        try:
            return open_line(self._line, load_config())
        except DatabaseMissing as error:
            raise LocalManagerError(ERROR_MISSING, str(error)) from error
        except NightcrewError as error:
            raise LocalManagerError(ERROR_CANT_READ, str(error)) from error

    def _exists(self) -> bool:
        try:
            self._open().close()
        except LocalManagerError as error:
            if error.error_type == ERROR_MISSING:
                return False
            raise
        return True


def set_local_database() -> LocalDB:
    """Return the database that the configuration file of the user names.

    Raises
    ------
    OSError
        If there is no configuration file, or it does not name just one.
    """
    from nightcrew.cli.caldb.opening import load_config, the_database

    try:
        return LocalDB(the_database(load_config()).name)
    except SettingsError as error:
        raise ConfigurationMissing(str(error)) from error


class CalibrationService:
    """The calibration database as release 3.0.2 of the tutorials has it: `config()`, `init()`, then as `LocalDB`."""

    def __init__(self) -> None:
        self._database: LocalDB | None = None

    def config(self, db_dir: str | Path | None = None, verbose: bool = False) -> None:  # noqa: ARG002  (as in DRAGONS)
        """Choose the database: that of the configuration file, or the one in a directory."""
        self._database = set_local_database() if db_dir is None else LocalDB(Path(db_dir).expanduser() / "")

    def init(self, wipe: bool = False) -> None:
        """Make the database unless it is there already; `wipe` empties it."""
        try:
            self._chosen.init(wipe=wipe)
        except LocalManagerError as error:
            if error.error_type != ERROR_CANT_WIPE:
                raise

    def add_cal(self, path: str | Path) -> None:
        """Enter a calibration; see `LocalDB.add_cal`."""
        self._chosen.add_cal(path)

    def remove_cal(self, name: str | Path) -> None:
        """Forget a calibration; see `LocalDB.remove_cal`."""
        self._chosen.remove_cal(name)

    def list_files(self) -> Iterator[FileData]:
        """Give all calibrations by name."""
        return self._chosen.list_files()

    @property
    def _chosen(self) -> LocalDB:
        if self._database is None:
            self.config()
        assert self._database is not None
        return self._database


def set_cal_service() -> None:
    """Do nothing: reductions ask the databases of the configuration by themselves."""
