"""How much memory and how many threads a run may use: what the user says, or what the machine has."""

from __future__ import annotations

import os

GIGABYTE = 1_000_000_000


def memory_budget(gigabytes: float | None) -> int:
    """Return a budget in bytes: the one asked for, or half of what the control group or the machine has."""
    from nightcrew.reducer.engine.memory import available_memory

    return available_memory() // 2 if gigabytes is None else int(gigabytes * GIGABYTE)


def thread_count(asked: int | None) -> int:
    """Return how many threads the kernels may use: those asked for, or one for each processor."""
    return asked or os.cpu_count() or 1
