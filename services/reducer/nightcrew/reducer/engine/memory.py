"""How much memory a run may use, and what it forgets to keep to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nightcrew.shared.fits import Scratch
    from nightcrew.shared.frames import Frame, Plane, PlaneName

GIB = 1 << 30
LARGEST_TILES = 64 << 20
"""Bytes; tiles that are larger are not faster, since the system hands out their memory afresh every time."""
CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
MEMINFO = Path("/proc/meminfo")


def available_memory(limits: Iterable[Path] = CGROUP_LIMITS, meminfo: Path = MEMINFO) -> int:
    """Return the bytes that this process may use: the control group's limit or the machine's memory, the smaller."""
    found = [_total(meminfo)]
    for path in limits:
        try:
            text = path.read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            found.append(int(text))
    return min(found)


def _total(meminfo: Path) -> int:
    try:
        lines = meminfo.read_text().splitlines()
    except OSError:
        return 4 * GIB
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemTotal:")), 4 * GIB)


@dataclass(slots=True)
class Memory:
    """Keeps the pixels of a run within a budget, by forgetting what can be read again and parking the rest on disk.

    Parameters
    ----------
    budget
        Bytes for the whole process.
    scratch
        Where arrays are parked that exist nowhere else; None for a run that touches no pixel.
    """

    budget: int
    scratch: Scratch | None
    overhead: int = 200 << 20
    """What the interpreter and the compiled kernels take, about."""

    @property
    def for_pixels(self) -> int:
        """Bytes that pixels may take in all; a quarter of the budget at least."""
        return max(self.budget - self.overhead, self.budget // 4)

    @property
    def for_tiles(self) -> int:
        """Bytes that a combination may take for its tiles."""
        return max(min(self.for_pixels // 3, LARGEST_TILES), 8 << 20)

    def settle(self, frames: Iterable[Frame]) -> None:
        """Bring the arrays of `frames` down to half of what pixels may take.

        Every step goes through the frames from first to last, so the last are needed last: they go to disk first,
        and the first stay for good.
        """
        planes = [plane for frame in frames for plane in frame.planes]
        sharing: dict[int, list[tuple[Plane, PlaneName]]] = {}
        sizes: dict[int, int] = {}
        for plane in planes:
            for name, array in plane.resident().items():
                sharing.setdefault(id(array), []).append((plane, name))
                sizes[id(array)] = array.nbytes
        excess = sum(sizes.values()) - self.for_pixels // 2
        for key in reversed(sharing):
            if excess <= 0:
                return
            self._forget(sharing[key])
            excess -= sizes[key]

    def _forget(self, sharing: list[tuple[Plane, PlaneName]]) -> None:
        """Let planes that share an array forget it: what came from a file is read again, the rest is parked."""
        for plane, name in sharing:
            plane.release(name)
        source = None
        for plane, name in sharing:
            if name not in plane.resident() or self.scratch is None:
                continue
            if source is None:
                source = self.scratch.park(plane, name)
            else:
                plane.park(name, source)
