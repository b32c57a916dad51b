"""Who uses the embedded server, told by locks on files; and the process that stops it when nobody does any more.

Locks (``flock``) vanish with the process that holds them, however it ends, so nothing here can be left behind by a
killed process, and no number of a process is ever mistaken for another's.  In the directory of the server there are

==================  ============================================================
``clients.lock``    shared by every user of the server; exclusive while it is stopped
``start.lock``      held by the one who looks whether the server runs, and starts it
``server.lock``     held by the server and all its children for as long as one of them lives
``keeper.lock``     held by the keeper
==================  ============================================================

The keeper runs this file by itself: it imports the standard library only, and so takes little time and memory.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

CLIENTS = "clients.lock"
START = "start.lock"
SERVER = "server.lock"
KEEPER = "keeper.lock"
DATA = "data"
SOCKET_PREFIX = "nightcrew-"
SOCKET_NAME = ".s.PGSQL.5432"
INHERITED = (3, 4)
"""Numbers under which a child process gets a lock; the second where the lock itself has the first."""

_PAUSE = 0.01  # seconds between two looks
_LONG_PAUSE = 1.0  # seconds between two looks of a keeper who lingers


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What PostgreSQL's own file ``postmaster.pid`` says of a server that runs, or once ran."""

    pid: int
    socket_dir: Path
    ready: bool


def take(path: Path, *, shared: bool = False, wait: float | None = 0.0) -> int | None:
    """Lock a file, made where it is not there.

    Parameters
    ----------
    wait
        Seconds; None stands for as long as it takes.

    Returns
    -------
    int or None
        The descriptor that holds the lock until it is closed; None if others did not let go of it in time.
    """
    number = _open(path)
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        if wait is None:
            fcntl.flock(number, kind)
            return number
        until = time.monotonic() + wait
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(number, kind | fcntl.LOCK_NB)
                return number
            if time.monotonic() >= until:
                os.close(number)
                return None
            time.sleep(_PAUSE)
    except BaseException:
        with suppress(OSError):
            os.close(number)
        raise


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    while True:
        with suppress(FileNotFoundError):
            return os.open(path, flags)
        with suppress(FileExistsError):
            number = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
            if os.geteuid() == 0:  # what root makes in somebody's directory stays usable to them
                owner = path.parent.stat()
                os.fchown(number, owner.st_uid, owner.st_gid)
            return number


def is_free(path: Path, *, wait: float = 0.0) -> bool:
    """Tell whether nobody holds a lock of their own on a file, or lets go of it in time; those who ask do not count."""
    number = take(path, shared=True, wait=wait)
    if number is None:
        return False
    os.close(number)
    return True


def postmaster(directory: Path) -> Postmaster | None:
    """Read ``postmaster.pid``; None where there is none, or it is just being written."""
    try:
        lines = (directory / DATA / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    # PostgreSQL, src/include/utils/pidfile.h: number, data directory, start, port, socket directory, address, memory,
    # status.
    if len(lines) < 8:
        return None
    return Postmaster(int(lines[0]), Path(lines[4]), lines[7].strip() == "ready")


def answers(server: Postmaster) -> bool:
    """Tell whether somebody listens at the server's socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        try:
            client.connect(str(server.socket_dir / SOCKET_NAME))
        except OSError:
            return False
    return True


def tidy(directory: Path) -> None:
    """Remove what a server that runs no longer left behind."""
    left = postmaster(directory)
    (directory / DATA / "postmaster.pid").unlink(missing_ok=True)
    if left is not None:
        remove_socket(directory, left.socket_dir)


def remove_socket(directory: Path, socket_dir: Path) -> None:
    """Remove what a server left where its socket was, if that place is still the server's."""
    with suppress(OSError):
        if socket_dir.lstat().st_uid != (directory / DATA).stat().st_uid:
            return
        for name in (SOCKET_NAME, f"{SOCKET_NAME}.lock"):
            (socket_dir / name).unlink(missing_ok=True)
        if socket_dir.name.startswith(SOCKET_PREFIX):
            socket_dir.rmdir()


def stop(directory: Path, *, fast: float = 60.0, immediate: float = 10.0) -> None:
    """Stop the server, if it runs, and wait for its end.

    Parameters
    ----------
    fast, immediate
        Seconds that PostgreSQL gets for the two ways to stop it that go by these names.
    """
    for how, patience in ((signal.SIGINT, fast), (signal.SIGQUIT, immediate)):
        running = postmaster(directory)
        if running is None or is_free(directory / SERVER) or not _is_the_servers(directory, running.pid):
            break
        with suppress(ProcessLookupError):
            os.kill(running.pid, how)
        if is_free(directory / SERVER, wait=patience):
            remove_socket(directory, running.socket_dir)
            break


def _is_the_servers(directory: Path, pid: int) -> bool:
    """Tell whether a process runs under the server's account: the file that names it is that account's to write."""
    try:
        return Path("/proc", str(pid)).stat().st_uid == (directory / DATA).stat().st_uid
    except FileNotFoundError:
        return not Path("/proc/self").exists()


def wish(clients: int, linger: float) -> None:
    """Note, as a user, for how many seconds the server is to stay after the last one has left; the last wish counts."""
    os.pwrite(clients, f"{linger:<20}".encode("ascii"), 0)


def _seconds_left(clients: int) -> float:
    noted = os.pread(clients, 20, 0).strip()
    linger = float(noted) if noted else 0.0
    return min(os.fstat(clients).st_mtime + linger - time.time(), linger)


def keep(directory: Path) -> int:
    """Wait until nobody has used the server for as long as was wished, and stop it.

    Returns
    -------
    int
        The lock of the clients: whoever comes now waits until it is closed.
    """
    while True:
        clients = take(directory / CLIENTS, wait=None)
        if clients is None:
            continue
        left = _seconds_left(clients)
        if left <= 0 or is_free(directory / SERVER):
            break
        os.close(clients)
        time.sleep(min(left, _LONG_PAUSE))
    stop(directory)
    return clients


def main(directory: str, lock: str) -> None:
    """Be the keeper, who holds the inherited lock number `lock`."""
    os.chdir("/")
    clients = keep(Path(directory))
    # In this order: who then comes as a client must see that there is no keeper.
    os.close(int(lock))
    os.close(clients)


if __name__ == "__main__":
    main(*sys.argv[1:])
