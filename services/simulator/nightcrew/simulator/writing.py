"""How frames reach the disk: all at once, each atomically; or one by one, growing, as from a telescope."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from nightcrew.simulator.exposures import Exposure
    from nightcrew.simulator.night import Night


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a telescope delivers.

    Parameters
    ----------
    cadence
        Seconds between the ends of two frames; None: those between the night's own exposures.
    accelerate
        Times faster than `cadence` or the night.
    pieces
        Writes per file; a file takes at most a fifth of the cadence, and 2 s, to grow.
    sleep
        What waits.
    """

    cadence: float | None = None
    accelerate: float = 1.0
    pieces: int = 8
    sleep: Callable[[float], None] = field(default=time.sleep)

    def gaps(self, exposures: tuple[Exposure, ...]) -> Iterator[float]:
        """Yield the seconds that each frame takes to arrive after the one before."""
        previous = exposures[0].start
        for exposure in exposures:
            gap = (exposure.start - previous).total_seconds() if self.cadence is None else self.cadence
            previous = exposure.start
            yield gap / self.accelerate


def write_at_once(night: Night, directory: Path, workers: int | None = None) -> None:
    """Write every frame under a hidden name and rename it, several at a time."""

    def write(exposure: Exposure) -> None:
        hidden = directory / f".{exposure.filename}.part"
        hidden.write_bytes(night.file(exposure))
        hidden.replace(directory / exposure.filename)

    with ThreadPoolExecutor(workers or min(os.cpu_count() or 1, 8)) as pool:
        for _ in pool.map(write, night.exposures):
            pass


def write_slowly(night: Night, directory: Path, pace: Pace) -> None:
    """Write frame after frame under its own name, in pieces."""
    for exposure, gap in zip(night.exposures, pace.gaps(night.exposures), strict=True):
        content = night.file(exposure)
        growing = min(gap / 5, 2.0)
        pace.sleep(gap - growing)
        step = max(1, -(-len(content) // pace.pieces))
        with (directory / exposure.filename).open("wb", buffering=0) as file:
            for begin in range(0, len(content), step):
                file.write(content[begin : begin + step])
                pace.sleep(growing / pace.pieces)
