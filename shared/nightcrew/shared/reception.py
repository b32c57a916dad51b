"""How raw files are received, wherever they come from: which names may be frames, and what is refused with what reason.

A night in a directory and the service that watches one ask the same questions here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nightcrew.shared.errors import FrameError, ServiceError
from nightcrew.shared.fits.examination import examine
from nightcrew.shared.instruments import complaint, describe, no_pointing, science_headers

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.shared.fits.containers import Identity
    from nightcrew.shared.instruments import Description

ENDINGS = (".fits", ".fits.bz2", ".fits.gz", ".fits.fz", ".fit")
"""Of names of FITS files, in lower or upper case."""

KEYWORD = "keyword"
"""Code of a frame whose mandatory keywords are missing or make no sense."""


@dataclass(frozen=True, slots=True)
class Damage:
    """A file that cannot be used.

    Parameters
    ----------
    file
        Base name.
    code
        What is wrong, in a word.
    reason
        One line with rule and remedy.
    passing
        Whether it was the machine that failed, not the file: another try may help.
    identity
        Which file it was; None if it could not be opened.
    """

    file: str
    code: str
    reason: str
    passing: bool = False
    identity: Identity | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """A whole file whose headers make sense.

    Parameters
    ----------
    description
        What its headers mean.
    sha256
        Of the file as it lies on disk, hexadecimal; empty if it was not asked for.
    identity
        Which file it was.
    missing
        How many extensions NEXTEND promises beyond those that are there.  Observatories leave it as it was while they
        split files, so that this proves nothing; but a file that was cut between two extensions shows no other sign.
    """

    description: Description
    sha256: str
    identity: Identity
    missing: int = 0


def may_be_a_frame(name: str) -> bool:
    """Whether a file goes by the name of a frame; hidden ones, such as those that rsync writes, are others' affair."""
    return name.lower().endswith(ENDINGS) and not name.startswith(".")


def receive(path: Path, *, hashed: bool = False, most: int | None = None) -> Received | Damage:
    """Examine a file and describe it.

    Parameters
    ----------
    path
        The file, plain or compressed.
    hashed
        Whether its SHA-256 is wanted.
    most
        Bytes that it may have, compressed or not; None for any number.

    Returns
    -------
    Received or Damage
        A frame of an unknown instrument is received: whoever asks decides what to do with it.
    """
    found = examine(path, hashed=hashed, most=most)
    state = found.integrity
    if not state.ok:
        return Damage(path.name, str(state.reason), state.message, state.passing, found.identity)
    assert found.identity is not None
    try:
        about = describe(science_headers(found.headers, path.name))
        wrong = complaint(about) or no_pointing(about)
    except (FrameError, ServiceError) as error:
        return Damage(path.name, error.code, str(error), identity=found.identity)
    if wrong:
        return Damage(path.name, KEYWORD, wrong, identity=found.identity)
    promised = found.headers[0].get("NEXTEND")
    missing = promised - len(found.headers) + 1 if isinstance(promised, int) else 0
    return Received(about, found.sha256, found.identity, max(0, missing))
