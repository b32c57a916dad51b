"""`nightcrew rules`: check rule files, and show what the rules of association say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightcrew.cli.errors import ExitCode, UsageProblem
from nightcrew.cli.inputs import text_of
from nightcrew.cli.options import Debug  # noqa: TC001  (Typer reads the annotations)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from nightcrew.shared.association import Rule, Variant
    from nightcrew.shared.rule_files import Complaint

    Lint = Callable[[str, str], tuple[Complaint, ...]]

rules = typer.Typer(no_args_is_help=True)
GAP = "   "


@rules.command()
def lint(
    files: Annotated[
        list[str] | None, typer.Argument(metavar="FILE", help="Rule files; all shipped ones if none.")
    ] = None,
    debug: Debug = False,  # noqa: ARG001
) -> ExitCode:
    """Check files of rules: each fault with its line and a remedy.

    Rules of association (with `calibrations:`) and of grouping (with `kinds:`) are told apart by what is in them.
    The exit code is 1 if anything is wrong.
    """
    read = [(name, text_of(Path(name))) for name in files or ()]
    checked = [(name, text, linter_for(text, name)) for name, text in read] if files else list(_shipped())
    complaints = [complaint for name, text, check in checked for complaint in check(text, name)]
    for complaint in complaints:
        typer.echo(str(complaint))
    many = f"{len(checked)} file{'s' if len(checked) > 1 else ''}"
    typer.echo(f"{many}: {len(complaints) or 'no'} complaint{'s' if len(complaints) != 1 else ''}")
    return ExitCode.FAILED if complaints else ExitCode.DONE


@rules.command()
def show(
    instrument: Annotated[str, typer.Argument(metavar="INSTRUMENT", help="NIRI, F2, GNIRS, GSAOI, GMOS-N, GMOS-S")],
    caltype: Annotated[
        str | None, typer.Argument(metavar="CALTYPE", help="As processed_dark, or bpm for raw ones; all if none.")
    ] = None,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Show in words which calibrations belong to a frame, and what is enough for a provisional one."""
    from nightcrew.shared.association import rule_set
    from nightcrew.shared.association.reading import INSTRUMENTS
    from nightcrew.shared.rule_files import nearest

    found = rule_set(instrument.upper())
    if found is None:
        raise UsageProblem(f"there are no association rules for '{instrument}'; {nearest(instrument, INSTRUMENTS)}")
    forms = {
        f"processed_{name}" if variant is rule.processed else name: (rule, variant)
        for name, rule in found.rules.items()
        for variant in (rule.raw, rule.processed)
        if variant is not None
    }
    if caltype is not None and caltype not in forms:
        raise UsageProblem(f"{instrument.upper()} has no rule for '{caltype}'; {nearest(caltype, forms)}")
    chosen = forms if caltype is None else {caltype: forms[caltype]}
    typer.echo("\n\n".join("\n".join(_told(name, *form)) for name, form in chosen.items()))


def linter_for(text: str, name: str) -> Lint:
    """Return the linter for a rule file, by what is in it."""
    from nightcrew.planner.core.linting import lint_rules as lint_grouping
    from nightcrew.shared.association.linting import lint_rules as lint_association
    from nightcrew.shared.rule_files import read_rule_file

    content = read_rule_file(text, name).content
    return lint_grouping if isinstance(content, dict) and {"kinds", "masters"} & set(content) else lint_association


def _shipped() -> Iterator[tuple[str, str, Lint]]:
    from nightcrew.planner.core import rules as grouping
    from nightcrew.planner.core.linting import lint_rules as lint_grouping
    from nightcrew.shared.association import reading as association
    from nightcrew.shared.association.linting import lint_rules as lint_association

    for name in sorted(set(association.INSTRUMENTS.values())):
        yield f"association/{name}", association.shipped_text(name), lint_association
    for name in sorted(set(grouping.INSTRUMENTS.values())):
        yield f"grouping/{name}", grouping.shipped_text(name), lint_grouping


def _told(name: str, rule: Rule, variant: Variant) -> Iterator[str]:
    from nightcrew.shared.association.telling import order_in_words, rule_lines, whom

    yield f"{name}: at most {variant.limit}" + (f"; only if {whom(rule)}" if rule.targets else "")
    header = ("", "wanted", "enough for a provisional one")
    same = "the same"
    lines = [
        (line.about, line.wanted, same if line.provisional == line.wanted else line.provisional)
        for line in rule_lines(rule, variant)
    ]
    yield from _columns([header, *lines])
    yield f"  the first by: {order_in_words(rule)}"


def _columns(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    listed = list(rows)
    widths = [max(map(len, column)) for column in zip(*listed, strict=True)]
    for row in listed:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"  {GAP.join(cells).rstrip()}"
