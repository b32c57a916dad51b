"""`nightcrew night`: reduce a directory of raw frames, from plan to report."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from nightcrew.cli.errors import ExitCode, warn
from nightcrew.cli.options import Debug, Profile, ProfileOption
from nightcrew.cli.resources import memory_budget, thread_count

if TYPE_CHECKING:
    from rich.console import Console

    from nightcrew.cli.caldb.reductions import Databases
    from nightcrew.cli.night.collecting import Collection
    from nightcrew.cli.night.executing import Execution, GroupReport


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
    from nightcrew.cli.night.collecting import collect
    from nightcrew.cli.night.executing import Execution
    from nightcrew.cli.night.supplying import supply
    from nightcrew.reducer.engine.tuning import tune

    screen, start = Console(), Start.now()
    tune()
    with Databases.configured(config, store=store) as databases:
        for warning in databases.warnings:
            warn("night", warning)
        collection = collect(directory, mode.value)
        for damage in collection.damaged:
            warn("night", f"left out: {damage.reason}")
        if plan:
            show_plan(_planned(collection, databases, mode), screen, as_json=as_json)
            return
        target = out if out is not None else directory.resolve().with_name(f"{directory.resolve().name}-reduced")
        log = _open_log(target)
        supplied = supply(collection, databases.sources(mode.value, target / "calibrations"), mode.value)
        collection = supplied.collection
        execution = Execution(
            collection, target, memory_budget(memory), mode.value, thread_count(threads), previews=previews,
            profile=profile.value, databases=databases, supplied=supplied,
        )  # fmt: skip
        reports, document = _carry_out(execution, log, directory, start)
    if as_json:
        typer.echo(json.dumps(document, indent=1))
    else:
        _show_reports(collection, reports, screen)
        where = f"products, previews and night.json are in {target}"
        _print(screen, f"{len(reports)} groups in {document['seconds']:.1f} s; {where}")
    good = all(report.outcome.ok for report in reports) and not collection.damaged
    raise typer.Exit(ExitCode.DONE if good else ExitCode.FAILED)


def _planned(collection: Collection, databases: Databases, mode: Quality) -> Collection:
    """Plan with what databases have; what must be fetched for that is not kept."""
    from tempfile import TemporaryDirectory

    from nightcrew.cli.night.supplying import supply

    with TemporaryDirectory(prefix="nightcrew-") as folder:
        return supply(collection, databases.sources(mode.value, Path(folder)), mode.value).collection


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


def _carry_out(
    execution: Execution, log: IO[str], directory: Path, start: Start
) -> tuple[list[GroupReport], dict[str, Any]]:
    """Reduce group by group and write `night.json`, also if that is interrupted."""
    from rich.console import Console

    from nightcrew.cli.night.reporting import MEGABYTE, night_document, write_json
    from nightcrew.cli.night.watching import NightWatcher
    from nightcrew.reducer.engine.executing import peak_memory
    from nightcrew.reducer.primitives.prepare import software_version

    collection = execution.collection
    reports: list[GroupReport] = []
    with log, NightWatcher(Console(stderr=True), log) as watcher:
        try:
            for report in execution.run(watcher):
                reports.append(report)  # noqa: PERF402 - what is done is told even if the rest is interrupted
        finally:
            about = {
                "software": f"nightcrew {software_version()}",
                "directory": str(directory),
                "out": str(execution.out),
                "profile": execution.profile,
                **start.until_now(),
                "peak_memory_mb": round(peak_memory() / MEGABYTE, 1),
                "complete": len(reports) == len(collection.plan.groups),
            }
            document = night_document(collection, reports, about)
            write_json(document, execution.out / "night.json")
    return reports, document


def show_plan(collection: Collection, screen: Console, *, as_json: bool) -> None:
    """Print a plan, and what is left out of it."""
    from nightcrew.cli.night.reporting import plan_document, plan_table

    if as_json:
        typer.echo(json.dumps(plan_document(collection), indent=1))
        return
    screen.print(plan_table(collection.plan))
    _show_left_out(collection, screen)


def _show_reports(collection: Collection, reports: list[GroupReport], screen: Console) -> None:
    from nightcrew.cli.night.reporting import night_table

    screen.print(night_table(reports))
    _show_left_out(collection, screen)


def _show_left_out(collection: Collection, screen: Console) -> None:
    for file, reason in collection.plan.left_out:
        _print(screen, f"left out: {file}: {reason}")


def _print(screen: Console, text: str) -> None:
    screen.print(text, markup=False, highlight=False, soft_wrap=True)
