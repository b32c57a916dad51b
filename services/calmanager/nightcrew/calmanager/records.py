"""What the calibration manager says of calibrations, their history and the products made with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from nightcrew.calmanager.core.gates import Verdict
    from nightcrew.calmanager.core.states import State
    from nightcrew.calmanager.core.validity import Validity
    from nightcrew.shared.association import Value


REMOVED = "remove"
"""Event: the file of a name is given out no more."""


@dataclass(frozen=True, slots=True)
class Record:
    """A calibration as it stands.

    Parameters
    ----------
    id
        Number of the entry; later entries have larger ones.
    name
        Base name of the file.
    path
        Where the file lies; None if it is in a store that is not at hand.
    stored
        Whether it lies in the manager's own store (else it is registered where it is).
    instrument
        Canonical name: NIRI, F2, ...
    caltype
        What it is given out as: `processed_dark`, `dark`, ...
    state
        State in the life cycle.
    columns
        What association rules compare.
    tags
        Its tags.
    canonical
        Whether it is the entry that its name means.
    present
        Whether its file has not been removed.
    md5, sha256, size
        Of the file, hexadecimal and bytes.
    modified
        Time of modification of the file when it was hashed, nanoseconds.
    added_at, added_by
        When (UTC, with zone) and by whom it was entered.
    validity
        Time for which it is certified; None if the rules decide by its date.
    """

    id: int
    name: str
    path: Path | None
    stored: bool
    instrument: str
    caltype: str
    state: State
    columns: Mapping[str, Value]
    tags: frozenset[str]
    canonical: bool
    present: bool
    md5: str
    sha256: str
    size: int
    modified: int
    added_at: datetime
    added_by: str
    validity: Validity | None = None


@dataclass(frozen=True, slots=True)
class Added:
    """What became of a file that was handed in.

    Parameters
    ----------
    record
        The calibration.
    new
        False if the same file was known already.
    verdict
        What the quality gates say; None if nobody asked them.
    """

    record: Record
    new: bool
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """Which calibrations to list, by name; None stands for all.

    Parameters
    ----------
    instrument, caltype, state
        Equal to these.
    name
        Base name.
    after
        Names (and numbers of entries) after this one: where the previous page ended.
    limit
        No more than these.
    everything
        Also those that were removed or whose name means another file by now.
    """

    instrument: str | None = None
    caltype: str | None = None
    state: State | None = None
    name: str | None = None
    after: tuple[str, int] | None = None
    limit: int | None = None
    everything: bool = False


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """Something that happened to a calibration.

    Parameters
    ----------
    at
        When, UTC with zone.
    who
        Who did it.
    event
        `add`, `certify`, `veto`, `supersede`, `restore`, `remove`, `replace`, `relocate`.
    before, after
        States; the first is None for a new entry.
    reason
        Why.
    details
        More, as JSON: findings of the gates, validity, the successor.
    """

    at: datetime
    who: str
    event: str
    before: State | None
    after: State
    reason: str
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that concerns those who use a calibration.

    Parameters
    ----------
    number
        Of the line in the history; later ones have larger numbers.
    event, after
        What happened, and the state since.
    id, name, caltype, instrument, md5
        The calibration.
    reason
        Why.
    """

    number: int
    event: str
    after: State
    id: int
    name: str
    caltype: str
    instrument: str
    md5: str
    reason: str

    @property
    def withdrawn(self) -> bool:
        """Whether it is given out no more; else it is certified."""
        return self.event == REMOVED or str(self.after) in {"vetoed", "superseded"}


@dataclass(frozen=True, slots=True)
class Input:
    """A file that went into a product: its name, md5 and the primitive that used it."""

    name: str
    md5: str
    role: str = ""


@dataclass(frozen=True, slots=True)
class ProductRecord:
    """A product and what it was made of; `made_at` is UTC."""

    name: str
    path: Path
    md5: str
    recipe: str
    made_at: datetime
    inputs: tuple[Input, ...] = ()


@dataclass(frozen=True, slots=True)
class Affected:
    """A product that a calibration went into.

    Parameters
    ----------
    name, path, md5
        The product.
    via
        Names of the masters in between: empty if it used the calibration itself.
    """

    name: str
    path: Path
    md5: str
    via: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileFacts:
    """The file of an entry, as it was when it was entered: MD5 and SHA-256, hexadecimal, and bytes."""

    md5: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Vetoed:
    """A calibration that was vetoed, and what was made with it."""

    record: Record
    affected: tuple[Affected, ...] = ()


@dataclass(frozen=True, slots=True)
class Swept:
    """What the sweep removed from the store: files without entry, bytes freed; entries whose file is missing."""

    orphans: tuple[Path, ...] = ()
    bytes_freed: int = 0
    missing: tuple[str, ...] = ()
