"""A Flamingos-2 night: 6 frames of each calibration, 6 of the sky, 2048 x 2048; and what an observer waits for.

The reference, DRAGONS 4.2.2 on two cores, takes 20, 29, 27 and 106 s on the clock for dark, bad-pixel mask, flat and
science, and 2.06 GB of memory.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from benchmarks.measure import MB, Cost, median, nightcrew, run
from benchmarks.tutorial import Step

if TYPE_CHECKING:
    from collections.abc import Callable

Row: TypeAlias = "tuple[str, float, str, float | None, float | None]"
"""What, value, unit, limit, the same of the reference."""

FRAMES = 6
"""Frames of the sky in the night; the simulator gives as many of each calibration, and 9 of the sky."""
BPM = ("-p", "addDQ:user_bpm={bpm}")
MASTERS = ("--user_cal", "processed_dark:{dark}", "processed_flat:{flat}")
STEPS = (
    Step("dark", ("@dark.lis",), "_dark.fits", 20),
    Step("bpm", ("@lamp-on.lis", "@lamp-off.lis", "@short-dark.lis", "-r", "makeProcessedBPM"), "_bpm.fits", 29),
    Step("flat", ("@lamp-on.lis", "@lamp-off.lis", *BPM), "_flat.fits", 27),
    Step("science", ("@target.lis", *BPM, *MASTERS), "_image.fits", 106),
)
REFERENCE = 183.0
"""Seconds that it takes for all, the breaks between included."""
IN_FOUR, IN_ONE = 10, 20
"""How many times faster than the reference four commands have to be, and one for all."""
PEAK, REFERENCE_PEAK = 1000.0, 2060.0
"""MB."""
QUICK = {"f2": 1.0, "niri": 0.4}
"""Seconds within which one frame has to be reduced while its calibrations are in memory."""
NO_DEARER = 1.1
"""Cost of the ninth frame of a growing stack over that of the fourth; within a tenth they are the same."""


def simulate(cache: Path, seed: int) -> Path:
    """Return the directory of the raw frames of a night; simulated once, then kept."""
    raw = cache / f"f2-{seed}"
    if not raw.exists():
        making = raw.with_name(raw.name + ".making")
        shutil.rmtree(making, ignore_errors=True)
        making.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([nightcrew(), "simulate", "f2", str(making), "--seed", str(seed)], check=True)
        making.rename(raw)
    return raw


def sequences(raw: Path) -> dict[str, list[Path]]:
    """Return the files of a simulated night by the simulator's name of their sequence."""
    found: dict[str, list[Path]] = {}
    for frame in json.loads((raw / "truth.json").read_text())["frames"]:
        found.setdefault(frame["group"], []).append(raw / frame["file"])
    return found


def measure_night(
    raw: Path, runs: int, scratch: Path, ledger: Callable[[str, dict[str, float], float], None]
) -> list[Row]:
    """Measure the four commands, and the night in one process; its products stay in `scratch / "made"`."""
    night = {name: files[:FRAMES] for name, files in sequences(raw).items()}
    chosen = scratch / "f2-raw"
    chosen.mkdir()
    for files in night.values():
        for file in files:
            os.link(file, chosen / file.name)
    _four_commands(night, scratch / "f2-warm-up")
    four = [_four_commands(night, scratch / f"f2-four-{number}") for number in range(runs)]
    rows: list[Row] = []
    for step in STEPS:
        cost = median([costs[step.name] for costs in four])
        rows += _rows(f"F2 reduce {step.name}", cost, step.reference, IN_FOUR)
    rows += _rows("F2, four reductions", median([sum(c.values(), Cost(0, 0, 0)) for c in four]), REFERENCE, IN_FOUR)
    command = [nightcrew(), "night", str(chosen), "--out", "made"]
    once = median([run(command, scratch) for _ in range(runs)])
    by_primitive: dict[str, float] = {}
    for group in json.loads((scratch / "made" / "night.json").read_text())["groups"]:
        for primitive, seconds in group["primitives"].items():
            by_primitive[primitive] = by_primitive.get(primitive, 0.0) + seconds
    ledger("F2 in one process", by_primitive, once.cpu)
    return rows + _rows("F2, nightcrew night", once, REFERENCE, IN_ONE)


def _rows(what: str, cost: Cost, reference: float, faster: int) -> list[Row]:
    return [
        (f"{what}: wall", cost.wall, "s", round(reference / faster, 2), reference),
        (f"{what}: CPU", cost.cpu, "s", None, None),
        (f"{what}: peak", cost.peak / MB, "MB", PEAK, REFERENCE_PEAK if reference == REFERENCE else None),
    ]


def _four_commands(night: dict[str, list[Path]], work: Path) -> dict[str, Cost]:
    work.mkdir()
    for name, files in night.items():
        (work / f"{name}.lis").write_text("".join(f"{file}\n" for file in files))
    costs: dict[str, Cost] = {}
    made: dict[str, str] = {}
    for step in STEPS:
        before = set(work.glob("*.fits"))
        arguments = [argument.format(**made) for argument in step.arguments]
        costs[step.name] = run([nightcrew(), "reduce", *arguments], work)
        (made[step.name],) = (p.name for p in set(work.glob(f"*{step.product}")) - before)
    shutil.rmtree(work)
    return costs


def measure_looks(raw: Path, made: Path, camera: str, scratch: Path) -> list[Row]:
    """Measure, in a process that is warm, the quick look of one frame and how a growing stack grows."""
    places = [str(Path(__file__).resolve().parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, places))}
    command = [sys.executable, "-m", "benchmarks.looks", camera, str(raw), str(made)]
    printed = subprocess.run(command, cwd=scratch, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    told = json.loads(printed.stdout)
    name = camera.upper()
    rows: list[Row] = [
        (f"{name}, quick look of a frame: wall", told["look"]["wall"], "s", QUICK[camera], None),
        (f"{name}, quick look of a frame: CPU", told["look"]["cpu"], "s", None, None),
    ]
    if told["growth"]:
        fourth, ninth = (told["growth"][str(number)] for number in (4, 9))
        rows += [
            (f"{name}, 4th frame of a growing stack: CPU", fourth, "s", None, None),
            (f"{name}, 9th frame of a growing stack: CPU", ninth, "s", None, None),
            (f"{name}, 9th frame over 4th: CPU", ninth / fourth, "", NO_DEARER, None),
        ]
    return rows
