"""One job, from the order to its end, in the child."""

from __future__ import annotations

import hashlib
import json
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nightcrew.reducer.engine.clock import clock
from nightcrew.reducer.engine.executing import Desk, draw, forget_peak, peak_memory
from nightcrew.reducer.worker.inputs import complaint
from nightcrew.reducer.worker.requests import BadRequest, JobRequest, read_request
from nightcrew.reducer.worker.wire import Begun, Ended, Event, Finished, Made, Order, Said
from nightcrew.shared.errors import ServiceError
from nightcrew.shared.fits.output import whole_file, write_at, writing
from nightcrew.shared.outcomes import Outcome, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nightcrew.reducer.engine.digests import Digests
    from nightcrew.reducer.engine.reduction import Result

READ_ONLY = 0o444
"""Products are not written again; nor can they be by accident, though the night's directory has them by name."""


@dataclass(frozen=True, slots=True)
class Telling:
    """A reporter that tells the parent."""

    tell: Callable[[Event], None]

    def enter(self, primitive: str, level: int, frames: int) -> None:
        """Tell that a primitive starts."""
        self.tell(Begun(primitive=primitive, level=level, frames=frames))

    def advance(self, primitive: str, level: int, done: int, frames: int) -> None:
        """Keep single frames to itself: they take milliseconds."""

    def leave(self, primitive: str, level: int, seconds: float) -> None:
        """Tell that a primitive ended."""
        self.tell(Ended(primitive=primitive, level=level, seconds=seconds))

    def info(self, text: str, level: int) -> None:  # noqa: ARG002 (the parent does not indent)
        """Tell a remark."""
        self.tell(Said(event="note", text=text))

    def warning(self, text: str, level: int) -> None:  # noqa: ARG002
        """Tell a warning."""
        self.tell(Said(event="warning", text=text))


def perform(order: Order, tell: Callable[[Event], None], digests: Digests, environment: Mapping[str, str]) -> Finished:
    """Do a job; what goes wrong becomes its outcome.

    Parameters
    ----------
    order
        The job.
    tell
        Takes what happens on the way.
    digests
        Remembers the md5 of files from one job to the next.
    environment
        May hold SOURCE_DATE_EPOCH.
    """
    forget_peak()
    began = time.process_time()
    try:
        request = read_request(order.request)
        trouble = complaint(request, order.hashes, digests)
    except BadRequest as error:
        return Finished(outcome=Outcome(Status.UNPROCESSABLE, str(error), code=error.code))
    if trouble:
        status = Status.UNPROCESSABLE if order.last else Status.RETRYABLE
        return Finished(outcome=Outcome(status, trouble, code="inputs"), peak_rss=peak_memory())
    desk = Desk(order.directory, order.budget, order.threads, clock(environment), digests)
    result = desk.reduce(request.planned(), Telling(tell))
    made: tuple[Made, ...] = ()
    if result.outcome.ok:
        try:
            result, made = _furnished(result, request, order.directory)
        except ServiceError as error:
            result = replace(result, outcome=Outcome(Status.RETRYABLE, str(error), code=error.code))
    return Finished(
        outcome=result.outcome,
        recipe=result.recipe,
        made=made,
        seconds=result.ledger.seconds,
        cpu_seconds=time.process_time() - began,
        peak_rss=peak_memory(),
        measurements=tuple(measurement.as_dict() for measurement in result.measurements),
        trace=result.trace,
    )


def _furnished(result: Result, request: JobRequest, directory: Path) -> tuple[Result, tuple[Made, ...]]:
    """Add pictures and measurements to the products, and take down what there is."""
    known = len(result.ledger.warnings)
    pictures = draw(result.outcome.products, directory, result.ledger.warnings)
    kinds = dict.fromkeys((*map(_base, result.stored), *result.outcome.products), request.product_kind)
    kinds |= dict.fromkeys(pictures, "preview")
    if result.measurements:
        kinds[_write_measurements(result, request, directory)] = "measurements"
    late = tuple(result.ledger.warnings[known:])
    outcome = replace(result.outcome, caveats=(*result.outcome.caveats, *late))
    with os.scandir(directory) as entries:
        names = sorted(one.name for one in entries if one.is_file(follow_symlinks=False) and one.name[0] != ".")
    made = tuple(_made(directory / name, kinds.get(name, "intermediate")) for name in names)
    return replace(result, outcome=outcome), made


def _write_measurements(result: Result, request: JobRequest, directory: Path) -> str:
    """Write what was measured beside the products; return the file's name."""
    about = result.outcome.products[-1] if result.outcome.products else request.files[0].name
    name = f"{about.partition('.')[0]}.json"
    record = {
        "recipe": result.recipe,
        "files": [file.name for file in request.files],
        "measurements": [measurement.as_dict() for measurement in result.measurements],
    }
    with whole_file(directory / name) as number:
        write_at(number, json.dumps(record, indent=1, allow_nan=False).encode() + b"\n", 0)
    return name


def _made(path: Path, kind: str) -> Made:
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with writing(path), path.open("rb") as file:
        while chunk := file.read(1 << 20):
            sha256.update(chunk)
            md5.update(chunk)
        os.fchmod(file.fileno(), READ_ONLY)
        size = file.tell()
    return Made(name=path.name, kind=kind, sha256=sha256.hexdigest(), md5=md5.hexdigest(), size=size)


def _base(path: str) -> str:
    return Path(path).name
