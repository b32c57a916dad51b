"""What is told of a plan and of a night: tables for people, `night.json` for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from nightcrew.shared.fits.output import whole_file, write_at
from nightcrew.shared.outcomes import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from rich.console import RenderableType

    from nightcrew.cli.night.accounting import Accounts
    from nightcrew.cli.night.reports import GroupReport
    from nightcrew.planner.core.model import Group, Plan
    from nightcrew.shared.reception import Damage

SCHEMA = 1
MEGABYTE = 1_000_000
COLOURS = {Status.SUCCEEDED: "green", Status.UNPROCESSABLE: "yellow", Status.RETRYABLE: "yellow"}


def frames(group: Group) -> str:
    """Return the inputs of a group shortly: how many, the first and the last."""
    names = [name.partition(".")[0] for name in group.inputs]
    return names[0] if len(names) == 1 else f"{len(names)} frames, {names[0]} .. {names[-1]}"


def plan_table(plan: Plan) -> RenderableType:
    """Return what will be done: a line for each group, and under it why."""
    rows = []
    for group in plan.groups:
        state = "not possible" if group.unprocessable else "planned"
        rows += [_line(group, group.product, "", state, "yellow" if group.unprocessable else "green")]
        rows += _details(group, [(n.caltype, n.provider.file if n.provider else "", n.reason) for n in group.needs])
        rows += _remarks([group.unprocessable])
    return _listing("to do", rows)


def night_table(reports: Sequence[GroupReport]) -> RenderableType:
    """Return what became of the groups: a line for each, under it why, and what it tells of the night."""
    rows = []
    for report in reports:
        outcome = report.outcome
        colour = COLOURS.get(outcome.status, "red")
        product = outcome.products[-1] if outcome.products else ""
        rows += [_line(report.group, product, f"{report.seconds:.2f}", str(outcome.status), colour)]
        rows += _details(report.group, [(u.caltype, u.file, u.reason) for u in report.used])
        rows += _indented(report.record.get("conditions", ()), "cyan")
        rows += _remarks([outcome.reason, *outcome.caveats])
    return _listing("outcome", rows)


def _listing(last: str, rows: list[RenderableType]) -> RenderableType:
    from rich.console import Group as Lines
    from rich.rule import Rule
    from rich.text import Text

    head = Text(f"{'group':9} {'recipe':18} {'product':26} {'s':>6}  {last}", style="bold", no_wrap=True)
    return Lines(Rule(), head, Rule(), *rows, Rule())


def _line(group: Group, product: str, seconds: str, state: str, colour: str) -> RenderableType:
    from rich.text import Text

    line = Text(f"{group.kind:9} {group.recipe:18} {product or '-':26} {seconds:>6}  ", overflow="fold")
    return line.append(state, style=colour)


def _details(group: Group, calibrations: Sequence[tuple[str, str, str]]) -> list[RenderableType]:
    """Return the inputs, the calibrations and the parameters of a group, and why they are these."""
    told = [frames(group)]
    known = set()
    for caltype, file, reason in calibrations:
        told.append(f"{file}: {reason}" if file else f"no {caltype}: {reason.removeprefix(f'no {caltype} ')}")
        known.add(reason)
    told += [f"{s.name}={s.value}" + ("" if s.reason in known else f": {s.reason}") for s in group.settings]
    return _indented([*told, *group.notes], "dim")


def _remarks(texts: Sequence[str]) -> list[RenderableType]:
    return _indented([text for text in texts if text], "yellow")


def _indented(texts: Iterable[str], style: str) -> list[RenderableType]:
    from rich.padding import Padding
    from rich.text import Text

    return [Padding(Text(text, style=style), (0, 0, 0, 4)) for text in texts]


def _planned(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "kind": group.kind,
        "recipe": group.recipe,
        "instrument": group.instrument,
        "mode": group.mode,
        "inputs": list(group.inputs),
        "borrowed": list(group.borrowed),
        "first": group.first.isoformat(),
        "last": group.last.isoformat(),
        "parameters": [{"name": s.name, "value": s.value, "reason": s.reason} for s in group.settings],
        "notes": list(group.notes),
    }


def plan_document(plan: Plan, damaged: Sequence[Damage]) -> dict[str, Any]:
    """Return a plan as JSON has it."""
    groups = [
        {
            **_planned(group),
            "calibrations": [
                {"type": n.caltype, "file": n.provider.file if n.provider else None, "reason": n.reason}
                for n in group.needs
            ],
            "product": group.product,
            "unprocessable": group.unprocessable or None,
        }
        for group in plan.groups
    ]
    return {"schema": SCHEMA, "groups": groups, **_not_reduced(plan.left_out, damaged)}


def night_document(
    reports: Sequence[GroupReport], accounts: Accounts, damaged: Sequence[Damage], about: dict[str, Any]
) -> dict[str, Any]:
    """Return a night as `night.json` has it (docs/reference/night-json.md)."""
    return {
        "schema": SCHEMA,
        **about,
        "groups": [_reported(report) for report in reports],
        **_not_reduced(accounts.left_out, damaged),
        "files": {
            "found": accounts.found,
            "reduced": len(accounts.reduced),
            "not_reduced": len(accounts.unreduced),
            "left_out": len(accounts.left_out),
            "damaged": len(accounts.damaged),
            "unaccounted": list(accounts.unaccounted),
        },
    }


def _reported(report: GroupReport) -> dict[str, Any]:
    outcome, record = report.outcome, report.record
    return {
        **_planned(report.group),
        "calibrations": [{"type": u.caltype, "file": u.file or None, "reason": u.reason} for u in report.used],
        "products": list(outcome.products),
        "previews": record.get("previews", []),
        "outcome": {
            "status": str(outcome.status),
            "reason": outcome.reason,
            "code": outcome.code,
            "caveats": list(outcome.caveats),
        },
        "seconds": round(report.seconds, 4),
        "cpu_seconds": round(record.get("cpu_seconds", 0.0), 4),
        "peak_memory_mb": round(record.get("peak_rss", 0) / MEGABYTE, 1),
        "measurements": record.get("measurements", []),
        "primitives": record.get("primitives", {}),
    }


def _not_reduced(left_out: Sequence[tuple[str, str]], damaged: Sequence[Damage]) -> dict[str, Any]:
    return {
        "left_out": [{"file": file, "reason": reason} for file, reason in left_out],
        "damaged": [{"file": d.file, "code": d.code, "reason": d.reason} for d in damaged],
    }


def write_json(document: dict[str, Any], path: Path) -> None:
    """Write a document so that no half of it is ever seen."""
    with whole_file(path) as number:
        write_at(number, f"{json.dumps(document, indent=1)}\n".encode(), 0)
