"""Measure how quickly the calibration manager answers, and how that grows with what it holds.

Clients are processes that ask without a pause, each over a connection of its own.  Timed is what the database takes
to answer, as a client sees it, and the whole answer: rules, statement, what came back judged once more.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.synthetic_calibrations import fill, questions
from nightcrew.calmanager import CalibrationManager, associating
from nightcrew.calmanager.database import CALIBRATION
from nightcrew.shared.database import DatabaseSettings, open_database, upgrade
from support.postgres import any_postgres, fresh_database, with_password

if TYPE_CHECKING:
    from multiprocessing.pool import AsyncResult

    from nightcrew.calmanager.looking import Known

SIZES = (10_000, 100_000)
BIG = 1_000_000
CLIENTS = 10
LIMIT = 10.0
"""Milliseconds in which the database must answer 99 of 100 questions of ten clients that hold a million."""


class Trusting:
    """Takes every file for given: there are none behind synthetic calibrations."""

    def fault(self, known: Known) -> str | None:
        """Find nothing wrong."""
        return None


@dataclass(frozen=True, slots=True)
class Timings:
    """What one client measured: seconds in the database and in all for each question, and how many were answered."""

    database: list[float]
    whole: list[float]
    found: int


def ask(url: str, seed: int, number: int) -> Timings:
    """Be a client: ask a number of questions, after some to warm up."""
    spent: list[float] = []
    fetch = associating._rows

    def timed(connection: object, statement: object) -> object:
        start = time.perf_counter()
        rows = fetch(connection, statement)  # type: ignore[arg-type]
        spent.append(time.perf_counter() - start)
        return rows

    associating._rows = timed  # type: ignore[assignment]
    whole, found = [], 0
    with open_database(url) as database:
        manager = CalibrationManager(database)
        manager._looker = Trusting()  # type: ignore[assignment]
        asked = questions(seed)
        for _ in range(60):
            manager.associate(*next(asked))
        spent.clear()
        for _ in range(number):
            target, caltype = next(asked)
            start = time.perf_counter()
            found += manager.associate(target, caltype).best is not None
            whole.append(time.perf_counter() - start)
    return Timings(spent, whole, found)


def measure(url: str, clients: int, number: int) -> tuple[Timings, float]:
    """Let several clients ask at once; return all their timings, and how many questions were answered in a second."""
    with multiprocessing.get_context("spawn").Pool(clients) as pool:
        start = time.perf_counter()
        working: list[AsyncResult[Timings]] = [pool.apply_async(ask, (url, seed, number)) for seed in range(clients)]
        done = [one.get(timeout=600) for one in working]
        lasted = time.perf_counter() - start
    longest = max(sum(one.whole) for one in done)
    timings = Timings(
        [value for one in done for value in one.database],
        [value for one in done for value in one.whole],
        sum(one.found for one in done),
    )
    return timings, clients * number / min(longest, lasted)


def associations(big: bool, clients: int = CLIENTS, number: int = 1000) -> list[tuple[str, float, str, float | None]]:
    """Return the figures: name, value, unit, limit."""
    figures: list[tuple[str, float, str, float | None]] = []
    medians = []
    with ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory())
        server = stack.enter_context(any_postgres(Path(scratch)))
        for size in (*SIZES, BIG) if big else SIZES:
            with fresh_database(server) as url:
                settings = DatabaseSettings.load(database_url=with_password(url), database_statement_timeout=0)
                with open_database(settings) as database:
                    upgrade(database, CALIBRATION)
                    fill(database, size)
                    CalibrationManager.open(database)
                timings, rate = measure(with_password(url), clients, number)
            p50, p99 = (1000 * float(np.percentile(timings.database, part)) for part in (50, 99))
            whole = 1000 * float(np.percentile(timings.whole, 99))
            what = f"association, {size:.0e}".replace("e+0", "e")
            figures += [
                (f"{what}: database p50", p50, "ms", None),
                (f"{what}: database p99", p99, "ms", LIMIT),
                (f"{what}: whole answer p99", whole, "ms", None),
                (f"{what}: answers", rate, "/s", None),
            ]
            medians.append(p50)
            print(f"{what}: {timings.found} of {len(timings.whole)} found", file=sys.stderr, flush=True)
    growth = medians[-1] / medians[0]
    figures.append((f"association: growth of p50 over {'1e2' if big else '1e1'}", growth, "x", None))
    return figures


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--big", action="store_true", help="also with a million calibrations (2 minutes, 3 GB of disk)")
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--number", type=int, default=1000, help="questions of each client")
    options = parser.parse_args()
    for name, value, unit, limit in associations(options.big, options.clients, options.number):
        print(f"{name:44} {value:9.2f} {unit:4} {'' if limit is None else f'<= {limit:g}'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
