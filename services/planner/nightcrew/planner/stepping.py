"""From a new plan to the groups in the ledger: open, change, renew, drop, close; frames follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.planner.core.closing import closed_groups
from nightcrew.planner.core.reconciling import Change, Drop, Keep, Open, Renew, reconcile
from nightcrew.shared.ledger import FrameState, GroupState
from nightcrew.shared.ledger.states import GROUP_OPEN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nightcrew.planner.books import Books
    from nightcrew.planner.core.closing import Patience
    from nightcrew.planner.core.model import Plan
    from nightcrew.planner.core.reconciling import Step
    from nightcrew.planner.night import Night


def regroup(books: Books, made: Plan, digests: Mapping[str, str]) -> Iterator[str]:
    """Bring the groups to what a plan says; yield the names of those that were opened.

    Groups of the neighbouring nights are looked at only.
    """
    for step in reconcile(made, books.night.held(), digests):
        if _is_ours(step, books.night):
            yield from _apply(books, step)
        elif not isinstance(step, Open | Drop):
            books.numbers[step.group.name] = step.held.id


def _is_ours(step: Step, night: Night) -> bool:
    return night.owns_frame(step.group.lead) if isinstance(step, Open) else night.owns_group(step.held.id)


def _apply(books: Books, step: Step) -> Iterator[str]:
    match step:
        case Open(group):
            books.open(group, None, live=True)
            yield group.name
        case Keep(held, group):
            books.take_over(held.id, group)
        case Change(held, group):
            books.change(held.id, group)
        case Renew(held, group, reason, live):
            books.withdraw_job(held.id, reason)
            books.open(group, held.id, live=live)
            yield group.name
        case Drop(held):
            books.drop(held.id, "its frames belong to other groups now")


def close_groups(books: Books, made: Plan, patience: Patience) -> Iterator[tuple[str, str]]:
    """Close the groups whose time has come; yield names and reasons."""
    night = books.night
    standing = {name: night.groups[number] for name, number in books.numbers.items()}
    by_hand = {name: row.close_reason or "closed" for name, row in standing.items() if row.state is not GroupState.OPEN}
    for name, reason in closed_groups(made, night.seen, night.now, patience, by_hand).items():
        row = standing.get(name)
        if row is not None and row.state is GroupState.OPEN and night.owns_group(row.id):
            books.close(row.id, reason)
            yield name, reason


def mark_frames(books: Books, made: Plan) -> None:
    """Let frames follow the plan: those of open groups are planned, those of none are left out, with a reason."""
    night = books.night
    planned = {
        night.frames[file].id
        for group in books.ours(made)
        if books.group(group.name).state in GROUP_OPEN
        for file in group.owned
        if night.frames[file].state is not FrameState.PLANNED
    }
    books.entries.settle_frames(planned, FrameState.PLANNED)
    for number, reason in _left_out(night, made):
        books.entries.settle_frames([number], FrameState.LEFT_OUT, reason)


def _left_out(night: Night, made: Plan) -> Iterator[tuple[int, str]]:
    """Tell which frames of a night are newly left out, and why."""
    for file, reason in made.left_out:
        if night.owns_frame(file):
            row = night.frames[file]
            if (row.state, row.reason) != (FrameState.LEFT_OUT, reason):
                yield row.id, reason
