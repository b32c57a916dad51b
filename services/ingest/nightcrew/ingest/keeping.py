"""Files that appear whole under names that nobody has, and files that are taken away without taking the wrong one."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nightcrew.shared.fits.containers import Identity

if TYPE_CHECKING:
    from collections.abc import Iterator

STAGE = ".nightcrew-incoming"
"""Directory, below archive and quarantine, in which copies grow; only whole ones get a name."""
ABANDONED = 86400.0
"""Age in seconds of what a process that died has left there."""

_NO_LINK = frozenset({errno.EPERM, errno.EXDEV, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL})
"""What is said where a file cannot have a second name: other file system, or one that knows of no links."""
_CHUNK = 1 << 20


class NotTheSame(OSError):
    """The file was changed or replaced while it was being kept."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be kept.

    Parameters
    ----------
    path
        Where it is.
    identity
        What it was when it was looked into.
    sha256
        Of its content then; empty if that is not known.
    """

    path: str
    identity: Identity
    sha256: str = ""


def stage(source: Source, root: Path) -> Path:
    """Give a file a second name below `root`, or copy it there; nobody else knows that name.

    Raises
    ------
    OSError
        If there is no room, or no permission; `NotTheSame` if it was changed meanwhile.  Nothing is left then.
    """
    directory = root / STAGE
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    staged = directory / secrets.token_hex(12)
    try:
        real = os.path.realpath(source.path)
        try:
            os.link(real, staged)
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            _copy(real, staged, source)
        else:
            _check(Identity.of(staged.stat()), source)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
    return staged


def _copy(real: str, staged: Path, source: Source) -> None:
    digest = hashlib.sha256()
    with Path(real).open("rb") as file, staged.open("xb") as copy:
        _check(Identity.of(os.fstat(file.fileno())), source)
        while piece := file.read(_CHUNK):
            digest.update(piece)
            copy.write(piece)
        copy.flush()
        os.fsync(copy.fileno())
    if source.sha256 and digest.hexdigest() != source.sha256:
        raise NotTheSame(errno.EAGAIN, "it was changed while it was copied")
    with suppress(OSError):
        shutil.copystat(real, staged)


def _check(found: Identity, source: Source) -> None:
    if found != source.identity:
        raise NotTheSame(errno.EAGAIN, "it was changed after it had been looked into")


def publish(staged: Path, target: Path) -> None:
    """Give a staged file its name, which appears at once and takes nobody's place; the staged name goes.

    The name outlasts a power cut once its directory is synchronised (`sync_directory`).

    Raises
    ------
    FileExistsError
        If somebody has that name.
    OSError
        If it cannot be had for another reason.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(staged, target)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        # Without links the name is taken first, by an empty file, which then becomes the whole one at once.
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644))
        staged.replace(target)
    else:
        staged.unlink()


def sync_directory(directory: Path) -> None:
    """Make the names in a directory outlast a power cut."""
    number = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.EOPNOTSUPP}:  # some network file systems sync by themselves
            raise
    finally:
        os.close(number)


def holds(path: Path, source: Source) -> bool:
    """Whether a file is the source under another name, or has its content."""
    try:
        status = path.stat()
        if Identity.of(status) == source.identity and path.samefile(source.path):
            return True
        if not source.sha256 or status.st_size != source.identity.size or not stat.S_ISREG(status.st_mode):
            return False
        return digest_of(path) == source.sha256
    except OSError:
        return False


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def take_away(path: str, identity: Identity) -> bool:
    """Remove a file, unless another one has taken its name meanwhile; return whether it is gone.

    Raises
    ------
    OSError
        If there is no permission; the file is where it was then.
    """
    original = Path(path)
    # Who holds a name may replace what it stands for at any moment: the file is looked at under one that nobody knows.
    taken = original.with_name(f".nightcrew-{secrets.token_hex(12)}")
    try:
        original.rename(taken)
    except FileNotFoundError:
        return True
    try:
        status = taken.stat()
    except OSError:  # a link that leads nowhere, or in circles
        status = taken.lstat()
    if Identity.of(status) == identity:
        taken.unlink()
        return True
    try:
        publish(taken, original)
    except FileExistsError:
        taken.rename(next(name for name in _others(original) if not os.path.lexists(name)))
    return False


def _others(path: Path) -> Iterator[Path]:
    number = 2
    while True:
        yield path.with_name(f"{path.name}.{number}.fits")
        number += 1


def sweep(root: Path, now: float) -> int:
    """Remove what processes that died have left in the stage of a directory; return how many files that was."""
    removed = 0
    with suppress(FileNotFoundError):
        for path in (root / STAGE).iterdir():
            with suppress(OSError):
                if now - path.lstat().st_ctime > ABANDONED:
                    path.unlink()
                    removed += 1
    return removed
