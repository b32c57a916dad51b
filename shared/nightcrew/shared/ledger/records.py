"""Rows of the ledger as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime
    from uuid import UUID

    from nightcrew.shared.ledger.states import ArrivalState, FrameState, GroupState, JobState
    from nightcrew.shared.messages import JobClass


@dataclass(frozen=True, slots=True)
class Sighting:
    """A file as a directory listing shows it; of two that are equal the content is taken to be equal too.

    Parameters
    ----------
    path
        Absolute.
    size
        Bytes.
    mtime_ns
        Time of the last change, nanoseconds since 1970.
    inode
        Number of the file in its file system.
    """

    path: str
    size: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """A sighting and what became of it; `moved_to` is where the file is kept, if that is another path."""

    id: int
    sighting: Sighting
    state: ArrivalState
    code: str
    reason: str
    frame_id: int | None
    first_seen_at: datetime
    steady_since: datetime
    moved_to: str | None = None


@dataclass(frozen=True, slots=True)
class End:
    """How an arrival ends.

    Parameters
    ----------
    arrival_id
        The arrival.
    state
        Its end.
    code, reason
        Why the file cannot be used.
    frame_id
        The frame that it is, or is the same as.
    moved_to
        Where the file is kept, if not where it arrived.
    """

    arrival_id: int
    state: ArrivalState
    code: str = ""
    reason: str = ""
    frame_id: int | None = None
    moved_to: str | None = None


@dataclass(frozen=True, slots=True)
class NewFrame:
    """A frame to be recorded.

    Parameters
    ----------
    sha256
        Of the file's content, hexadecimal.
    name
        Base name of the file.
    path
        Where the file is kept.
    size
        Bytes.
    instrument, kind
        As `NIRI`, `dark`.
    night
        The date that names the observing night.
    ut_datetime
        Start of the exposure, UTC without zone.
    facts
        What planning needs of the headers, as JSON.
    """

    sha256: str
    name: str
    path: str
    size: int
    instrument: str
    kind: str
    night: date
    ut_datetime: datetime | None
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FrameRow:
    """A recorded frame; `version` counts the contents that came under its name."""

    id: int
    name: str
    version: int
    path: str
    sha256: str
    instrument: str
    kind: str
    night: date
    ut_datetime: datetime | None
    facts: Mapping[str, Any]
    state: FrameState
    reason: str
    arrived_at: datetime


@dataclass(frozen=True, slots=True)
class Recorded:
    """What recording a frame came to.

    Parameters
    ----------
    frame_id
        The frame.
    new
        Whether its content was not known before.
    version
        How many contents have come under its name.
    """

    frame_id: int
    new: bool
    version: int


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group of frames; `frames` are those it owns, `borrowed` those of other groups that it uses too."""

    id: int
    name: str
    version: int
    night: date
    instrument: str
    kind: str
    state: GroupState
    plan: Mapping[str, Any]
    reason: str
    supersedes: int | None
    opened_at: datetime
    last_arrival_at: datetime
    closed_at: datetime | None
    close_reason: str
    frames: frozenset[int] = frozenset()
    borrowed: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be submitted.

    Parameters
    ----------
    key
        What it is about, and in which version: of two jobs with one key there is only the first.
    job_class
        Which reducers run it.
    night, instrument, recipe
        For listings and metrics.
    request
        All that a reducer needs: files, recipe, parameters, calibrations.
    group_id, frame_id
        What it reduces: a group, or a single frame.
    needs
        Calibrations that it waits for; it is queued at once if there are none.
    deadline
        When it stops waiting.
    provisional
        Whether it makes do with calibrations of less than full standing.
    bulk
        Whether it gives way to the live night.
    supersedes
        Job whose products those of this one replace.
    """

    key: str
    job_class: JobClass
    night: date
    instrument: str
    recipe: str
    request: Mapping[str, Any]
    group_id: int | None = None
    frame_id: int | None = None
    needs: tuple[Mapping[str, Any], ...] = ()
    deadline: datetime | None = None
    provisional: bool = False
    bulk: bool = False
    supersedes: UUID | None = None


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job."""

    id: UUID
    key: str
    job_class: JobClass
    bulk: bool
    night: date
    instrument: str
    recipe: str
    group_id: int | None
    frame_id: int | None
    supersedes: UUID | None
    request: Mapping[str, Any]
    needs: tuple[Mapping[str, Any], ...]
    provisional: bool
    state: JobState
    reason: str
    attempt: int
    worker: str | None
    lease_until: datetime | None
    not_before: datetime | None
    deadline: datetime | None
    outcome: Mapping[str, Any] | None
    created_at: datetime
    queued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run a job: the number of the attempt is the fence that everything it writes is checked against."""

    job: JobRow
    attempt: int
    worker: str


@dataclass(frozen=True, slots=True)
class NotClaimed:
    """A job that is not to be run now, and why; its message has done its service."""

    reason: str


Claimed: TypeAlias = Claim | NotClaimed


@dataclass(frozen=True, slots=True)
class NewProduct:
    """A file that an attempt has made.

    Parameters
    ----------
    name
        Public name, as `N20160102S0423_dark.fits`.
    kind
        `processed_dark`, `image`, `preview`, ...
    path
        Where it lies: unique, never written to again.
    sha256, md5
        Of its bytes, hexadecimal.
    size
        Bytes.
    """

    name: str
    kind: str
    path: str
    sha256: str
    md5: str
    size: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What an attempt took: CPU seconds, largest resident size (bytes), CPU seconds by primitive."""

    cpu_seconds: float = 0.0
    peak_rss: int = 0
    primitives: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProductRow:
    """A product, and the job and attempt that made it; one that was removed was superseded before."""

    id: int
    job_id: UUID
    attempt: int
    name: str
    kind: str
    path: str
    sha256: str
    md5: str
    size: int
    provisional: bool
    superseded_by: int | None
    made_at: datetime
    removed_at: datetime | None = None
