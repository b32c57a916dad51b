"""Measure nightcrew on the NIRI tutorial night, 55 frames of 1024 x 1024, and on a night of F2, as `make bench` does.

Every figure is the median of several runs in child processes, start-up included, after one run that fills the
caches of compiled kernels.  The reference's figures were measured with DRAGONS 4.2.2 on a machine with two cores.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import flamingos
from benchmarks.associations import associations
from benchmarks.big_stack import check_tiles, stack_200
from benchmarks.calmanager_http import over_http
from benchmarks.ingest import ingest
from benchmarks.measure import MB, CommandFailed, Cost, machine, median, nightcrew, run
from benchmarks.suite import measure_suite
from benchmarks.tutorial import STEPS, many_frames, simulate, write_lists
from benchmarks.worker import measure_workers

if TYPE_CHECKING:
    from collections.abc import Callable

REFERENCE_WALL = 131.0
REFERENCE_CPU = 122.0
REFERENCE_PEAK = 900.0
REFERENCE_START = 2.7
"""CPU seconds before a recipe begins."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of `bench.json`, with what it is held against.

    Parameters
    ----------
    name, value, unit
        What was measured.
    limit
        What it must not exceed, or None.
    reference
        The same for the reference, or None.
    """

    name: str
    value: float
    unit: str
    limit: float | None = None
    reference: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the limit is kept."""
        return self.limit is None or self.value <= self.limit

    def line(self) -> str:
        """Return the figure as a line of the table."""
        limit = "" if self.limit is None else f"{'<=' if self.ok else 'OVER'} {self.limit:g}"
        reference = "" if self.reference is None else f"{self.reference:8.1f}   {self.reference / self.value:5.1f} x"
        return f"{self.name:34} {self.value:9.2f} {self.unit:4} {limit:>10}  {reference}"


def five_commands(raw: Path, work: Path) -> tuple[dict[str, Cost], dict[str, float]]:
    """Reduce the night by hand; return the cost of each reduction, and CPU seconds by primitive."""
    work.mkdir()
    write_lists(raw, work)
    costs: dict[str, Cost] = {}
    ledger: dict[str, float] = {}
    made: dict[str, str] = {}
    for step in STEPS:
        before = set(work.glob("*.fits"))
        arguments = [argument.format(**made) for argument in step.arguments]
        costs[step.name] = run([nightcrew(), "reduce", *arguments, "--json"], work)
        (made[step.name],) = (p.name for p in set(work.glob(f"*{step.product}")) - before)
        _charge(ledger, json.loads((work / "last-command.out").read_text())["seconds"])
    return costs, ledger


def whole_night(raw: Path, work: Path) -> tuple[Cost, dict[str, float]]:
    """Reduce the night with one command; return its cost, and CPU seconds by primitive."""
    work.mkdir()
    cost = run([nightcrew(), "night", str(raw), "--out", "products"], work)
    ledger: dict[str, float] = {}
    for group in json.loads((work / "products" / "night.json").read_text())["groups"]:
        _charge(ledger, group["primitives"])
    return cost, ledger


def _charge(ledger: dict[str, float], by_primitive: dict[str, float]) -> None:
    for primitive, seconds in by_primitive.items():
        ledger[primitive] = ledger.get(primitive, 0.0) + seconds


def repeat(times: int, measured: Callable[[Path], Cost], scratch: Path, name: str) -> Cost:
    """Return the median cost of several runs, each in a directory of its own."""
    costs = []
    for number in range(times):
        work = scratch / f"{name}-{number}"
        costs.append(measured(work))
        shutil.rmtree(work, ignore_errors=True)
    return median(costs)


def measure_night(raw: Path, runs: int, scratch: Path) -> list[Figure]:
    """Measure the five commands and the whole night."""
    five_commands(raw, scratch / "warm-up")
    shutil.rmtree(scratch / "warm-up")
    all_costs = []
    for number in range(runs):
        costs, ledger = five_commands(raw, scratch / f"five-{number}")
        all_costs.append(costs)
        shutil.rmtree(scratch / f"five-{number}")
    figures = []
    for step in STEPS:
        cost = median([costs[step.name] for costs in all_costs])
        figures += [
            Figure(f"reduce {step.name}: wall", cost.wall, "s", reference=step.reference),
            Figure(f"reduce {step.name}: CPU", cost.cpu, "s"),
            Figure(f"reduce {step.name}: peak", cost.peak / MB, "MB", limit=500),
        ]
    total = median([sum(costs.values(), Cost(0, 0, 0)) for costs in all_costs])
    figures += [
        Figure("five reductions: wall", total.wall, "s", reference=REFERENCE_WALL),
        Figure("five reductions: CPU", total.cpu, "s", limit=12, reference=REFERENCE_CPU),
        Figure("five reductions: peak", total.peak / MB, "MB", limit=500, reference=REFERENCE_PEAK),
    ]
    print_ledger("five reductions", ledger, total.cpu)

    nights = []
    for number in range(runs):
        cost, ledger = whole_night(raw, scratch / f"night-{number}")
        nights.append(cost)
        if number < runs - 1:
            shutil.rmtree(scratch / f"night-{number}")
    (scratch / f"night-{runs - 1}").rename(scratch / "night")
    night = median(nights)
    figures += [
        Figure("nightcrew night: wall", night.wall, "s", reference=REFERENCE_WALL),
        Figure("nightcrew night: CPU", night.cpu, "s", limit=6, reference=REFERENCE_CPU),
        Figure("nightcrew night: peak", night.peak / MB, "MB", limit=500, reference=REFERENCE_PEAK),
    ]
    print_ledger("nightcrew night", ledger, night.cpu)
    return figures


def measure_commands(raw: Path, runs: int, scratch: Path) -> list[Figure]:
    """Measure the commands that start often."""
    many = scratch / "many"
    many.mkdir()
    frames = many_frames(raw, many, 1000)
    select = [nightcrew(), "dataselect", *frames, "--tags", "DARK", "--expr", "exposure_time==20", "-o", "darks.lis"]
    start = median([run([nightcrew(), "--help"], scratch) for _ in range(max(runs, 5))])
    selecting = median([run(select, scratch) for _ in range(runs)])
    write_lists(raw, scratch)
    dry = median([run([nightcrew(), "reduce", "@darks20s.lis", "--dry-run"], scratch) for _ in range(runs)])
    return [
        Figure("nightcrew --help: wall", start.wall, "s", limit=0.4),
        Figure("dataselect, 1000 files: wall", selecting.wall, "s", limit=3),
        Figure("reduce --dry-run, 10 darks: CPU", dry.cpu, "s", reference=REFERENCE_START),
    ]


def measure_f2(cache: Path, seed: int, runs: int, scratch: Path) -> list[Figure]:
    """Measure a night of Flamingos-2, a quick look at it, and a stack that grows."""
    raw = flamingos.simulate(cache, seed)
    print(f"{len(list(raw.glob('*.fits*')))} frames in {raw}", flush=True)
    rows = flamingos.measure_night(raw, runs, scratch, print_ledger)
    rows += flamingos.measure_looks(raw, scratch / "made", "f2", scratch)
    return [Figure(*row) for row in rows]


def print_ledger(title: str, ledger: dict[str, float], total: float) -> None:
    """Print where the CPU time goes."""
    print(f"\n{title}: {total:.2f} s CPU, of them by primitive (those that call others include them)")
    for primitive, seconds in sorted(ledger.items(), key=lambda item: -item[1]):
        if seconds >= 0.005:
            print(f"  {primitive:28} {seconds:6.2f} s {100 * seconds / total:4.0f} %")


def main() -> int:
    """Measure what was asked for, print it, write bench.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="runs per figure; the median counts (default: 3)")
    parser.add_argument("--size", type=int, default=1024, help="pixels along a side of the night's frames")
    parser.add_argument("--seed", type=int, default=1, help="seed of the simulated night")
    parser.add_argument("--only", choices=("niri", "f2", "suite"), help="measure one camera, or the suite, only")
    parser.add_argument(
        "--big",
        action="store_true",
        help="also stack 200 frames of 2048 x 2048, ask among 1e6 calibrations (9 GB of disk)",
    )
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "nightcrew-bench")
    parser.add_argument("--out", type=Path, default=Path("bench.json"))
    parser.add_argument("--check", action="store_true", help="exit 1 if a figure is over its limit")
    options = parser.parse_args()

    where = machine()
    print(where, flush=True)
    figures: list[Figure] = []
    options.cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.cache) as name:
        scratch = Path(name)
        try:
            if options.only in {None, "niri"}:
                raw = simulate(options.cache, options.size, options.seed)
                print(f"{len(list(raw.glob('*.fits*')))} frames in {raw}", flush=True)
                figures += measure_commands(raw, options.runs, scratch) + measure_night(raw, options.runs, scratch)
                looks = flamingos.measure_looks(raw, scratch / "night" / "products", "niri", scratch)
                figures += [Figure(*figure) for figure in (*looks, *check_tiles(raw, scratch))]
                figures += [Figure(*figure) for figure in measure_workers(raw, scratch)]
                if options.big:
                    figures += [Figure(*figure) for figure in stack_200(raw, scratch)]
            if options.only in {None, "f2"}:
                figures += measure_f2(options.cache, options.seed, options.runs, scratch)
            if options.only is None:
                figures += [Figure(*figure) for figure in (*associations(options.big), *over_http(options.big))]
                figures += [Figure(*figure) for figure in ingest(scratch)]
            if options.only in {None, "suite"}:
                figures += [Figure(*figure) for figure in measure_suite(scratch)]
        except CommandFailed as error:
            print(error, file=sys.stderr)
            return 1
    print(f"\n{'':34} {'value':>9} {'':4} {'limit':>10}  reference   ratio")
    for figure in figures:
        print(figure.line())
    rows = [{key: asdict(figure)[key] for key in ("name", "value", "unit")} | {"machine": where} for figure in figures]
    options.out.write_text(json.dumps(rows, indent=2) + "\n")
    print(f"\nAll figures are in {options.out}.")
    return int(options.check and not all(figure.ok for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
