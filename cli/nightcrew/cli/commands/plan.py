"""`nightcrew plan`: how a directory would be grouped and reduced, also by rules of one's own."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  (Typer reads the annotations)
from typing import TYPE_CHECKING, Annotated

import typer

from nightcrew.cli.commands.night import Quality, show_plan
from nightcrew.cli.errors import ExitCode, complain, warn
from nightcrew.cli.inputs import text_of
from nightcrew.cli.options import Debug, Json  # noqa: TC001  (Typer reads the annotations)

if TYPE_CHECKING:
    from nightcrew.planner.core.rules import PlanRules


def plan(
    directory: Annotated[
        Path, typer.Argument(metavar="DIRECTORY", help="Directory of the raw frames.", show_default=False)
    ],
    rules: Annotated[
        list[Path] | None,
        typer.Option("--rules", metavar="FILE", help="Grouping rules of an instrument, instead of those shipped."),
    ] = None,
    mode: Annotated[Quality, typer.Option(help="sq: science quality; ql: quick look.")] = Quality.SQ,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Show how the frames of a directory would be grouped and reduced, and why; nothing is touched.

    No database is asked for calibrations (`nightcrew night --plan` does). With --rules, frames of the instrument that
    the file is for are grouped by it: try a change before it is put to work. `nightcrew rules lint` checks a file by
    itself.
    """
    from rich.console import Console

    from nightcrew.cli.night.asking import DatabaseDesk
    from nightcrew.cli.night.collecting import collect
    from nightcrew.planner.core.rules import rules_for
    from nightcrew.reducer.engine.digests import Digests

    own = _read(rules or ())
    if own is None:
        raise typer.Exit(ExitCode.FAILED)
    collection = collect(directory)
    for damage in collection.damaged:
        warn("plan", f"left out: {damage.reason}")
    desk = DatabaseDesk((), collection.paths, Digests(), mode.value)
    made = collection.plan(desk, mode.value, lambda instrument: own.get(instrument) or rules_for(instrument))
    show_plan(made, collection.damaged, Console(), as_json=as_json)


def _read(files: list[Path] | tuple[()]) -> dict[str, PlanRules] | None:
    """Read rule files, by instrument; None if there is something wrong with one, which is told."""
    from nightcrew.planner.core.linting import lint_rules
    from nightcrew.planner.core.rules import parse_rules

    read: dict[str, PlanRules] = {}
    wrong = False
    for file in files:
        text = text_of(file)
        complaints = lint_rules(text, str(file))
        for complaint in complaints:
            complain("plan", str(complaint))
        wrong = wrong or bool(complaints)
        if not complaints:
            rules = parse_rules(text, str(file))
            read[rules.instrument] = rules
    return None if wrong else read
