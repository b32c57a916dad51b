"""What receiving a file asks of it: whether it is whole, its headers, its digest; its bytes are read once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nightcrew.shared.errors import ServiceError
from nightcrew.shared.fits.blocks import walk
from nightcrew.shared.fits.containers import HeldFile, PlainFile, is_compressed
from nightcrew.shared.fits.faults import DamagedFile, Reason
from nightcrew.shared.fits.integrity import Integrity, check_length, check_sums
from nightcrew.shared.fits.reading import headers_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from astropy.io.fits import Header

    from nightcrew.shared.fits.blocks import Hdu
    from nightcrew.shared.fits.containers import Container, Identity

HELD = 1 << 28
"""Files of up to so many bytes are held in memory while they are examined; larger ones are read piece by piece."""
_CHUNK = 1 << 22


@dataclass(frozen=True, slots=True)
class Examination:
    """What `examine` found.

    Parameters
    ----------
    integrity
        Whether the file is whole.
    headers
        Of every HDU, as `read_headers` returns them; none if the file is not whole.
    sha256
        Of the file as it lies on disk, hexadecimal; empty if it was not asked for, or the file is not whole.
    identity
        Which file it was; None if it could not be opened.
    """

    integrity: Integrity
    headers: tuple[Header, ...] = ()
    sha256: str = ""
    identity: Identity | None = None


def examine(path: Path | str, *, hashed: bool = False, most: int | None = None) -> Examination:
    """Judge whether a file is whole FITS, and take down what it says of itself.

    Parameters
    ----------
    path
        A file, plain or compressed.
    hashed
        Whether its SHA-256 is wanted.
    most
        Bytes that it may have, compressed or not; None for any number.

    Notes
    -----
    A file that is shorter than its headers say is found out before its data are read.
    """
    identity: Identity | None = None
    try:
        disk = PlainFile(Path(path))
        identity = disk.identity
        if most is not None and disk.size > most:
            raise DamagedFile(disk.path, Reason.TOO_LARGE, f"it has {disk.size} bytes, a frame may have {most}")
        headers, digest = _examined(disk, hashed, most)
    except DamagedFile as damage:
        return Examination(Integrity(damage.reason, str(damage)), identity=identity)
    except ServiceError as failure:
        return Examination(Integrity(Reason.UNREADABLE, str(failure), passing=True), identity=identity)
    return Examination(Integrity(Reason.OK), tuple(headers), digest, identity)


def _examined(disk: PlainFile, hashed: bool, most: int | None) -> tuple[list[Header], str]:
    hdus: list[Hdu] = []
    with disk.opened() as read:
        compressed = is_compressed(read(3, 0))
        if not compressed:
            hdus = walk(read, disk.size, disk.path)
            check_length(hdus, disk)
    digest = ""
    container: Container = disk
    if compressed or (hashed and disk.size <= HELD):
        raw = disk.whole()
        if len(raw) != disk.size:
            raise DamagedFile(disk.path, Reason.UNREADABLE, "it was changed after it had been opened")
        container = HeldFile(disk, raw, most)
        digest = hashlib.sha256(raw).hexdigest() if hashed else ""
    elif hashed:
        digest = _digest(disk)
    with container.opened() as read:
        if compressed:
            hdus = walk(read, container.size, disk.path)
            check_length(hdus, container)
        check_sums(hdus, read, disk.path)
    return headers_of(hdus, container), digest


def _digest(disk: PlainFile) -> str:
    digest = hashlib.sha256()
    for piece in _pieces(disk):
        digest.update(piece)
    return digest.hexdigest()


def _pieces(disk: PlainFile) -> Iterator[bytes]:
    with disk.opened() as read:
        for offset in range(0, disk.size, _CHUNK):
            yield read(min(_CHUNK, disk.size - offset), offset)
