"""Under which account the embedded server runs: PostgreSQL refuses root, and initdb a user without a name."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from nightcrew.shared.errors import SettingsError

SERVER_ID = 65529
"""User and group of a server that root starts: a number that nobody has.

65520 to 65533 are used by nothing (https://systemd.io/UIDS-GIDS/), and are within what containers map.
"""

# Capabilities that let a server into directories that are closed to it, the narrower first (linux/capability.h).
_REACH = (("dac_read_search", 2), ("dac_override", 1))
# What root needs to run a process as another user and to stop it; a container may have taken it away.
_LENDING = (("chown", 0), ("kill", 5), ("setgid", 6), ("setuid", 7), ("setpcap", 8))


@dataclass(frozen=True, slots=True)
class Account:
    """An account, and what is put before a command to run it under that account.

    Attributes
    ----------
    uid, gid : int
        Who owns the data and the socket.
    prefix : tuple of str
        For the server.
    maker_uid, maker_gid : int
        Who runs initdb.
    maker_prefix : tuple of str
        For initdb.
    """

    uid: int
    gid: int
    prefix: tuple[str, ...]
    maker_uid: int
    maker_gid: int
    maker_prefix: tuple[str, ...]


def account_for(directory: Path, program: Path, me: int) -> Account:
    """Choose the account for a server that keeps its files in `directory` and is started by user `me`.

    Any user's server runs as that user.  Root's runs as the owner of the directory, or, where that is root too, as
    `SERVER_ID`; where a directory on the way is closed to that one, the server gets the capability to pass.  It never
    gets it in a user's directory, whose owner could make the server run anything.

    Raises
    ------
    SettingsError
        If the directory belongs to somebody else, or this system cannot lend the account.
    """
    owner = directory.stat()
    if me != 0:
        if owner.st_uid != me:
            raise SettingsError(
                f"{directory}: belongs to user {_called(owner.st_uid)}; choose another with NIGHTCREW_DATA_DIR"
            )
        return Account(me, os.getegid(), (), me, os.getegid(), () if _named(me) else _borrowed_name(me))
    uid, gid = (owner.st_uid, owner.st_gid) if owner.st_uid != 0 else (SERVER_ID, SERVER_ID)
    maker = (uid, gid) if _named(uid) else _somebody()
    closed = uid == SERVER_ID and not (_open_to(directory / "data", uid) and _open_to(program, uid))
    return Account(uid, gid, _lent(uid, gid, reach=closed), *maker, _lent(*maker, reach=closed))


def _named(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _called(uid: int) -> str:
    return pwd.getpwuid(uid).pw_name if _named(uid) else str(uid)


def _somebody() -> tuple[int, int]:
    """Return user and group of any account with a name, nobody's for choice."""
    entries = sorted((entry for entry in pwd.getpwall() if entry.pw_uid != 0), key=lambda e: e.pw_name != "nobody")
    if not entries:
        raise SettingsError("/etc/passwd: has no account but root, and PostgreSQL refuses root; add one")
    return entries[0].pw_uid, entries[0].pw_gid


def _tool(name: str, why: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise SettingsError(
            f"{name}: not found, but {why}; install util-linux, or set NIGHTCREW_DATABASE_URL to a served database"
        )
    return found


def _borrowed_name(me: int) -> tuple[str, ...]:
    """Return what gives initdb a name to see; outside of it, files and rights stay those of the user."""
    uid, gid = _somebody()
    why = f"initdb refuses user {me}, who has no entry in /etc/passwd"
    return (_tool("unshare", why), "--user", f"--map-user={uid}", f"--map-group={gid}", "--")


def _lent(uid: int, gid: int, *, reach: bool) -> tuple[str, ...]:
    """Return what runs a command as another user, without root's rights."""
    tool = _tool("setpriv", "PostgreSQL refuses to run as root")
    lacking = [f"CAP_{name.upper()}" for name, bit in _LENDING if not _permitted() >> bit & 1]
    if lacking:
        raise SettingsError(
            f"PostgreSQL refuses to run as root, and root lacks {', '.join(lacking)} to run it as somebody else; "
            "run nightcrew as a user, or set NIGHTCREW_DATABASE_URL to a served database"
        )
    able = [f",+{name}" for name, bit in _REACH if _permitted() >> bit & 1] if reach else []
    kept = "".join(["-all", *able[:1]])
    caps = (f"--inh-caps={kept}", f"--ambient-caps={kept}", f"--bounding-set={kept}")
    return (
        tool,
        f"--reuid={uid}",
        f"--regid={gid}",
        "--clear-groups",
        "--no-new-privs",
        *caps,
        "--",
    )


def _permitted() -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("CapPrm:"):
            return int(line.split()[1], 16)
    return 0


def _open_to(path: Path, uid: int) -> bool:
    """Tell whether a user finds all directories on the way to a path open."""
    return all(_may_pass(parent.stat(), uid) for parent in path.absolute().parents)


def _may_pass(directory: os.stat_result, uid: int) -> bool:
    mine = directory.st_uid == uid
    return bool(directory.st_mode & (stat.S_IXUSR if mine else stat.S_IXOTH))
