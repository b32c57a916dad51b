"""A night in the ledger while it is looked at: whatever changes is written, and known to the rest of the look."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nightcrew.planner.notes import Notes
from nightcrew.shared.ledger import FrameState, GroupState, JobState
from nightcrew.shared.ledger.states import GROUP_OPEN, JOB_OPEN

if TYPE_CHECKING:
    from nightcrew.planner.core.model import Group, Plan
    from nightcrew.planner.night import Night
    from nightcrew.shared.ledger.records import GroupRow
    from nightcrew.shared.ledger.seam import Entries

_FRAMES_OF = {GroupState.DONE: FrameState.REDUCED, GroupState.FAILED: FrameState.UNREDUCED}
"""What becomes of the frames of a group."""


@dataclass(slots=True)
class Books:
    """Writes what a look comes to.

    Parameters
    ----------
    entries
        The transaction of the look.
    night
        What the ledger held when it began, kept up to date.
    numbers
        Groups of the plan that are in the ledger, by name.
    """

    entries: Entries
    night: Night
    numbers: dict[str, int] = field(default_factory=dict)

    def group(self, name: str) -> GroupRow:
        """Return a group of the plan as it stands now."""
        return self.night.groups[self.numbers[name]]

    def ours(self, made: Plan) -> list[Group]:
        """Return the groups of this night, once they are all in the ledger."""
        mine = {name for name, number in self.numbers.items() if self.night.owns_group(number)}
        return [group for group in made.groups if group.name in mine]

    def open(self, group: Group, earlier: int | None, *, live: bool) -> None:
        """Open a group, in the place of an earlier one if there is one."""
        night = self.night
        row = None if earlier is None else night.groups.pop(earlier)
        number = self.entries.open_group(
            name=group.name,
            night=night.night,
            instrument=night.instrument,
            kind=group.kind,
            plan=Notes(live=live).of(group).to_json(),
            frames=night.ids(group.owned),
            borrowed=night.ids(group.borrowed),
            supersedes=row,
        )
        self._read(number, group)

    def change(self, group_id: int, group: Group) -> None:
        """Give an open group the frames and the plan that it has now."""
        night = self.night
        self.entries.change_group(
            night.groups[group_id],
            name=group.name,
            plan=night.notes[group_id].of(group).to_json(),
            frames=night.ids(group.owned),
            borrowed=night.ids(group.borrowed),
        )
        self._read(group_id, group)

    def take_over(self, group_id: int, group: Group) -> None:
        """Note what a new plan says of a group that is not finished."""
        self.numbers[group.name] = group_id
        if self.night.groups[group_id].state in GROUP_OPEN:
            self.night.notes[group_id] = self.night.notes[group_id].of(group)

    def drop(self, group_id: int, reason: str) -> None:
        """Let a group and its job go."""
        self.withdraw_job(group_id, reason)
        self.entries.settle_group(group_id, GroupState.SUPERSEDED, reason)
        del self.night.groups[group_id]

    def withdraw_job(self, group_id: int, reason: str) -> None:
        """Let the job of a group go, if it has not ended."""
        job = self.night.jobs.get(group_id)
        if job is not None and job.state in JOB_OPEN:
            self.entries.move(job.id, JobState.SUPERSEDED, reason)

    def close(self, group_id: int, reason: str) -> None:
        """Let a group take no more frames."""
        self.entries.close_group(group_id, reason)
        row = self.entries.group(group_id)
        assert row is not None
        self.night.groups[group_id] = row

    def settle(self, group_id: int, state: GroupState, reason: str = "") -> None:
        """Bring a group into a state, and its frames with it."""
        self.entries.settle_group(group_id, state, reason)
        group = replace(self.night.groups[group_id], state=state, reason=reason)
        self.night.groups[group_id] = group
        of_frames = _FRAMES_OF.get(state, FrameState.PLANNED)
        why = reason if of_frames is FrameState.UNREDUCED else ""
        self.entries.settle_frames(group.frames, of_frames, why)

    def write_notes(self) -> None:
        """Write what has been noted of groups and is not in the ledger yet."""
        for group_id in self.night.notes.changed & self.night.groups.keys():
            self.entries.note_group(group_id, self.night.notes[group_id].to_json())

    def _read(self, group_id: int, group: Group) -> None:
        row = self.entries.group(group_id)
        assert row is not None
        self.night.groups[group_id] = row
        self.night.notes.by_group[group_id] = Notes.from_json(row.plan)
        self.numbers[group.name] = group_id
