"""The whole suite as processes: ingest, planner, reducers, calibration manager, each started again when it dies."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from nightcrew.shared.bus import Topology
from nightcrew.shared.bus.declaring import declare
from nightcrew.shared.bus.settings import RabbitSettings
from nightcrew.shared.errors import ServiceError
from nightcrew.shared.ledger import JobState, conservation, jobs
from nightcrew.simulator import niri_night
from support.buses import with_limits_as_arguments
from support.suite_service import Service, clean_environment, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nightcrew.shared.database import Database
    from nightcrew.simulator import Night
    from support.postgres import Tables

EPOCH = "1577836800"
"""SOURCE_DATE_EPOCH of products that are compared byte by byte."""
PATIENCE = 90.0
"""Seconds until a story is given up that takes ten on an idle machine."""
CALM = 0.8
"""Seconds in which nothing may happen any more at the end of a story."""
CLASSES = ("realtime", "calibration", "science")
LARGE = "large"
ALL = ("calmanager", "ingest", "planner", *CLASSES)
TOKEN = "nightcrew_of-the-suite-under-test"
HASTE: Mapping[str, str] = {
    "SOURCE_DATE_EPOCH": EPOCH,
    "NIGHTCREW_INGEST_INTERVAL": "0.1",
    "NIGHTCREW_INGEST_SETTLE": "0.2",
    "NIGHTCREW_INGEST_PATIENCE": "2",
    "NIGHTCREW_PLANNER_SETTLE": "1",
    "NIGHTCREW_PLANNER_QUIET": "2",
    "NIGHTCREW_PLANNER_OPTIONAL": "2",
    "NIGHTCREW_PLANNER_REQUIRED": "4",
    "NIGHTCREW_PLANNER_LOOK": "0.5",
    "NIGHTCREW_PLANNER_RETRY_PAUSE": "0.2",
    "NIGHTCREW_REDUCER_LEASE": "2",
    "NIGHTCREW_REDUCER_RENEW": "0.5",
    "NIGHTCREW_REDUCER_RETRY_PAUSE": "0.2",
    "NIGHTCREW_REDUCER_SWEEP": "1",
    "NIGHTCREW_REDUCER_LEAST_FREE": "0",
    "NIGHTCREW_REDUCER_MEMORY": "2",
    "NIGHTCREW_REDUCER_THREADS": "1",
    "NIGHTCREW_REDUCER_DRAIN": "10",
}
"""A night in seconds instead of hours."""
_OPEN = text("""
    SELECT (SELECT count(*) FROM ledger.arrivals WHERE state = 'settling') AS arrivals,
           (SELECT count(*) FROM ledger.frames WHERE state IN ('received', 'planned')) AS frames,
           (SELECT count(*) FROM ledger.groups WHERE state IN ('open', 'closed', 'submitted')) AS groups,
           (SELECT count(*) FROM ledger.jobs WHERE state IN ('waiting', 'queued', 'running', 'retry')) AS jobs,
           (SELECT count(*) FROM ledger.outbox WHERE published_at IS NULL) AS messages,
           (SELECT count(*) FROM ledger.frames) AS known
""")
_ENDS = text("""
    SELECT (SELECT coalesce(max(id), 0) FROM ledger.arrivals), (SELECT coalesce(max(id), 0) FROM ledger.groups),
           (SELECT count(*) FROM ledger.jobs), (SELECT coalesce(sum(announcements), 0) FROM ledger.jobs),
           (SELECT count(*) FROM ledger.attempts)
""")


def one_night(seed: int = 1, frames: int = 3, variants: Sequence[str] = (), size: int = 256) -> Night:
    """Return a small NIRI night whose short darks are taken on its own morning."""
    night = niri_night(seed, size=size, frames=frames, variants=tuple(variants))
    earlier = [replace(one, start=one.start - timedelta(hours=23, minutes=40)) for one in night.group("short-dark")]
    return night.with_exposures(*earlier)


def shifted(night: Night, days: int, *groups: str) -> Night:
    """Return a night whose frames, or those of some groups, are taken so many days later, under names of that day."""
    changed = []
    for one in night.exposures:
        if groups and one.group not in groups:
            continue
        start = one.start + timedelta(days=days)
        changed.append(replace(one, start=start, name=f"N{start:%Y%m%d}{one.name[9:]}"))
    return replace(night, exposures=tuple(changed))


class Suite:
    """Services at work on a directory, until they are told to end; whoever dies is started again at once.

    Parameters
    ----------
    directory
        Where frames arrive, products go, and logs are.
    database
        The ledger, as the test looks at it.
    database_url, rabbitmq_url
        What the services are told.
    changes
        More variables for them.
    services
        Which there are.
    """

    def __init__(
        self,
        directory: Path,
        database: Database,
        database_url: str,
        rabbitmq_url: str,
        changes: Mapping[str, str] | None = None,
        services: Sequence[str] = ALL,
    ) -> None:
        self.directory, self.database = directory, database
        self.raw, self.products = directory / "raw", directory / "products"
        for place in (self.raw, self.products, directory / "log"):
            place.mkdir(parents=True, exist_ok=True)
        self.environment = {
            **HASTE,
            "NIGHTCREW_DATABASE_URL": database_url,
            "NIGHTCREW_RABBITMQ_URL": rabbitmq_url,
            "NIGHTCREW_DATA_DIR": str(directory / "data"),
            **(changes or {}),
        }
        token = directory / "token"
        token.write_text(f"{TOKEN}\n")
        port = free_port()
        self.environment |= {
            "NIGHTCREW_CALMANAGER_TOKEN_FILE": str(token),
            "NIGHTCREW_PLANNER_CALMANAGER_URL": f"http://127.0.0.1:{port}",
            "NIGHTCREW_PLANNER_CALMANAGER_TOKEN_FILE": str(token),
            "NIGHTCREW_PLANNER_CALIBRATIONS": str(directory / "fetched"),
            "NIGHTCREW_PLANNER_PORT": "0",
            "NIGHTCREW_REDUCER_PORT": "0",
            "NIGHTCREW_REDUCER_PRODUCTS": str(self.products),
        }
        self.by_hand: list[str] = []
        self.services: dict[str, Service] = {}
        commands: dict[str, tuple[str, ...]] = {
            "calmanager": ("nightcrew-calmanager", "serve", "--port", str(port), "--store", str(directory / "store")),
            "ingest": ("nightcrew-ingest", "serve", "--port", "0", str(self.raw)),
            "planner": ("nightcrew-planner",),
            **{one: ("nightcrew-reducer", "--class", one) for one in (*CLASSES, LARGE)},
        }
        for name in services:
            self.add(name, commands[name])
        self._over = threading.Event()
        self._keeper = threading.Thread(target=self._keep)

    def add(self, name: str, command: tuple[str, ...], **changes: str) -> Service:
        """Add a service, or another one of a kind."""
        made = Service(name, command, {**self.environment, **changes}, self.directory / "log" / f"{name}.log")
        self.services[name] = made
        return made

    def another(self, name: str, like: str, **changes: str) -> Service:
        return self.add(name, self.services[like].command, **changes)

    def __enter__(self) -> Suite:
        self._keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._keeper.join()
        for one in self.services.values():
            one.end()

    def _keep(self) -> None:
        while not self._over.wait(0.02):
            for one in list(self.services.values()):
                if one.wanted and not one.alive:
                    one.start()

    def reset(self, tables: Tables) -> None:
        """Begin anew while the services go on: no files, no rows, no messages."""
        self.until(lambda: not any(self._unfinished().values()), 15)
        for path in self.raw.iterdir():
            path.unlink()
        time.sleep(0.5)  # ingest looks, and forgets them
        for attempt in range(10):
            try:
                tables.bring_back()
                break
            except (ServiceError, DBAPIError):  # the services are at it as well
                assert attempt < 9
        for place in self.products.iterdir():
            if place.name != ".scratch":
                shutil.rmtree(place)
        (self.products / ".jobs").mkdir()

    def _unfinished(self) -> dict[str, int]:
        return {name: count for name, count in self.open().items() if name in {"jobs", "messages"}}

    # What it is told.

    def deliver(self, night: Night, names: Sequence[str] | None = None, pause: float = 0.0) -> None:
        """Let frames of a night arrive, all or the named groups, each in two pieces if there is a pause."""
        chosen = [one for one in night.exposures if names is None or one.group in names or one.name in names]
        contents = [(one.filename, night.file(one)) for one in chosen]
        for name, content in contents:
            write(self.raw / name, content, pause)

    def kill(self, name: str) -> None:
        """Kill a service as the kernel does when memory runs out, and wait until it is gone."""
        process = self.services[name].process
        if process is not None:
            process.kill()
            process.wait()

    def kill_child(self, name: str) -> bool:
        """Kill the process in which a reducer's jobs run; False if there is none at this moment."""
        children = self.services[name].children()
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        return bool(children)

    def as_a_person(self) -> int:
        """Queue the jobs again that wait for a person; return how many there were."""
        with self.database.begin() as connection:
            aside = jobs.listing(connection, frozenset({JobState.SET_ASIDE}))
            return sum(jobs.again(connection, one.id, "the story") is not None for one in aside)

    # What comes of it.

    def rows(self, query: str, **parameters: Any) -> list[Any]:
        with self.database.begin() as connection:
            return list(connection.execute(text(query), parameters).all())

    def open(self) -> dict[str, int]:
        """Return how much of each thing has not come to its end."""
        with self.database.begin() as connection:
            return dict(connection.execute(_OPEN).one()._mapping)

    def until(self, happens: Callable[[], object], seconds: float = PATIENCE) -> None:
        """Wait until something happens."""
        end = time.monotonic() + seconds
        while not happens():
            assert time.monotonic() < end, f"it did not happen: {self.open()}\n{self.unfinished()}\n{self.said()}"
            time.sleep(0.02)

    def unfinished(self) -> str:
        """Return a line for each thing that has not come to its end, for the person who reads why a test failed."""
        open_jobs = "state IN ('waiting', 'queued', 'running', 'retry')"
        open_groups = "state IN ('open', 'closed', 'submitted')"
        queries = (
            f"SELECT key, state, reason, attempt, needs::text, announced_at FROM ledger.jobs WHERE {open_jobs}",
            f"SELECT name, version, night, state, close_reason FROM ledger.groups WHERE {open_groups}",
            "SELECT name, state FROM ledger.frames WHERE state IN ('received', 'planned')",
            "SELECT path FROM ledger.arrivals WHERE state = 'settling'",
        )
        return "\n".join(" ".join(map(str, row)) for query in queries for row in self.rows(query))

    def until_over(self, frames: int, seconds: float = PATIENCE) -> None:
        """Wait until so many frames are known, nothing is open, and nothing happens any more."""
        last, since = None, 0.0

        def over() -> bool:
            nonlocal last, since
            now = self.open()
            known = now.pop("known")
            with self.database.begin() as connection:
                seen = (known >= frames and not any(now.values()), tuple(connection.execute(_ENDS).one()))
            if seen != last:
                last, since = seen, time.monotonic()
            return seen[0] and time.monotonic() - since > CALM

        self.until(over, seconds)

    def said(self, lines: int = 15) -> str:
        """Return the last that each service has written."""
        logs = sorted((self.directory / "log").glob("*.log"))
        return "\n".join(
            f"--- {log.stem}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) for log in logs
        )

    def log(self, name: str) -> str:
        path = self.directory / "log" / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def states(self, table: str) -> dict[str, int]:
        return {row[0]: row[1] for row in self.rows(f"SELECT state, count(*) FROM ledger.{table} GROUP BY state")}

    def current(self) -> dict[str, Path]:
        """Return the products that are in force, by name."""
        found = self.rows("SELECT name, path FROM ledger.products WHERE superseded_by IS NULL ORDER BY id")
        return {row.name: Path(row.path) for row in found}

    def check(self) -> None:
        """Assert that everything is accounted for, in the ledger and on disk, and each job's effects are there once.

        Jobs whose keys are in `by_hand` may have products of the names that others have.
        """
        with self.database.begin() as connection:
            balance = conservation.check(connection)
        assert balance.breaches == ()
        twice = self.rows(
            "SELECT j.key FROM ledger.jobs j LEFT JOIN ledger.products p ON p.job_id = j.id GROUP BY j.id"
            " HAVING count(p.id) FILTER (WHERE p.name = j.request->>'product') <> 1"
            " AND j.state = 'succeeded' AND j.request->>'product' IS NOT NULL OR count(DISTINCT p.attempt) > 1"
            " OR j.state = 'succeeded' AND count(p.id) = 0 OR j.state <> 'succeeded' AND count(p.id) > 0"
        )
        assert twice == []
        doubled = self.rows(
            "SELECT name FROM ledger.products p JOIN ledger.jobs j ON j.id = p.job_id WHERE superseded_by IS NULL"
            " AND j.key NOT IN (SELECT unnest(CAST(:by_hand AS text[]))) GROUP BY name HAVING count(*) > 1",
            by_hand=self.by_hand,
        )
        assert doubled == []
        kept = self.rows("SELECT path, sha256, size FROM ledger.products")
        for row in kept:
            content = Path(row.path).read_bytes()
            assert (len(content), hashlib.sha256(content).hexdigest()) == (row.size, row.sha256), row.path
        for name, path in self.current().items():
            (public,) = self.products.glob(f"2*/{name}")
            assert public.read_bytes() == path.read_bytes(), name
        self.until(lambda: not self.left_over(), 30)

    def left_over(self) -> list[str]:
        """Return what is on the disk and in no ledger."""
        scratch = self.products / ".scratch"
        found = [path.name for path in scratch.iterdir()] if scratch.exists() else []
        known = {Path(row.path).parent for row in self.rows("SELECT path FROM ledger.products")}
        return found + [str(one) for one in (self.products / ".jobs").glob("*/*") if one not in known]

    def check_same(self, by_hand: Path) -> None:
        """Assert that the products are those of the night command, to the byte."""
        expected = sorted(by_hand.glob("*.fits"))
        assert expected
        for path in expected:
            (public,) = self.products.glob(f"2*/{path.name}")
            assert public.read_bytes() == path.read_bytes(), path.name


def write(path: Path, content: bytes, pause: float = 0.0) -> None:
    """Let a file grow under its own name, in two pieces."""
    with path.open("wb") as file:
        file.write(content[: len(content) // 2])
        file.flush()
        time.sleep(pause)
        file.write(content[len(content) // 2 :])


def reduce_by_hand(raw: Path, out: Path) -> Path:
    """Reduce a directory with the night command; return where the products are."""
    program = str(Path(sys.executable).with_name("nightcrew"))
    environment = {**clean_environment(), "SOURCE_DATE_EPOCH": EPOCH}
    done = subprocess.run(
        [program, "night", str(raw), "--out", str(out)], env=environment, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out


def prepare_broker(url: str) -> None:
    """Make exchanges and queues, empty, with the limits that the policies give them."""
    settings, topology = RabbitSettings.load(rabbitmq_url=url), with_limits_as_arguments(Topology.load())
    declare(settings, topology)
