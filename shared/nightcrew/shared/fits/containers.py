"""How FITS lies on disk: as it is, or compressed as a whole by bzip2 or gzip."""

from __future__ import annotations

import bz2
import errno
import gzip
import hashlib
import io
import os
import stat
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from nightcrew.shared.errors import ServiceError
from nightcrew.shared.fits.faults import DamagedFile, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nightcrew.shared.fits.blocks import ReadBytes

_INFLATERS: dict[bytes, tuple[str, Callable[[bytes], bytes]]] = {
    b"BZh": ("bzip2", bz2.decompress),
    b"\x1f\x8b": ("gzip", gzip.decompress),
}
"""By the first bytes of the file: names lie."""

_PIECE = 1 << 24

_PASSING = {errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
"""Failures of the machine, not of the file: another try may help."""


class Container(Protocol):
    """Gives the bytes of FITS, whatever lies on disk."""

    path: Path
    size: int
    """Bytes of FITS."""

    @property
    def compressed(self) -> bool:
        """Whether the file on disk is not FITS itself."""

    @contextmanager
    def opened(self) -> Iterator[ReadBytes]:
        """Give a function that reads bytes of FITS."""

    def fill(self, buffer: memoryview, offset: int) -> None:
        """Read as many bytes at `offset` as the buffer holds."""

    def expect(self, offset: int) -> None:
        """Tell that an array begins at `offset`."""

    def finished(self, offset: int) -> None:
        """Tell that the whole array at `offset` has been read."""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn failures of the operating system into errors that name file, rule and remedy."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        if error.errno in _PASSING:
            raise ServiceError(f"{path}: cannot be read now ({why}); try again, and check the disk") from error
        raise DamagedFile(path, Reason.UNREADABLE, f"it cannot be read ({why})") from error


@contextmanager
def _descriptor(path: Path) -> Iterator[tuple[int, os.stat_result]]:
    with reading(path):
        # Without O_NONBLOCK a named pipe would keep us waiting for a writer.
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(number)
            if not stat.S_ISREG(status.st_mode):
                kind = "a directory" if stat.S_ISDIR(status.st_mode) else "not a regular file"
                raise DamagedFile(path, Reason.UNREADABLE, f"it is {kind}")
            yield number, status
        finally:
            os.close(number)


def _check_name(path: Path) -> None:
    """Refuse a name that no product could tell."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise DamagedFile(path, Reason.UNREADABLE, "its name is not UTF-8") from error


class Identity(NamedTuple):
    """What tells a file from another one, and from itself after a change.

    Parameters
    ----------
    size
        Bytes.
    mtime_ns
        Time of the last change, nanoseconds since 1970.
    inode
        Number of the file in its file system.
    """

    size: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> Identity:
        """Return what the operating system says of a file."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ino)


class PlainFile:
    """FITS as it is: each read opens the file, reads what is asked for, and closes it.

    Parameters
    ----------
    path
        The file.  If it is replaced or changed later, reading from it is an error.

    Attributes
    ----------
    identity : Identity
        Of the file when it was opened first.
    """

    compressed = False

    def __init__(self, path: Path) -> None:
        self.path = path
        _check_name(path)
        with _descriptor(path) as (_, status):
            self.identity = Identity.of(status)
        self.size = status.st_size

    @contextmanager
    def _unchanged(self) -> Iterator[int]:
        with _descriptor(self.path) as (number, status):
            if Identity.of(status) != self.identity:
                raise DamagedFile(self.path, Reason.UNREADABLE, "it was changed after it had been opened")
            yield number

    @contextmanager
    def opened(self) -> Iterator[ReadBytes]:
        """Give a function that reads bytes of FITS."""
        with self._unchanged() as number:
            yield lambda length, offset: os.pread(number, length, offset)

    def fill(self, buffer: memoryview, offset: int) -> None:
        """Read as many bytes at `offset` as the buffer holds."""
        with self._unchanged() as number:
            fill_from(number, buffer, offset, self.path)

    def whole(self) -> bytes:
        """Read all of it."""
        with self._unchanged() as number, os.fdopen(number, "rb", closefd=False) as file:
            return file.read()

    def expect(self, offset: int) -> None:
        """Do nothing: no memory is held."""

    def finished(self, offset: int) -> None:
        """Do nothing: no memory is held."""


def fill_from(number: int, buffer: memoryview, offset: int, path: Path) -> None:
    """Read from an open file as many bytes at `offset` as the buffer holds."""
    while buffer:
        count = os.preadv(number, [buffer], offset)
        if count == 0:
            raise DamagedFile(path, Reason.TRUNCATED, f"it ends before byte {offset + len(buffer)}")
        buffer, offset = buffer[count:], offset + count


class HeldFile:
    """FITS held in memory until each of its arrays has been read once; from then on it comes from disk again.

    Parameters
    ----------
    disk
        The file.
    raw
        Its bytes, if they have been read already.
    most
        Bytes of FITS that it may come to; None for any number.
    """

    def __init__(self, disk: PlainFile, raw: bytes | None = None, most: int | None = None) -> None:
        self.path = disk.path
        self._disk = disk
        content = disk.whole() if raw is None else raw
        self._held: bytes | None = inflate(content, disk.path, most)
        self.compressed = self._held is not content
        self.size = len(self._held)
        self._pending: set[int] = set()

    def _content(self) -> bytes:
        content = self._held
        if content is None:
            content = self._held = inflate(self._disk.whole(), self.path)
        return content

    @contextmanager
    def opened(self) -> Iterator[ReadBytes]:
        """Give a function that reads bytes of FITS."""
        content = self._content()
        yield lambda length, offset: content[offset : offset + length]

    def fill(self, buffer: memoryview, offset: int) -> None:
        """Read as many bytes at `offset` as the buffer holds."""
        if self._held is None and not self.compressed:
            self._disk.fill(buffer, offset)
        else:
            buffer[:] = memoryview(self._content())[offset : offset + len(buffer)]

    def expect(self, offset: int) -> None:
        """Keep the bytes until the array at `offset` has been read."""
        self._pending.add(offset)

    def finished(self, offset: int) -> None:
        """Forget the bytes if this was the last array that was waited for."""
        self._pending.discard(offset)
        if not self._pending:
            self._held = None


def open_container(path: Path) -> Container:
    """Open a file, compressed or not."""
    disk = PlainFile(path)
    with disk.opened() as read:
        first = read(3, 0)
    return HeldFile(disk) if _inflater(first) else disk


def inflate(content: bytes, path: Path, most: int | None = None) -> bytes:
    """Undo bzip2 or gzip; content that is neither is returned as it is.

    Parameters
    ----------
    content, path
        The bytes of a file, and its name for messages.
    most
        Bytes that may come of it; None for any number.

    Raises
    ------
    DamagedFile
        If the stream is damaged, or gives more than `most` bytes.
    """
    inflater = _inflater(content[:3])
    if inflater is None:
        return content
    name, decompress = inflater
    try:
        return decompress(content) if most is None else _bounded(content, path, name, most)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        rule = f"its {name} stream is damaged or incomplete ({error})"
        raise DamagedFile(path, Reason.COMPRESSED_STREAM_DAMAGED, rule) from error


def _bounded(content: bytes, path: Path, name: str, most: int) -> bytes:
    """Undo compression piece by piece: some kilobytes may stand for more than there is memory."""
    packed = io.BytesIO(content)
    pieces: list[bytes] = []
    with bz2.BZ2File(packed) if name == "bzip2" else gzip.GzipFile(fileobj=packed) as stream:
        while piece := stream.read(_PIECE):
            pieces.append(piece)
            most -= len(piece)
            if most < 0:
                raise DamagedFile(path, Reason.TOO_LARGE, f"its {name} stream gives more bytes than a frame may have")
    return b"".join(pieces)


def is_compressed(first: bytes) -> bool:
    """Whether a file that begins with these bytes is compressed as a whole."""
    return _inflater(first) is not None


def _inflater(first: bytes) -> tuple[str, Callable[[bytes], bytes]] | None:
    return next((inflater for magic, inflater in _INFLATERS.items() if first.startswith(magic)), None)


def md5_of(path: Path | str) -> str:
    """Return the MD5 of a file as it lies on disk, in hexadecimal.

    Raises
    ------
    FrameError
        If it cannot be read.
    """
    with _descriptor(Path(path)) as (number, _), os.fdopen(number, "rb", closefd=False) as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
