"""The bytes of files on their way, and their SHA-256."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nightcrew.shared.fits.output import whole_file, write_at
from nightcrew.shared.store.errors import Damaged, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

PIECE = 1 << 20


@dataclass(slots=True)
class Hashed:
    """Bytes that are counted and hashed while they pass.

    Parameters
    ----------
    what
        For messages.
    chunks
        The bytes.
    expected
        Their SHA-256.
    """

    what: str
    chunks: Iterable[bytes]
    expected: str
    size: int = 0
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the bytes; instead of the end comes `Damaged` if they are not the expected ones."""
        for chunk in self.chunks:
            self._digest.update(chunk)
            self.size += len(chunk)
            yield chunk
        found = self._digest.hexdigest()
        if found != self.expected:
            raise Damaged(
                f"{self.what}: its SHA-256 is {found}, and should be {self.expected or 'recorded'}; "
                "try again, or restore it from a copy"
            )


def pieces(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file.

    Raises
    ------
    StoreError
        If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            while chunk := file.read(PIECE):
                yield chunk
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror or error}); put it back where it was") from error


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal.

    Raises
    ------
    StoreError
        If it cannot be read.
    """
    digest = hashlib.sha256()
    for chunk in pieces(path):
        digest.update(chunk)
    return digest.hexdigest()


def write_whole(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file that is there whole and on disk, or not at all.

    Raises
    ------
    ServiceError
        If the disk refuses, or whatever the bytes raise.
    """
    with whole_file(path) as number:
        size = 0
        for chunk in chunks:
            size = write_at(number, chunk, size)
