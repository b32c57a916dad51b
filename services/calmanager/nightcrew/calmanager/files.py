"""Where received calibrations are kept: a directory whose sub-directories are named for content."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nightcrew.calmanager.errors import DigestMismatch, TooLarge
from nightcrew.calmanager.incoming import Digests
from nightcrew.shared.fits.output import writing

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator
    from pathlib import Path

_INCOMING = "incoming"
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Received:
    """A file that lies in the store under a passing name; `keep` gives it its own."""

    path: Path
    digests: Digests


@dataclass(frozen=True, slots=True)
class FileStore:
    """Files by content: `ROOT/ab/abcd.../NAME`, where `abcd...` is the SHA-256.

    A file appears there whole and synced, before the database tells of it.  What a crash leaves behind is a file
    that nothing tells of: `orphans` finds it.

    Parameters
    ----------
    root
        Directory; it is made when something is stored.
    """

    root: Path

    def path_of(self, sha256: str, name: str) -> Path:
        """Return where the file of that content and name lies."""
        return self.root / sha256[:2] / sha256 / name

    @contextmanager
    def receive(
        self, name: str, chunks: Iterable[bytes], *, limit: int, md5: str | None = None, sha256: str | None = None
    ) -> Iterator[Received]:
        """Write what arrives to a passing file, synced, for as long as the block lasts.

        Parameters
        ----------
        name
            For messages.
        chunks
            The file, in pieces.
        limit
            Bytes that it may have.
        md5, sha256
            What the sender says, hexadecimal; None if he does not.

        Raises
        ------
        TooLarge
            If more than `limit` bytes arrive.
        DigestMismatch
            If something else arrived than was sent.
        ServiceError
            If the disk refuses.
        """
        incoming = self.root / _INCOMING
        with writing(incoming):
            incoming.mkdir(parents=True, exist_ok=True)
        path = incoming / f"{os.getpid()}-{secrets.token_hex(8)}.part"
        try:
            digests = _write(path, name, chunks, limit)
            _compare(name, digests, md5, sha256)
            yield Received(path, digests)
        finally:
            with suppress(FileNotFoundError):
                path.unlink()

    def keep(self, received: Received, name: str) -> Path:
        """Give a received file its place, on disk, and return it; the same file may be there already.

        Raises
        ------
        ServiceError
            If the disk refuses.
        """
        target = self.path_of(received.digests.sha256, name)
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            received.path.replace(target)
            for directory in (target.parent, target.parent.parent, self.root):
                _sync(directory)
        return target

    def kept(self) -> Iterator[tuple[str, str, Path]]:
        """Give SHA-256, name and path of all files that have their place."""
        for directory in sorted(self.root.glob("??/*")):
            if _SHA256.fullmatch(directory.name) and directory.is_dir():
                yield from ((directory.name, path.name, path) for path in sorted(directory.iterdir()))

    def orphans(self, known: Container[tuple[str, str]], older_than: float) -> Iterator[Path]:
        """Give the files that the database does not know of, and those whose arrival was broken off.

        Parameters
        ----------
        known
            SHA-256 and name of what the database knows.
        older_than
            Seconds since 1970: later files may be on their way into the database now.
        """
        for path in sorted((self.root / _INCOMING).glob("*.part")):
            if _changed(path) < older_than:
                yield path
        for sha256, name, path in self.kept():
            if (sha256, name) not in known and _changed(path) < older_than:
                yield path

    def discard(self, path: Path) -> int:
        """Remove a file of the store, and the directory of its content if that is empty; return its bytes."""
        with writing(path):
            size = path.stat().st_size
            path.unlink()
            if path.parent.name != _INCOMING:
                with suppress(OSError):
                    path.parent.rmdir()
        return size


def _write(path: Path, name: str, chunks: Iterable[bytes], limit: int) -> Digests:
    md5, sha256, size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
    with writing(path):
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
    with os.fdopen(number, "wb") as stream:
        for chunk in chunks:
            size += len(chunk)
            if size > limit:
                raise TooLarge(f"{name}: larger than the {limit} bytes that may be received; raise the limit")
            md5.update(chunk)
            sha256.update(chunk)
            with writing(path):
                stream.write(chunk)
        with writing(path):
            stream.flush()
            os.fsync(stream.fileno())
        modified = os.fstat(stream.fileno()).st_mtime_ns
    return Digests(md5.hexdigest(), sha256.hexdigest(), size, modified)


def _compare(name: str, digests: Digests, md5: str | None, sha256: str | None) -> None:
    for kind, said, found in (("MD5", md5, digests.md5), ("SHA-256", sha256, digests.sha256)):
        if said is not None and said.lower() != found:
            raise DigestMismatch(f"{name}: {kind} {found} arrived, {said.lower()} was announced; send it again")


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _sync(directory: Path) -> None:
    number = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)
