"""From what a user types for `reduce` to a job of the suite."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from nightcrew.cli.reducing import calibrations_for
from nightcrew.planner.core.requests import LARGE, VERSION
from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.reducer.engine.memory import Memory
from nightcrew.reducer.engine.reduction import describe_calls, prepare_run
from nightcrew.reducer.engine.run import Surroundings
from nightcrew.reducer.engine.store import Directory
from nightcrew.shared.association import longitude_of, night_of
from nightcrew.shared.errors import FrameError
from nightcrew.shared.fits import md5_of
from nightcrew.shared.frame_facts import FrameFacts
from nightcrew.shared.ledger.records import NewJob
from nightcrew.shared.messages import JobClass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nightcrew.cli.reducing import Job
    from nightcrew.reducer.engine.reduction import Call, Prepared

KIND = "by-hand"
OURS = "nightcrew."
MASTER = "makeProcessed"
STORES = {"storeProcessedDark": "processed_dark", "storeProcessedFlat": "processed_flat", "storeBPM": "processed_bpm"}
"""What primitives of a recipe of one's own say that it makes."""


def new_job(job: Job, here: Path, *, certify: bool = True) -> tuple[NewJob, tuple[str, ...]]:
    """Return the job that does what `reduce` would do in a directory, and what the user should know about it.

    Files are named by absolute paths: reducers must find them under these.  Calibrations are chosen now, by the same
    rules, one for all files.

    Parameters
    ----------
    job
        What was typed.
    here
        The directory.
    certify
        Whether a master that comes of it is handed to the calibration manager.

    Raises
    ------
    NightcrewError
        If a file cannot be read, or there is no such recipe or parameter.
    """
    request = job.request
    prepared = prepare_run(request)
    if prepared.missing:
        path, reason = prepared.missing[0]
        raise FrameError(reason if path in reason else f"{path}: {reason}")
    sources = job.sources(here)
    calls = describe_calls(prepared, request, Surroundings(sources, Directory(here), Memory(job.budget, None)))
    rows, remarks = _calibrations(job, calibrations_for(prepared, calls, sources), here)
    first = prepared.frames[0]
    facts = FrameFacts.from_description(first.filename, describe_frame(first))
    name = prepared.recipe.name
    provides = _provides(name, calls)
    document = {
        "version": VERSION,
        "name": f"{name}-{facts.root}",
        "kind": KIND,
        "provides": provides,
        "product": None,
        "recipe": _recipe(job, prepared, here),
        "mode": request.mode,
        "profile": request.profile,
        "files": [{"name": path.name, "path": str(here / path), "frame": None} for path in request.files],
        "parameters": {
            f"{one.primitive}:{one.name}" if one.primitive else one.name: _placed(one.value, here)
            for one in request.user
        },
        "calibrations": rows,
        "without": [],
        "suffix": request.suffix,
        "certify": certify,
    }
    moment = facts.ut_datetime or datetime.now(UTC).replace(tzinfo=None)
    submitted = NewJob(
        key=f"{KIND}/{uuid4()}",
        job_class=_class(prepared, request.mode, provides),
        night=night_of(moment, longitude_of(facts.target)),
        instrument=facts.instrument,
        recipe=name,
        request=document,
    )
    return submitted, remarks


def _provides(recipe: str, calls: Sequence[Call]) -> str | None:
    """Return the type of the calibration that a recipe makes; None if it makes none."""
    if recipe.startswith(MASTER):
        return f"processed_{recipe.removeprefix(MASTER).lower()}"
    return next((STORES[call.primitive] for call in reversed(calls) if call.primitive in STORES), None)


def _calibrations(
    job: Job, asked: Sequence[Mapping[str, Any]], here: Path
) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Choose a calibration of each type that the recipe asks for: that of the first file that has one."""
    chosen: dict[str, Mapping[str, Any]] = {}
    remarks = []
    for row in asked:
        if row["path"] is None:
            continue
        first = chosen.setdefault(row["type"], row)
        if first["path"] != row["path"]:
            remarks.append(f"{row['file']}: {row['type']} would be {row['path']}; all get {first['path']}")
    given: dict[str, Path] = {kind: here / path for kind, path in job.calibrations.items()}
    rows = [_given(kind, path, "chosen by hand") for kind, path in given.items()]
    rows += [
        _given(kind, here / row["path"], str(row["reason"] or "")) for kind, row in chosen.items() if kind not in given
    ]
    return rows, tuple(remarks)


def _given(caltype: str, path: Path, reason: str) -> dict[str, Any]:
    return {
        "caltype": caltype, "path": str(path), "md5": md5_of(path), "id": None, "provisional": False, "reason": reason,
    }  # fmt: skip


def _recipe(job: Job, prepared: Prepared, here: Path) -> str:
    """Return the recipe as reducers find it: one of the user's own by the path of its file."""
    asked = job.request.recipe
    if not isinstance(asked, str) or prepared.recipe.module.startswith(OURS):
        return prepared.recipe.name
    return str(here / asked)


def _placed(value: Any, here: Path) -> Any:
    """Return a parameter that names a file with the file's whole path."""
    if isinstance(value, str) and value and (here / value).is_file():
        return str(here / value)
    return value


def _class(prepared: Prepared, mode: str, provides: str | None) -> JobClass:
    if _pixels(prepared) >= LARGE:
        return JobClass.LARGE
    if mode != "sq":
        return JobClass.REALTIME
    return JobClass.SCIENCE if provides is None else JobClass.CALIBRATION


def _pixels(prepared: Prepared) -> int:
    shapes: Sequence[tuple[int, ...]] = [plane.shape for frame in prepared.frames for plane in frame.planes]
    return sum(shape[0] * shape[1] for shape in shapes if len(shape) == 2)
