"""How moments, sizes and rows of the ledger are written for people; functions of data."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from nightcrew.shared.ledger import JobState
from nightcrew.shared.ledger.states import JOB_OPEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta

    from nightcrew.shared.ledger.records import FrameRow, GroupRow, JobRow

GAP = "  "
SHORT = 8
"""Characters of a job's number in a list."""

JOB_COLUMNS = ("job", "state", "class", "what", "attempt", "since", "why")
FRAME_COLUMNS = ("frame", "state", "instrument", "kind", "night", "arrived", "why")
GROUP_COLUMNS = ("number", "group", "state", "version", "frames", "night", "opened", "why")


def moment(when: datetime | None) -> str:
    """Return a moment in UTC, to the second."""
    return "" if when is None else f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def clock_time(when: datetime | None) -> str:
    """Return the time of day of a moment in UTC."""
    return "" if when is None else f"{when.astimezone(UTC):%H:%M:%S}"


def duration(span: timedelta) -> str:
    """Return how long something took: `0.4 s`, `12 s`, `7 min`, `3.1 h`."""
    seconds = span.total_seconds()
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def size(count: int) -> str:
    """Return a number of bytes: `512 bytes`, `4.2 MB`."""
    if count < 1000:
        return f"{count} bytes"
    for unit, worth in (("kB", 1e3), ("MB", 1e6)):
        if count < 1000 * worth:
            return f"{count / worth:.1f} {unit}"
    return f"{count / 1e9:.1f} GB"


def counted(number: int, what: str) -> str:
    """Return `1 frame`, `3 frames`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def balance(counts: Mapping[str, int]) -> str:
    """Return `3 reduced, 1 left out`; the largest number first."""
    listed = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in listed) or "none"


def job_name(job: JobRow) -> str:
    """Return what a job is about."""
    return str(job.request.get("name") or job.key)


def since(job: JobRow) -> datetime:
    """Return when a job came into the state that it is in."""
    match job.state:
        case JobState.QUEUED:
            return job.queued_at or job.created_at
        case JobState.RUNNING:
            return job.started_at or job.created_at
        case state if state in JOB_OPEN:
            return job.created_at
    return job.ended_at or job.created_at


def why(job: JobRow) -> str:
    """Return what is to be said of the state of a job."""
    if job.state is JobState.WAITING:
        return "; ".join(str(need.get("waits_for", need)) for need in job.needs)
    if job.state is JobState.RUNNING:
        return f"at {job.worker}"
    if job.state is JobState.RETRY:
        return f"not before {clock_time(job.not_before)}: {job.reason}"
    return job.reason


def job_cells(job: JobRow) -> tuple[str, ...]:
    """Return a job as a line of a list."""
    attempt = str(job.attempt) if job.attempt else ""
    return (
        str(job.id)[:SHORT], str(job.state), str(job.job_class), job_name(job), attempt, moment(since(job)), why(job),
    )  # fmt: skip


def frame_cells(frame: FrameRow) -> tuple[str, ...]:
    """Return a frame as a line of a list."""
    name = frame.name if frame.version == 1 else f"{frame.name} (version {frame.version})"
    return (
        name, str(frame.state), frame.instrument, frame.kind, str(frame.night), moment(frame.arrived_at), frame.reason,
    )  # fmt: skip


def group_cells(group: GroupRow) -> tuple[str, ...]:
    """Return a group as a line of a list."""
    said = group.reason or (f"closed: {group.close_reason}" if group.close_reason else "")
    return (
        str(group.id), group.name, str(group.state), str(group.version), str(len(group.frames | group.borrowed)),
        str(group.night), moment(group.opened_at), said,
    )  # fmt: skip


def columns(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a table line by line; cells keep to one line each, and the last column ends where it ends."""
    cells = [tuple(" ".join(cell.split()) for cell in row) for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        yield GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
