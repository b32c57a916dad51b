"""`nightcrew night`: reduce a directory of raw frames, from plan to report."""

from __future__ import annotations

import json
import time
from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import typer

GIGABYTE = 1_000_000_000


class Quality(StrEnum):
    """Processing modes."""

    SQ = "sq"
    QL = "ql"


class Profile(StrEnum):
    """Variants of the recipes."""

    STANDARD = "standard"
    BEST = "best"


def night(
    directory: Annotated[Path, typer.Argument(help="Directory of the raw frames.", show_default=False)],
    plan: Annotated[bool, typer.Option("--plan", help="Print what would be done, and touch nothing.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Where products, previews and night.json go.", show_default="DIRECTORY-reduced")
    ] = None,
    mode: Annotated[Quality, typer.Option(help="sq: science quality; ql: quick look.")] = Quality.SQ,
    profile: Annotated[
        Profile, typer.Option(help="standard: the reference's numbers; best: what it leaves to the user.")
    ] = Profile.STANDARD,
    memory: Annotated[
        float | None, typer.Option(help="Memory budget, GB.", show_default="half of what there is", min=0.2)
    ] = None,
    threads: Annotated[int, typer.Option(help="Threads for the kernels; changes no result.", min=1)] = 1,
    previews: Annotated[bool, typer.Option(help="Draw a PNG of every product.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print plan or night.json instead of tables.")] = False,
) -> None:
    """Reduce a night: classify, group, find calibrations, reduce, report.

    No lists and no options are needed. Calibrations come before science; each science and standard group gets its
    dark, flat and bad-pixel mask by the association rules, and the table says why. The exit code is 0 only if every
    group reached a good end and no file was damaged.
    """
    from rich.console import Console

    from nightcrew.cli.night.collecting import collect
    from nightcrew.cli.night.executing import Execution, peak_memory
    from nightcrew.cli.night.reporting import (
        MEGABYTE,
        night_document,
        night_table,
        plan_document,
        plan_table,
        write_json,
    )
    from nightcrew.cli.night.watching import NightWatcher
    from nightcrew.reducer.engine.memory import available_memory
    from nightcrew.reducer.primitives.prepare import software_version
    from nightcrew.shared.errors import NightcrewError, ServiceError

    screen, errors = Console(), Console(stderr=True)
    started, wall, cpu = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), time.perf_counter(), time.process_time()
    try:
        collection = collect(directory, mode.value)
        for damage in collection.damaged:
            errors.print(f"night: left out: {damage.reason}", markup=False, highlight=False, soft_wrap=True)
        if plan:
            if as_json:
                typer.echo(json.dumps(plan_document(collection), indent=1))
            else:
                screen.print(plan_table(collection.plan))
                _tell_left_out(screen, collection.plan.left_out)
            raise typer.Exit(0)
        target = out if out is not None else directory.resolve().with_name(f"{directory.resolve().name}-reduced")
        try:
            target.mkdir(parents=True, exist_ok=True)
            log = (target / "night.log").open("a", buffering=1)
        except OSError as error:
            raise ServiceError(
                f"{target}: cannot be written to ({error.strerror}); choose another place with --out"
            ) from error
        budget = int(memory * GIGABYTE) if memory else available_memory() // 2
        execution = Execution(collection, target, budget, mode.value, threads, previews, profile.value)
        reports = []
        with log, NightWatcher(errors, log) as watcher:
            try:
                for report in execution.run(watcher):
                    reports.append(report)  # noqa: PERF402 - what is done is told even if the rest is interrupted
            finally:
                about = {
                    "software": f"nightcrew {software_version()}",
                    "directory": str(directory),
                    "out": str(target),
                    "profile": profile.value,
                    "started": started,
                    "seconds": round(time.perf_counter() - wall, 4),
                    "cpu_seconds": round(time.process_time() - cpu, 4),
                    "peak_memory_mb": round(peak_memory() / MEGABYTE, 1),
                    "complete": len(reports) == len(collection.plan.groups),
                }
                document = night_document(collection, reports, about)
                write_json(document, target / "night.json")
    except NightcrewError as error:
        errors.print(f"night: error: {error}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error
    if as_json:
        typer.echo(json.dumps(document, indent=1))
    else:
        screen.print(night_table(reports))
        _tell_left_out(screen, collection.plan.left_out)
        screen.print(
            f"{len(reports)} groups in {about['seconds']:.1f} s; products, previews and night.json are in {target}",
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
    good = all(report.outcome.ok for report in reports) and not collection.damaged
    raise typer.Exit(0 if good else 1)


def _tell_left_out(screen: object, left_out: tuple[tuple[str, str], ...]) -> None:
    for file, reason in left_out:
        screen.print(f"left out: {file}: {reason}", markup=False, highlight=False, soft_wrap=True)  # type: ignore[attr-defined]
