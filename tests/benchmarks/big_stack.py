"""A stack of more frames than fit into memory: 200 of 2048 x 2048 with VAR and DQ under 1.5 GB.

The parent process stays light: what needs NumPy runs in children, as `python -m benchmarks.stack_files`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.measure import MB, Cost, nightcrew, run

FRAMES = 200
BUDGET = 1.5
"""GB."""
TOLERANCE = 1.1

Row = tuple[str, float, str, float | None]


def check_tiles(raw: Path, scratch: Path) -> list[Row]:
    """Stack 40 frames of 512 x 512 with and without room for them, and compare the products to the bit."""
    files = _make(raw, scratch / "tiles", count=40, size=512)
    _, tiled = _stack(files, scratch / "tiled", 0.25)
    _, whole = _stack(files, scratch / "whole", 4)
    return [("stack in tiles: differing pixels", _differing(tiled, whole, 0), "", 0)]


def stack_200(raw: Path, scratch: Path) -> list[Row]:
    """Stack 200 frames of 2048 x 2048 under the budget, and compare 128 rows with the stack of those rows alone."""
    first = 960
    files = _make(raw, scratch / "big", count=FRAMES, size=2048)
    cost, product = _stack(files, scratch / "big-stack", BUDGET)
    rows = _cut(files, scratch / "rows", first, first + 128)
    _, untiled = _stack(rows, scratch / "rows-stack", 8)
    return [
        ("200 frames of 2048 x 2048: wall", cost.wall, "s", None),
        ("200 frames of 2048 x 2048: CPU", cost.cpu, "s", None),
        ("200 frames of 2048 x 2048: peak", cost.peak / MB, "MB", BUDGET * 1000 * TOLERANCE),
        ("200 frames: differing pixels", _differing(product, untiled, first), "", 0),
    ]


def _stack(files: list[Path], work: Path, memory: float) -> tuple[Cost, Path]:
    work.mkdir()
    (work / "files.lis").write_text("\n".join(map(str, files)) + "\n")
    command = [nightcrew(), "reduce", "@files.lis", "-r", "stackFrames", "--memory", str(memory)]
    cost = run(command, work)
    (product,) = work.glob("*.fits")
    return cost, product


def _make(raw: Path, directory: Path, *, count: int, size: int) -> list[Path]:
    like = sorted(raw.glob("*.fits*"))[0]
    _files("make", str(like), str(directory), str(count), str(size))
    return sorted(directory.glob("*.fits"))


def _cut(files: list[Path], directory: Path, start: int, stop: int) -> list[Path]:
    _files("cut", str(files[0].parent), str(directory), str(start), str(stop))
    return sorted(directory.glob("*.fits"))


def _differing(product: Path, other: Path, first: int) -> float:
    return float(_files("compare", str(product), str(other), str(first)))


def _files(*arguments: str) -> str:
    root = Path(__file__).resolve().parents[1]
    command = [sys.executable, "-m", "benchmarks.stack_files", *arguments]
    environment = os.environ | {"PYTHONPATH": str(root)}
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
