"""A suite that runs as a process, and a telescope that writes frames while it does."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

COMMAND = (sys.executable, "-c", "from nightcrew.cli.main import run; run()")
HASTE = {
    "NIGHTCREW_INGEST_SETTLE": "0.3",
    "NIGHTCREW_INGEST_INTERVAL": "0.2",
    "NIGHTCREW_PLANNER_SETTLE": "0.5",
    "NIGHTCREW_PLANNER_QUIET": "1.5",
    "NIGHTCREW_PLANNER_LOOK": "0.5",
    "NIGHTCREW_PLANNER_OPTIONAL": "1",
    "NIGHTCREW_REDUCER_DRAIN": "5",
}
"""A night in seconds instead of hours."""


@dataclass
class SuiteProcess:
    """`nightcrew up` as a process of its own.

    Parameters
    ----------
    raw, out, data
        Directories: frames, products, database.
    options
        More of the command line.
    environment
        More variables.
    prefix
        What goes before each command.
    """

    raw: Path
    out: Path
    data: Path
    options: tuple[str, ...] = ("--reducers", "1")
    environment: Mapping[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()

    @property
    def variables(self) -> dict[str, str]:
        """The environment of the suite, and of whoever asks it something."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("NIGHTCREW_")}
        return {**kept, **HASTE, "NIGHTCREW_DATA_DIR": str(self.data), **self.environment}

    def __enter__(self) -> SuiteProcess:
        self.log = (self.out.parent / f"{self.out.name}.log").open("a+", encoding="utf-8")
        self.process = subprocess.Popen(
            [*self.prefix, *COMMAND, "up", str(self.raw), "--out", str(self.out), *self.options],
            env=self.variables, stderr=self.log, stdout=self.log, text=True,
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        self.log.close()

    def end(self, number: signal.Signals = signal.SIGTERM, patience: float = 30.0) -> int:
        """Tell it to end; return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(patience)

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run another command beside it."""
        return subprocess.run(
            [*self.prefix, *COMMAND, *words],
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def said(self) -> str:
        """Return what it has written."""
        self.log.flush()
        self.log.seek(0)
        return self.log.read()

    def until(self, condition: Callable[[], bool], patience: float = 90.0) -> None:
        """Wait for something to become true."""
        end = time.monotonic() + patience
        while not condition():
            assert self.process.poll() is None, f"the suite has ended: {self.said()[-3000:]}"
            assert time.monotonic() < end, f"nothing came of it: {self.said()[-3000:]}"
            time.sleep(0.25)


def observe(source: Path, raw: Path, seconds: float, seed: int = 1) -> None:
    """Write the frames of a night into a directory, in any order, as a slow telescope does: in pieces."""
    files = sorted(source.glob("*.fits"))
    random.Random(seed).shuffle(files)
    for file in files:
        content = file.read_bytes()
        with (raw / file.name).open("wb") as target:
            target.write(content[: len(content) // 2])
            target.flush()
            time.sleep(seconds / len(files) / 2)
            target.write(content[len(content) // 2 :])
        time.sleep(seconds / len(files) / 2)
