"""A directory as a store: on this machine, or in a file system that all machines mount.

::

    ROOT/KEY               the file, read-only
    ROOT/.sha256/KEY       its SHA-256, written before it

Names that `show` gives are symbolic links, so that they change in one step with all that belongs to them.
"""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nightcrew.shared.errors import ServiceError
from nightcrew.shared.store.errors import NotStored, Occupied, StoreError
from nightcrew.shared.store.hashing import Hashed, pieces, write_whole
from nightcrew.shared.store.keys import checked_key, checked_prefix
from nightcrew.shared.store.protocol import Entry, Stored

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DIGESTS = ".sha256"
READ_ONLY = 0o444


@dataclass(frozen=True, slots=True)
class DirectoryStore:
    """Keeps files in a directory.

    Parameters
    ----------
    root
        Absolute; it is made when something is put there, but what it lies in must be there.
    """

    root: Path

    @property
    def url(self) -> str:
        """The directory."""
        return str(self.root)

    def put(self, path: Path, key: str, sha256: str) -> Stored:
        """Keep a file; see `Store`."""
        target = self.root / checked_key(key)
        known = self.stat(key)
        if known is not None:
            return _same(known, sha256)
        bytes_ = Hashed(str(path), pieces(path), sha256)
        with _asking(self.root):
            _make(self.root, target.parent)
            digest = self.root / DIGESTS / key
            _make(self.root, digest.parent)
            write_whole(digest, [f"{sha256}\n".encode()])
            write_whole(target, bytes_)
            target.chmod(READ_ONLY)
        return Stored(key, bytes_.size, sha256)

    def get(self, key: str, target: Path) -> Stored:
        """Write a file to `target`; see `Store`."""
        # The name may come to stand for something else meanwhile: of what it stood for first, all is taken.
        with _asking(self.root):
            source = (self.root / checked_key(key)).resolve()
        known = self._look(source, key)
        if known is None:
            raise NotStored(f"{key}: is not in {self.url}; restore it from a copy")
        write_whole(target, Hashed(f"{self.url}/{key}", pieces(source), known.sha256))
        return known

    def stat(self, key: str) -> Stored | None:
        """Return what is known of a file; see `Store`."""
        with _asking(self.root):
            return self._look((self.root / checked_key(key)).resolve(), key)

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """Yield files by key; see `Store`."""
        top = self.root / checked_prefix(prefix)
        with _asking(self.root):
            self._must_be_there()
            found = [
                (path.relative_to(self.root).as_posix(), path.stat().st_size)
                for path in top.rglob("*")
                if path.is_file() and not any(part.startswith(".") for part in path.relative_to(self.root).parts)
            ]
        yield from (Entry(key, size) for key, size in sorted(found))

    def delete(self, key: str) -> None:
        """Remove a file; see `Store`."""
        path = self.root / checked_key(key)
        with _asking(self.root):
            for one in (path, self.root / DIGESTS / key):
                one.unlink(missing_ok=True)
                with suppress(OSError):  # there are others in it
                    for parent in list(one.parents)[: key.count("/")]:
                        parent.rmdir()

    def show(self, key: str, name: str) -> None:
        """Let a name stand for a file; see `Store`."""
        path, kept = self.root / checked_key(name), self.root / checked_key(key)
        if self.stat(key) is None:
            raise NotStored(f"{key}: is not in {self.url}; restore it from a copy")
        with _asking(self.root):
            _make(self.root, path.parent)
            link = path.with_name(f".{secrets.token_hex(8)}.part")
            link.symlink_to(os.path.relpath(kept, path.parent))
            try:
                link.replace(path)
            except OSError:
                link.unlink()
                raise

    def _look(self, path: Path, key: str) -> Stored | None:
        with _asking(self.root):
            try:
                size = path.stat().st_size
                sha256 = (self.root.resolve() / DIGESTS / path.relative_to(self.root.resolve())).read_text().strip()
            except FileNotFoundError:
                self._must_be_there()
                return None
            except ValueError:
                raise StoreError(f"{self.root}/{key}: leads out of the store; remove the link") from None
        return Stored(key, size, sha256)

    def _must_be_there(self) -> None:
        """See to it that the directory is there: one that is not mounted is no empty one."""
        if not self.root.is_dir():
            raise StoreError(f"{self.root}: is not there; make the directory, or mount its file system")


def _same(known: Stored, sha256: str) -> Stored:
    if known.sha256 != sha256:
        raise Occupied(f"{known.key}: is in the store with other bytes (SHA-256 {known.sha256}, not {sha256})")
    return known


def _make(root: Path, directory: Path) -> None:
    if not root.is_dir():
        raise StoreError(f"{root}: is not there; make the directory, or mount its file system")
    directory.mkdir(parents=True, exist_ok=True)


@contextmanager
def _asking(root: Path) -> Iterator[None]:
    """Turn failures of the file system into those of a store."""
    try:
        yield
    except StoreError:
        raise
    except ServiceError as error:
        raise StoreError(str(error)) from error
    except OSError as error:
        where = error.filename or root
        raise StoreError(
            f"{where}: the store refuses ({error.strerror or error}); check disk and permissions"
        ) from error
