"""A ledger, a bus and reducers at work on small frames."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from hashlib import md5, sha256
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import numpy as np
import structlog

from nightcrew.planner.core.requests import File, Provided, quick_look_request
from nightcrew.reducer.worker.crew import Crew
from nightcrew.reducer.worker.journal import Journal
from nightcrew.reducer.worker.limits import Share
from nightcrew.reducer.worker.metrics import Metrics
from nightcrew.reducer.worker.parent import Reducer, queue_of
from nightcrew.reducer.worker.settings import ReducerSettings
from nightcrew.shared.bus import Published
from nightcrew.shared.ledger import (
    ArrivalState,
    JobState,
    arrivals,
    claims,
    conservation,
    frames,
    jobs,
    outbox,
    products,
)
from nightcrew.shared.ledger.records import JobRow, NewFrame, NewJob, ProductRow, Sighting
from nightcrew.shared.ledger.retries import RetryPolicy
from nightcrew.shared.messages import JobClass
from nightcrew.shared.telemetry import BusMetrics, Pulse
from support.frames import write_niri
from support.ledgers import NIGHT
from support.runs import DARK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nightcrew.shared.bus import Bus
    from nightcrew.shared.database import Database
    from nightcrew.shared.messages import AnyMessage
    from nightcrew.shared.store import Depot

PATIENCE = 60.0
"""Seconds until a test gives up waiting for a reducer."""
STEPS = ("prepare", "addDQ", "writeOutputs")
"""What a user's recipe does in the end."""
AT_ONCE = RetryPolicy(first=timedelta())
EPOCH = "1577836800"
"""SOURCE_DATE_EPOCH of products that are compared byte by byte."""


JOB = JobRow(
    uuid4(), "key", JobClass.SCIENCE, False, NIGHT, "NIRI", "reduce", 1, None, None, {}, (), False, JobState.RUNNING,
    "", 2, "worker", None, None, None, None, None, None, None, None,
)  # fmt: skip
"""A job at work, in its second attempt."""


def raw_darks(directory: Path, number: int = 3) -> list[Path]:
    """Write darks of noise."""
    rng = np.random.default_rng(7)
    return [
        write_niri(directory / f"N20160102S04{n:02d}.fits", rng.normal(100, 8, (256, 256)).astype(np.float32), **DARK)
        for n in range(number)
    ]


def raw_sky(directory: Path, number: int = 1, side: int = 256) -> Path:
    """Write a frame of the sky with a few stars."""
    rng = np.random.default_rng(number)
    y, x = np.mgrid[:side, :side]
    data = rng.normal(1000, 10, (side, side))
    for row, column in rng.uniform(30, side - 30, (8, 2)):
        data += 5000 * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 10)
    return write_niri(directory / f"N20160102S{number:04d}.fits", data.astype(np.float32))


def request_of(inputs: list[Path], numbers: list[int | None], **changes: Any) -> dict[str, Any]:
    """Return a request for a master dark as the planner writes it, altered by `changes`."""
    listed = [{"name": p.name, "path": str(p), "frame": n} for p, n in zip(inputs, numbers, strict=True)]
    usual = {
        "version": 1, "name": "dark-1", "kind": "dark", "provides": "processed_dark",
        "product": f"{inputs[0].stem}_dark.fits", "recipe": "makeProcessedDark", "mode": "sq", "profile": "standard",
        "files": listed, "parameters": {}, "calibrations": [], "without": [],
    }  # fmt: skip
    return {**usual, **changes}


@dataclass
class Works:
    """The ledger, with the planner's housekeeping but without a planner, and the directories of a reducer."""

    database: Database
    directory: Path
    policy: RetryPolicy = AT_ONCE
    level: int = logging.INFO

    @property
    def raw(self) -> Path:
        return self.directory / "raw"

    @property
    def products(self) -> Path:
        return self.directory / "products"

    @property
    def published(self) -> Path:
        return self.products / f"{NIGHT:%Y%m%d}"

    def arrive(self, path: Path) -> int:
        """Record a frame as ingest does; return its number."""
        digest, size = sha256(path.read_bytes()).hexdigest(), path.stat().st_size
        with self.database.begin() as connection:
            arrivals.see(connection, [Sighting(str(path), size, 1, path.stat().st_ino)])
            (arrival,) = arrivals.settling(connection)
            new = NewFrame(digest, path.name, str(path), size, "NIRI", "dark", NIGHT, None, {"instrument": "NIRI"})
            number = frames.record(connection, new).frame_id
            arrivals.end(connection, arrival.id, ArrivalState.ACCEPTED, frame_id=number)
        return number

    def submit(
        self, request: Mapping[str, Any], job_class: JobClass = JobClass.CALIBRATION, key: str | None = None
    ) -> UUID:
        with self.database.begin() as connection:
            new = NewJob(key or uuid4().hex, job_class, NIGHT, "NIRI", str(request.get("recipe")), request)
            return jobs.submit(connection, new)[0].id

    def dark_job(self, number: int = 3, **changes: Any) -> UUID:
        """Submit a job for a master dark of frames that have come in."""
        files = raw_darks(self.raw, number) if not self.raw.exists() else sorted(self.raw.glob("N20160102S04*.fits"))
        with self.database.begin() as connection:
            known = {path.name: frames.named(connection, path.name) for path in files}
        numbers: list[int | None] = [
            known[path.name][0].id if known[path.name] else self.arrive(path) for path in files
        ]
        return self.submit(request_of(files, numbers, **changes))

    def quick_look(self, path: Path, job_class: JobClass = JobClass.CALIBRATION, *given: Provided) -> UUID:
        return self.submit(quick_look_request(path.name, File(str(path)), given), job_class)

    def user_recipe(self, body: str) -> str:
        """Write a file with one recipe of a user's own; return what to ask for."""
        name = f"recipe_{uuid4().hex[:6]}"
        lines = ["import os, time", "", "", "def mine(p):", body, *(f"    p.{one}()" for one in STEPS)]
        (self.directory / f"{name}.py").write_text("\n".join(lines) + "\n")
        return str(self.directory / f"{name}.mine")

    def job(self, job_id: UUID) -> JobRow:
        with self.database.begin() as connection:
            found = jobs.get(connection, job_id)
        assert found is not None
        return found

    def made(self, job_id: UUID) -> list[ProductRow]:
        with self.database.begin() as connection:
            return products.of_jobs(connection, [job_id])

    def breaches(self) -> tuple[conservation.Breach, ...]:
        with self.database.begin() as connection:
            return conservation.check(connection).breaches

    def keep_house(self, bus: Bus) -> None:
        """Do what the planner does: reap, queue what is due, tell the reducers."""

        def publish(message: AnyMessage) -> str:
            told = bus.publish(message)
            return "" if isinstance(told, Published) else told.reason

        with self.database.begin() as connection:
            claims.reap(connection, self.policy)
            claims.queue_due(connection)
        outbox.relay(self.database, publish)

    @contextmanager
    def housekeeping(self, bus: Bus, every: float = 0.05) -> Iterator[None]:
        """Keep house all the while; the bus is given away to it."""
        over = Event()

        def keep() -> None:
            while not over.wait(every):
                self.keep_house(bus)
            bus.close()

        thread = Thread(target=keep)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def all_of(self, **given: Any) -> ReducerSettings:
        usual: dict[str, Any] = {
            "products": self.products, "job_class": JobClass.CALIBRATION, "port": 0, "retry_pause": 0.0,
            "least_free": 0.0, "threads": 1, "memory": 2.0, "lease": 5.0, "renew": 1.0, "drain": 20.0,
        }  # fmt: skip
        return ReducerSettings.load(**{**usual, **given})

    @contextmanager
    def reducer(
        self, make_bus: Callable[[Event, BusMetrics], Bus], depot: Depot | None = None, **given: Any
    ) -> Iterator[Hand]:
        """Let a reducer work in a thread."""
        settings = self.all_of(**given)
        stop, metrics, pulse = Event(), Metrics(queue_of(settings)), Pulse()
        hand = Hand(stop, metrics, pulse)

        def work() -> None:
            bus = make_bus(stop, metrics.bus)
            hand.bus = bus
            share = Share(int((settings.memory or 2.0) * 1e9), 1)
            environment = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH}
            crew = Crew(
                share, bus.wake, environment, settings.recycle_jobs, settings.recycle_above(share), settings.spare
            )
            hand.crew = crew
            try:
                Reducer(f"test:{uuid4().hex[:6]}", settings, self.database, bus, stop, crew,
                        Journal(metrics, pulse, self.directory, log_of(self.level)), depot).run()  # fmt: skip
            except BaseException as error:  # noqa: BLE001 (handed to the test)
                hand.error = error
            finally:
                bus.close()

        thread = threading.Thread(target=work)
        thread.start()
        hand.thread = thread
        try:
            yield hand
        finally:
            stop.set()
            thread.join(PATIENCE)
            assert not thread.is_alive()

    def wait(self, condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Wait until something is true."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not happen"
            time.sleep(0.02)

    def wait_ended(self, *ids: UUID, seconds: float = PATIENCE) -> list[JobRow]:
        """Wait until jobs have ended, and return them."""
        self.wait(lambda: all(self.job(one).ended_at is not None for one in ids), seconds)
        return [self.job(one) for one in ids]

    def left_over(self) -> list[str]:
        """Return what is on the disk and in no ledger: workspaces, directories of attempts that do not count."""
        scratch = self.products / ".scratch"
        found = [path.name for path in scratch.iterdir()] if scratch.exists() else []
        with self.database.begin() as connection:
            known = {path.parent for job in jobs.listing(connection) for path in _paths(connection, job)}
        kept = self.products / ".jobs"
        found += [str(one) for one in kept.glob("*/*") if one not in known]
        return found

    def check_products(self, job_id: UUID) -> None:
        """Assert that the products of a job are whole, in their place, and known by their public names."""
        for product in self.made(job_id):
            content = Path(product.path).read_bytes()
            assert (len(content), sha256(content).hexdigest()) == (product.size, product.sha256)
            assert md5(content).hexdigest() == product.md5
            assert (self.published / product.name).read_bytes() == content


@dataclass
class Hand:
    """A reducer in a thread, and what a test may do to it."""

    stop: Event
    metrics: Metrics
    pulse: Pulse
    bus: Bus | None = None
    crew: Crew | None = None
    thread: threading.Thread | None = None
    error: BaseException | None = None

    @property
    def child_pid(self) -> int | None:
        child = None if self.crew is None else self.crew._child
        return None if child is None else child.pid

    def value(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


def two_free_ports() -> int:
    """Return a port that nobody listens at, nor at the next one, and that the system gives to no connection."""
    while True:
        port = 20000 + secrets.randbelow(12000)  # the module `random` may have the same seed in several processes
        first, second = ("127.0.0.1", port), ("127.0.0.1", port + 1)
        with suppress(OSError), socket.create_server(first), socket.create_server(second):
            return port


def log_of(level: int) -> Any:
    """Return a log that says what matters when a test fails."""
    return structlog.wrap_logger(structlog.PrintLogger(), wrapper_class=structlog.make_filtering_bound_logger(level))


def _paths(connection: Any, job: JobRow) -> list[Path]:
    return [Path(product.path) for product in products.of_jobs(connection, [job.id])]


@contextmanager
def reducer_process(environment: Mapping[str, str], *arguments: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `nightcrew-reducer`, and kill it if it is still there in the end."""
    command = [str(Path(sys.executable).with_name("nightcrew-reducer")), *arguments]
    with log.open("ab") as errors:
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=errors, stderr=errors)
    try:
        yield process
    finally:
        # Reducers that outlive their supervisor by a moment would take the jobs of the next test.
        family = [process.pid, *_descendants(process.pid)]
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def _descendants(pid: int) -> list[int]:
    """Return the processes that a process has started, and those that these have."""
    try:
        lists = [one.read_text() for one in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return []
    found = [int(one) for listed in lists for one in listed.split()]
    return found + [below for one in found for below in _descendants(one)]
