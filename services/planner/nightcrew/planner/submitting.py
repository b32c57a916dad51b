"""Closed groups become jobs: now, when their calibrations are there, or when their time is up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from nightcrew.planner.core.readiness import Fallback, Go, Making, Wait, readiness
from nightcrew.planner.core.reconciling import Used
from nightcrew.planner.core.requests import Provided, job_class, job_request
from nightcrew.planner.offers import provided
from nightcrew.shared.calibrations import CouldNotAsk
from nightcrew.shared.ledger import GroupState, JobState
from nightcrew.shared.ledger.records import NewJob

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from nightcrew.planner.books import Books
    from nightcrew.planner.core.closing import Patience
    from nightcrew.planner.core.model import Group
    from nightcrew.planner.core.readiness import Readiness
    from nightcrew.planner.offers import Offers
    from nightcrew.shared.ledger.records import JobRow

LIVE_FIRST = "the live night goes first"


@dataclass(frozen=True, slots=True)
class Submitted:
    """The group was given to the reducers."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The group cannot be reduced."""


@dataclass(frozen=True, slots=True)
class AskedAgain:
    """The next best calibrations were asked for: what was found goes into the plan of a look that follows at once."""


Submission: TypeAlias = Submitted | Ended | AskedAgain | None
"""None: the group waits, or is none to be submitted."""


@dataclass(frozen=True, slots=True)
class Submitting:
    """Gives groups to the reducers, or says what they wait for.

    Parameters
    ----------
    books
        Where that is written.
    offers
        What the calibration manager offers.
    patience, profile
        How long to wait for calibrations; with which profile to reduce.
    """

    books: Books
    offers: Offers
    patience: Patience
    profile: str

    def submit(self, group: Group) -> Submission:
        """Give a closed group to the reducers, or say what it waits for."""
        row = self.books.group(group.name)
        if row.state is not GroupState.CLOSED:
            return None
        ready = self._readiness(group, row.closed_at)
        if isinstance(ready, Fallback):
            return self._ask_for_the_next_best(row.id, group, ready.caltypes)
        if isinstance(ready, Go) and group.unprocessable:
            self._note_used(row.id, group, {})
            self.books.settle(row.id, GroupState.FAILED, group.unprocessable)
            return Ended()
        waits, until = (ready.needs, ready.until) if isinstance(ready, Wait) else ((), None)
        if not waits and not self.books.night.notes[row.id].live and self.books.entries.live_work():
            waits = (LIVE_FIRST,)
        if waits:
            self._write_waiting(row.id, group, waits, until)
            return None
        self._write_ready(row.id, group)
        return Submitted()

    def _readiness(self, group: Group, closed_at: datetime | None) -> Readiness:
        night = self.books.night
        makers = {
            need.provider.name: self._maker(need.provider.name)
            for need in group.needs
            if need.provider and need.provider.origin == "group"
        }
        return readiness(
            group,
            {name: maker for name, maker in makers.items() if maker is not None},
            closed_at or night.now,
            night.now,
            self.patience,
            frozenset(night.notes[self.books.numbers[group.name]].asked),
        )

    def _maker(self, name: str) -> Making | None:
        number = self.books.numbers.get(name)
        # A group of a neighbouring night that is not in the ledger yet will be, when that night is looked at.
        return Making.EXPECTED if number is None else self.books.night.maker(number)

    def _ask_for_the_next_best(self, group_id: int, group: Group, caltypes: tuple[str, ...]) -> Submission:
        night = self.books.night
        found = self.offers.next_best(night.seen[group.lead].facts, caltypes)
        if isinstance(found, CouldNotAsk):
            return None
        notes = night.notes[group_id]
        asked = tuple(dict.fromkeys((*notes.asked, *caltypes)))
        night.notes[group_id] = replace(notes, chosen=(*notes.chosen, *found), asked=asked)
        return AskedAgain()

    # Calibrations.

    def _provisions(self, group: Group) -> Iterator[tuple[str, Provided]]:
        """Give the files of the calibrations that a group uses, by the name that its plan knows them by."""
        for need in group.needs:
            if need.provider is None:
                continue
            if need.provider.origin == "group":
                made = self.books.night.product(self.books.numbers[need.provider.name])
                assert made is not None
                yield need.provider.file, replace(made, caltype=need.caltype, reason=need.reason)
            elif (master := self.offers.masters.get(need.provider.file)) is not None:
                yield need.provider.file, replace(provided(master), caltype=need.caltype)
            else:  # a master that came in among the frames
                row = self.books.night.frames[need.provider.file]
                yield need.provider.file, Provided(need.caltype, row.path, reason=need.reason)

    def _note_used(self, group_id: int, group: Group, given: Mapping[str, Provided]) -> None:
        notes = self.books.night.notes
        notes[group_id] = replace(notes[group_id], used=_used(group, given))

    # Jobs.

    def _write_waiting(self, group_id: int, group: Group, waits: tuple[str, ...], until: datetime | None) -> None:
        job = self.books.night.jobs.get(group_id)
        needs = tuple({"waits_for": one} for one in waits)
        if job is None:
            request = {"version": 0, "name": group.name}
            self._open_job(group_id, group, request, needs=needs, deadline=until)
        elif _waits_otherwise(job, needs, until):
            self.books.entries.wait_for(job.id, needs, until)

    def _write_ready(self, group_id: int, group: Group) -> None:
        books = self.books
        given = dict(self._provisions(group))
        files = {name: books.night.file(name) for name in group.inputs}
        request = job_request(group, files, given, self.profile)
        provisional = any(one.provisional for one in given.values())
        self._note_used(group_id, group, given)
        job = books.night.jobs.get(group_id)
        if job is None:
            self._open_job(group_id, group, request, provisional=provisional)
        else:
            books.entries.move(
                job.id, JobState.QUEUED, request=request, needs=[], deadline=None,
                provisional=provisional,
            )  # fmt: skip
        books.settle(group_id, GroupState.SUBMITTED)

    def _open_job(self, group_id: int, group: Group, request: Mapping[str, Any], **details: Any) -> None:
        books = self.books
        earlier = books.night.groups[group_id].supersedes
        files = {name: books.night.file(name) for name in group.inputs}
        books.entries.submit(
            NewJob(
                key=f"group/{group_id}",
                job_class=job_class(group, files),
                night=books.night.night,
                instrument=books.night.instrument,
                recipe=group.recipe,
                request=request,
                group_id=group_id,
                bulk=not books.night.notes[group_id].live,
                supersedes=books.entries.succeeded_of_group(earlier) if earlier is not None else None,
                **details,
            ),
        )


def _used(group: Group, given: Mapping[str, Provided]) -> tuple[Used, ...]:
    """Return what a group is given for each of its needs; with an empty file what it has to do without."""
    used = []
    for need in group.needs:
        one = given.get(need.provider.file) if need.provider else None
        if one is None or need.provider is None:
            used.append(Used(need.caltype, ""))
        else:
            used.append(Used(need.caltype, need.provider.file, one.md5, one.provisional))
    return tuple(used)


def _waits_otherwise(job: JobRow, needs: tuple[Mapping[str, str], ...], until: datetime | None) -> bool:
    return (job.needs, job.deadline) != (needs, until)
