"""One look at a night: plan it anew, compare with the ledger, and write what follows, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from nightcrew.planner.core.calibrating import Asked
from nightcrew.planner.core.closing import Patience, closed_groups
from nightcrew.planner.core.plan import plan
from nightcrew.planner.core.readiness import Fallback, Go, Making, Wait, readiness
from nightcrew.planner.core.reconciling import Change, Drop, Keep, Open, Renew, Used, reconcile
from nightcrew.planner.core.requests import Provided, job_class, job_request, quick_look_request
from nightcrew.planner.night import Night, load
from nightcrew.planner.notes import Notes
from nightcrew.shared.calibration_desk import Master
from nightcrew.shared.calibrations import CouldNotAsk
from nightcrew.shared.frame_facts import FrameFacts
from nightcrew.shared.ledger import FrameState, GroupState, JobState, frames, groups, jobs, products
from nightcrew.shared.ledger.records import NewJob
from nightcrew.shared.ledger.states import GROUP_OPEN, JOB_OPEN
from nightcrew.shared.messages import JobClass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date, datetime

    from sqlalchemy import Connection

    from nightcrew.planner.core.model import Group, Plan
    from nightcrew.planner.core.reconciling import Step
    from nightcrew.shared.calibration_desk import CalibrationDesk
    from nightcrew.shared.database import Database

QUICK_LOOKS = frozenset({"standard", "science"})
"""Kinds of groups whose frames get a quick look at once."""
QUICK_LOOK_CALIBRATIONS = ("processed_dark", "processed_flat", "processed_bpm")
MASKED = frozenset({"flat", *QUICK_LOOKS})
"""Kinds of groups that take a bad-pixel mask of an earlier night where their own has none."""
MASKS = frozenset({"bpm", "processed_bpm"})
CALTYPES = {"bpm": "processed_bpm"}
"""Types under which masters are handed in, where a plan calls them otherwise."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look came to.

    Parameters
    ----------
    opened, closed, submitted, quick_looks, ended
        Names of groups that were opened, closed (with reasons), given to the reducers, frames that were, and groups
        that came to their end.
    unasked
        Why the calibration manager could not be asked; empty if it could.
    again
        Whether what was found asks for another look at once.
    """

    opened: tuple[str, ...] = ()
    closed: tuple[tuple[str, str], ...] = ()
    submitted: tuple[str, ...] = ()
    quick_looks: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
    unasked: str = ""
    again: bool = False

    def __add__(self, other: Looked) -> Looked:
        return Looked(
            self.opened + other.opened,
            self.closed + other.closed,
            self.submitted + other.submitted,
            self.quick_looks + other.quick_looks,
            self.ended + other.ended,
            other.unasked,
            other.again,
        )


@dataclass(slots=True)
class Planner:
    """Looks at nights.

    Parameters
    ----------
    database
        Holds the ledger.
    desk
        Gives calibrations out and takes new ones in.
    patience
        How long to wait for frames and calibrations.
    mode, profile
        With which groups are reduced.
    quick_looks
        Whether frames of the sky get a quick look at once.
    """

    database: Database
    desk: CalibrationDesk
    patience: Patience = field(default_factory=Patience)
    mode: str = "sq"
    profile: str = "standard"
    quick_looks: bool = True

    def look(self, night: date, instrument: str, withdrawn: frozenset[str] = frozenset()) -> Looked:
        """Bring the ledger to where the frames of a night want it to be.

        Parameters
        ----------
        night, instrument
            Which frames.
        withdrawn
            MD5 of calibrations that have been vetoed or replaced since the last look.

        Raises
        ------
        ServiceError
            If the database failed; nothing is written then.
        """
        self.hand_in(night, instrument)
        looked = Looked(again=True)
        while looked.again:
            with self.database.begin() as connection:
                looked += _Look(connection, self, load(connection, night, instrument), withdrawn).take()
        return looked

    def hand_in(self, night: date, instrument: str) -> None:
        """Give the masters of jobs that have succeeded to the calibration manager."""
        with self.database.begin() as connection:
            state = load(connection, night, instrument)
        for group_id, group in state.groups.items():
            notes = state.notes[group_id]
            job = state.jobs.get(group_id)
            if not state.owns_group(group_id):
                continue
            if notes.provides is None or notes.master is not None or job is None:
                continue
            if job.state is not JobState.SUCCEEDED or (made := state.product(group_id)) is None:
                continue
            caltype = CALTYPES.get(notes.provides, notes.provides)
            judged = self.desk.submit(_path(made), caltype, f"made of {group.name}")
            if not isinstance(judged, CouldNotAsk):
                reason = "" if judged.certified else judged.reason or "it was not certified"
                with self.database.begin() as connection:
                    groups.note(connection, group_id, replace(notes, master=(judged.id, reason)).to_json())


class _Look:
    """The parts of a look, in order."""

    def __init__(self, connection: Connection, planner: Planner, state: Night, withdrawn: frozenset[str]) -> None:
        self.connection = connection
        self.planner = planner
        self.state = state
        self.withdrawn = withdrawn
        self.masters: dict[str, Master] = {}
        self.unasked = ""
        self.again = False
        self.numbers: dict[str, int] = {}
        self.told: dict[str, list[str]] = {"opened": [], "submitted": [], "quick_looks": [], "ended": []}
        self.closed: list[tuple[str, str]] = []

    def take(self) -> Looked:
        """Take the look."""
        if self.state.empty:
            return Looked()
        self._note_withdrawn()
        self._end_groups()
        made = self._plan()
        for step in reconcile(made, self.state.held(), self._current()):
            if self._is_ours(step):
                self._apply(step)
            elif not isinstance(step, Open | Drop):
                self.numbers[step.group.name] = step.held.id
        self._close(made)
        self._mark_frames(made)
        self._quick_looks(made)
        for group in self._ours(made):
            self._submit(group)
        for group_id in self.state.notes.changed & self.state.groups.keys():
            groups.note(self.connection, group_id, self.state.notes[group_id].to_json())
        told = {name: tuple(names) for name, names in self.told.items()}
        return Looked(**told, closed=tuple(self.closed), unasked=self.unasked, again=self.again)

    def _is_ours(self, step: Step) -> bool:
        """Whether a step is about a group of this night; those of its neighbours are looked at only."""
        if isinstance(step, Open):
            return self.state.owns_frame(step.group.lead)
        return self.state.owns_group(step.held.id)

    def _ours(self, made: Plan) -> list[Group]:
        """Return the groups of this night, once they are all in the ledger."""
        mine = {name for name, number in self.numbers.items() if self.state.owns_group(number)}
        return [group for group in made.groups if group.name in mine]

    def _note_withdrawn(self) -> None:
        """Note with the groups which of the calibrations that they were given have been withdrawn."""
        for group_id in filter(self.state.owns_group, self.state.groups):
            notes = self.state.notes[group_id]
            used = tuple(replace(one, vetoed=one.vetoed or one.md5 in self.withdrawn) for one in notes.used)
            self.state.notes[group_id] = replace(notes, used=used)

    # What has ended.

    def _end_groups(self) -> None:
        """Let groups follow their jobs."""
        for group_id, job in self.state.jobs.items():
            if not self.state.owns_group(group_id):
                continue
            group = self.state.groups[group_id]
            if job.state in JOB_OPEN:
                if group.state is GroupState.FAILED:  # somebody has queued the job again
                    self._settle(group_id, GroupState.SUBMITTED, "")
                continue
            redone = group.state is GroupState.FAILED and job.state is JobState.SUCCEEDED  # between two looks
            if group.state not in {GroupState.SUBMITTED, GroupState.CLOSED} and not redone:
                continue
            if job.state is JobState.SUCCEEDED:
                self._settle(group_id, GroupState.DONE, "")
                if job.supersedes is not None:
                    products.supersede(self.connection, job.supersedes, job.id)
            else:
                self._settle(group_id, GroupState.FAILED, f"{job.state}: {job.reason}")
            self.told["ended"].append(group.name)

    def _settle(self, group_id: int, state: GroupState, reason: str) -> None:
        groups.settle(self.connection, group_id, state, reason)
        group = replace(self.state.groups[group_id], state=state, reason=reason)
        self.state.groups[group_id] = group
        if state is GroupState.DONE:
            frames.settle(self.connection, group.frames, FrameState.REDUCED)
        elif state is GroupState.FAILED:
            frames.settle(self.connection, group.frames, FrameState.UNREDUCED, reason)
        else:
            frames.settle(self.connection, group.frames, FrameState.PLANNED)

    # The plan.

    def _plan(self) -> Plan:
        """Plan the night with what the calibration manager offers for what its own frames do not give."""
        state = self.state
        failed = frozenset(group.name for group in state.groups.values() if state.maker(group.id) is None)
        chosen = {
            Asked(state.notes[group_id].lead, one.caltype): one
            for group_id, group in state.groups.items()
            if group.state is GroupState.CLOSED  # a finished group looks for something better
            for one in state.notes[group_id].chosen
        }
        facts = list(state.facts)
        without = plan(facts, self.planner.mode, failed=failed)
        for group in without.groups:
            if not state.owns_frame(group.lead):
                continue
            wanted = {need.caltype for need in group.needs if need.provider is None}
            if group.kind in MASKED and not {need.caltype for need in group.needs} & MASKS:
                wanted.add("processed_bpm")  # nobody needs a mask, so that plans do not name one that is missing
            for caltype in sorted(wanted):
                self._offer(state.seen[group.lead].facts, caltype)
        for asked, one in chosen.items():
            self.masters.setdefault(_name(one), _kept_master(asked, one))
        if not self.masters:
            return without
        offered = [replace(master.facts, file=name) for name, master in self.masters.items() if master.facts.tags]
        return plan(
            [*facts, *offered],
            self.planner.mode,
            chosen={asked: self.masters[_name(one)].facts for asked, one in chosen.items()},
            failed=failed,
        )

    def _offer(self, lead: FrameFacts, caltype: str) -> None:
        if caltype == "bpm":  # a mask that another group makes; masks of the manager are `processed_bpm`
            return
        offer = self.planner.desk.find(lead.target, caltype, mode=self.planner.mode)
        if isinstance(offer, Master):
            self.masters[offer.name] = offer
        elif isinstance(offer, CouldNotAsk):
            self.unasked = offer.reason

    def _current(self) -> Mapping[str, str]:
        """Return the digests of the calibrations that there are now, by file."""
        by_name = {name: master.md5 for name, master in self.masters.items()}
        for group_id in self.state.groups:
            product = self.state.product(group_id)
            if product is not None and self.state.maker(group_id) is Making.READY:
                by_name[_name(product)] = product.md5
        return by_name

    # Groups.

    def _apply(self, step: Step) -> None:
        match step:
            case Open(group):
                self._open(group, None, live=True)
            case Keep(held, group):
                self._take_over(held.id, group)
            case Change(held, group):
                row = self.state.groups[held.id]
                owned, borrowed = self.state.ids(group.owned), self.state.ids(group.borrowed)
                notes = self.state.notes[held.id].of(group)
                groups.change(
                    self.connection, row, name=group.name, plan=notes.to_json(), frames=owned, borrowed=borrowed
                )
                self._remember(held.id, group)
            case Renew(held, group, reason, live):
                job = self.state.jobs.get(held.id)
                if job is not None and job.state in JOB_OPEN:
                    jobs.move(self.connection, job.id, JobState.SUPERSEDED, reason)
                self._open(group, held.id, live=live)
            case Drop(held):
                self._drop(held.id)

    def _open(self, group: Group, earlier: int | None, *, live: bool) -> None:
        row = None if earlier is None else self.state.groups.pop(earlier)
        number = groups.open_group(
            self.connection,
            name=group.name,
            night=self.state.night,
            instrument=self.state.instrument,
            kind=group.kind,
            plan=Notes(live=live).of(group).to_json(),
            frames=self.state.ids(group.owned),
            borrowed=self.state.ids(group.borrowed),
            supersedes=row,
        )
        self._remember(number, group)
        self.told["opened"].append(group.name)

    def _take_over(self, group_id: int, group: Group) -> None:
        """Note what a new plan says of a group that is not finished."""
        self.numbers[group.name] = group_id
        if self.state.groups[group_id].state in GROUP_OPEN:
            self.state.notes[group_id] = self.state.notes[group_id].of(group)

    def _remember(self, group_id: int, group: Group) -> None:
        row = groups.get(self.connection, group_id)
        assert row is not None
        self.state.groups[group_id] = row
        self.state.notes.by_group[group_id] = Notes.from_json(row.plan)
        self.numbers[group.name] = group_id

    def _drop(self, group_id: int) -> None:
        job = self.state.jobs.get(group_id)
        if job is not None and job.state in JOB_OPEN:
            jobs.move(self.connection, job.id, JobState.SUPERSEDED, "its frames belong to other groups now")
        groups.settle(self.connection, group_id, GroupState.SUPERSEDED, "its frames belong to other groups now")
        del self.state.groups[group_id]

    def _close(self, made: Plan) -> None:
        """Close the groups whose time has come."""
        by_hand = {
            name: self.state.groups[number].close_reason or "closed"
            for name, number in self.numbers.items()
            if self.state.groups[number].state is not GroupState.OPEN
        }
        for name, reason in closed_groups(
            made, self.state.seen, self.state.now, self.planner.patience, by_hand
        ).items():
            group_id = self.numbers.get(name)
            if group_id is None or not self.state.owns_group(group_id):
                continue
            if self.state.groups[group_id].state is GroupState.OPEN:
                groups.close(self.connection, group_id, reason)
                row = groups.get(self.connection, group_id)
                assert row is not None
                self.state.groups[group_id] = row
                self.closed.append((name, reason))

    def _mark_frames(self, made: Plan) -> None:
        """Let frames follow the plan: those of open groups are planned, those of none are left out, with a reason."""
        planned = {
            file
            for group in self._ours(made)
            if self.state.groups[self.numbers[group.name]].state in GROUP_OPEN
            for file in group.owned
        }
        waiting = [
            self.state.frames[file].id for file in planned if self.state.frames[file].state is not FrameState.PLANNED
        ]
        frames.settle(self.connection, waiting, FrameState.PLANNED)
        for file, reason in made.left_out:
            row = self.state.frames.get(file)
            if (
                row is not None
                and row.night == self.state.night
                and (row.state, row.reason) != (FrameState.LEFT_OUT, reason)
            ):
                frames.settle(self.connection, [row.id], FrameState.LEFT_OUT, reason)

    # Jobs.

    def _quick_looks(self, made: Plan) -> None:
        """Submit a quick look at every new frame of the sky, with the best calibrations at this moment."""
        if not self.planner.quick_looks:
            return
        for group in self._ours(made):
            if group.kind not in QUICK_LOOKS:
                continue
            for file in group.owned:
                if self.state.frames[file].state is FrameState.RECEIVED:
                    self._quick_look(file)

    def _quick_look(self, name: str) -> None:
        row, facts = self.state.frames[name], self.state.seen[name].facts
        offers = [
            self.planner.desk.find(facts.target, caltype, mode="ql", relaxed=True)
            for caltype in QUICK_LOOK_CALIBRATIONS
        ]
        used = [_provided(offer) for offer in offers if isinstance(offer, Master)]
        request = quick_look_request(name, self.state.file(name), used)
        _, new = jobs.submit(
            self.connection,
            NewJob(
                key=f"quick-look/{row.id}",
                job_class=JobClass.REALTIME,
                night=self.state.night,
                instrument=self.state.instrument,
                recipe=request["recipe"],
                request=request,
                frame_id=row.id,
                provisional=any(one.provisional for one in used),
            ),
        )
        if new:
            self.told["quick_looks"].append(name)

    def _submit(self, group: Group) -> None:
        """Give a closed group to the reducers, or say what it waits for."""
        group_id = self.numbers[group.name]
        row = self.state.groups[group_id]
        if row.state is not GroupState.CLOSED:
            return
        closed_at = row.closed_at or self.state.now
        makers = {name: self._maker(name) for name in self._providers(group)}
        ready = readiness(
            group,
            {name: maker for name, maker in makers.items() if maker is not None},
            closed_at,
            self.state.now,
            self.planner.patience,
            frozenset(self.state.notes[group_id].asked),
        )
        if isinstance(ready, Fallback):
            # What is found goes into the plan of the next look, which follows at once.
            self._ask_for_the_next_best(group_id, group, ready.caltypes)
            return
        if isinstance(ready, Go) and group.unprocessable:
            self.state.notes[group_id] = replace(self.state.notes[group_id], used=self._used(group))
            self._settle(group_id, GroupState.FAILED, group.unprocessable)
            self.told["ended"].append(group.name)
            return
        self._hand_over(group_id, group, ready)

    def _hand_over(self, group_id: int, group: Group, ready: Go | Wait) -> None:
        """Write the job of a group, or change the one that waits."""
        notes = self.state.notes[group_id]
        waits = ready.needs if isinstance(ready, Wait) else ()
        if not waits and not notes.live and self._busy():
            waits = ("the live night goes first",)
        until = ready.until if isinstance(ready, Wait) else None
        if waits:
            self._write(group_id, group, {"version": 0, "name": group.name}, waits, until)
            return
        files = {name: self.state.file(name) for name in group.inputs}
        provided = dict(self._provisions(group))
        request = job_request(group, files, provided, self.planner.profile)
        self.state.notes[group_id] = replace(notes, used=self._used(group, provided))
        self._write(group_id, group, request, provisional=any(one.provisional for one in provided.values()))
        self._settle(group_id, GroupState.SUBMITTED, "")
        self.told["submitted"].append(group.name)

    def _write(
        self,
        group_id: int,
        group: Group,
        request: Mapping[str, Any],
        waits: tuple[str, ...] = (),
        until: datetime | None = None,
        *,
        provisional: bool = False,
    ) -> None:
        job = self.state.jobs.get(group_id)
        needs = [{"waits_for": one} for one in waits]
        if job is None:
            earlier = self.state.groups[group_id].supersedes
            files = {name: self.state.file(name) for name in group.inputs}
            jobs.submit(
                self.connection,
                NewJob(
                    key=f"group/{group_id}",
                    job_class=job_class(group, files),
                    night=self.state.night,
                    instrument=self.state.instrument,
                    recipe=group.recipe,
                    request=request,
                    group_id=group_id,
                    needs=tuple(needs),
                    deadline=until,
                    provisional=provisional,
                    bulk=not self.state.notes[group_id].live,
                    supersedes=jobs.succeeded_of_group(self.connection, earlier) if earlier is not None else None,
                ),
            )
        elif needs:
            jobs.wait_for(self.connection, job.id, needs, until)
        else:
            jobs.move(
                self.connection, job.id, JobState.QUEUED, request=request, needs=[], deadline=None,
                provisional=provisional,
            )  # fmt: skip

    def _busy(self) -> bool:
        """Whether jobs of a live night wait for a reducer, or are at one."""
        return jobs.live_work(self.connection)

    # Calibrations.

    def _providers(self, group: Group) -> list[str]:
        return [need.provider.name for need in group.needs if need.provider and need.provider.origin == "group"]

    def _maker(self, name: str) -> Making | None:
        number = self.numbers.get(name)
        # A group of a neighbouring night that is not in the ledger yet will be, when that night is looked at.
        return Making.EXPECTED if number is None else self.state.maker(number)

    def _provisions(self, group: Group) -> Iterator[tuple[str, Provided]]:
        """Give the files of the calibrations that a group uses, by the name that its plan knows them by."""
        for need in group.needs:
            if need.provider is None:
                continue
            if need.provider.origin == "group":
                made = self.state.product(self.numbers[need.provider.name])
                assert made is not None
                yield need.provider.file, replace(made, caltype=need.caltype, reason=need.reason)
            else:
                master = self.masters[need.provider.file]
                yield need.provider.file, replace(_provided(master), caltype=need.caltype)

    def _used(self, group: Group, provided: Mapping[str, Provided] | None = None) -> tuple[Used, ...]:
        used = []
        for need in group.needs:
            one = (provided or {}).get(need.provider.file) if need.provider else None
            if one is None or need.provider is None:
                used.append(Used(need.caltype, ""))
            else:
                used.append(Used(need.caltype, need.provider.file, one.md5, one.provisional))
        return tuple(used)

    def _ask_for_the_next_best(self, group_id: int, group: Group, caltypes: tuple[str, ...]) -> None:
        notes = self.state.notes[group_id]
        lead = self.state.seen[group.lead].facts
        chosen = list(notes.chosen)
        for caltype in caltypes:
            if caltype == "bpm":
                continue
            offer = self.planner.desk.find(lead.target, caltype, mode=self.planner.mode, relaxed=True)
            if isinstance(offer, CouldNotAsk):
                self.unasked = offer.reason
                return
            if isinstance(offer, Master):
                chosen.append(_provided(offer))
        asked = tuple(dict.fromkeys((*notes.asked, *caltypes)))
        self.state.notes[group_id] = replace(notes, chosen=tuple(chosen), asked=asked)
        self.again = True


def _path(made: Provided) -> Path:
    return Path(made.path)


def _name(one: Provided) -> str:
    return PurePath(one.path).name


def _provided(master: Master) -> Provided:
    """Return a master of the manager as it goes into a job."""
    return Provided(
        master.caltype, str(master.path), master.md5, master.id, master.provisional, "; ".join(master.reasons)
    )


def _kept_master(asked: Asked, one: Provided) -> Master:
    """Return a master that was chosen at an earlier look; of its facts the name is all that is needed then."""
    facts = FrameFacts(_name(one), "", frozenset(), {}, None)
    level = 2 if one.provisional else 1
    return Master(one.id or 0, _name(one), _path(one), one.md5, asked.caltype, facts, level, (one.reason,))
