"""What an observer waits for: the quick look of a frame, and one more frame for a growing stack, in a warm process.

`python -m benchmarks.looks {f2,niri} RAW MADE` prints JSON; MADE is what `nightcrew night` made of the raw frames.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from nightcrew.reducer.engine.memory import Memory, available_memory
from nightcrew.reducer.engine.reduction import Request, Result, reduce
from nightcrew.reducer.engine.run import Surroundings, user_parameters
from nightcrew.reducer.engine.store import Directory
from nightcrew.reducer.engine.tuning import tune
from nightcrew.shared.calibrations import Chosen
from nightcrew.shared.fits import Scratch

SEQUENCE = {"f2": "target", "niri": "standard"}
"""The sequence that is looked at, as the simulator calls it."""
SKIPPED = {"f2": 0, "niri": 1}
"""Frames at its beginning that no stack takes."""
LOOKS = 5
STACKS = 3
"""How often is measured: the median counts."""
GROWTH = 9
"""Frames of a growing stack."""
NO_DARK = "darkCorrect:do_cal=skip"


def main(camera: str, raw: Path, made: Path) -> None:
    """Measure and print."""
    tune()
    truth = json.loads((raw / "truth.json").read_text())["frames"]
    files = [raw / frame["file"] for frame in truth if frame["group"] == SEQUENCE[camera]][SKIPPED[camera] :]
    group = next(g for g in json.loads((made / "night.json").read_text())["groups"] if files[0].name in g["inputs"])
    masters = {one["type"]: made / one["file"] for one in group["calibrations"] if one["file"]}
    mask = masters.pop("bpm", None)
    user = ([f"addDQ:user_bpm={mask}"] if mask else []) + ([] if "processed_dark" in masters else [NO_DARK])
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        place = Path(name)
        looks = [_spent(files[0], "quickLook", place / "look", masters, user) for _ in range(1 + LOOKS)][1:]
        growths = [
            [_spent(file, "growStack", place / f"stack-{number}", masters, user)["cpu"] for file in files[:GROWTH]]
            for number in range(STACKS if len(files) >= GROWTH else 0)
        ]
    growth = {number + 1: statistics.median(costs) for number, costs in enumerate(zip(*growths, strict=True))}
    look = {kind: statistics.median(one[kind] for one in looks) for kind in ("wall", "cpu")}
    print(json.dumps({"look": look, "growth": growth}))


def _spent(file: Path, recipe: str, place: Path, masters: dict[str, Path], user: list[Any]) -> dict[str, float]:
    place.mkdir(exist_ok=True)
    wall, cpu = time.perf_counter(), time.process_time()
    with Scratch(place) as scratch:
        memory = Memory(available_memory() // 2, scratch)
        around = Surroundings(Chosen(masters), Directory(place, keep_calibrations=False), memory)
        result: Result = reduce(Request((file,), recipe, tuple(user_parameters(user)), "ql"), around)
    spent = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    if not result.outcome.ok:
        sys.exit(f"{file.name}: {recipe}: {result.outcome.reason}")
    return spent


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
