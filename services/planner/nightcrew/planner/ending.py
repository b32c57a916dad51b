"""Groups follow their jobs, and learn which of the calibrations that they were given have been withdrawn."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nightcrew.shared.ledger import GroupState, JobState
from nightcrew.shared.ledger.states import JOB_OPEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nightcrew.planner.books import Books
    from nightcrew.planner.night import Night
    from nightcrew.shared.ledger.records import JobRow


def followed(state: GroupState, job: JobRow) -> tuple[GroupState, str] | None:
    """Decide where the job of a group leads the group, and why; None if it stays where it is."""
    if job.state in JOB_OPEN:
        # A group that had failed: somebody has queued its job again.
        return (GroupState.SUBMITTED, "") if state is GroupState.FAILED else None
    redone = state is GroupState.FAILED and job.state is JobState.SUCCEEDED  # between two looks
    if state not in {GroupState.SUBMITTED, GroupState.CLOSED} and not redone:
        return None
    if job.state is JobState.SUCCEEDED:
        return GroupState.DONE, ""
    return GroupState.FAILED, f"{job.state}: {job.reason}"


def end_groups(books: Books) -> Iterator[str]:
    """Let the groups of a night follow their jobs; yield the names of those that came to their end."""
    night = books.night
    for group_id, job in night.jobs.items():
        if not night.owns_group(group_id):
            continue
        leads = followed(night.groups[group_id].state, job)
        if leads is None:
            continue
        books.settle(group_id, *leads)
        if leads[0] is GroupState.DONE and job.supersedes is not None:
            books.entries.supersede(job.supersedes, job.id)
        if leads[0] is not GroupState.SUBMITTED:
            yield night.groups[group_id].name


def note_withdrawn(night: Night, withdrawn: frozenset[str]) -> None:
    """Note with the groups of a night which of the calibrations that they were given have been withdrawn."""
    for group_id in filter(night.owns_group, night.groups):
        notes = night.notes[group_id]
        used = tuple(replace(one, vetoed=one.vetoed or one.md5 in withdrawn) for one in notes.used)
        night.notes[group_id] = replace(notes, used=used)
