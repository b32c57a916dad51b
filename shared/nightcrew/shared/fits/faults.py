"""What can be wrong with a file, and what to do about it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from nightcrew.shared.errors import FrameError

if TYPE_CHECKING:
    from pathlib import Path


class Reason(StrEnum):
    """Why a file is, or is not, fit for use."""

    OK = "ok"
    EMPTY = "empty"
    """It has no bytes."""
    NOT_FITS = "not_fits"
    """It does not begin like FITS, or a header breaks the standard so that its data cannot be found."""
    TRUNCATED = "truncated"
    """It ends before its headers say it does."""
    TRAILING_BYTES = "trailing_bytes"
    """It goes on after its last HDU."""
    CHECKSUM = "checksum"
    """An HDU does not add up to its CHECKSUM."""
    DATASUM = "datasum"
    """The data of an HDU do not add up to its DATASUM."""
    UNREADABLE = "unreadable"
    """The operating system does not let us read it, or it is not a file."""
    COMPRESSED_STREAM_DAMAGED = "compressed_stream_damaged"
    """Its bzip2, gzip or tile compression cannot be undone."""
    TOO_LARGE = "too_large"
    """It has more bytes, perhaps only once it is not compressed any more, than a frame may have."""


REMEDIES = {
    Reason.EMPTY: "wait until it is written, or fetch it again",
    Reason.NOT_FITS: "remove it from the data, or fetch it again",
    Reason.TRUNCATED: "wait until it is written, or fetch it again",
    Reason.TRAILING_BYTES: "fetch it again, or cut it after its last HDU",
    Reason.CHECKSUM: "fetch it again, or correct the keyword if the header was edited on purpose",
    Reason.DATASUM: "fetch it again",
    Reason.UNREADABLE: "check the name and the permissions",
    Reason.COMPRESSED_STREAM_DAMAGED: "fetch it again",
    Reason.TOO_LARGE: "take it out, or allow more where the limit is set",
}


class DamagedFile(FrameError):
    """A file that is not whole FITS.

    Parameters
    ----------
    path
        The file.
    reason
        What is wrong, as a code; it brings the remedy along.
    rule
        What is wrong, in words.
    """

    def __init__(self, path: Path, reason: Reason, rule: str) -> None:
        # A name in another encoding than UTF-8 could be printed nowhere.
        name = str(path).encode(errors="backslashreplace").decode()
        super().__init__(f"{name}: {rule}; {REMEDIES[reason]}")
        self.path, self.reason, self.rule = path, reason, rule

    def __reduce__(self) -> tuple[type[DamagedFile], tuple[Path, Reason, str]]:
        return type(self), (self.path, self.reason, self.rule)
