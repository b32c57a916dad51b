"""Names of files in the archive, and names that come from outside."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING

from nightcrew.shared.errors import FrameError
from nightcrew.shared.reception import ENDINGS, may_be_a_frame

if TYPE_CHECKING:
    from datetime import date

MOST_BYTES = 255
"""Of a name, in all file systems that matter."""
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+=@ -]*")


class UnsafeName(FrameError):
    """A name from outside that will not become the name of a file here."""

    code = "name"


def safe_name(name: str) -> str:
    """Return a name that comes from outside, if it is one that a frame may have here.

    Raises
    ------
    UnsafeName
        If it has a directory in it, is hidden, is too long, or does not end like the name of a FITS file.
    """
    if not _SAFE.fullmatch(name) or not may_be_a_frame(name) or len(name.encode()) > MOST_BYTES:
        raise UnsafeName(
            f"{shown(name[:80])}: no name for a frame; use letters, digits, -_.+=@ and an ending such as .fits"
        )
    return name


def place(instrument: str, night: date, name: str, version: int = 1) -> PurePath:
    """Return where in the archive a frame belongs: `NIRI/2016-01-01/N20160102S0001.fits`.

    Parameters
    ----------
    instrument
        Canonical name.
    night
        Date that names the observing night.
    name
        Base name of the file.
    version
        From 2 on it becomes part of the name: `N20160102S0001.v2.fits`.
    """
    return PurePath(instrument, night.isoformat(), versioned(name, version))


def versioned(name: str, version: int) -> str:
    """Return the name of a further file of the same name."""
    if version == 1:
        return name
    ending = max((end for end in ENDINGS if name.lower().endswith(end)), key=len, default="")
    root = name[: len(name) - len(ending)]
    return f"{root}.v{version}{name[len(root) :]}"


def printable(path: str) -> str:
    """Return a path as the ledger keeps it: bytes that are no UTF-8 are written as escapes."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def shown(text: str) -> str:
    """Return a text from outside as one line that can be printed."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
