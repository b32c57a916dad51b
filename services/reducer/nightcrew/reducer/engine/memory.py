"""How much memory a run may use, and what it forgets to keep to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nightcrew.shared.fits import Scratch
    from nightcrew.shared.frames import Frame

GIB = 1 << 30
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
        Where arrays are parked that exist nowhere else.
    """

    budget: int
    scratch: Scratch
    overhead: int = 200 << 20
    """What the interpreter and the compiled kernels take, about."""

    @property
    def for_pixels(self) -> int:
        """Bytes that pixels may take in all; a quarter of the budget at least."""
        return max(self.budget - self.overhead, self.budget // 4)

    @property
    def for_tiles(self) -> int:
        """Bytes that a combination may take for its tiles."""
        return max(self.for_pixels // 3, 8 << 20)

    def settle(self, frames: Iterable[Frame]) -> None:
        """Bring the arrays of `frames` (oldest first) down to half of what pixels may take."""
        planes = [plane for frame in frames for plane in frame.planes]
        sizes = {id(array): array.nbytes for plane in planes for array in plane.resident().values()}
        if sum(sizes.values()) <= self.for_pixels // 2:
            return
        parked: dict[int, object] = {}
        for plane in planes:
            plane.release()
            for name, array in plane.resident().items():
                if id(array) in parked:
                    plane.park(name, parked[id(array)])  # type: ignore[arg-type]
                else:
                    key = id(array)
                    parked[key] = self.scratch.park(plane, name)
