"""What a file is: a frame to be recorded, one that cannot be used, or one about which nothing can be said yet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from nightcrew.ingest.core.kinds import kind_of
from nightcrew.ingest.core.naming import printable
from nightcrew.shared.association.nights import longitude_of, night_of
from nightcrew.shared.association.reading import INSTRUMENTS
from nightcrew.shared.fits import Reason
from nightcrew.shared.frame_facts import FrameFacts, to_json
from nightcrew.shared.ledger.records import NewFrame
from nightcrew.shared.reception import Damage, receive

if TYPE_CHECKING:
    from nightcrew.shared.fits.containers import Identity

DEFECT = "defect"
"""Code of a file that we fail at."""
INSTRUMENT = "instrument"
"""Code of a frame of an instrument that there are no rules for."""
NAME = "name"
"""Code of a file whose name is not text."""

FOR_GOOD = frozenset({Reason.TOO_LARGE, INSTRUMENT, NAME})
"""What no more bytes will mend.  A file that is still being written may look like anything else: without an extension,
with zeros where data will be, unreadable for the time being."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A frame.

    Parameters
    ----------
    frame
        What is to be recorded; the path in it is that at which it arrived.
    identity
        Which file it was.
    unfinished
        Whether it promises more extensions than it has, as one does that is still being written.
    """

    frame: NewFrame
    identity: Identity
    unfinished: bool = False


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A file that cannot be used.

    Parameters
    ----------
    code
        What is wrong, in a word (docs/reference/quarantine-codes.md).
    reason
        One line with rule and remedy.
    unfinished
        Whether a file that is still being written may look so.
    """

    code: str
    reason: str
    unfinished: bool = False


@dataclass(frozen=True, slots=True)
class NotNow:
    """The machine failed, not the file: to be tried again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Changed:
    """It is not the file any more that was seen."""


Verdict: TypeAlias = Accepted | Quarantined | NotNow | Changed


def verify(path: str, seen: Identity | None = None, most: int | None = None) -> Verdict:
    """Read a file once and say what it is.

    Parameters
    ----------
    path
        The file.
    seen
        How it was seen last: `Changed` if it is another one now.  None if that does not matter.
    most
        Bytes that it may have, compressed or not.

    Notes
    -----
    One file that we fail at must not keep all others from being looked into: whatever is raised becomes a reason.
    """
    try:
        return _verify(path, seen, most)
    except Exception as error:  # noqa: BLE001
        why = f"{type(error).__name__}: {error}".splitlines()[0]
        name = printable(Path(path).name)
        return Quarantined(
            DEFECT, f"{name}: a defect of nightcrew's ({why}); please report it with the file", unfinished=True
        )


def _verify(path: str, seen: Identity | None, most: int | None) -> Verdict:
    received = receive(Path(path), hashed=True, most=most)
    if seen is not None and received.identity not in (None, seen):
        return Changed()
    if isinstance(received, Damage):
        if received.passing:
            return NotNow(received.reason)
        if printable(path) != path:
            return Quarantined(NAME, received.reason)
        return Quarantined(received.code, received.reason, received.code not in FOR_GOOD)
    about, name = received.description, Path(path).name
    facts = FrameFacts.from_description(name, about)
    if not about.known or facts.instrument not in INSTRUMENTS or facts.ut_datetime is None:
        why = about.why or f"there are no rules for {facts.instrument or 'its instrument'}"
        return Quarantined(INSTRUMENT, f"{name}: {why}; keep frames of other instruments out of the watched directory")
    return Accepted(
        NewFrame(
            sha256=received.sha256,
            name=name,
            path=path,
            size=received.identity.size,
            instrument=facts.instrument,
            kind=kind_of(facts),
            night=night_of(facts.ut_datetime, longitude_of(facts.target)),
            ut_datetime=facts.ut_datetime,
            facts=to_json(facts),
        ),
        received.identity,
        received.missing > 0,
    )
