"""Measure how quickly frames are taken in: read, verified, hashed, described, recorded, published.

A crowd of files lies in the watched directory when the second look begins; the time is that until the last one is
recorded and the last message published, for each frame.  The pace of a telescope needs a small part of it; a day's
archive, or a night after an outage, comes as such a crowd.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nightcrew.ingest.archiving import Archive, Mode
from nightcrew.ingest.core.settling import Policy
from nightcrew.ingest.service import Ingest, Watch
from nightcrew.shared.bus import Topology
from nightcrew.shared.bus.memory import MemoryBus
from nightcrew.shared.bus.memory_broker import MemoryBroker
from nightcrew.shared.database import open_database, upgrade
from nightcrew.shared.ledger import LEDGER, conservation, outbox
from nightcrew.shared.relaying import Relay
from support.frames import write_niri
from support.postgres import any_postgres, fresh_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nightcrew.shared.database import Database

FULL, SMALL = 1024, 32
"""Pixels along a side: 4.2 MB as NIRI writes them, and hardly more than headers."""
PER_FULL, PER_SMALL = 25.0, 5.0
"""Milliseconds that a frame may take: 40 of 4 MB, or 200 small ones, a second."""
PER_LOOK = 200.0
"""Milliseconds of a look at 10,000 files that are known: a fifth of the time between two looks."""
_LABEL = b"GN-2016A-Q-1-1-001"

Row = tuple[str, float, str, float | None, float | None]
"""Name, value, unit, limit, figure of the reference (it does not do this)."""


def ingest(scratch: Path) -> list[Row]:
    """Return the figures."""
    rows: list[Row] = []
    with any_postgres(scratch / "postgres") as server:
        for name, count, side, mode, limit in (
            ("full frames", 200, FULL, Mode.IN_PLACE, PER_FULL),
            ("full frames, moved", 200, FULL, Mode.MOVE, PER_FULL),
            ("small frames", 2000, SMALL, Mode.IN_PLACE, PER_SMALL),
        ):
            raw = scratch / f"ingest-{name.replace(' ', '-').replace(',', '')}"
            fill(raw, count, side)
            with fresh_database(server) as url, open_database(url) as database:
                upgrade(database, LEDGER)
                archive = Archive(mode, raw / "archive" if mode is Mode.MOVE else None)
                wall, cpu = crowd(database, Watch((raw,), policy=Policy(0, 0), archive=archive), count)
            rows.append((f"ingest, {name}: each", 1000 * wall / count, "ms", limit, None))
            rows.append((f"ingest, {name}: CPU each", 1000 * cpu / count, "ms", None, None))
        with fresh_database(server) as url, open_database(url) as database:
            upgrade(database, LEDGER)
            look = 1000 * idle(database, scratch / "idle")
            rows.append(("ingest, look at 10,000 known files", look, "ms", PER_LOOK, None))
    return rows


def fill(raw: Path, count: int, side: int) -> None:
    """Write frames that differ in one keyword."""
    raw.mkdir()
    content = write_niri(raw / "first.fits", np.zeros((side, side), np.float32)).read_bytes()
    (raw / "first.fits").unlink()
    for number in range(count):
        (raw / f"N20160102S{number:05}.fits").write_bytes(content.replace(_LABEL, b"GN-2016A-Q-1-%05d" % number, 1))


def crowd(database: Database, watch: Watch, count: int) -> tuple[float, float]:
    """Take in what lies there; return seconds of wall clock and of processor."""
    service = Ingest(database, watch)
    with relaying(database):
        service.poll()
        start, cpu = time.perf_counter(), time.process_time()
        recorded = service.poll().recorded
        while waiting(database):
            time.sleep(0.005)
        wall, spent = time.perf_counter() - start, time.process_time() - cpu
    with database.connect() as connection:
        found = conservation.check(connection)
    assert (len(recorded), found.frames, found.breaches) == (count, {"received": count}, ())
    return wall, spent


@contextmanager
def relaying(database: Database) -> Iterator[None]:
    """Publish what is recorded, in a thread, as the service does."""
    stop = threading.Event()
    relay = Relay(database, MemoryBus(MemoryBroker(Topology.load()), stop=stop), pace=0.1)
    thread = threading.Thread(target=relay.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        relay.bus.wake()
        thread.join()


def waiting(database: Database) -> int:
    """Return how many messages wait to be published."""
    with database.connect() as connection:
        return outbox.pending(connection).messages


def idle(database: Database, raw: Path) -> float:
    """Return the seconds of a look that finds nothing new among 10,000 files."""
    fill(raw, 1, SMALL)
    (first,) = raw.iterdir()
    for number in range(1, 10_000):
        os.link(first, raw / f"N20160103S{number:05}.fits")
    service = Ingest(database, Watch((raw,), policy=Policy(0, 0), batch=1000))
    for _ in range(2):
        service.poll()
    times = []
    for _ in range(5):
        start = time.perf_counter()
        assert service.poll().recorded == ()
        times.append(time.perf_counter() - start)
    return sorted(times)[2]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.cache) as name:
        for title, value, unit, limit, _ in ingest(Path(name)):
            print(f"{title:40} {value:8.2f} {unit}" + (f"  (<= {limit:g})" if limit else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
