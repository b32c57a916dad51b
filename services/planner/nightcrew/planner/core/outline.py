"""A plan as text, for people."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nightcrew.planner.core.model import Group, Need, Plan


def outline(plan: Plan) -> list[str]:
    """Return a plan line by line: groups in order of execution, what they use and why, what is left out."""
    lines = [line for number, group in enumerate(plan.groups, 1) for line in _of_group(number, group)]
    reasons = Counter(reason for _, reason in plan.left_out)
    if plan.left_out:
        lines.append(f"left out: {_frames(len(plan.left_out))}")
    for reason, count in reasons.most_common():
        files = [file for file, why in plan.left_out if why == reason]
        shown = ", ".join(files[:3]) + (f" and {count - 3} more" if count > 3 else "")
        lines.append(f"    {shown}: {reason}")
    return lines


def _of_group(number: int, group: Group) -> Iterator[str]:
    loan = f", {len(group.borrowed)} of other groups" if group.borrowed and group.owned else ""
    made = f"{group.kind} of {_frames(len(group.inputs))}{loan}, {group.recipe}"
    yield f"{number}. {group.product}: {made} ({group.instrument}, {group.first:%Y-%m-%d %H:%M} UT)"
    yield f"    {_span(group.inputs)}"
    if group.unprocessable:
        yield f"    cannot be reduced: {group.unprocessable}"
    for need in group.needs:
        if need.provider is not None:
            yield f"    {_called(need)} {need.provider.file}: {need.reason}"
    chosen = {need.provider.file for need in group.needs if need.provider is not None}
    for setting in group.settings:
        if setting.value not in chosen:
            yield f"    {setting.name}={setting.value}: {setting.reason}"
    for note in group.notes:
        yield f"    note: {note}"


def _called(need: Need) -> str:
    return need.caltype.removeprefix("processed_")


def _frames(number: int) -> str:
    return "1 frame" if number == 1 else f"{number} frames"


def _span(files: tuple[str, ...]) -> str:
    return ", ".join(files) if len(files) <= 3 else f"{files[0]}, {files[1]}, ... {files[-1]}"
