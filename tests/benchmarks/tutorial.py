"""The NIRI tutorial night as raw frames on disk, and its five reductions as one would type them."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.measure import nightcrew

if TYPE_CHECKING:
    from pathlib import Path

LISTS: dict[str, list[str]] = {
    "darks20s.lis": ["--tags", "DARK", "--expr", "exposure_time==20"],
    "darks1s.lis": ["--tags", "DARK", "--expr", "exposure_time==1"],
    "flats.lis": ["--tags", "FLAT"],
    "stdstar.lis": ["--expr", 'object=="FS 17"'],
    "target.lis": ["--tags", "IMAGE", "--xtags", "FLAT", "--expr", 'object!="FS 17"'],
}


@dataclass(frozen=True, slots=True)
class Step:
    """One of the five reductions.

    Parameters
    ----------
    name
        What it makes.
    arguments
        What follows `nightcrew reduce`; `{bpm}`, `{dark}` and `{flat}` stand for earlier products.
    product
        Ending of the product's name.
    reference
        Seconds on the clock that the reference, DRAGONS 4.2.2, takes for it.
    """

    name: str
    arguments: tuple[str, ...]
    product: str
    reference: float


BPM = ("-p", "addDQ:user_bpm={bpm}")
STEPS = (
    Step("dark", ("@darks20s.lis",), "_dark.fits", 16),
    Step("bpm", ("@flats.lis", "@darks1s.lis", "-r", "makeProcessedBPM"), "_bpm.fits", 17),
    Step("flat", ("@flats.lis", *BPM), "_flat.fits", 20),
    Step(
        "standard",
        ("@stdstar.lis", *BPM, "darkCorrect:do_cal=skip", "--user_cal", "processed_flat:{flat}"),
        "_image.fits",
        37,
    ),
    Step(
        "science",
        (
            "@target.lis",
            *BPM,
            "skyCorrect:scale_sky=False",
            "--user_cal",
            "processed_dark:{dark}",
            "processed_flat:{flat}",
        ),
        "_image.fits",
        40,
    ),
)


def simulate(cache: Path, size: int, seed: int) -> Path:
    """Return the directory of the raw frames of a night; simulated once, then kept."""
    raw = cache / f"niri-{size}-{seed}"
    if not raw.exists():
        making = raw.with_name(raw.name + ".making")
        shutil.rmtree(making, ignore_errors=True)
        making.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [nightcrew(), "simulate", "niri", str(making), "--size", str(size), "--seed", str(seed)], check=True
        )
        making.rename(raw)
    return raw


def write_lists(raw: Path, work: Path) -> None:
    """Sort the frames into the lists of the tutorial."""
    frames = sorted(str(path) for path in raw.glob("*.fits*"))
    for name, options in LISTS.items():
        subprocess.run(
            [nightcrew(), "dataselect", *frames, *options, "-o", name], cwd=work, check=True, stdout=subprocess.DEVNULL
        )


def many_frames(raw: Path, work: Path, count: int) -> list[str]:
    """Give the frames of a night `count` names below `work`, and return them."""
    frames = sorted(raw.glob("*.fits*"))
    names = []
    for number in range(count):
        original = frames[number % len(frames)]
        name = work / f"X{number:04d}{original.name[original.name.index('.') :]}"
        os.link(original, name)
        names.append(str(name))
    return names
