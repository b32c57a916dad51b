"""Whether a file is whole: its length, its compression, its checksums."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nightcrew.shared.errors import ServiceError
from nightcrew.shared.fits import checksums as sums
from nightcrew.shared.fits.blocks import Hdu, ReadBytes, walk
from nightcrew.shared.fits.containers import open_container
from nightcrew.shared.fits.faults import DamagedFile, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nightcrew.shared.fits.containers import Container

_CHUNK = 1 << 22


@dataclass(frozen=True, slots=True)
class Integrity:
    """What `verify` found.

    Parameters
    ----------
    reason
        `Reason.OK`, or what is wrong.
    message
        One line with the file, the rule and the remedy; empty if all is well.
    passing
        Whether it was the machine that failed, not the file: another try may help.
    """

    reason: Reason
    message: str = ""
    passing: bool = False

    @property
    def ok(self) -> bool:
        """Whether the file is whole."""
        return self.reason is Reason.OK


def verify(path: Path | str, checksums: bool = True) -> Integrity:
    """Judge whether a file is whole FITS.

    Parameters
    ----------
    path
        A file, plain or compressed.
    checksums
        Whether to compare the pixels with CHECKSUM and DATASUM, where an HDU has them.

    Returns
    -------
    Integrity
        Headers and padded data must be exactly as long as the file, and a processed file
        must hold as many extensions as its writer counted in NEXTEND.
    """
    try:
        container = open_container(Path(path))
        with container.opened() as read:
            hdus = walk(read, container.size, container.path)
            check_length(hdus, container)
            if checksums:
                check_sums(hdus, read, container.path)
    except DamagedFile as damage:
        return Integrity(damage.reason, str(damage))
    except ServiceError as failure:
        return Integrity(Reason.UNREADABLE, str(failure), passing=True)
    return Integrity(Reason.OK)


def check_length(hdus: list[Hdu], container: Container) -> None:
    """Raise `DamagedFile` unless a file ends with its last HDU and has as many as its writer counted."""
    trailing = container.size - hdus[-1].end
    if trailing:
        rule = f"{trailing} bytes follow its last HDU, which ends after {hdus[-1].end}"
        raise DamagedFile(container.path, Reason.TRAILING_BYTES, rule)
    # Observatories leave NEXTEND as it was while they split files; pipelines keep it.
    counted = hdus[0].cards.get("NEXTEND")
    if "PROCSOFT" in hdus[0].cards and isinstance(counted, int) and counted > len(hdus) - 1:
        rule = f"NEXTEND promises {counted} extensions, {len(hdus) - 1} are there"
        raise DamagedFile(container.path, Reason.TRUNCATED, rule)


def check_sums(hdus: list[Hdu], read: ReadBytes, path: Path) -> None:
    """Raise `DamagedFile` if an HDU does not add up to its CHECKSUM or DATASUM."""
    for hdu in hdus:
        _check_sums(hdu, read, path)


def _check_sums(hdu: Hdu, read: ReadBytes, path: Path) -> None:
    datasum, checksum = hdu.cards.get("DATASUM"), hdu.cards.get("CHECKSUM")
    if not datasum and not checksum:
        return
    found = 0
    for chunk in _chunks(read, hdu.data_start, hdu.end):
        found = sums.add(found, chunk)
    if datasum and str(datasum).strip() != str(found):
        raise DamagedFile(path, Reason.DATASUM, f"the data of {hdu.label} add up to {found}, DATASUM is {datasum}")
    if checksum and not sums.is_complete(sums.add(found, read(hdu.data_start - hdu.start, hdu.start))):
        raise DamagedFile(path, Reason.CHECKSUM, f"{hdu.label} does not add up to its CHECKSUM")


def _chunks(read: ReadBytes, start: int, end: int) -> Iterator[bytes]:
    for offset in range(start, end, _CHUNK):
        yield read(min(_CHUNK, end - offset), offset)
