"""Compare reduced nights with the simulator's truth and rewrite the page about it, as `make accuracy` does."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from benchmarks.measure import CommandFailed, nightcrew, run
from benchmarks.photometry import RADII, Measurements, measure
from benchmarks.truth import read_stack, read_truth
from benchmarks.tutorial import simulate

if TYPE_CHECKING:
    from numpy.typing import NDArray

Fields: TypeAlias = "dict[str, list[Measurements]]"
ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "explanation" / "accuracy.md"
IMAGES = ROOT / "docs" / "images"
BEGIN, END = "<!-- begin: written by make accuracy -->", "<!-- end -->"
STACKS = {"science": "target", "standard": "standard"}
"""Kind of a group of the plan, and the simulator's name of the sequence."""

FLAT = "lamp-on"
PROFILES = ("best", "standard")
DEMANDED = "best"
"""The profile that has to meet all demands; the other has the reference's numbers, whatever they are."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: what, value with its unit, what is demanded, and whether it holds."""

    what: str
    value: str
    demand: str
    ok: bool


def reduce_night(raw: Path, scratch: Path, profile: str) -> dict[str, Path]:
    """Reduce a night; return the stacks by the simulator's name of their sequence, and the flat."""
    scratch.mkdir()
    run([nightcrew(), "night", str(raw), "--out", "products", "--profile", profile, "--no-previews"], scratch)
    products = scratch / "products"
    members = {f["file"]: f["group"] for f in read_truth(raw)["frames"]}
    found: dict[str, Path] = {}
    for group in json.loads((products / "night.json").read_text())["groups"]:
        sequences = {members[Path(name).name] for name in group["inputs"]}
        for sequence in (*STACKS.values(), FLAT):
            if sequence in sequences and group["products"] and group["kind"] != "bpm":
                found[sequence] = products / Path(group["products"][-1]).name
    return found


def judge(title: str, stacks: list[Measurements]) -> list[Line]:
    """Sum up the stacks of one field in several nights."""
    stars = [star for stack in stacks for star in stack.stars]
    bias, error = _weighted_mean(stars)
    dx, dy = np.array([s.dx for s in stars]), np.array([s.dy for s in stars])
    rms = float(np.sqrt(np.mean((dx**2 + dy**2) / 2)))
    pull = float(np.mean([stack.scatter / stack.factors.total for stack in stacks]))
    resampling, sky, flat = (
        np.mean([getattr(stack.factors, name) for stack in stacks]) for name in ("resampling", "sky", "flat")
    )
    lines = [
        Line(
            f"{title}: fluxes of {len(stars)} isolated stars, mean bias",
            f"{100 * bias:+.2f} ± {100 * error:.2f} %",
            "within 0.5 %",
            abs(bias) <= 0.005,
        ),
        Line(f"{title}: positions, rms along an axis", f"{rms:.3f} pixel", "at most 0.1 pixel", rms <= 0.1),
        Line(
            f"{title}: pull of the noise (factors of resampling, sky, flat)",
            f"{pull:.3f} ({resampling:.3f}, {sky:.3f}, {flat:.3f})",
            "1.00 ± 0.05",
            abs(pull - 1) <= 0.05,
        ),
    ]
    curves = [stack.galaxy for stack in stacks if stack.galaxy is not None]
    if curves:
        within = np.array([np.interp(1.0, RADII, curve) - 1 for curve in curves])
        worst = float(within[np.argmax(np.abs(within))])
        lines.append(
            Line(
                f"{title}: galaxy within its half-light radius, mean and worst bias",
                f"{100 * within.mean():+.2f} %, {100 * worst:+.2f} %",
                "below 1 %",
                abs(worst) < 0.01,
            )
        )
    return lines


def _weighted_mean(stars: list[Any]) -> tuple[float, float]:
    ratios: NDArray[np.float64] = np.array([s.ratio for s in stars])
    weights = 1 / np.array([s.error for s in stars]) ** 2
    return float(np.average(ratios, weights=weights)) - 1, float(weights.sum() ** -0.5)


def table(judged: dict[str, list[Line]]) -> list[str]:
    """Return a Markdown table with a column for each profile."""
    rows = [
        f"| what | demanded | {' | '.join(f'`{profile}` | holds' for profile in judged)} |",
        f"|---|---|{'---|---|' * len(judged)}",
    ]
    for lines in zip(*judged.values(), strict=True):
        cells = [f"{line.value} | {'yes' if line.ok else '**no**'}" for line in lines]
        rows.append(f"| {lines[0].what} | {lines[0].demand} | {' | '.join(cells)} |")
    return rows


def rewrite(page: Path, judged: dict[str, list[Line]], nights: str) -> None:
    """Put the table between the marks of the page."""
    text = page.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n{nights}\n\n" + "\n".join(table(judged)) + f"\n{END}{after}")


def main() -> int:
    """Reduce the nights, measure, draw, write; exit 1 if the profile `best` does not meet a demand."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="nights to simulate (default: 1 2 3)")
    parser.add_argument("--size", type=int, default=1024, help="pixels along a side of the frames")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "nightcrew-bench")
    parser.add_argument("--print-only", action="store_true", help="leave the page and its pictures as they are")
    options = parser.parse_args()
    found: dict[str, Fields] = {profile: {kind: [] for kind in STACKS} for profile in PROFILES}
    for seed in options.seeds:
        raw = simulate(options.cache, options.size, seed)
        try:
            for profile in PROFILES:
                _measure_night(raw, options.cache, profile, found[profile])
        except CommandFailed as error:
            print(error, file=sys.stderr)
            return 1
        print(f"night {seed}: reduced and measured", flush=True)
    judged = {
        profile: [line for kind, stacks in fields.items() for line in judge(kind, stacks)]
        for profile, fields in found.items()
    }
    for profile, lines in judged.items():
        for line in lines:
            print(f"{profile:9}{line.what:70} {line.value:>20}   {line.demand:18} {'yes' if line.ok else 'NO'}")
    if not options.print_only:
        from benchmarks.plots import draw_all

        draw_all(found[DEMANDED], IMAGES)
        seeds = ", ".join(map(str, options.seeds))
        rewrite(PAGE, judged, f"Nights with the seeds {seeds}, frames of {options.size} x {options.size} pixels:")
        print(f"{PAGE.relative_to(ROOT)} and {IMAGES.relative_to(ROOT)}/accuracy-*.png are up to date.")
    return int(not all(line.ok for line in judged[DEMANDED]))


def _measure_night(raw: Path, cache: Path, profile: str, into: Fields) -> None:
    truth = read_truth(raw)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        found = reduce_night(raw, Path(scratch) / "night", profile)
        for kind, sequence in STACKS.items():
            into[kind].append(measure(read_stack(found[sequence], truth, sequence), truth, found[FLAT]))


if __name__ == "__main__":
    sys.exit(main())
