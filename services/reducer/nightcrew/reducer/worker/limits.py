"""What a reducer may use: memory and processors of its control group, shared out by class of jobs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nightcrew.reducer.engine.memory import available_memory
from nightcrew.shared.messages import JobClass

if TYPE_CHECKING:
    from collections.abc import Iterator

GIB = 1 << 30
MOST = {JobClass.REALTIME: 2 * GIB, JobClass.CALIBRATION: 4 * GIB, JobClass.SCIENCE: 8 * GIB}
"""Bytes that a child may have at most; jobs of the class large may have all there is."""
KEPT = 0.9
"""Fraction of the memory that children may take together: parents and the page cache want some."""
CGROUPS, PROCESSES = Path("/sys/fs/cgroup"), Path("/proc")


@dataclass(frozen=True, slots=True)
class Share:
    """What one child may use.

    Parameters
    ----------
    memory
        Bytes above which it is killed.
    threads
        Of the kernels.
    """

    memory: int
    threads: int

    @property
    def budget(self) -> int:
        """Bytes that the engine plans with: half of what it may have, as on the command line."""
        return self.memory // 2


def share_of(job_class: JobClass, concurrency: int, memory: int, processors: int) -> Share:
    """Return what each of several children of one class may use.

    Parameters
    ----------
    job_class
        Quick looks get one thread: they are many, and each is done in a moment.
    concurrency
        How many reducers share memory and processors.
    memory
        Bytes in all.
    processors
        In all.
    """
    each = int(memory * KEPT) // concurrency
    threads = 1 if job_class is JobClass.REALTIME else max(1, processors // concurrency)
    return Share(min(each, MOST.get(job_class, each)), threads)


def memory_limit(cgroups: Path = CGROUPS, processes: Path = PROCESSES) -> int:
    """Return the bytes that the processes of this control group may use together."""
    groups = list(_groups("memory", cgroups, processes))
    limits = [group / name for group in groups for name in ("memory.max", "memory.limit_in_bytes")]
    return available_memory(limits, processes / "meminfo")


def processor_limit(cgroups: Path = CGROUPS, processes: Path = PROCESSES) -> int:
    """Return the processors that this process may use: those it is bound to, or its quota if that is less."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for group in _groups("cpu", cgroups, processes):
        quota, period = _quota(group)
        if quota > 0 < period:
            count = min(count, -(-quota // period))
    return max(1, count)


def oom_kills(cgroups: Path = CGROUPS, processes: Path = PROCESSES) -> int:
    """Return how many processes of this control group the system has killed for want of memory."""
    for group in _groups("memory", cgroups, processes):
        for name in ("memory.events", "memory.oom_control"):
            for line in _text(group / name).splitlines():
                word, _, count = line.partition(" ")
                if word == "oom_kill" and count.strip().isdigit():
                    return int(count)
    return 0


def resident(process: int, processes: Path = PROCESSES) -> int:
    """Return the resident size of a process, bytes; 0 where that cannot be told."""
    words = _text(processes / str(process) / "statm").split()
    return int(words[1]) * os.sysconf("SC_PAGE_SIZE") if len(words) > 1 else 0


def _groups(controller: str, cgroups: Path, processes: Path) -> Iterator[Path]:
    """Yield the directories of this process's control group and those around it, of version 2 and 1, innermost first.

    A container sees its own group as the root, or under the name that the machine has for it, which is not there.
    """
    for line in _text(processes / "self" / "cgroup").splitlines():
        number, controllers, path = (*line.split(":", 2), "", "")[:3]
        if number == "0" and not controllers:
            top = cgroups
        elif controller in controllers.split(","):
            top = cgroups / controller
        else:
            continue
        inner = top / path.strip("/")
        yield from (group for group in (inner, *inner.parents) if group == top or top in group.parents)


def _quota(group: Path) -> tuple[int, int]:
    """Return microseconds of processor time and the period that they are for; zeros without a limit."""
    words = _text(group / "cpu.max").split()
    if not words:
        words = [_text(group / "cpu.cfs_quota_us").strip(), _text(group / "cpu.cfs_period_us").strip()]
    return (int(words[0]), int(words[1])) if all(word.isdigit() for word in words[:2]) else (0, 0)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
