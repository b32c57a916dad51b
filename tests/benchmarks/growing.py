"""What it costs to add a frame to a growing stack: CPU seconds and bytes moved, for the second to the tenth frame.

`PYTHONPATH=tests python -m benchmarks.growing [niri|f2]`; NIRI with 1024 x 1024 pixels, F2 with 2048 x 2048.  The
masters are made first, in the same process, so that compiled kernels are at hand.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nightcrew.simulator import f2_night, niri_night
from support.golden import Bench

if TYPE_CHECKING:
    from nightcrew.simulator import Night

FRAMES = 10
MASTERS = 4
"""Frames of each kind that masters are made of."""
IO = Path("/proc/self/io")


@dataclass(frozen=True, slots=True)
class Camera:
    """A night, the sequence in it that is stacked, and what its recipe is told."""

    night: Night
    group: str
    user: tuple[str, ...] = ()


def cameras(name: str) -> Camera:
    """Return the sequence to stack, and only what it needs of the night."""
    if name == "niri":
        camera = Camera(
            niri_night(seed=5, frames=FRAMES + 1), "standard", ("darkCorrect:do_cal=skip",)
        )  # its first exposure is left out
    else:
        camera = Camera(f2_night(seed=5, frames=FRAMES), "target")
    night = camera.night
    wanted = [*night.group(camera.group)]
    for group in ("lamp-on", "lamp-off", "dark"):
        wanted += night.group(group)[:MASTERS]
    return replace(camera, night=replace(night, exposures=tuple(wanted)))


def moved() -> int:
    """Return the bytes that this process has read and written."""
    return sum(int(line.split()[1]) for line in IO.read_text().splitlines() if line[1:5] == "char")


def main(name: str = "niri") -> None:
    """Print one line for each frame."""
    camera = cameras(name)
    with tempfile.TemporaryDirectory() as folder:
        raw, root = Path(folder) / "raw", Path(folder) / "out"
        camera.night.write(raw)
        bench = Bench(root, raw)

        def files(*groups: str) -> tuple[Path, ...]:
            return tuple(raw / e.filename for group in groups for e in camera.night.group(group))

        calibrations = {
            kind: root / bench.reduce(files(*groups)).outcome.products[-1]
            for kind, groups in (("processed_dark", ("dark",)), ("processed_flat", ("lamp-on", "lamp-off")))
        }
        for file in files(camera.group):
            cpu, wall, size = time.process_time(), time.perf_counter(), moved()
            result = bench.reduce((file,), *camera.user, recipe="growStack", mode="ql", calibrations=calibrations)
            cpu, wall, size = time.process_time() - cpu, time.perf_counter() - wall, moved() - size
            growth = next(m for m in result.measurements if m.kind == "growth")
            adding = result.ledger.seconds["addToGrowingStack"]
            print(
                f"{growth.frames:3d} frames  {cpu:5.2f} s CPU, {adding:5.2f} s of it to add the corrected frame  "
                f"{wall:5.2f} s wall  {size / 1e6:6.0f} MB moved"
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
