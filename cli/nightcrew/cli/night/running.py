"""A night from the first look to the last job: the planner decides what is reduced when, and with what."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from nightcrew.cli.night.accounting import account
from nightcrew.cli.night.collecting import ONE_NIGHT
from nightcrew.cli.night.reports import GroupReport, of_job, of_plan
from nightcrew.planner.core.closing import Patience
from nightcrew.planner.looking import Planner
from nightcrew.shared.errors import ServiceError
from nightcrew.shared.ledger.states import GroupState, JobState
from nightcrew.shared.outcomes import Status

if TYPE_CHECKING:
    from nightcrew.cli.night.accounting import Accounts
    from nightcrew.cli.night.asking import DatabaseDesk
    from nightcrew.cli.night.collecting import Collection
    from nightcrew.cli.night.working import Worker
    from nightcrew.planner.core.model import Group
    from nightcrew.reducer.engine.reporting import Reporter
    from nightcrew.shared.ledger.records import GroupRow, JobRow

NOTHING_MORE = Patience(timedelta(), timedelta(), timedelta(), timedelta())
"""All that there is has come."""


class Watcher(Protocol):
    """Follows a night."""

    @property
    def reporter(self) -> Reporter:
        """Who listens to the primitives."""

    def begin(self, group: Group, number: int, groups: int) -> None:
        """Note that a group is taken up."""

    def end(self, report: GroupReport) -> None:
        """Note how it ended."""


@dataclass(slots=True)
class NightRun:
    """Reduces what was found in a directory.

    Parameters
    ----------
    collection
        The frames, in their ledger.
    desk
        Gives the calibrations that the frames do not give.
    worker
        Does the jobs.

    Attributes
    ----------
    groups
        The groups of the plan as they were taken up, or as they are planned now.
    reports
        What became of them, by name.
    """

    collection: Collection
    desk: DatabaseDesk
    worker: Worker
    groups: dict[str, Group] = field(default_factory=dict)
    reports: dict[str, GroupReport] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)

    @property
    def complete(self) -> bool:
        """Whether every group has come to an end."""
        return self.groups.keys() == self.reports.keys()

    def run(self, watcher: Watcher) -> None:
        """Reduce, until every group has come to its end."""
        try:
            self._reduce(watcher)
        except KeyboardInterrupt:
            self._look(watcher)  # so that the ledger knows what came of the jobs that were done
            raise

    def _reduce(self, watcher: Watcher) -> None:
        self._look(watcher)
        self._read_ahead()
        while queued := self._queued():
            for job in queued:
                group = self.groups[job.request["name"]]
                watcher.begin(group, len(self.reports) + 1, len(self.groups))
                self.worker.work(self.collection.ledger, job.id, watcher.reporter, self._caveats(group))
                self._end(of_job(group, self._job(job)), watcher)
            self._look(watcher)
        self._tell(self._waiting(), watcher)

    def in_order(self) -> list[GroupReport]:
        """Return the reports that there are, in the order of the plan."""
        return [self.reports[name] for name in self.groups if name in self.reports]

    def accounts(self) -> Accounts:
        """Return what became of every file."""
        with self.collection.ledger.begin() as entries:
            frames = [row for name in self.collection.instruments for row in entries.frames([ONE_NIGHT], name)]
        return account(self.collection, frames, self.in_order())

    def _look(self, watcher: Watcher) -> None:
        """Let the planner look at the night, and tell of the groups that cannot be reduced."""
        planner = Planner(
            self.collection.ledger, self.desk, NOTHING_MORE, self.worker.mode, self.worker.profile, quick_looks=False
        )
        for instrument in self.collection.instruments:
            looked = planner.look(ONE_NIGHT, instrument)
            planned = looked.plan.groups if looked.plan is not None else ()
            self.groups |= {group.name: group for group in planned if group.name not in self._taken}
            self.groups |= {group.name: group for group in looked.taken}
            self._taken |= {group.name for group in looked.taken}
        self._tell(self._without_job(), watcher)

    def _read_ahead(self) -> None:
        """Let the md5 of the inputs be computed beside other work, in the order in which they are wanted."""
        if self.worker.threads > 1:
            paths = self.collection.paths
            self.worker.digests.ahead((paths[name] for group in self.groups.values() for name in group.inputs), 1)

    def _tell(self, reports: list[GroupReport], watcher: Watcher) -> None:
        for report in reports:
            watcher.begin(report.group, len(self.reports) + 1, len(self.groups))
            self._end(report, watcher)

    def _end(self, report: GroupReport, watcher: Watcher) -> None:
        self.reports[report.group.name] = report
        watcher.end(report)

    # The ledger.

    def _jobs(self) -> list[JobRow]:
        with self.collection.ledger.begin() as entries:
            return [job for name in self.collection.instruments for job in entries.jobs([ONE_NIGHT], name)]

    def _queued(self) -> list[JobRow]:
        """Return the jobs that are queued, in the order of the plan."""
        order = {name: number for number, name in enumerate(self.groups)}
        queued = [job for job in self._jobs() if job.state is JobState.QUEUED]
        return sorted(queued, key=lambda job: order[job.request["name"]])

    def _job(self, known: JobRow) -> JobRow:
        return next(job for job in self._jobs() if job.id == known.id)

    def _open_groups(self) -> list[tuple[Group, GroupRow]]:
        """Return the groups of which nothing has been told."""
        with self.collection.ledger.begin() as entries:
            rows = [row for name in self.collection.instruments for row in entries.groups([ONE_NIGHT], name)]
        return [(self.groups[row.name], row) for row in rows if row.name not in self.reports]

    def _without_job(self) -> list[GroupReport]:
        """Report the groups that cannot be reduced."""
        return [
            of_plan(group, self._ending(group), row.reason, "calibration" if group.lost else "plan")
            for group, row in self._open_groups()
            if row.state is GroupState.FAILED
        ]

    def _ending(self, group: Group) -> Status:
        """Return how a group ends that cannot be reduced: what may help the maker of a calibration may help it."""
        makers = (self.reports.get(need.lost) for need in group.lost)
        again = any(maker is not None and maker.outcome.status is Status.RETRYABLE for maker in makers)
        return Status.RETRYABLE if again else Status.UNPROCESSABLE

    def _waiting(self) -> list[GroupReport]:
        """Report the groups that wait when there is nothing left to do: what they need could not be asked for."""
        reports: dict[str, GroupReport] = {}
        for group, _ in self._open_groups():
            waits = self._unasked(group)
            for need in group.needs:
                maker = reports.get(need.provider.name) if need.provider is not None else None
                if maker is not None and need.provider is not None:
                    waits.append(f"{need.provider.file} ({need.caltype}) was not made: {maker.outcome.reason}")
            reason = f"{'; '.join(waits) or 'what it waits for did not come'}; reduce the night again when it answers"
            reports[group.name] = of_plan(group, Status.RETRYABLE, reason, ServiceError.code)
        return list(reports.values())

    def _unasked(self, group: Group) -> list[str]:
        """Return which of a group's calibrations nobody has and somebody could not be asked for, and why."""
        without = [need.caltype for need in group.needs if need.provider is None]
        unasked = self.desk.unasked
        return [f"{kind}: {unasked[group.lead, kind]}" for kind in without if (group.lead, kind) in unasked]

    def _caveats(self, group: Group) -> list[str]:
        told = [f"reduced without {reason}" for reason in self._unasked(group)]
        return told + [f"reduced without {need.caltype}: {need.reason}" for need in group.lost]
