"""Measure what each step of the profile `best` buys, and write it into the page of the deviations."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import golden_profiles
from benchmarks.defects import Compared
from benchmarks.profiling import Bench, Outcome
from benchmarks.scenes import SCENES, Quantity, Scene

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "explanation" / "deviations.md"
MARKS = "<!-- begin: written by make profiles, {} -->", "<!-- end: make profiles, {} -->"
HEAD = (
    "| night | what helps | measured | `standard` | `best` | `best` without it |",
    "|---|---|---|---|---|---|",
)


def measured(scene: Scene, directory: Path) -> list[str]:
    """Reduce the night of a scene three times and return its lines of the table."""
    bench = Bench.prepare(directory, scene.night())
    given = dict(scene.settings)
    steps = () if given else scene.steps
    always = dict(scene.always)
    best = bench.reduce(scene.kind, "best", drop=scene.drop, **always)
    outcomes = [bench.reduce(scene.kind, "standard", drop=scene.drop, **always), best]
    if scene.leave_out:
        outcomes.append(bench.reduce(scene.kind, "best", steps, scene.drop, **always, **given))
    for caveat in best.caveats:
        print(f"    {caveat}")
    ways = [(outcome, _compared(outcome, bench, scene.group)) for outcome in outcomes]
    lines = []
    for number, quantity in enumerate(scene.quantities):
        helps = " and ".join(step if " " in step else f"`{step}`" for step in scene.steps)
        cells = [_cell(outcome, compared, quantity) for outcome, compared in ways]
        cells += ["-"] * (3 - len(cells))
        first = (scene.title, helps) if number == 0 else ("", "")
        lines.append(f"| {' | '.join([*first, quantity.name, *cells])} |")
        print(f"{scene.title}: {quantity.name}: {', '.join(cells)}", flush=True)
    return lines


def _compared(outcome: Outcome, bench: Bench, group: str) -> Compared | None:
    return None if outcome.product is None else Compared(outcome.product, bench.truth, group)


def _cell(outcome: Outcome, compared: Compared | None, quantity: Quantity) -> str:
    if compared is None:
        return "no product"
    return quantity.form.format(quantity.measure(compared, outcome))


def rewrite(page: Path, name: str, lines: Sequence[str]) -> None:
    """Put a table between its marks of the page."""
    begin, end = (mark.format(name) for mark in MARKS)
    before, _, rest = page.read_text().partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{begin}\n" + "\n".join(lines) + f"\n{end}{after}")


def main() -> int:
    """Measure all scenes, or those whose titles contain a word."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "words", nargs="*", help="only scenes whose titles contain one of these; the page stays as it is"
    )
    options = parser.parse_args()
    chosen = [s for s in SCENES if not options.words or any(word in s.title for word in options.words)]
    lines: list[str] = []
    with tempfile.TemporaryDirectory(prefix="nightcrew-profiles-") as scratch:
        for number, scene in enumerate(chosen):
            lines += measured(scene, Path(scratch) / str(number))
        golden = None if options.words else golden_profiles.golden_lines(Path(scratch))
    if golden is None and not options.words:
        print("no golden nights here: their table stays as it is", file=sys.stderr)
    if not options.words:
        rewrite(PAGE, "simulated", [*HEAD, *lines])
        if golden is not None:
            rewrite(PAGE, "golden", [*golden_profiles.HEAD, *golden])
        print(f"{PAGE.relative_to(ROOT)} is up to date.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
