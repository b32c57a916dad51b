"""Ingest for the tests: a directory in which frames arrive, a clock that goes when told, the service as a process."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from nightcrew.ingest.archiving import Archive
from nightcrew.ingest.core.settling import Policy
from nightcrew.ingest.service import Ingest, Watch
from nightcrew.shared.ledger import conservation, frames
from support.frames import write_niri
from support.logged_process import LoggedProcess

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from nightcrew.ingest.recording import Recorded
    from nightcrew.ingest.watching import Polled
    from nightcrew.shared.database import Database
    from nightcrew.shared.ledger.records import FrameRow

PATIENCE = 30.0
"""Seconds within which a service must do what it does in one."""
_LABEL = b"GN-2016A-Q-1-1-001"


@cache
def _template() -> bytes:
    with TemporaryDirectory() as directory:
        return write_niri(Path(directory) / "N1.fits").read_bytes()


def frame_bytes(number: int = 1) -> bytes:
    """Return a small raw NIRI frame; of two numbers the contents differ."""
    content = _template()
    assert content.count(_LABEL) == 1
    return content.replace(_LABEL, b"GN-2016A-Q-1-%05d" % number)


def frame_name(number: int = 1) -> str:
    return f"N20160102S{number:04}.fits"


def write_frame(directory: Path, number: int = 1, name: str = "") -> Path:
    """Let a frame arrive as rsync lets it: whole at once, under a new inode."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / (name or frame_name(number))
    growing = directory / f".{path.name}.4xZQ1b"
    growing.write_bytes(frame_bytes(number))
    return growing.replace(path)


@dataclass
class Told:
    """A watcher that remembers."""

    ended: list[Recorded] = field(default_factory=list)
    cut_short: list[str] = field(default_factory=list)
    troubles: list[tuple[str, str]] = field(default_factory=list)

    def recorded(self, one: Recorded, seconds: float) -> None:
        assert seconds >= 0
        self.ended.append(one)

    def unfinished(self, path: str, reason: str) -> None:
        self.cut_short.append(reason)

    def polled(self, polled: Polled) -> None:
        pass

    def trouble(self, what: str, reason: str) -> None:
        self.troubles.append((what, reason))


@dataclass
class Station:
    """A watched directory and its ingest, with a clock that goes one second at each look."""

    database: Database
    raw: Path
    archive: Archive = field(default_factory=Archive)
    policy: Policy = field(default_factory=Policy)
    now: float = 1000.0
    told: Told = field(default_factory=Told)
    recursive: bool = False
    step: float = 1.0
    batch: int = 50
    ingest: Ingest = field(init=False)

    def __post_init__(self) -> None:
        self.raw.mkdir(exist_ok=True, parents=True)
        self.restart()

    def restart(self) -> None:
        """Forget everything that is only in memory."""
        watch = Watch((self.raw,), self.recursive, self.policy, self.archive, batch=self.batch, most=10**7)
        self.ingest = Ingest(self.database, watch, self.told, clock=lambda: self.now)

    def poll(self, times: int = 1) -> list[Recorded]:
        """Look so many times; return what came to its end."""
        ended: list[Recorded] = []
        for _ in range(times):
            ended += self.ingest.poll().recorded
            self.now += self.step
        return ended

    def states(self) -> dict[str, str]:
        """Return how each file has ended, by name."""
        return {Path(one.path).name: one.code or str(one.state) for one in self.told.ended}

    def frames(self, night: date, instrument: str = "NIRI") -> dict[str, FrameRow]:
        with self.database.connect() as connection:
            return {row.name: row for row in frames.of_night(connection, night, instrument)}

    def balance(self) -> conservation.Balance:
        """Return what came in and what became of it; nothing may be lost."""
        return balance(self.database)


def balance(database: Database) -> conservation.Balance:
    """Return what came in and what became of it; nothing may be lost."""
    with database.connect() as connection:
        found = conservation.check(connection)
    assert found.breaches == ()
    return found


@dataclass
class IngestProcess(LoggedProcess):
    """`nightcrew-ingest serve` as a process of its own.

    Parameters
    ----------
    database_url
        Where the ledger is.
    raw
        What it watches.
    environment
        More variables.
    """

    database_url: str
    raw: Path
    environment: dict[str, str] = field(default_factory=dict)
    url: str = ""
    log: list[dict[str, Any]] = field(default_factory=list)

    def __enter__(self) -> IngestProcess:
        quick = {"NIGHTCREW_INGEST_INTERVAL": "0.05", "NIGHTCREW_INGEST_SETTLE": "0.1", "NIGHTCREW_INGEST_RELAY": "0"}
        self.launch(
            "-m", "nightcrew.ingest.main", "serve", "--port", "0", str(self.raw),
            environment={"NIGHTCREW_DATABASE_URL": self.database_url, **quick, **self.environment},
        )  # fmt: skip
        self.until(lambda: bool(self.url), "it does not start")
        return self

    def hear(self, line: str) -> None:
        told = json.loads(line) if line.startswith("{") else {"event": line}
        self.log.append(told)
        if told.get("event") == "watching":
            self.url = told["url"]

    def until(self, happens: Callable[[], bool], otherwise: str) -> None:
        """Wait until something happens."""
        end = time.monotonic() + PATIENCE
        while not happens():
            assert self.process.poll() is None, self.log[-5:]
            assert time.monotonic() < end, (otherwise, self.log[-5:])
            time.sleep(0.01)
