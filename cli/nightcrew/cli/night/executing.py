"""Carry out a plan, group by group; every group comes to an end that is told."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from nightcrew.cli.caldb.configuration import Config
from nightcrew.cli.caldb.reductions import Databases
from nightcrew.cli.clock import clock
from nightcrew.cli.registering import Registering, with_caveats
from nightcrew.reducer.engine.digests import Digests
from nightcrew.reducer.engine.executing import Desk, PlannedReduction, draw, peak_memory
from nightcrew.reducer.engine.reduction import Result
from nightcrew.shared.errors import ServiceError
from nightcrew.shared.outcomes import Outcome, Status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nightcrew.cli.night.collecting import Collection
    from nightcrew.cli.night.supplying import Supplied
    from nightcrew.planner.core.model import Group, Need
    from nightcrew.reducer.engine.recipe import Mode, Profile
    from nightcrew.reducer.engine.reporting import Reporter


@dataclass(frozen=True, slots=True)
class Used:
    """A calibration that a group used, or why it had none."""

    caltype: str
    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class GroupReport:
    """What became of a group.

    Parameters
    ----------
    group
        As planned.
    result
        How its reduction ended.
    used
        Calibrations, and why these.
    previews
        Names of the pictures of its products.
    seconds, cpu_seconds
        Wall and CPU time.
    peak_memory
        Largest resident size of the process up to its end, bytes.
    """

    group: Group
    result: Result
    used: tuple[Used, ...] = ()
    previews: tuple[str, ...] = ()
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory: int = 0

    @property
    def outcome(self) -> Outcome:
        """How the reduction ended."""
        return self.result.outcome


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
class Execution:
    """Reduces the groups of a plan.

    Parameters
    ----------
    collection
        Plan and frames.
    out
        Where products and previews go.
    budget
        Bytes of memory for the process.
    mode
        Processing mode.
    threads
        Threads for the kernels.
    previews
        Whether to make pictures.
    profile
        `standard` or `best`: which recipes and defaults.
    databases
        Configured databases: told of masters and products, and asked for masks.
    supplied
        What they have given for the plan.
    """

    collection: Collection
    out: Path
    budget: int
    mode: Mode = "sq"
    threads: int = 1
    previews: bool = True
    profile: Profile = "standard"
    databases: Databases = field(default_factory=lambda: Databases(Config()))
    supplied: Supplied | None = None
    _made: dict[str, GroupReport] = field(default_factory=dict)
    _digests: Digests = field(default_factory=Digests)

    def run(self, watcher: Watcher) -> Iterator[GroupReport]:
        """Yield the report of each group when it is done."""
        groups = self.collection.plan.groups
        if self.threads > 1:
            self._digests.ahead((self.collection.paths[name] for group in groups for name in group.inputs), 1)
        for number, group in enumerate(groups, 1):
            watcher.begin(group, number, len(groups))
            wall, cpu = time.perf_counter(), time.process_time()
            result, used = self._reduce(group, watcher.reporter)
            products = result.outcome.products if self.previews else ()
            previews = draw(products, self.out, result.ledger.warnings)
            report = GroupReport(
                group, result, used, previews,
                time.perf_counter() - wall, time.process_time() - cpu, peak_memory(),
            )  # fmt: skip
            self._made[group.name] = report
            watcher.end(report)
            yield report

    def _reduce(self, group: Group, reporter: Reporter) -> tuple[Result, tuple[Used, ...]]:
        unasked = self._unasked(group)
        if unasked and self.mode == "sq":
            reason = f"{'; '.join(unasked)}; reduce the night again when it answers"
            return Result(Outcome(Status.RETRYABLE, reason, code=ServiceError.code), group.recipe), ()
        if group.unprocessable:
            return Result(Outcome(Status.UNPROCESSABLE, group.unprocessable, code="plan"), group.recipe), ()
        settings = dict(group.parameters)
        files: dict[str, Path] = {}
        reasons: dict[str, str] = {}
        used, caveats = [], [f"reduced without {reason}" for reason in unasked]
        for need in group.needs:
            path, trouble = self._provided(need)
            named = [name for name, value in settings.items() if need.provider and value == need.provider.file]
            if path is not None:
                used.append(Used(need.caltype, path.name, self._reason(need)))
                files[need.caltype], reasons[need.caltype] = path, need.reason
                settings.update(dict.fromkeys(named, str(path)))
            elif not trouble:
                used.append(Used(need.caltype, "", need.reason))
            elif named:
                caveats.append(f"reduced without {need.caltype}: {trouble}")
                for name in named:
                    del settings[name]
            else:
                return Result(Outcome(self._ending(need), trouble, code="calibration"), group.recipe), tuple(used)
        inputs = tuple(self.collection.paths[name] for name in group.inputs)
        planned = PlannedReduction(inputs, group.recipe, settings, self.mode, self.profile, files, reasons)
        desk = Desk(self.out, self.budget, self.threads, clock(), self._digests)
        store = Registering(desk.store(), self.databases, reporter)
        others = self.databases.sources(self.mode, self.out / "calibrations")
        result = store.conclude(desk.reduce(planned, reporter, store, others))
        return with_caveats(result, caveats), tuple(used)

    def _ending(self, need: Need) -> Status:
        """Return how a group ends whose calibration was not made: what may help its maker may help it."""
        maker = self._made.get(need.provider.name) if need.provider else None
        again = maker is not None and maker.outcome.status is Status.RETRYABLE
        return Status.RETRYABLE if again else Status.UNPROCESSABLE

    def _unasked(self, group: Group) -> list[str]:
        """Return which of a group's calibrations nobody has and somebody could not be asked for, and why."""
        if self.supplied is None:
            return []
        without = [need.caltype for need in group.needs if need.provider is None]
        unasked = self.supplied.unasked
        return [f"{kind}: {unasked[group.name, kind]}" for kind in without if (group.name, kind) in unasked]

    def _reason(self, need: Need) -> str:
        file = need.provider.file if need.provider else ""
        origin = self.supplied.origins.get(file) if self.supplied else None
        return f"{need.reason}; from {origin}" if origin else need.reason

    def _provided(self, need: Need) -> tuple[Path | None, str]:
        """Return the file of a calibration, or what went wrong with it; neither if nobody provides it."""
        if need.provider is None:
            return None, ""
        if need.provider.origin == "file":
            return self.collection.paths[need.provider.file], ""
        maker = self._made.get(need.provider.name)
        if maker is None or not maker.outcome.ok:
            reason = maker.outcome.reason if maker else "it was not made"
            return None, f"{need.provider.file} ({need.caltype}) could not be made: {reason}"
        return self.out / maker.outcome.products[-1], ""
