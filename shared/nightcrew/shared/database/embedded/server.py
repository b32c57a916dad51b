"""A PostgreSQL server in the user's own directory, there as long as somebody uses it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psycopg
from psycopg import sql
from sqlalchemy import URL

from nightcrew.shared.database.address import DRIVER
from nightcrew.shared.database.embedded import keeper
from nightcrew.shared.database.embedded.accounts import Account, account_for
from nightcrew.shared.database.embedded.binaries import MAJOR, binaries
from nightcrew.shared.database.failures import reason
from nightcrew.shared.errors import ServiceError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

USER = "nightcrew"
"""The server's superuser; the socket lets in only the account that runs the server, and root."""

_LOG = "server.log"
_LONGEST_LOG = 5_000_000  # bytes; then it begins anew
_SOCKET_PATH_LIMIT = 103  # bytes: sun_path without its zero on macOS; Linux has 107
_EXAMPLE = f"{keeper.SOCKET_PREFIX}12345678"  # a name as mkdtemp makes them
_PATIENCE = 120.0  # seconds: recovery after a crash may take a while
_PAUSE = 0.01  # seconds between two looks


class EmbeddedServer:
    """A PostgreSQL server that several processes share; the first starts it, and it stops after the last has left.

    Parameters
    ----------
    directory
        Where its data, locks and log are.
    linger
        Seconds that it stays after the last user has left; the wish of the last one counts.

    Notes
    -----
    It listens on a Unix socket only, in a directory that is closed to others.  How it is shared, and how it survives
    the sudden death of anybody involved: `nightcrew.shared.database.embedded.keeper`.  How root runs it:
    `nightcrew.shared.database.embedded.accounts`.
    """

    def __init__(self, directory: Path, *, linger: float = 0.0) -> None:
        self.directory = directory.expanduser().absolute()
        self.linger = linger
        self._claim: int | None = None
        self._socket_dir: Path | None = None
        self._children: list[int] = []

    def start(self) -> None:
        """Become a user of the server, which is made and started where that is needed.

        Raises
        ------
        SettingsError
            If it is not installed, or the directory is not fit: somebody else's, or of another version of PostgreSQL.
        ServiceError
            If it does not start; the line ends with what PostgreSQL said.
        """
        programs = binaries()
        with self._writing():
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o711 if os.geteuid() == 0 else 0o700)
            account = account_for(self.directory, programs / "postgres", os.geteuid())
            if self._claim is None:
                self._claim = self._lock(keeper.CLIENTS, shared=True)
        try:
            with self._writing(), self._starting():
                keeper.wish(self._claim, self.linger)
                self._refuse_other_versions()
                self._socket_dir = self._running(programs, account)
                self._ensure_keeper()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Leave the server; where nobody else uses it, and it does not linger, it is stopped now."""
        if self._claim is None:
            return
        with suppress(OSError):
            keeper.wish(self._claim, self.linger)
        os.close(self._claim)
        self._claim = None
        if self.linger == 0:
            self._stop_if_alone()
        self._reap()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def url(self, database: str) -> URL:
        """Return the address of a database in this server, which has been started."""
        if self._socket_dir is None:
            raise ValueError(f"{self.directory}: start the server first")
        return URL.create(DRIVER, username=USER, database=database, query={"host": str(self._socket_dir)})

    def databases(self) -> tuple[str, ...]:
        """Return the names of the databases that were made here, in alphabetical order."""
        with self._administration() as connection:
            rows = connection.execute(
                "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY datname"
            ).fetchall()
        return tuple(row[0] for row in rows)

    def create_database(self, name: str) -> None:
        """Make a database, unless there is one of that name."""
        with self._administration() as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
                with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):  # another was faster
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def drop_database(self, name: str) -> None:
        """Remove a database, if there is one of that name, and end the connections to it."""
        with self._administration() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    @contextmanager
    def _administration(self) -> Iterator[psycopg.Connection]:
        try:
            with psycopg.connect(
                host=str(self._socket_dir), user=USER, dbname="postgres", autocommit=True, connect_timeout=5
            ) as connection:
                yield connection
        except psycopg.OperationalError as error:
            raise ServiceError(
                f"{self.directory}: the embedded server failed ({reason(str(error))}); see {_LOG} there"
            ) from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ServiceError(
                f"{error.filename or self.directory}: cannot be used for the embedded database "
                f"({error.strerror or error}); choose another directory with NIGHTCREW_DATA_DIR"
            ) from error

    @contextmanager
    def _starting(self) -> Iterator[None]:
        lock = self._lock(keeper.START)
        try:
            yield
        finally:
            os.close(lock)

    def _lock(self, name: str, *, shared: bool = False) -> int:
        number = keeper.take(self.directory / name, shared=shared, wait=_PATIENCE)
        if number is None:
            raise ServiceError(f"{self.directory / name}: another process has held it for {_PATIENCE:.0f} s; try again")
        return number

    def _refuse_other_versions(self) -> None:
        with suppress(FileNotFoundError):
            version = (self.directory / keeper.DATA / "PG_VERSION").read_text(encoding="ascii").strip()
            if version != str(MAJOR):
                raise SettingsError(
                    f"{self.directory / keeper.DATA}: was made by PostgreSQL {version}, here is {MAJOR}; dump it with "
                    "the nightcrew that made it and move it away, or choose another directory with NIGHTCREW_DATA_DIR"
                )

    def _running(self, programs: Path, account: Account) -> Path:
        """Return the directory of the socket of the server, started if it does not run."""
        until = time.monotonic() + _PATIENCE
        launched = False
        while time.monotonic() < until:
            free = keeper.take(self.directory / keeper.SERVER)
            if free is not None:
                try:
                    if launched:
                        raise ServiceError(self._last_words())
                    self._launch(programs, account, free)
                    launched = True
                finally:
                    os.close(free)
            server = keeper.postmaster(self.directory)
            if server is not None and server.ready and keeper.answers(server):
                return server.socket_dir
            self._reap()
            time.sleep(_PAUSE)
        raise ServiceError(
            f"{self.directory}: the embedded server was not ready in {_PATIENCE:.0f} s; see {_LOG} there"
        )

    def _launch(self, programs: Path, account: Account, lock: int) -> None:
        data = self.directory / keeper.DATA
        if not data.exists():
            self._make(programs, account)
        keeper.tidy(self.directory)
        socket_dir = str(self._make_socket_dir(account)).replace('"', '""')
        options = {
            "listen_addresses": "",
            "unix_socket_directories": f'"{socket_dir}"',
            "unix_socket_permissions": "0700",
            "port": "5432",
            "log_destination": "stderr",
            "logging_collector": "off",
        }
        command = [*account.prefix, str(programs / "postgres"), "-D", str(data)]
        command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        self._spawn(command, lock)

    def _make(self, programs: Path, account: Account) -> None:
        """Make the data: beside their place, which they take when they are complete."""
        new = self.directory / f"{keeper.DATA}.new"
        if new.exists():
            shutil.rmtree(new)
        new.mkdir(mode=0o700)
        command = [*account.maker_prefix, str(programs / "initdb"), "--pgdata", str(new), "--username", USER]
        command += ["--auth=trust", "--encoding=UTF8", "--no-instructions"]
        command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        try:
            _give(new, account.maker_uid, account.maker_gid)
            done = subprocess.run(  # noqa: S603 - our own command
                command,
                cwd="/",
                env=_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode != 0:
                said = (done.stderr.strip() or done.stdout.strip() or f"status {done.returncode}").splitlines()[-1]
                raise ServiceError(
                    f"{self.directory}: the embedded database cannot be made ({said}); mend that, or set "
                    "NIGHTCREW_DATABASE_URL to a served database"
                )
            _give(new, account.uid, account.gid)
            new.rename(self.directory / keeper.DATA)
        finally:
            shutil.rmtree(new, ignore_errors=True)

    def _make_socket_dir(self, account: Account) -> Path:
        """Return a directory that a socket can be in, open to the server only."""
        beside = self.directory / "run"
        if _fits(beside):
            beside.mkdir(mode=0o700, exist_ok=True)
            chosen = beside
        else:
            short = next(Path(place) for place in (tempfile.gettempdir(), "/tmp") if _fits(Path(place) / _EXAMPLE))  # noqa: S108
            chosen = Path(tempfile.mkdtemp(prefix=keeper.SOCKET_PREFIX, dir=short))
        _give(chosen, account.uid, account.gid)
        return chosen

    def _ensure_keeper(self) -> None:
        lock = keeper.take(self.directory / keeper.KEEPER)
        if lock is None:
            return
        try:
            number = _inherited(lock)
            command = [sys.executable, "-I", "-S", keeper.__file__, str(self.directory), str(number)]
            self._spawn(command, lock)
        finally:
            os.close(lock)

    def _spawn(self, command: Sequence[str], lock: int) -> None:
        """Start a process that outlives us, holds the lock, and writes what it says into the log."""
        log = self.directory / _LOG
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        if log.exists() and log.stat().st_size > _LONGEST_LOG:
            flags |= os.O_TRUNC
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
            (os.POSIX_SPAWN_DUP2, lock, _inherited(lock)),
        ]
        child = os.posix_spawn(command[0], list(command), _environment(), file_actions=actions, setsid=True)
        self._children.append(child)

    def _last_words(self) -> str:
        said = "nothing"
        with suppress(OSError):
            lines = (self.directory / _LOG).read_text(encoding="utf-8", errors="replace").splitlines()
            telling = [line for line in lines[-20:] if "FATAL:" in line or "PANIC:" in line] or lines[-1:]
            said = telling[-1].split("FATAL:")[-1].strip() if telling else said
        return (
            f"{self.directory}: the embedded server does not start ({said}); see {_LOG} there, or set "
            "NIGHTCREW_DATABASE_URL to a served database"
        )

    def _stop_if_alone(self) -> None:
        alone = keeper.take(self.directory / keeper.CLIENTS)
        if alone is None:  # others use it, or it is being stopped
            keeper.is_free(self.directory / keeper.CLIENTS, wait=_PATIENCE)
            return
        try:
            keeper.stop(self.directory)
        finally:
            os.close(alone)

    def _reap(self) -> None:
        for child in list(self._children):
            with suppress(ChildProcessError):
                if os.waitpid(child, os.WNOHANG)[0] == 0:
                    continue
            self._children.remove(child)


def _fits(socket_dir: Path) -> bool:
    """Tell whether a socket can be in a directory: the path is short, and libpq does not take it for a list."""
    path = os.fsencode(socket_dir / f"{keeper.SOCKET_NAME}.lock")
    return len(path) <= _SOCKET_PATH_LIMIT and b"," not in path


def _inherited(lock: int) -> int:
    first, second = keeper.INHERITED
    return second if lock == first else first


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _give(path: Path, uid: int, gid: int) -> None:
    """Make a user the owner of a directory with all that is in it; root only needs to.

    Meanwhile the directory is root's, so that nobody can put something else into its place.
    """
    if os.geteuid() != 0:
        return
    os.chown(path, 0, 0, follow_symlinks=False)
    for _, names, files, folder in os.fwalk(path):
        for name in (*names, *files):
            os.chown(name, uid, gid, dir_fd=folder, follow_symlinks=False)
    os.chown(path, uid, gid, follow_symlinks=False)
