"""Copies on this machine of what lies in the store."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nightcrew.shared.fits.output import writing
from nightcrew.shared.store.keys import checked_key

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from nightcrew.shared.store.protocol import Store


READ_ONLY = 0o444
"""Of copies: several jobs may use one at once, under names of their own."""


@dataclass(frozen=True, slots=True)
class Cache:
    """Keeps what was used last, up to a size; what is stored never changes, so that a copy stays right.

    Several processes may share it.  A file may go at any moment once it has been given out: whoever needs it for
    longer makes a link.

    Parameters
    ----------
    root
        Directory.
    limit
        Bytes beyond which the files go that were used least recently.
    """

    root: Path
    limit: int

    def fetch(self, store: Store, key: str) -> Path:
        """Return the copy of a file, which is fetched if it is not there.

        Raises
        ------
        NotStored
            If the store has none.
        StoreError
            If it cannot be asked, or the bytes are not those that were put there.
        ServiceError
            If the disk refuses.
        """
        path = self.root / checked_key(key)
        if not self._used(path):
            with writing(path):
                path.parent.mkdir(parents=True, exist_ok=True)
            store.get(key, path)
            with writing(path):
                path.chmod(READ_ONLY)
            self._trim(keep=path)
        return path

    def adopt(self, path: Path, key: str) -> None:
        """Take a file over that has been put into the store; that it cannot be kept here is no error."""
        target = self.root / checked_key(key)
        with suppress(OSError):
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
            self._used(target)

    def trim(self) -> None:
        """Remove what is too much."""
        self._trim(keep=None)

    def _used(self, path: Path) -> bool:
        """Note that a file is used; False if it is not there."""
        try:
            os.utime(path)
        except OSError:
            return False
        return True

    def _trim(self, keep: Path | None) -> None:
        found = sorted(self._files())
        total = sum(size for _, size, _ in found)
        for _, size, path in found:
            if total <= self.limit:
                return
            if path != keep:
                with suppress(OSError):
                    path.unlink()
                    path.parent.rmdir()
                total -= size

    def _files(self) -> Iterable[tuple[int, int, Path]]:
        """Yield time of the last use, size and path of the files."""
        for path in self.root.rglob("*"):
            with suppress(OSError):  # somebody else has removed it
                status = path.stat()
                if path.is_file() and not path.name.startswith("."):
                    yield status.st_mtime_ns, status.st_size, path
