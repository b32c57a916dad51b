"""`nightcrew night`: reduce a directory of raw frames, from plan to report."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from nightcrew.cli.errors import ExitCode, complain, warn
from nightcrew.cli.options import Debug, Profile, ProfileOption
from nightcrew.cli.resources import memory_budget, thread_count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from nightcrew.cli.caldb.reductions import Databases
    from nightcrew.cli.night.accounting import Accounts
    from nightcrew.cli.night.collecting import Collection
    from nightcrew.cli.night.running import NightRun
    from nightcrew.planner.core.model import Plan
    from nightcrew.shared.reception import Damage


class Quality(StrEnum):
    """Processing modes."""

    SQ = "sq"
    QL = "ql"


@dataclass(frozen=True, slots=True)
class Start:
    """When a night was taken up: UTC, and the clocks of the process in seconds."""

    stamp: str
    wall: float
    cpu: float

    @classmethod
    def now(cls) -> Start:
        """Look at the clocks."""
        return cls(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), time.perf_counter(), time.process_time())

    def until_now(self) -> dict[str, Any]:
        """Return when it was and what it has taken, as `night.json` has it."""
        return {
            "started": self.stamp,
            "seconds": round(time.perf_counter() - self.wall, 4),
            "cpu_seconds": round(time.process_time() - self.cpu, 4),
        }


def night(
    directory: Annotated[Path, typer.Argument(help="Directory of the raw frames.", show_default=False)],
    plan: Annotated[bool, typer.Option("--plan", help="Print what would be done, and touch nothing.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Where products, previews and night.json go.", show_default="DIRECTORY-reduced")
    ] = None,
    mode: Annotated[Quality, typer.Option(help="sq: science quality; ql: quick look.")] = Quality.SQ,
    profile: ProfileOption = Profile.STANDARD,
    memory: Annotated[
        float | None, typer.Option(help="Memory budget, GB.", show_default="half of what there is", min=0.2)
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(help="Threads at work; changes no result.", show_default="one for each processor", min=1),
    ] = None,
    previews: Annotated[bool, typer.Option(help="Draw a PNG of every product.")] = True,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", metavar="FILE", help="Configuration file (dragonsrc).")
    ] = None,
    store: Annotated[
        bool, typer.Option("--store/--no-store", help="Enter masters into the configured databases that store.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print plan or night.json instead of tables.")] = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Reduce a night: classify, group, find calibrations, reduce, report.

    No lists and no options are needed. Calibrations come before science; each science and standard group gets its
    dark, flat and bad-pixel mask by the association rules, and the table says why. The exit code is 0 only if every
    group reached a good end and no file was damaged.
    """
    from rich.console import Console

    from nightcrew.cli.caldb.reductions import Databases
    from nightcrew.cli.night.asking import DatabaseDesk
    from nightcrew.cli.night.collecting import collect
    from nightcrew.cli.night.running import NightRun
    from nightcrew.cli.night.working import Worker
    from nightcrew.reducer.engine.tuning import tune

    screen, start = Console(), Start.now()
    tune()
    with Databases.configured(config, store=store) as databases:
        for warning in databases.warnings:
            warn("night", warning)
        collection = collect(directory, databases.objection)
        for damage in collection.damaged:
            warn("night", f"left out: {damage.reason}")
        if plan:
            show_plan(_planned(collection, databases, mode), collection.damaged, screen, as_json=as_json)
            return
        target = out if out is not None else directory.resolve().with_name(f"{directory.resolve().name}-reduced")
        log = _open_log(target)
        worker = Worker(
            target, memory_budget(memory), databases, mode.value, profile.value, thread_count(threads),
            previews=previews,
        )  # fmt: skip
        sources = databases.sources(mode.value, target / "calibrations")
        desk = DatabaseDesk(sources, collection.paths, worker.digests, mode.value)
        run = NightRun(collection, desk, worker)
        document, accounts = _carry_out(run, log, directory, start)
    if as_json:
        typer.echo(json.dumps(document, indent=1))
    else:
        _show_reports(run, accounts, screen)
        where = f"products, previews and night.json are in {target}"
        _print(screen, f"{len(run.reports)} groups in {document['seconds']:.1f} s; {accounts}; {where}")
    for name in accounts.unaccounted:
        complain("night", f"{name}: nothing is known of what became of it; that is a defect of nightcrew: report it")
    good = all(report.outcome.ok for report in run.in_order()) and not collection.damaged and not accounts.unaccounted
    raise typer.Exit(ExitCode.DONE if good else ExitCode.FAILED)


def _planned(collection: Collection, databases: Databases, mode: Quality) -> Plan:
    """Plan with what databases have; what must be fetched for that is not kept."""
    from tempfile import TemporaryDirectory

    from nightcrew.cli.night.asking import DatabaseDesk
    from nightcrew.reducer.engine.digests import Digests

    with TemporaryDirectory(prefix="nightcrew-") as folder:
        sources = databases.sources(mode.value, Path(folder))
        return collection.plan(DatabaseDesk(sources, collection.paths, Digests(), mode.value), mode.value)


def _open_log(target: Path) -> IO[str]:
    """Make the directory of the products, and open the log in it, which is appended to."""
    from nightcrew.shared.errors import ServiceError

    try:
        target.mkdir(parents=True, exist_ok=True)
        return (target / "night.log").open("a", buffering=1, encoding="utf-8")
    except OSError as error:
        raise ServiceError(
            f"{target}: cannot be written to ({error.strerror}); choose another place with --out"
        ) from error


def _carry_out(run: NightRun, log: IO[str], directory: Path, start: Start) -> tuple[dict[str, Any], Accounts]:
    """Reduce group by group and write `night.json`, also if that is interrupted."""
    from rich.console import Console

    from nightcrew.cli.night.reporting import MEGABYTE, night_document, write_json
    from nightcrew.cli.night.watching import NightWatcher
    from nightcrew.reducer.engine.executing import peak_memory
    from nightcrew.reducer.primitives.prepare import software_version

    with log, NightWatcher(Console(stderr=True), log) as watcher:
        try:
            run.run(watcher)
        finally:
            about = {
                "software": f"nightcrew {software_version()}",
                "directory": str(directory),
                "out": str(run.worker.out),
                "profile": run.worker.profile,
                **start.until_now(),
                "peak_memory_mb": round(peak_memory() / MEGABYTE, 1),
                "complete": run.complete,
            }
            accounts = run.accounts()
            document = night_document(run.in_order(), accounts, run.collection.damaged, about)
            write_json(document, run.worker.out / "night.json")
    return document, accounts


def show_plan(plan: Plan, damaged: Sequence[Damage], screen: Console, *, as_json: bool) -> None:
    """Print a plan, and what is left out of it."""
    from nightcrew.cli.night.reporting import plan_document, plan_table

    if as_json:
        typer.echo(json.dumps(plan_document(plan, damaged), indent=1))
        return
    screen.print(plan_table(plan))
    _show_left_out(plan.left_out, screen)


def _show_reports(run: NightRun, accounts: Accounts, screen: Console) -> None:
    from nightcrew.cli.night.reporting import night_table

    screen.print(night_table(run.in_order()))
    _show_left_out(accounts.left_out, screen)


def _show_left_out(left_out: Sequence[tuple[str, str]], screen: Console) -> None:
    for file, reason in left_out:
        _print(screen, f"left out: {file}: {reason}")


def _print(screen: Console, text: str) -> None:
    screen.print(text, markup=False, highlight=False, soft_wrap=True)
