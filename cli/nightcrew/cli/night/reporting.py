"""What is told of a plan and of a night: tables for people, `night.json` for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from nightcrew.shared.outcomes import Status

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nightcrew.cli.night.collecting import Collection
    from nightcrew.cli.night.executing import GroupReport
    from nightcrew.planner.core.model import Group, Plan
    from rich.console import RenderableType

SCHEMA = 1
MEGABYTE = 1_000_000
COLOURS = {Status.SUCCEEDED: "green", Status.UNPROCESSABLE: "yellow", Status.RETRYABLE: "yellow"}


def span(files: Sequence[str]) -> str:
    """Return file names shortly: the first, how many, the last."""
    names = [name.partition(".")[0] for name in files]
    return names[0] if len(names) == 1 else f"{len(names)}: {names[0]} .. {names[-1]}"


def plan_table(plan: Plan) -> RenderableType:
    """Return what will be done, as a table."""
    from rich.table import Table

    table = Table(title=f"{len(plan.groups)} groups, in this order", title_justify="left", show_lines=True)
    for heading in ("group", "recipe", "inputs", "calibrations and why", "parameters and why", "product"):
        table.add_column(heading, overflow="fold")
    for group in plan.groups:
        needs = [f"{n.caltype}: {n.provider.file if n.provider else 'none'} ({n.reason})" for n in group.needs]
        settings = [f"{s.name}={s.value} ({s.reason})" for s in group.settings]
        product = group.product if not group.unprocessable else f"[yellow]not possible: {group.unprocessable}[/]"
        table.add_row(
            group.name, group.recipe, span(group.inputs), "\n".join(needs),
            "\n".join([*settings, *group.notes]), product,
        )  # fmt: skip
    return table


def night_table(reports: Sequence[GroupReport]) -> RenderableType:
    """Return what became of the groups, as a table."""
    from rich.table import Table

    table = Table(show_lines=True)
    for heading in ("group", "recipe", "inputs", "calibrations and why", "product", "s", "outcome"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "s" else "left")
    for report in reports:
        outcome = report.outcome
        colour = COLOURS.get(outcome.status, "red")
        told = [f"[{colour}]{outcome.status}[/]", outcome.reason, *(f"note: {c}" for c in outcome.caveats)]
        used = [f"{u.file or 'no ' + u.caltype} ({u.reason})" for u in report.used]
        table.add_row(
            report.group.name, report.group.recipe, span(report.group.inputs),
            "\n".join([*used, *(f"{s.name}={s.value} ({s.reason})" for s in report.group.settings)]),
            "\n".join(outcome.products), f"{report.seconds:.2f}", "\n".join(line for line in told if line),
        )  # fmt: skip
    return table


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


def plan_document(collection: Collection) -> dict[str, Any]:
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
        for group in collection.plan.groups
    ]
    return {"schema": SCHEMA, "groups": groups, **_not_reduced(collection)}


def night_document(collection: Collection, reports: Sequence[GroupReport], about: dict[str, Any]) -> dict[str, Any]:
    """Return a night as `night.json` has it (docs/reference/night-json.md)."""
    groups = [
        {
            **_planned(report.group),
            "calibrations": [{"type": u.caltype, "file": u.file or None, "reason": u.reason} for u in report.used],
            "products": list(report.outcome.products),
            "previews": list(report.previews),
            "outcome": {
                "status": str(report.outcome.status),
                "reason": report.outcome.reason,
                "code": report.outcome.code,
                "caveats": list(report.outcome.caveats),
            },
            "seconds": round(report.seconds, 4),
            "cpu_seconds": round(report.cpu_seconds, 4),
            "peak_memory_mb": round(report.peak_memory / MEGABYTE, 1),
            "primitives": {name: round(s, 4) for name, s in report.result.ledger.seconds.items()},
        }
        for report in reports
    ]
    return {"schema": SCHEMA, **about, "groups": groups, **_not_reduced(collection)}


def _not_reduced(collection: Collection) -> dict[str, Any]:
    return {
        "left_out": [{"file": file, "reason": reason} for file, reason in collection.plan.left_out],
        "damaged": [{"file": file, "reason": reason} for file, reason in collection.damaged],
    }


def write_json(document: dict[str, Any], path: Path) -> None:
    """Write a document so that no half of it is ever seen."""
    partial = path.with_name(f".{path.name}.part")
    try:
        partial.write_text(json.dumps(document, indent=1) + "\n")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
