"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from nightcrew.shared.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

_REMEDIES = {
    errno.ENOSPC: "free space on that disk",
    errno.EDQUOT: "free space, or have the quota raised",
    errno.EFBIG: "raise the limit on the size of files",
    errno.EACCES: "check the permissions of the directory",
    errno.EPERM: "check the permissions of the directory",
    errno.EROFS: "choose a directory that can be written to",
    errno.ENOENT: "make the directory first",
    errno.ENOTDIR: "choose a directory",
    errno.EISDIR: "choose another name: a directory has this one",
    errno.ENAMETOOLONG: "choose a shorter name",
}

DESCRIPTORS = Path("/proc/self/fd")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn failures of the operating system into errors that name file, rule and remedy."""
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "check the disk")
        why = error.strerror or str(error)
        raise ServiceError(f"{path}: cannot be written ({why}); {remedy}") from error


def write_at(number: int, data: bytes | memoryview, offset: int) -> int:
    """Write all of `data` at a position of an open file, and return the position after it."""
    left = memoryview(data).cast("B")
    while left:
        count = os.pwrite(number, left, offset)
        left, offset = left[count:], offset + count
    return offset


@contextmanager
def whole_file(path: Path) -> Iterator[int]:
    """Give a descriptor to write to; when the block ends well, what was written bears the name `path`, on disk.

    The file is made without a name where the file system can do that, else beside `path` under one that begins with
    a dot, and takes its name, and the place of an older file, only when it is complete and synced.  Whatever goes
    wrong, nothing of it stays.

    Raises
    ------
    ServiceError
        If the operating system refuses.
    """
    partial = path.with_name(f".{secrets.token_hex(8)}.part")
    with writing(path):
        number = _open_unnamed(path.parent)
        unnamed = number is not None
        if number is None:
            number = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            try:
                yield number
                os.fsync(number)
                if unnamed:
                    _name(number, partial)
            finally:
                os.close(number)
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        _sync_directory(path.parent)


def _open_unnamed(directory: Path) -> int | None:
    """Open a file that vanishes with the process unless it is given a name; None where that is not to be had."""
    if not (hasattr(os, "O_TMPFILE") and DESCRIPTORS.is_dir()):
        return None
    with suppress(OSError):
        return os.open(directory, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o666)
    return None


def _name(number: int, path: Path) -> None:
    # With a directory given, though it is of no consequence for an absolute path, link() follows the symbolic link.
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.link(DESCRIPTORS / str(number), path.name, src_dir_fd=directory, dst_dir_fd=directory)
    finally:
        os.close(directory)


def _sync_directory(directory: Path) -> None:
    number = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)
