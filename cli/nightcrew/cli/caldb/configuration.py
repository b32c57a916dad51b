"""The configuration file `dragonsrc`, read as DRAGONS reads it (commands, 11; calibrations, 8)."""

from __future__ import annotations

import configparser
import difflib
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit, urlunsplit

from nightcrew.shared.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Fits: TypeAlias = Callable[[str], bool]

SECTION = "calibs"
DEFAULT_NAME = "cal_manager.db"
"""File of a local database whose directory is given."""
FLAGS = ("get", "store")
KEYS = ("databases", "database_dir", "standalone", "upload_cookie", "system_calcache_dir", "system_calcache_gbs")

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HOST_PORT = re.compile(r"[A-Za-z0-9.-]+:\d{1,5}")
_HOST_PORT_PATH = re.compile(rf"{_HOST_PORT.pattern}/")


class Kind(StrEnum):
    """What a line of the configuration names."""

    LOCAL = "local"
    """A path: a database in the PostgreSQL server that nightcrew keeps for the user."""
    POSTGRESQL = "postgresql"
    """The database of a calibration manager, spoken to directly."""
    HTTP = "http"
    """A server: a calibration manager's, or an archive's."""


@dataclass(frozen=True, slots=True)
class DatabaseLine:
    """A database that the configuration names.

    Parameters
    ----------
    name
        Path or URL; `~` expanded.
    kind
        Which of the two, and which protocol.
    get, store
        Whether calibrations are taken from it, and registered in it.
    """

    name: str = field(repr=False)
    kind: Kind
    get: bool = True
    store: bool = False

    @property
    def shown(self) -> str:
        """The name as it may be printed: without a password."""
        return without_password(self.name)

    @property
    def path(self) -> Path:
        """The file of a local database."""
        return Path(self.name)


@dataclass(frozen=True, slots=True)
class Config:
    """What is configured about calibrations.

    Parameters
    ----------
    file
        Where it was read, as the user would write it; empty if nowhere.
    databases
        In the order in which they are asked.
    upload_cookie
        Secret for uploads to an archive.
    system_cache, system_cache_bytes
        Directory of downloads that users share, and how large it may grow; 0 is without limit.
    warnings
        What is out of use or not understood, one line each.
    """

    file: str = ""
    databases: tuple[DatabaseLine, ...] = ()
    upload_cookie: str | None = field(default=None, repr=False)
    system_cache: Path | None = None
    system_cache_bytes: int = 0
    warnings: tuple[str, ...] = ()


def parse_config(text: str, file: str, home: Path, is_file: Fits, is_directory: Fits) -> Config:
    r"""Read the text of a configuration file.

    Parameters
    ----------
    text
        An INI file by the rules of `configparser`.
    file
        Its name, for messages.
    home
        What `~` stands for.
    is_file, is_directory
        Tell what there is of a name.

    Raises
    ------
    SettingsError
        Naming the file and what cannot be understood in it.

    Examples
    --------
    >>> nothing = lambda name: False
    >>> config = parse_config("[calibs]\ndatabases = ~/cal.db get store", "rc", Path("/home/u"), nothing, nothing)
    >>> config.databases[0].shown, config.databases[0].store
    ('/home/u/cal.db', True)
    """
    parser = configparser.ConfigParser()
    try:
        parser.read_string(text, file)
        values = dict(parser[SECTION]) if parser.has_section(SECTION) else {}
    except configparser.Error as error:
        raise SettingsError(f"{file}: {' '.join(str(error).split())}; write it as [calibs], name = value") from error
    warnings = [_unknown(key, file) for key in values if key not in KEYS]
    texts = values.get("databases")
    if texts is None and "database_dir" in values:
        what = "database_dir and standalone are" if "standalone" in values else "database_dir is"
        warnings.append(f"{file}: {what} out of use; write 'databases = {values['database_dir']} get'")
        texts = _directory(values["database_dir"].strip(), is_file)
    lines = tuple(_lines(texts or "", file, home, is_file, is_directory))
    cache = values.get("system_calcache_dir", "").strip()
    return Config(
        file,
        lines,
        values.get("upload_cookie") or None,
        _expanded(cache, home) if cache else None,
        _bytes(values.get("system_calcache_gbs", ""), file),
        tuple(warnings),
    )


def parse_line(words: list[str], file: str, home: Path, is_file: Fits, is_directory: Fits) -> DatabaseLine:
    """Read one line: a name, then flags.

    Raises
    ------
    SettingsError
        If a flag does not exist, or it is not clear whether the name is that of a file or of a server.
    """
    name, *flags = words
    for flag in flags:
        if flag not in FLAGS:
            raise SettingsError(f"{file}: {without_password(name)}: Unknown flag '{flag}'; 'get', 'store' or both")
    name, kind = classify(name, file, home, is_file, is_directory)
    return DatabaseLine(name, kind, get=not flags or "get" in flags, store="store" in flags)


def classify(name: str, file: str, home: Path, is_file: Fits, is_directory: Fits) -> tuple[str, Kind]:
    """Tell whether a name is a path or a URL, and return it in full.

    Raises
    ------
    SettingsError
        If it might be either, or is a URL of another kind.
    """
    scheme = _SCHEME.match(name)
    if scheme:
        word = scheme[1].lower()
        if word in {"http", "https"}:
            _check_address(name, file)
            return name.rstrip("/"), Kind.HTTP
        if word in {"postgres", "postgresql", "postgresql+psycopg"}:
            return name, Kind.POSTGRESQL
        raise SettingsError(f"{file}: {without_password(name)}: a path, http(s):// or postgresql:// is expected")
    path = str(_expanded(name, home)) if name.startswith("~") else name
    if is_directory(path) or name.endswith("/"):
        return f"{path.rstrip('/')}/{DEFAULT_NAME}", Kind.LOCAL
    if is_file(path):
        return path, Kind.LOCAL
    if _HOST_PORT.fullmatch(name):
        return f"http://{name}", Kind.HTTP
    if _HOST_PORT_PATH.match(name):
        raise SettingsError(f"{file}: {name}: a server needs its scheme; write http://{name} or https://{name}")
    if "/" in name or name.startswith("~") or name.endswith(".db"):
        return path, Kind.LOCAL
    raise SettingsError(f"{file}: {name}: a server or a file? Write https://{name} or ./{name}")


def _check_address(url: str, file: str) -> None:
    try:
        parts = urlsplit(url)
        good = bool(parts.hostname) and parts.port != 0 and not parts.query and not parts.fragment
    except ValueError:
        good = False
    if not good:
        raise SettingsError(f"{file}: {without_password(url)}: is no address of a server; write http://HOST:PORT")


def without_password(name: str) -> str:
    """Return a path or URL as it may be printed.

    Examples
    --------
    >>> without_password("postgresql://crew:secret@db/night?sslmode=require")
    'postgresql://crew@db/night'
    """
    if not _SCHEME.match(name):
        return name
    try:
        parts = urlsplit(name)
    except ValueError:
        return name.partition("://")[0] + "://..."
    user, at, host = parts.netloc.rpartition("@")
    return urlunsplit((parts.scheme, f"{user.partition(':')[0]}{at}{host}", parts.path, "", ""))


def read_config(file: Path | None, environ: Mapping[str, str], home: Path) -> Config:
    """Find the configuration file and read it.

    Parameters
    ----------
    file
        The one that the user names, or None: then `$DRAGONSRC`, `~/.dragons/dragonsrc`, or, with a warning,
        `~/.geminidr/rsys.cfg`.
    environ
        Environment variables.
    home
        The user's home directory.

    Returns
    -------
    Config
        Without databases if there is no such file.

    Raises
    ------
    SettingsError
        If the file that was named does not exist, or a file cannot be understood.
    """
    warnings: tuple[str, ...] = ()
    named = str(file) if file is not None else environ.get("DRAGONSRC", "")
    if named:
        found, shown = _expanded(named, home), named
        if not found.exists():
            which = "--config" if file is not None else "DRAGONSRC"
            raise SettingsError(f"{which}: there is no file {named}; name one that exists, or none")
    elif (home / ".dragons/dragonsrc").is_file():
        found, shown = home / ".dragons/dragonsrc", "~/.dragons/dragonsrc"
    elif (home / ".geminidr/rsys.cfg").is_file():
        found, shown = home / ".geminidr/rsys.cfg", "~/.geminidr/rsys.cfg"
        warnings = (f"{shown} is out of use; write ~/.dragons/dragonsrc instead",)
    else:
        return Config()
    try:
        text = found.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{shown}: cannot be read ({error}); check the permissions and the name") from error
    config = parse_config(text, shown, home, lambda name: Path(name).is_file(), lambda name: Path(name).is_dir())
    return replace(config, warnings=(*warnings, *config.warnings))


def _lines(text: str, file: str, home: Path, is_file: Fits, is_directory: Fits) -> Iterator[DatabaseLine]:
    for line in text.splitlines():
        try:
            words = shlex.split(line)
        except ValueError as error:
            raise SettingsError(f"{file}: {line.strip()}: {error}; close the quotation") from error
        if words:
            yield parse_line(words, file, home, is_file, is_directory)


def _directory(name: str, is_file: Fits) -> str:
    """Return the directory of the legacy option as a line; one that is not there yet is a directory all the same."""
    return shlex.quote(name if is_file(name) or name.endswith(".db") else f"{name.rstrip('/')}/")


def _expanded(name: str, home: Path) -> Path:
    return home / name[2:] if name.startswith("~/") else home if name == "~" else Path(name).expanduser()


def _bytes(text: str, file: str) -> int:
    if not text.strip():
        return 0
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise SettingsError(f"{file}: system_calcache_gbs = {text}: a number of gigabytes is expected, or 0")
    return int(number * 1e9)


def _unknown(key: str, file: str) -> str:
    near = difflib.get_close_matches(key, KEYS, 1)
    return f"{file}: [{SECTION}] knows no '{key}'" + (f"; did you mean {near[0]}?" if near else "")
