"""The jobs of a night's ledger, done one after the other in this process."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nightcrew.cli.clock import clock
from nightcrew.cli.registering import Registering, with_caveats
from nightcrew.reducer.engine.digests import Digests
from nightcrew.reducer.engine.executing import Desk, draw, peak_memory
from nightcrew.reducer.worker.endings import concluded
from nightcrew.reducer.worker.requests import read_request
from nightcrew.reducer.worker.wire import Finished
from nightcrew.shared.errors import ServiceError
from nightcrew.shared.ledger.records import Claim, NewProduct
from nightcrew.shared.ledger.retries import RetryPolicy
from nightcrew.shared.outcomes import Outcome, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from uuid import UUID

    from nightcrew.cli.caldb.reductions import Databases
    from nightcrew.reducer.engine.recipe import Mode, Profile
    from nightcrew.reducer.engine.reduction import Result
    from nightcrew.reducer.engine.reporting import Reporter
    from nightcrew.reducer.worker.requests import JobRequest
    from nightcrew.shared.ledger.seam import Ledger

ONCE = RetryPolicy(attempts=1)
"""The user is at hand, and may run the night again."""
WORKER = "night"


@dataclass(frozen=True, slots=True)
class Worker:
    """Does jobs.

    Parameters
    ----------
    out
        Where products and previews go.
    budget
        Bytes of memory for the process.
    databases
        Configured databases: told of masters and products, and asked for masks.
    mode, profile
        With which groups are reduced.
    threads
        Threads for the kernels.
    previews
        Whether to make pictures.
    digests
        Remembers the md5 of files from one job to the next.
    """

    out: Path
    budget: int
    databases: Databases
    mode: Mode = "sq"
    profile: Profile = "standard"
    threads: int = 1
    previews: bool = True
    digests: Digests = field(default_factory=Digests)

    def work(self, ledger: Ledger, job_id: UUID, reporter: Reporter, caveats: Iterable[str] = ()) -> None:
        """Claim a job, reduce, and write how it ended; what goes wrong becomes its outcome.

        Parameters
        ----------
        ledger
            Holds the job.
        job_id
            The job, which is queued.
        reporter
            Listens to the primitives.
        caveats
            What the user should know besides what the reduction tells.
        """
        with ledger.begin() as entries:
            held = entries.claim(job_id, WORKER)
        assert isinstance(held, Claim)
        wall, cpu = time.perf_counter(), time.process_time()
        request = read_request(held.job.request)
        result = self._reduce(request, reporter, tuple(caveats))
        previews = draw(result.outcome.products, self.out, result.ledger.warnings) if self.previews else ()
        result, made = self._taken_down(result, request, previews)
        ended = concluded(_finished(result, time.process_time() - cpu))
        record = {
            **ended.record,
            "previews": list(previews),
            "conditions": _conditions(result),
            "wall_seconds": time.perf_counter() - wall,
            "cpu_seconds": ended.usage.cpu_seconds,
            "peak_rss": ended.usage.peak_rss,
            "primitives": dict(ended.usage.primitives),
        }
        with ledger.begin() as entries:
            entries.commit(held, ended.outcome, made, record, ONCE)

    def _reduce(self, request: JobRequest, reporter: Reporter, caveats: tuple[str, ...]) -> Result:
        desk = Desk(self.out, self.budget, self.threads, clock(), self.digests)
        store = Registering(desk.store(), self.databases, reporter)
        others = self.databases.sources(request.mode, self.out / "calibrations")
        return with_caveats(store.conclude(desk.reduce(request.planned(), reporter, store, others)), caveats)

    def _taken_down(
        self, result: Result, request: JobRequest, previews: tuple[str, ...]
    ) -> tuple[Result, tuple[NewProduct, ...]]:
        """Return the products as the ledger takes them; a product that is gone already is none."""
        if not result.outcome.ok:
            return result, ()
        try:
            return result, tuple(self._made(result, request, previews))
        except (OSError, ServiceError) as error:
            reason = f"what was made cannot be read again ({error}); reduce the night again, and let nobody remove it"
            return replace(result, outcome=Outcome(Status.RETRYABLE, reason, code=ServiceError.code)), ()

    def _made(self, result: Result, request: JobRequest, previews: tuple[str, ...]) -> Iterator[NewProduct]:
        stored = (Path(path).name for path in result.stored)
        kinds = dict.fromkeys((*stored, *result.outcome.products), request.product_kind)
        for name, kind in (kinds | dict.fromkeys(previews, "preview")).items():
            path = self.out / name
            with path.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                size = file.tell()
            yield NewProduct(name, kind, str(path), sha256, self.digests.md5(path), size)


def _finished(result: Result, cpu_seconds: float) -> Finished:
    return Finished(
        outcome=result.outcome,
        recipe=result.recipe,
        seconds=result.ledger.seconds,
        cpu_seconds=cpu_seconds,
        peak_rss=peak_memory(),
        measurements=tuple(measurement.as_dict() for measurement in result.measurements),
        trace=result.trace,
    )


def _conditions(result: Result) -> list[str]:
    from nightcrew.reducer.quality.conditions import Conditions

    return [str(one) for one in result.measurements if isinstance(one, Conditions)]
