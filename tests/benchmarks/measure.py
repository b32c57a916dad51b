"""Run a command as a child and measure it; the standard library alone, so that the parent adds nothing to its peak."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

MB = 1_000_000


class CommandFailed(Exception):
    """A measured command did not end well; carries the end of what it printed."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took.

    Parameters
    ----------
    wall, cpu
        Seconds on the clock, and of processor time (user and system, children included).
    peak
        Largest resident memory of one process, bytes.
    """

    wall: float
    cpu: float
    peak: int

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.wall + other.wall, self.cpu + other.cpu, max(self.peak, other.peak))


def nightcrew() -> str:
    """Return the `nightcrew` that belongs to the Python that runs."""
    return str(Path(sys.executable).with_name("nightcrew"))


def run(arguments: list[str], cwd: Path) -> Cost:
    """Run a command to its end and measure it; what it prints is in `last-command.out` and `.err` of its directory.

    Raises
    ------
    CommandFailed
        If it does not exit with 0.
    """
    printed, logged = cwd / "last-command.out", cwd / "last-command.err"
    with printed.open("wb") as output, logged.open("wb") as errors:
        start = time.perf_counter()
        child = subprocess.Popen(arguments, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=errors)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        tail = "\n".join((printed.read_text() + logged.read_text()).splitlines()[-15:])
        raise CommandFailed(f"{' '.join(arguments)[:300]} in {cwd} ended with {child.returncode}:\n{tail}")
    scale = 1 if sys.platform == "darwin" else 1024
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * scale)


def median(costs: list[Cost]) -> Cost:
    """Return the median of each figure by itself; of the memory the largest."""
    return Cost(
        statistics.median(c.wall for c in costs), statistics.median(c.cpu for c in costs), max(c.peak for c in costs)
    )


def machine() -> str:
    """Describe the machine in one line: processor, cores, system, Python."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    for line in info.read_text().splitlines() if info.exists() else ():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    cores, system = os.cpu_count(), f"{platform.system()} {platform.machine()}"
    return f"{model}, {cores} cores, {system}, Python {platform.python_version()}"
