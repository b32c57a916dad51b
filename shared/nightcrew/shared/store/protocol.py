"""A store of files: what directories and object stores have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Stored:
    """A file in the store: its key, bytes, and their SHA-256 as it was recorded when it was put there."""

    key: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A file as a listing shows it."""

    key: str
    size: int


class Store(Protocol):
    """Keeps files under keys, for all machines.

    A file is there as a whole or not at all, with the SHA-256 of its bytes, and is never replaced; only names that
    `show` gives may come to stand for something else.  All methods raise `StoreError` if the store cannot be asked,
    which is another thing than that it has nothing, and `NotAKey` for what cannot be a key.
    """

    @property
    def url(self) -> str:
        """Where it is, for people; without secrets."""

    def put(self, path: Path, key: str, sha256: str) -> Stored:
        """Keep a file; to put the same bytes there again does nothing.

        Raises
        ------
        Occupied
            If other bytes are kept under the key.
        Damaged
            If the file has not this SHA-256; nothing is kept then.
        """

    def get(self, key: str, target: Path) -> Stored:
        """Write a file to `target`, whose directory is there: whole, and with the SHA-256 that was recorded.

        Raises
        ------
        NotStored
            If there is none.
        Damaged
            If its bytes are not those that were put there; nothing is written then.
        ServiceError
            If the disk refuses.
        """

    def stat(self, key: str) -> Stored | None:
        """Return what is known of a file; None if there is none."""

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """Yield the files whose keys begin so, by key; a prefix ends with a slash."""

    def delete(self, key: str) -> None:
        """Remove a file, or a name that `show` gave; one that is not there is no error."""

    def show(self, key: str, name: str) -> None:
        """Let a key stand for a file that is kept under another one, whatever it stood for before.

        Raises
        ------
        NotStored
            If there is no such file.
        """
