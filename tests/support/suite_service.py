"""One service of a suite under test, as a process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping


@dataclass
class Service:
    """One process of the suite.

    Parameters
    ----------
    name
        What it is called here.
    command, environment, log
        How it is started, and where it writes.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    wanted: bool = True
    starts: int = 0
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [str(Path(sys.executable).with_name(self.command[0])), *self.command[1:]],
                env={**clean_environment(), **self.environment}, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            )  # fmt: skip
        self.starts += 1

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def children(self) -> list[int]:
        """Return the processes that it has started."""
        if self.process is None:
            return []
        found: list[int] = []
        for task in Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            with suppress(OSError):
                found += [int(one) for one in task.read_text().split()]
        return found

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)

    def end(self) -> None:
        self.wanted = False
        if self.process is not None:
            if self.alive:
                self.process.kill()
            self.process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def clean_environment() -> dict[str, str]:
    """Return the environment without our own settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("NIGHTCREW_")}
