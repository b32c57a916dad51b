"""A night as the ledger holds it: frames, groups, jobs and products, loaded for one look of the planner.

The nights before and after are loaded with it, to be looked at only: darks of the next morning make a mask of the
flats of this one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from nightcrew.planner.core.closing import Seen
from nightcrew.planner.core.readiness import Making
from nightcrew.planner.core.reconciling import Held
from nightcrew.planner.core.requests import File, Provided
from nightcrew.planner.notes import Kept, Notes
from nightcrew.shared.frame_facts import from_json
from nightcrew.shared.ledger import GroupState, JobState
from nightcrew.shared.ledger.states import GROUP_OPEN

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date, datetime

    from nightcrew.shared.frame_facts import FrameFacts
    from nightcrew.shared.ledger.records import FrameRow, GroupRow, JobRow, ProductRow
    from nightcrew.shared.ledger.seam import Entries

ONE_DAY = timedelta(days=1)


@dataclass(slots=True)
class Night:
    """A night of one instrument, with those before and after it.

    Parameters
    ----------
    night, instrument
        Which.  Only what belongs to it may be changed.
    now
        The time of the ledger.
    frames
        By name, superseded versions excepted.
    seen
        The same as planning sees them.
    groups
        By number, superseded ones excepted.
    jobs
        The job of each group.
    products
        Products of the jobs that succeeded, by group.
    notes
        What the planner has noted of the groups.
    """

    night: date
    instrument: str
    now: datetime
    frames: dict[str, FrameRow]
    seen: dict[str, Seen]
    groups: dict[int, GroupRow]
    jobs: dict[int, JobRow]
    products: dict[int, list[ProductRow]]
    notes: Kept
    names: dict[int, str] = field(init=False)

    def __post_init__(self) -> None:
        self.names = {row.id: name for name, row in self.frames.items()}

    @property
    def empty(self) -> bool:
        """Whether nothing belongs to the night itself."""
        return not any(map(self.owns_frame, self.frames)) and not any(map(self.owns_group, self.groups))

    def owns_frame(self, name: str) -> bool:
        """Whether a frame is of the night itself."""
        row = self.frames.get(name)
        return row is not None and row.night == self.night

    def owns_group(self, group_id: int) -> bool:
        """Whether a group is of the night itself."""
        return self.groups[group_id].night == self.night

    @property
    def facts(self) -> list[FrameFacts]:
        """What planning knows of the frames."""
        return [one.facts for one in self.seen.values()]

    def ids(self, files: Collection[str]) -> list[int]:
        """Return the numbers of frames."""
        return [self.frames[file].id for file in files]

    def file(self, name: str) -> File:
        """Return a frame as it goes into a job."""
        row = self.frames[name]
        section = self.seen[name].facts.values.get("data_section")
        pixels = 0
        if isinstance(section, tuple) and len(section) == 4:
            x1, x2, y1, y2 = (int(part) for part in section if isinstance(part, int))
            pixels = (x2 - x1) * (y2 - y1)
        return File(row.path, pixels, row.id)

    def held(self) -> list[Held]:
        """Return the groups in files."""
        found = []
        for group in self.groups.values():
            owned = self._files(group.frames)
            inputs = owned | self._files(group.borrowed)
            used = self.notes[group.id].used
            found.append(Held(group.id, group.name, group.kind, group.state, inputs, owned, used))
        return found

    def maker(self, group_id: int) -> Making | None:
        """Tell how far a group has come that makes a calibration; None if it will come to nothing that can be used."""
        state = self.groups[group_id].state
        if state in GROUP_OPEN:
            return Making.EXPECTED
        usable = state is GroupState.DONE and self.product(group_id) is not None and not self.refused(group_id)
        return Making.READY if usable else None

    def refused(self, group_id: int) -> str:
        """Say why the calibration manager has not certified what a group has made; empty if it has."""
        master = self.notes[group_id].master
        return "" if master is None else master[1]

    def product(self, group_id: int) -> Provided | None:
        """Return the calibration that a group has made, or None."""
        notes = self.notes[group_id]
        for product in self.products.get(group_id, []):
            if product.name == notes.product:
                number = None if notes.master is None else notes.master[0]
                caltype = notes.provides or ""
                return Provided(caltype, product.path, product.md5, number, product.provisional)
        return None

    def _files(self, ids: Collection[int]) -> frozenset[str]:
        return frozenset(self.names[number] for number in ids if number in self.names)


def neighbours(night: date) -> tuple[date, date]:
    """Return the nights before and after a night."""
    return night - ONE_DAY, night + ONE_DAY


def load(entries: Entries, night: date, instrument: str) -> Night:
    """Load a night with its neighbours, and keep other planners from it until the transaction ends."""
    now = entries.in_turn(f"planner {night} {instrument}")
    nights = [night, *neighbours(night)]
    rows = entries.frames(nights, instrument)
    held = entries.groups(nights, instrument)
    latest = {job.group_id: job for job in entries.jobs(nights, instrument) if job.group_id is not None}
    succeeded = {job.id: group_id for group_id, job in latest.items() if job.state is JobState.SUCCEEDED}
    made: dict[int, list[ProductRow]] = {}
    for product in entries.products(succeeded) if succeeded else ():
        made.setdefault(succeeded[product.job_id], []).append(product)
    return Night(
        night,
        instrument,
        now,
        {row.name: row for row in rows},
        {row.name: Seen(from_json(row.name, row.facts), row.arrived_at) for row in rows},
        {group.id: group for group in held},
        {group.id: latest[group.id] for group in held if group.id in latest},
        made,
        Kept({group.id: Notes.from_json(group.plan) for group in held}),
    )
