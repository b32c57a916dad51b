"""Reducers at work: quick looks a second, with one and with two, and how long an observer waits for one.

Uses the PostgreSQL of `NIGHTCREW_DATABASE_URL`, or the embedded one, and the bus within the process; children are
processes of their own, with one thread each.
"""

from __future__ import annotations

import logging
import statistics
import tempfile
import time
from contextlib import ExitStack
from itertools import cycle, islice
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from nightcrew.planner.core.requests import File, quick_look_request
from nightcrew.shared.bus import Topology
from nightcrew.shared.bus.memory import MemoryBus
from nightcrew.shared.bus.memory_broker import MemoryBroker
from nightcrew.shared.database import open_database, upgrade
from nightcrew.shared.ledger import LEDGER
from nightcrew.shared.messages import JobClass
from support.postgres import any_postgres, fresh_database
from support.reducers import Works

if TYPE_CHECKING:
    from nightcrew.shared.database import Database

JOBS, SKIES = 40, 10
"""Jobs of a run; and frames of the sky, with which the tutorial night begins."""


def measure_workers(raw: Path, scratch: Path) -> list[tuple[str, float, str]]:
    """Return name, value and unit of each figure.

    Parameters
    ----------
    raw
        Directory of raw NIRI frames.
    scratch
        Directory for what is made.
    """
    frames = sorted(raw.glob("*.fits"))[:SKIES]
    with ExitStack() as stack:
        address = stack.enter_context(any_postgres(scratch / "postgres"))
        database = stack.enter_context(open_database(stack.enter_context(fresh_database(address))))
        upgrade(database, LEDGER)
        rates = {number: _rate(database, frames, scratch / f"workers-{number}", number) for number in (1, 2)}
        waits = _waits(database, frames, scratch / "looks")
    return [
        ("quick looks, one reducer", rates[1], "/s"),
        ("quick looks, two reducers", rates[2], "/s"),
        ("two reducers, times one", rates[2] / rates[1], "x"),
        ("quick look, message to product", 1000 * statistics.median(waits), "ms"),
        ("quick look, the longest", 1000 * max(waits), "ms"),
    ]


def _rate(database: Database, frames: list[Path], directory: Path, reducers: int) -> float:
    """Return quick looks a second, from the first claim to the last commit, as the database's clock has them."""
    works = Works(database, directory, level=logging.ERROR)
    with ExitStack() as stack:
        broker = _at_work(stack, works, reducers)
        looks = [quick_look_request(path.name, File(str(path)), ()) for path in islice(cycle(frames), JOBS)]
        ids = [works.submit(look, JobClass.REALTIME) for look in looks]
        works.keep_house(MemoryBus(broker, stop=Event()))
        while works.job(ids[-1]).ended_at is None:  # seldom asked: who measures works on the same processors
            time.sleep(0.2)
        done = works.wait_ended(*ids)
    assert all(job.outcome is not None and job.outcome["status"] == "succeeded" for job in done)
    first = min(job.started_at for job in done if job.started_at)
    last = max(job.ended_at for job in done if job.ended_at)
    return JOBS / (last - first).total_seconds()


def _waits(database: Database, frames: list[Path], directory: Path) -> list[float]:
    """Return the seconds from the submission of each quick look until its picture has its public name."""
    works, waits = Works(database, directory, level=logging.ERROR), []
    with ExitStack() as stack:
        broker = _at_work(stack, works, 1)
        bus = MemoryBus(broker, stop=Event())
        for path in frames:
            picture = works.published / f"{path.stem}_quicklook.png"
            began = time.perf_counter()
            works.submit(quick_look_request(path.name, File(str(path)), ()), JobClass.REALTIME)
            works.keep_house(bus)
            while not picture.exists():
                time.sleep(0.001)
            waits.append(time.perf_counter() - began)
    return waits


def _at_work(stack: ExitStack, works: Works, reducers: int) -> MemoryBroker:
    """Let so many reducers wait for work, warm."""
    works.directory.mkdir()
    broker = MemoryBroker(Topology.load())
    settings = {"job_class": JobClass.REALTIME, "lease": 30.0, "renew": 8.0}
    hands = [
        stack.enter_context(
            works.reducer(lambda stop, observer: MemoryBus(broker, stop=stop, observer=observer), **settings)
        )
        for _ in range(reducers)
    ]
    works.wait(lambda: not any(hand.pulse.waits_for for hand in hands))
    return broker


if __name__ == "__main__":
    import sys

    with tempfile.TemporaryDirectory() as name:
        for title, value, unit in measure_workers(Path(sys.argv[1]), Path(name)):
            print(f"{title:34} {value:9.2f} {unit}")
