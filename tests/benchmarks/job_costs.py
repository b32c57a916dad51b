"""What a job costs beside its pixels: CPU seconds of each process, transactions, and writes to disk, for each job.

PostgreSQL and RabbitMQ are the bench's own, reducers are processes.  CPU time tells the same on a busy machine.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from sqlalchemy import text

from nightcrew.planner.core.requests import File, quick_look_request
from nightcrew.shared.bus import Topology
from nightcrew.shared.bus.rabbit import RabbitBus
from nightcrew.shared.bus.settings import RabbitSettings
from nightcrew.shared.database import open_database, upgrade
from nightcrew.shared.database.embedded import keeper
from nightcrew.shared.ledger import LEDGER
from nightcrew.shared.messages import JobClass
from support.observatory_suite import prepare_broker
from support.own_postgres import own_postgres
from support.rabbitmq import own_node
from support.reducers import Works, raw_sky, reducer_process

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nightcrew.shared.database import Database

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """CPU seconds so far, by who spent them."""

    seconds: Mapping[str, float]
    transactions: int


def measure(scratch: Path, jobs: int, reducers: int, side: int) -> tuple[dict[str, float], float]:
    """Return what a job costs, in milliseconds of each process and in transactions; and the jobs a second."""
    with ExitStack() as stack:
        postgres = stack.enter_context(own_postgres())
        (scratch / "broker").mkdir()
        node = stack.enter_context(own_node(scratch / "broker"))
        prepare_broker(node.url)
        database = stack.enter_context(open_database(postgres.url, application="bench"))
        upgrade(database, LEDGER)
        works = Works(database, scratch / "works")
        works.directory.mkdir()
        skies = [raw_sky(works.raw, number, side) for number in range(10)]
        environment = {
            "NIGHTCREW_DATABASE_URL": postgres.url, "NIGHTCREW_RABBITMQ_URL": node.url,
            "NIGHTCREW_REDUCER_PRODUCTS": str(works.products), "NIGHTCREW_REDUCER_PORT": "0",
            "NIGHTCREW_REDUCER_THREADS": "1", "NIGHTCREW_REDUCER_MEMORY": "2",
        }  # fmt: skip
        processes = [
            stack.enter_context(reducer_process(environment, "--class", "realtime", log=scratch / f"{number}.log"))
            for number in range(reducers)
        ]
        bus = RabbitBus(RabbitSettings.load(rabbitmq_url=node.url), Topology.load(), stop=Event())
        stack.callback(bus.close)
        for path in (*skies, *skies):  # until kernels and connections are warm
            _submit(works, path)
        while _open(database):
            works.keep_house(bus)
            time.sleep(0.5)
        ids = [_submit(works, skies[number % len(skies)]) for number in range(jobs)]
        running = keeper.postmaster(postgres.directory)
        assert running is not None
        server, broker = running.pid, int((scratch / "broker" / "pid").read_text())
        parents = [process.pid for process in processes]
        before, began = _cost(database, parents, server, broker), time.monotonic()
        while _open(database):
            works.keep_house(bus)
            time.sleep(0.5)
        seconds = time.monotonic() - began
        after = _cost(database, parents, server, broker)
        assert all(works.job(one).outcome["status"] == "succeeded" for one in ids)
    spent = {name: 1000 * (after.seconds[name] - before.seconds[name]) / jobs for name in after.seconds}
    return {**spent, "transactions": (after.transactions - before.transactions) / jobs}, jobs / seconds


def _submit(works: Works, path: Path):
    return works.submit(quick_look_request(path.name, File(str(path)), ()), JobClass.REALTIME)


def _open(database: Database) -> int:
    with database.begin() as connection:
        return connection.execute(text("SELECT count(*) FROM ledger.jobs WHERE ended_at IS NULL")).scalar_one()


def _cost(database: Database, parents: list[int], server: int, broker: int) -> Cost:
    with database.begin() as connection:
        connection.execute(text("SELECT pg_stat_force_next_flush()"))
        count = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
        transactions = connection.execute(text(count))
        return Cost(
            {
                "child": sum(_cpu(child) for parent in parents for child in _children(parent)),
                "parent": sum(_cpu(parent) for parent in parents),
                "postgres": _cpu(server) + sum(_cpu(child) for child in _children(server)),
                "rabbitmq": _cpu(broker),
            },
            transactions.scalar_one(),
        )


def _cpu(pid: int) -> float:
    """Return the CPU seconds of a process, and of those of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(one) for one in fields[11:15]) / TICKS


def _children(pid: int) -> list[int]:
    listed = [task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(child) for children in listed for child in children.split()]


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--reducers", type=int, default=1)
    parser.add_argument("--side", type=int, default=256, help="pixels along a side")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nc-bench-", ignore_cleanup_errors=True) as name:
        costs, rate = measure(Path(name), options.jobs, options.reducers, options.side)
    for title, value in costs.items():
        print(f"{title:14} {value:9.2f} {'a job' if title == 'transactions' else 'ms of CPU a job'}")
    print(f"{'rate':14} {rate:9.2f} jobs a second")


if __name__ == "__main__":
    main()
