"""What each recipe takes, as the reducers themselves have written it into the ledger: the table of plan-capacity.md.

Without a database: a NIRI and a Flamingos-2 night go through the services as the Compose file starts them.  With
`--database URL`: the nights of your own deployment, which are only read.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import make_secrets
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from benchmarks import flamingos, tutorial
from benchmarks.measure import machine
from nightcrew.shared.database import open_database, parse_url
from nightcrew.shared.ledger import conservation
from support.composing import ROOT, Containers
from support.observatory_suite import HASTE
from support.postgres import any_postgres, fresh_database, with_password
from support.rabbitmq import own_node

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nightcrew.shared.database import Database

PAGE = ROOT / "docs" / "how-to" / "plan-capacity.md"
BEGIN, END = "<!-- begin: written by tests/benchmarks/capacity.py -->", "<!-- end -->"
REDUCERS = ("reducer-realtime", "reducer-calibration", "reducer-science")
SERVICES = ("calmanager", "planner", "ingest", *REDUCERS)
FRAMES = {"NIRI": "NIRI, 1024 x 1024", "F2": "Flamingos-2, 2048 x 2048"}
PATIENCE, CALM = 900.0, 5.0
"""Seconds that a night may take, and in which nothing may happen any more at its end."""
QUICKER = {key: value for key, value in HASTE.items() if key.startswith(("NIGHTCREW_INGEST", "NIGHTCREW_PLANNER"))}
QUICKER |= {"NIGHTCREW_REDUCER_LEAST_FREE": "0"}
"""A planner that waits for nothing: what a job takes is the same."""
_TAKEN = text("""
    SELECT j.instrument, j.recipe, j.job_class, count(*) AS jobs,
           max(jsonb_array_length(j.request -> 'files')) AS inputs,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY a.cpu_seconds) AS median, max(a.cpu_seconds) AS most,
           max(a.peak_rss) AS peak
    FROM ledger.attempts a JOIN ledger.jobs j ON j.id = a.job_id
    WHERE a.ended_by = 'outcome' AND j.state IN ('succeeded', 'superseded') AND a.attempt = j.attempt
    GROUP BY 1, 2, 3 ORDER BY j.instrument DESC, max(a.cpu_seconds), j.recipe
""")
_OPEN_FRAMES, _OPEN_JOBS = {"received", "planned"}, {"waiting", "queued", "running", "retry"}


@dataclass(frozen=True, slots=True)
class Taken:
    """What the jobs of a recipe took.

    Parameters
    ----------
    instrument, recipe, job_class
        Of the jobs.
    jobs, inputs
        How many, and the frames of the largest.
    median, most
        CPU seconds, of all threads together.
    peak
        Largest resident size of a child process during one of them, bytes.
    """

    instrument: str
    recipe: str
    job_class: str
    jobs: int
    inputs: int
    median: float
    most: float
    peak: int


def taken(database: Database) -> list[Taken]:
    """Return what jobs that came to a product took, by recipe."""
    with database.begin() as connection:
        return [Taken(*row) for row in connection.execute(_TAKEN)]


def table(rows: Iterable[Taken]) -> str:
    """Return a table in Markdown."""
    lines = [
        "| instrument, frame | recipe | class | jobs | inputs, at most | CPU seconds, median | at most | memory, MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in rows:
        name = FRAMES.get(one.instrument, one.instrument)
        lines.append(
            f"| {name} | {one.recipe} | {one.job_class} | {one.jobs} | {one.inputs} | {one.median:.2g} | {one.most:.2g}"
            f" | {one.peak / 1e6:.0f} |"
        )
    return "\n".join(lines)


def resting(memory: Mapping[str, float]) -> str:
    """Return a sentence about services that have nothing to do."""
    return "At rest: " + ", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in memory.items()) + "."


def measure(raws: Sequence[Path], scratch: Path) -> tuple[list[Taken], dict[str, float]]:
    """Send nights through the services as Compose starts them; return what was taken, and the memory of services."""
    with ExitStack() as stack:
        secrets, broker = scratch / "suite" / "secrets", scratch / "mq"
        secrets.mkdir(parents=True)
        broker.mkdir()
        make_secrets.make(secrets)
        node = stack.enter_context(own_node(broker, f"load_definitions = {secrets / 'rabbitmq_definitions'}\n"))
        url = stack.enter_context(fresh_database(stack.enter_context(any_postgres(scratch / "postgres"))))
        for secret in secrets.glob("rabbitmq_url_*"):
            _write(secret, secret.read_text().replace("@rabbitmq:5672", f"@127.0.0.1:{node.port}"))
        _write(secrets / "database_url", with_password(url))
        suite = stack.enter_context(Containers(secrets.parent, QUICKER))
        suite.run("migrate")
        for name in SERVICES:
            suite.start(name)
        suite.until(lambda: all(suite.healthy(name) for name in SERVICES))
        memory = {name: _resident(suite, name) for name in SERVICES}
        database = stack.enter_context(open_database(url, application="bench"))
        for raw in raws:
            _deliver(raw, suite.volume("raw"))
            _await_end(suite, database, len(list(suite.volume("raw").glob("*.fits"))))
        return taken(database), memory


def _write(secret: Path, content: str) -> None:
    secret.unlink()
    secret.write_text(content)


def _deliver(raw: Path, to: Path) -> None:
    """Copy a night, in the order of its frames."""
    for path in sorted(raw.glob("*.fits")):
        hidden = to / f".{path.name}"
        hidden.write_bytes(path.read_bytes())
        hidden.rename(to / path.name)


def _await_end(suite: Containers, database: Database, frames: int) -> None:
    """Wait until so many frames have come to an end, and nothing happens any more."""
    since: float | None = None

    def over() -> bool:
        nonlocal since
        with database.begin() as connection:
            balance = conservation.check(connection)
        known = sum(balance.frames.values())
        busy = known < frames or _OPEN_FRAMES & set(balance.frames) or _OPEN_JOBS & set(balance.jobs)
        since = None if busy else since or time.monotonic()
        return since is not None and time.monotonic() - since > CALM

    suite.until(over, PATIENCE)


def _resident(suite: Containers, name: str) -> float:
    _, body = suite.ask(name, "/metrics")
    return sum(_values(body, "process_resident_memory_bytes"))


def _values(body: str, name: str) -> Iterator[float]:
    for family in text_string_to_metric_families(body):
        yield from (sample.value for sample in family.samples if sample.name == name)


def main() -> None:
    """Measure or read, and print; or rewrite the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", metavar="URL", help="read the ledger that is there instead of measuring")
    parser.add_argument("--write", action="store_true", help=f"rewrite the tables of {PAGE.relative_to(ROOT)}")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "nightcrew-bench")
    parser.add_argument("--only", choices=("niri", "f2"), help="one night instead of both")
    options = parser.parse_args()
    if options.database is not None:
        with open_database(parse_url(options.database, "--database"), application="bench") as database:
            print(table(taken(database)))
        return
    options.cache.mkdir(parents=True, exist_ok=True)
    raws = [] if options.only == "f2" else [tutorial.simulate(options.cache, 1024, 1)]
    raws += [] if options.only == "niri" else [flamingos.simulate(options.cache, 1)]
    with tempfile.TemporaryDirectory(prefix="nc-", ignore_cleanup_errors=True) as name:
        rows, memory = measure(raws, Path(name))
    said = f"Measured on: {machine()}.\n\n{table(rows)}\n\n{resting(memory)}"
    print(said)
    if options.write:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        after = rest.partition(END)[2]
        PAGE.write_text(f"{before}{BEGIN}\n{said}\n{END}{after}")


if __name__ == "__main__":
    sys.exit(main())
