"""A reduction on the command line: from options to a request, and its progress and end on the screen."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from nightcrew.cli.caldb.configuration import Config
from nightcrew.cli.caldb.reductions import Databases
from nightcrew.cli.clock import clock
from nightcrew.cli.errors import ExitCode, UsageProblem, complain
from nightcrew.cli.inputs import expand
from nightcrew.cli.log import Level, LogMode, RunLog, open_log
from nightcrew.cli.registering import Registering
from nightcrew.cli.resources import memory_budget, thread_count
from nightcrew.cli.user_calibrations import user_calibrations
from nightcrew.cli.version import version
from nightcrew.reducer.engine.local_calibrations import DirectoryCalibrations
from nightcrew.reducer.engine.memory import Memory
from nightcrew.reducer.engine.reduction import (
    Call,
    Prepared,
    Request,
    Result,
    describe_calls,
    open_inputs,
    prepare_run,
    reduce,
)
from nightcrew.reducer.engine.run import Surroundings, user_parameters
from nightcrew.reducer.engine.store import Directory
from nightcrew.shared.calibrations import CalibrationSource, Chain, Chosen, Found
from nightcrew.shared.errors import NightcrewError, RecipeError
from nightcrew.shared.fits import Scratch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nightcrew.reducer.engine.recipe import Mode, Profile

NEEDS = {"addDQ": "processed_bpm", "darkCorrect": "processed_dark", "flatCorrect": "processed_flat"}
"""What primitives ask the calibrations for."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a user has typed.

    Parameters
    ----------
    request
        Files, recipe, parameters.
    calibrations
        Files by type, for all inputs alike.
    overridden
        How many parameters were given more than once.
    budget
        Bytes of memory to keep to.
    threads
        Threads of the kernels.
    databases
        Configured databases: asked for calibrations, told what is made.
    """

    request: Request
    calibrations: Mapping[str, Path]
    overridden: int
    budget: int
    threads: int
    databases: Databases = field(default_factory=lambda: Databases(Config()))

    @classmethod
    def from_options(
        cls,
        files: Sequence[str],
        recipe: str | None,
        parameters: Sequence[str],
        calibrations: Sequence[str],
        mode: Mode,
        suffix: str | None,
        memory: float | None,
        threads: int | None,
        profile: Profile = "standard",
        databases: Databases | None = None,
    ) -> Job:
        """Check what can be checked without opening the inputs."""
        if suffix is not None and (not suffix or "/" in suffix):
            raise UsageProblem(f"--suffix '{suffix}': expecting an ending as _test, without a /")
        try:
            parsed = user_parameters(parameters)
        except RecipeError as error:
            raise UsageProblem(str(error)) from error
        last = {(setting.primitive, setting.name): setting for setting in parsed}
        paths = tuple(map(Path, expand(files).names))
        request = Request(paths, recipe, tuple(last.values()), mode, suffix, profile)
        overridden = len(parsed) - len(last)
        given = user_calibrations(calibrations)
        configured = databases if databases is not None else Databases(Config())
        return cls(request, given, overridden, memory_budget(memory), thread_count(threads), configured)

    def sources(self, directory: Path) -> CalibrationSource:
        """Return whom to ask for calibrations.

        What the user has named, then what lies in `calibrations/`, then the configured databases.
        """
        mode = self.request.mode
        calibrations = directory / "calibrations"
        best = self.request.profile == "best"
        kept = DirectoryCalibrations(calibrations, best, mode, self.databases.objection)
        configured = self.databases.sources(mode, calibrations, provisional_masks=best)
        return Chain((Chosen(dict(self.calibrations)), kept, *configured))

    def run(self, directory: Path, scratch: Scratch, log: RunLog, prepared: Prepared | None) -> Result:
        """Reduce, and make known to the databases what was made."""
        for warning in self.databases.warnings:
            log.warning(warning)
        store = Registering(Directory(directory), self.databases, log)
        around = Surroundings(
            self.sources(directory),
            store,
            Memory(self.budget, scratch),
            reporter=log,
            clock=clock(),
            threads=self.threads,
        )
        return store.conclude(reduce(self.request, around, prepared))


def carry_out(job: Job, mode: LogMode, file: Path, screen: Level | None, *, as_json: bool, debug: bool) -> ExitCode:
    """Reduce, and tell the user how it goes and how it ended."""
    here = Path()
    with open_log(mode, file, screen) as log, Scratch(here) as scratch:
        try:
            prepared = _checked(job, log)
            result = job.run(here, scratch, log, prepared)
        except KeyboardInterrupt:
            log.note("interrupted", Level.ERROR)
            raise
        conclude(result, log, debug=debug)
    if as_json:
        typer.echo(json.dumps(_record(result)))
    if result.outcome.ok:
        return ExitCode.DONE
    complain("reduce", result.outcome.reason)
    return ExitCode.DRAGONS_FAILED if os.environ.get("NIGHTCREW_DRAGONS_EXIT") == "1" else ExitCode.FAILED


def _checked(job: Job, log: RunLog) -> Prepared | None:
    """Check the request and say what was submitted; None if nothing can run, of which the reduction says why."""
    try:
        prepared: Prepared | None = prepare_run(job.request)
    except NightcrewError:
        prepared = None
    announce(job, prepared, log)
    return prepared


def announce(job: Job, prepared: Prepared | None, log: RunLog) -> None:
    """Say what was submitted, and which files cannot be read and why."""
    log.tell(f"\n\t\t\t--- reduce v{version()} ---\n", Level.STATUS)
    log.tell(f"Running on Python {platform.python_version()}")
    if job.overridden:
        log.tell(f"Overriding {job.overridden} parameter(s).")
    if prepared is None:
        _blame(open_inputs(job.request.files)[1], log)
        return
    _blame(prepared.missing, log)
    files = [str(path) for path in job.request.files if str(path) not in dict(prepared.missing)]
    if not prepared.missing:
        log.tell("All submitted files appear valid:")
    shown = files if len(files) < 3 else [files[0], "...", files[-1]]
    log.tell(f"{' '.join(shown)}, {len(files)} files submitted.")
    log.start(prepared.recipe.name)


def _blame(missing: Sequence[tuple[str, str]], log: RunLog) -> None:
    if missing:
        log.tell("Files not found or cannot be loaded:", Level.ERROR)
        for path, reason in missing:
            log.tell(f"   {reason if path in reason else f'{path}: {reason}'}", Level.ERROR)


def conclude(result: Result, log: RunLog, *, debug: bool = False) -> None:
    """Say what was written, or why nothing was."""
    if result.outcome.ok:
        for product in result.outcome.products:
            log.tell(f"\tWrote {product} in output directory")
        log.tell("reduce completed successfully.", Level.STATUS)
        return
    if result.trace:
        log.note(result.trace.rstrip())
        if debug:
            typer.echo(result.trace, err=True)
    log.note(result.outcome.reason)


def _record(result: Result) -> dict[str, Any]:
    outcome = result.outcome
    return {
        "status": str(outcome.status),
        "reason": outcome.reason,
        "code": outcome.code,
        "recipe": result.recipe,
        "products": list(outcome.products),
        "stored": list(result.stored),
        "caveats": list(outcome.caveats),
        "seconds": {name: round(seconds, 4) for name, seconds in result.ledger.seconds.items()},
        "measurements": [measurement.as_dict() for measurement in result.measurements],
    }


def show_plan(job: Job, *, as_json: bool) -> None:
    """Print what a request would do, without doing it: files, recipe, calibrations, parameters."""
    here = Path()
    prepared = prepare_run(job.request)
    around = Surroundings(job.sources(here), Directory(here), Memory(job.budget, None))
    calls = describe_calls(prepared, job.request, around)
    calibrations = calibrations_for(prepared, calls, job.sources(here))
    if as_json:
        record = {
            "files": [str(frame.path) for frame in prepared.frames],
            "missing": [{"file": path, "reason": reason} for path, reason in prepared.missing],
            "tags": sorted(prepared.tags),
            "recipe": f"{prepared.recipe.module}::{prepared.recipe.name}",
            "mode": job.request.mode,
            "calibrations": calibrations,
            "primitives": [{"name": name, "parameters": values} for name, values in calls],
        }
        typer.echo(json.dumps(record, default=str))
    else:
        typer.echo("\n".join(_plan(job, prepared, calibrations, calls)))


def _plan(
    job: Job, prepared: Prepared, calibrations: Sequence[Mapping[str, Any]], calls: Sequence[Call]
) -> Iterator[str]:
    yield f"Input files: {len(prepared.frames)}"
    yield from (f"   {frame.path}" for frame in prepared.frames)
    if prepared.missing:
        yield "Files not found or cannot be loaded:"
        yield from (f"   {reason}" for _, reason in prepared.missing)
    yield f"Input tags: {sorted(prepared.tags)}"
    yield f"Recipe: {prepared.recipe.module}::{prepared.recipe.name} (mode {job.request.mode})"
    yield "Calibrations:" if calibrations else "Calibrations: none needed"
    for row in calibrations:
        answer = f"{row['path']} ({row['origin']}: {row['reason']})" if row["path"] else f"none ({row['reason']})"
        yield f"   {row['file']}: {row['type']} {answer}"
    yield "Primitives:"
    for number, (name, values) in enumerate(calls, 1):
        yield f"   {number:02d} {name}"
        yield from (f"      {key:<20} {value!r}" for key, value in values.items())


def calibrations_for(prepared: Prepared, calls: Sequence[Call], sources: CalibrationSource) -> list[dict[str, Any]]:
    """Ask for every calibration that the primitives of a recipe would ask for."""
    rows = []
    for name, values in calls:
        kind = NEEDS.get(name)
        given = values.get("dark") or values.get("flat")
        if kind is None or given or values.get("do_cal") == "skip" or values.get("static_bpm", "default") != "default":
            continue
        for frame in prepared.frames:
            answer = sources.find(frame, kind)
            found = (str(answer.path), answer.origin) if isinstance(answer, Found) else (None, None)
            rows.append(
                {"file": frame.filename, "type": kind, "path": found[0], "origin": found[1], "reason": answer.reason}
            )
    return rows
