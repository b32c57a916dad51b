"""Measure how quickly the calibration service answers over HTTP, and how many questions it answers in a second.

The service is a process of its own, as operators start it.  The clients ask without a pause, each over a connection
that stays open; they are as light as possible, since they share the machine with service and database.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.associations import Trusting
from benchmarks.synthetic_calibrations import fill, questions
from nightcrew.calmanager import CalibrationManager
from nightcrew.calmanager.database import CALIBRATION
from nightcrew.calmanager.http.app import create_app
from nightcrew.calmanager.serve import server_for, settle
from nightcrew.calmanager.settings import CalmanagerSettings
from nightcrew.shared.database import DatabaseSettings, open_database, upgrade
from nightcrew.shared.http.listening import listen
from nightcrew.shared.logs import configure_logs
from support.postgres import any_postgres, fresh_database, with_password

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nightcrew.shared.association import Target

SIZES = (10_000, 100_000)
BIG = 1_000_000
CLIENTS = 10
WARM_UP = 3000
"""Questions before the clock starts: every connection to the database plans every form of every rule once."""

LIMIT = 25.0
"""Milliseconds in which 99 of 100 questions of ten clients must be answered."""


def serve(url: str) -> None:
    """Be the service: any file is taken for given, there are none behind synthetic calibrations."""
    configure_logs("json", "warning")
    settings = CalmanagerSettings.load(port=0)
    chosen = DatabaseSettings.load(database_url=url, database_pool_size=settings.database_connections)
    with open_database(chosen) as database, listen(settings.host, settings.port) as listening:
        manager = CalibrationManager.open(database)
        manager._looker = Trusting()  # type: ignore[assignment]
        app = create_app(manager, settings)
        settle()
        print(listening.getsockname()[1], flush=True)
        server_for(app, settings).run(sockets=[listening])


def request(target: Target, caltype: str) -> bytes:
    """Return a question as it is sent: as many descriptors as a reduction sends."""
    values = {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in target.values.items()
    }
    values |= {f"another_descriptor_{number}": number / 7 for number in range(82 - len(values))}
    asked = {"name": target.name, "tags": sorted(target.tags), "descriptors": values}
    body = json.dumps({"target": asked, "caltype": caltype, "mode": "sq"}).encode()
    head = f"Host: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return b"POST /v1/associate HTTP/1.1\r\n" + head.encode() + body


def wait_for(port: int) -> None:
    """Wait until the service answers."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("the service does not come up")


async def ask(port: int, requests: list[bytes]) -> tuple[list[float], int]:
    """Be a client; return the seconds that each answer took, and how many had a match."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    spent, found = [], 0
    for one in requests:
        start = time.perf_counter()
        writer.write(one)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        body = await reader.readexactly(length)
        spent.append(time.perf_counter() - start)
        if not head.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(body.decode())
        found += b'"level":null' not in body
    writer.close()
    return spent, found


async def all_at_once(port: int, clients: int, number: int) -> tuple[list[float], int, float]:
    """Let several clients ask at once; return all times, how many had a match, and answers per second."""
    warming = WARM_UP // clients
    work = [[request(*one) for one in islice(questions(seed), warming + number)] for seed in range(clients)]
    await asyncio.gather(*(ask(port, one[:warming]) for one in work))
    start = time.perf_counter()
    done = await asyncio.gather(*(ask(port, one[warming:]) for one in work))
    lasted = time.perf_counter() - start
    return [value for spent, _ in done for value in spent], sum(found for _, found in done), clients * number / lasted


def over_http(big: bool, clients: int = CLIENTS, number: int = 300) -> Iterator[tuple[str, float, str, float | None]]:
    """Return the figures: name, value, unit, limit."""
    with ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory())
        server = stack.enter_context(any_postgres(Path(scratch)))
        for size in (*SIZES, BIG) if big else SIZES:
            with fresh_database(server) as url:
                address = with_password(url)
                settings = DatabaseSettings.load(database_url=address, database_statement_timeout=0)
                with open_database(settings) as database:
                    upgrade(database, CALIBRATION)
                    fill(database, size)
                    CalibrationManager.open(database)
                command = [sys.executable, "-m", "benchmarks.calmanager_http", "--serve", address]
                with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
                    try:
                        assert service.stdout is not None
                        port = int(service.stdout.readline())
                        wait_for(port)
                        alone, _, _ = asyncio.run(all_at_once(port, 1, number))
                        spent, found, rate = asyncio.run(all_at_once(port, clients, number))
                    finally:
                        service.kill()
            what = f"over HTTP, {size:.0e}".replace("e+0", "e")
            print(f"{what}: {found} of {len(spent)} found", file=sys.stderr, flush=True)
            yield f"{what}: one client p50", _milliseconds(alone, 50), "ms", None
            yield f"{what}: {clients} clients p50", _milliseconds(spent, 50), "ms", None
            yield f"{what}: {clients} clients p99", _milliseconds(spent, 99), "ms", LIMIT
            yield f"{what}: answers", rate, "/s", None


def _milliseconds(spent: list[float], part: int) -> float:
    return 1000 * float(np.percentile(spent, part))


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--big", action="store_true", help="also with a million calibrations (3 minutes, 3 GB of disk)")
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--number", type=int, default=300, help="questions of each client")
    parser.add_argument("--serve", metavar="URL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return 0
    for name, value, unit, limit in over_http(options.big, options.clients, options.number):
        print(f"{name:44} {value:9.2f} {unit:4} {'' if limit is None else f'<= {limit:g}'}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
