"""The command `nightcrew-reducer`."""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import socket
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

from nightcrew.reducer.worker.mortality import die_with
from nightcrew.shared.messages import JobClass
from nightcrew.shared.starting import open_ledger, run_command, set_at

if TYPE_CHECKING:
    from collections.abc import Sequence
    from threading import Event

    from nightcrew.reducer.worker.settings import ReducerSettings

COPIES = ".cache"
"""Directory below that of the products for copies of what lies in the store."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code: 0 stopped as told, 1 failed, 2 usage."""
    options = _parser().parse_args(arguments)
    stop = set_at(signal.SIGTERM, signal.SIGINT)
    if options.parent is not None:
        die_with(options.parent, signal.SIGTERM)
    from nightcrew.reducer.worker.settings import ReducerSettings  # noqa: PLC0415 (usage errors and help are told at once)

    def work(settings: ReducerSettings) -> None:
        if settings.concurrency > 1 and options.number is None:
            _supervise(settings, stop)
        else:
            _reduce(settings, options.number or 0, stop)

    given = {"job_class": options.job_class, "concurrency": options.concurrency, "products": options.products}
    return run_command("nightcrew-reducer", ReducerSettings, given, work)


def _reduce(settings: ReducerSettings, number: int, stop: Event) -> None:
    from nightcrew.reducer.worker.crew import Crew  # noqa: PLC0415
    from nightcrew.reducer.worker.hearing import Hearing  # noqa: PLC0415
    from nightcrew.reducer.worker.journal import Journal  # noqa: PLC0415
    from nightcrew.reducer.worker.metrics import Metrics  # noqa: PLC0415
    from nightcrew.reducer.worker.parent import Reducer, queue_of  # noqa: PLC0415
    from nightcrew.shared.bus import Topology  # noqa: PLC0415
    from nightcrew.shared.bus.rabbit import RabbitBus  # noqa: PLC0415
    from nightcrew.shared.bus.settings import RabbitSettings  # noqa: PLC0415
    from nightcrew.shared.store import StoreSettings, open_depot  # noqa: PLC0415
    from nightcrew.shared.telemetry import Pulse, serve_probes  # noqa: PLC0415

    metrics, pulse = Metrics(queue_of(settings)), Pulse(waits_for="a process for jobs to be warm")
    port = settings.port + number if settings.port else 0
    share = settings.share()
    depot = open_depot(StoreSettings.load(), settings.products / COPIES, metrics.store)
    with (
        open_ledger("nightcrew-reducer") as database,
        serve_probes(settings.host, port, metrics.text, pulse, "NIGHTCREW_REDUCER_PORT") as port,
    ):
        bus = RabbitBus(RabbitSettings.load(), Topology.load(), stop=stop, observer=Hearing(metrics.bus, pulse))
        journal = Journal(metrics, pulse, settings.products)
        crew = Crew(share, bus.wake, os.environ, settings.recycle_jobs, settings.recycle_above(share), settings.spare)
        name = worker_name()
        journal.log.info(
            "reducer starts", worker=name, job_class=str(settings.job_class), port=port,
            memory_gb=round(share.memory / 1e9, 2), threads=share.threads, products=str(settings.products),
            store=depot and depot.store.url,
        )  # fmt: skip
        try:
            Reducer(name, settings, database, bus, stop, crew, journal, depot).run()
        finally:
            bus.close()
        journal.log.info("reducer stopped", worker=name)


def _supervise(settings: ReducerSettings, stop: Event) -> None:
    import structlog  # noqa: PLC0415

    from nightcrew.reducer.worker.supervising import command_of, supervise  # noqa: PLC0415

    os.environ["NIGHTCREW_REDUCER_PRODUCTS"] = str(settings.products)
    commands = [
        command_of(number, str(settings.job_class), settings.concurrency) for number in range(settings.concurrency)
    ]
    supervise(commands, stop, settings.drain, structlog.stdlib.get_logger("nightcrew.reducer").error)


def worker_name() -> str:
    """Return a name that no other reducer has, or will have."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nightcrew-reducer",
        description="Take reduction jobs of one class from the ledger, and do them.",
        epilog="Everything else is set by environment variables; see docs/reference/settings.md.",
    )
    parser.add_argument(
        "--class", dest="job_class", choices=[str(one) for one in JobClass], help="class of jobs (default: realtime)"
    )
    parser.add_argument("--concurrency", type=int, help="jobs at a time, each in a process of its own (default: 1)")
    parser.add_argument("--products", help="directory of the products")
    parser.add_argument("--number", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--parent", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--version", action="version", version=f"nightcrew-reducer {version('nightcrew-reducer')}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
