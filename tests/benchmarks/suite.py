"""The whole suite measured: frame to quick look, group to science product, the planner with 100 000 frames.

Services are processes, PostgreSQL that of `NIGHTCREW_DATABASE_URL` or the embedded one, RabbitMQ the bench's own.
Times are of one machine's clock, which database, services and bench share.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from nightcrew.calmanager.database import CALIBRATION
from nightcrew.planner.core.closing import Patience
from nightcrew.planner.looking import Planner
from nightcrew.shared.database import open_database, upgrade
from nightcrew.shared.ledger import LEDGER, claims
from nightcrew.shared.ledger.postgres import PostgresLedger
from nightcrew.shared.ledger.records import Claim
from support.desks import PaperDesk
from support.observatory_suite import Suite, one_night, prepare_broker
from support.paper_night import niri_night as paper_night
from support.postgres import any_postgres, fresh_database, with_password
from support.rabbitmq import own_node
from support.suites import NIGHT, PaperSuite

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nightcrew.shared.database import Database

CADENCE = 1.5
"""Seconds between two frames of the sky."""
FRAMES, CLAIMS, LOOKS = 100_000, 1000, 20
QUICK, SCIENCE = 3.0, 15.0
"""Seconds that a quick look, and a science product after its group is closed, may take (p95)."""
CLAIM = 20.0
"""Milliseconds that a claim may take (p99)."""
AS_USUAL = {
    "NIGHTCREW_INGEST_INTERVAL": "1",
    "NIGHTCREW_INGEST_SETTLE": "2",
    "NIGHTCREW_PLANNER_LOOK": "5",
    "NIGHTCREW_PLANNER_SETTLE": "4",
    "NIGHTCREW_PLANNER_QUIET": "6",
    "NIGHTCREW_REDUCER_LEASE": "30",
    "NIGHTCREW_REDUCER_RENEW": "8",
}
"""What the services of an observatory have; only the patience for frames that may still come is that of a bench."""
Row = tuple[Any, ...]


def measure_suite(scratch: Path, size: int = 1024) -> list[Row]:
    """Return name, value, unit, and limit where there is one, of each figure."""
    with ExitStack() as stack:
        address = stack.enter_context(any_postgres(scratch / "postgres"))
        busy = stack.enter_context(fresh_database(address))
        with open_database(busy, application="bench") as database:
            upgrade(database, [LEDGER, CALIBRATION])
            broker = scratch / "broker"
            broker.mkdir()
            with own_node(broker) as node:
                prepare_broker(node.url)
                with Suite(scratch / "suite", database, with_password(busy), node.url, AS_USUAL) as suite:
                    rows = list(_latency(suite, size))
        with open_database(stack.enter_context(fresh_database(address)), application="bench") as database:
            upgrade(database, LEDGER)
            return rows + list(_full_ledger(database, scratch))


def _latency(suite: Suite, size: int) -> Iterator[Row]:
    """Let calibrations be made first, then the frames of the sky arrive one by one."""
    night = one_night(1, frames=5, size=size)
    calibrations = [one for one in night.exposures if not one.on_sky]
    skies = [one for one in night.exposures if one.on_sky]
    suite.deliver(night, [one.name for one in calibrations])
    suite.until_over(len(calibrations), 300)
    written: dict[str, float] = {}
    contents = [(one.filename, night.file(one)) for one in skies]
    for name, content in contents:
        began = time.monotonic()
        hidden = suite.raw / f".{name}"
        hidden.write_bytes(content)
        hidden.rename(suite.raw / name)
        written[name] = time.time()
        time.sleep(max(0.0, CADENCE - (time.monotonic() - began)))
    suite.until_over(len(night.exposures), 300)
    suite.check()
    looks = suite.rows(
        "SELECT f.name, extract(epoch FROM f.arrived_at) AS recorded, extract(epoch FROM j.created_at) AS planned,"
        " extract(epoch FROM j.started_at) AS started, extract(epoch FROM j.ended_at) AS ended"
        " FROM ledger.jobs j JOIN ledger.frames f ON f.id = j.frame_id"
    )
    spans = [[written[one.name], *map(float, one[1:])] for one in looks]
    yield from _stages("quick look", ("recorded", "planned", "started", "product"), spans, QUICK)
    groups = suite.rows(
        "SELECT extract(epoch FROM g.closed_at), extract(epoch FROM j.queued_at), extract(epoch FROM j.started_at),"
        " extract(epoch FROM j.ended_at) FROM ledger.jobs j JOIN ledger.groups g ON g.id = j.group_id"
        " WHERE j.state = 'succeeded' AND g.kind IN ('science', 'standard')"
    )
    yield from _stages("science", ("queued", "started", "product"), [[*map(float, one)] for one in groups], SCIENCE)


def _stages(what: str, stages: Sequence[str], spans: Sequence[Sequence[float]], limit: float) -> Iterator[Row]:
    """Give the 95th percentile of each stage, counted from the one before, and of all together."""
    for number, stage in enumerate(stages):
        yield f"{what}: to {stage}, p95", _percentile([one[number + 1] - one[number] for one in spans], 95), "s"
    yield f"{what}: all, p95", _percentile([one[-1] - one[0] for one in spans], 95), "s", limit


def _full_ledger(database: Database, scratch: Path) -> Iterator[Row]:
    """Measure claims, and looks at one night, among many frames and jobs of other nights."""
    _fill(database)
    suite = PaperSuite(database, PaperDesk(scratch), scratch)
    suite.arrive(paper_night())
    patience = Patience(timedelta(), timedelta(), timedelta(), timedelta())
    planner, looks = Planner(PostgresLedger(database), PaperDesk(scratch), patience), []
    for _ in range(LOOKS):
        began = time.perf_counter()
        planner.look(NIGHT, "NIRI")
        looks.append(time.perf_counter() - began)
    with database.begin() as connection:
        queued = connection.execute(text("SELECT id FROM ledger.jobs WHERE state = 'queued' LIMIT :n"), {"n": CLAIMS})
        ids = list(queued.scalars())
    taken = []
    for job_id in ids:
        began = time.perf_counter()
        with database.begin() as connection:
            assert isinstance(claims.claim(connection, job_id, "bench"), Claim)
        taken.append(1000 * (time.perf_counter() - began))
    yield f"claim among {FRAMES} jobs, median", statistics.median(taken), "ms"
    yield f"claim among {FRAMES} jobs, p99", _percentile(taken, 99), "ms", CLAIM
    yield "first look at a night of 55", 1000 * looks[0], "ms"
    yield "look at a night that is planned", 1000 * statistics.median(looks[1:]), "ms"


def _fill(database: Database) -> None:
    """Write frames and jobs of many nights, most of them done."""
    with database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ledger.frames (sha256, name, path, size, instrument, kind, night, facts, state)"
                " SELECT md5(n::text) || md5((-n)::text), 'X' || n || '.fits', '/raw/X' || n || '.fits', 4200000,"
                " 'NIRI', 'science', date '2010-01-01' + n / 200, '{\"instrument\": \"NIRI\"}'::jsonb, 'reduced'"
                " FROM generate_series(1, :frames) AS n"
            ),
            {"frames": FRAMES},
        )
        connection.execute(
            text(
                "INSERT INTO ledger.jobs (id, key, job_class, night, instrument, recipe, frame_id, request, state,"
                " queued_at, announced_at) SELECT gen_random_uuid(), 'bench/' || id, 'realtime', night, 'NIRI',"
                " 'quickLook', id, '{\"version\": 1, \"files\": []}'::jsonb,"
                " CASE WHEN id % 50 = 0 THEN 'queued' ELSE 'succeeded' END, now(), now() FROM ledger.frames"
            )
        )
    with database.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))


def _percentile(values: Iterable[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(percent / 100 * (len(ordered) - 1)))]


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1024, help="pixels along a side")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nc-bench-", ignore_cleanup_errors=True) as name:
        for title, value, unit, *limit in measure_suite(Path(name), options.size):
            print(f"{title:40} {value:9.2f} {unit:3}" + (f" <= {limit[0]:g}" if limit else ""))


if __name__ == "__main__":
    main()
