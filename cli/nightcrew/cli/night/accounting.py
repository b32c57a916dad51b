"""What became of every file of a directory: nothing is lost silently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nightcrew.shared.ledger.states import FRAME_OPEN, FrameState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nightcrew.cli.night.collecting import Collection
    from nightcrew.cli.night.reports import GroupReport
    from nightcrew.shared.ledger.records import FrameRow


@dataclass(frozen=True, slots=True)
class Accounts:
    """What became of the files that were found, by name.

    Parameters
    ----------
    reduced
        They went into a product.
    unreduced
        Their group came to no product; its report says why.
    left_out
        No group takes them: name and reason.
    damaged
        They cannot be used.
    unaccounted
        Nothing is told of them; of a complete night there are none.
    """

    reduced: tuple[str, ...]
    unreduced: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]
    damaged: tuple[str, ...]
    unaccounted: tuple[str, ...]

    @property
    def found(self) -> int:
        """How many files there were."""
        return sum(map(len, (self.reduced, self.unreduced, self.left_out, self.damaged, self.unaccounted)))

    def __str__(self) -> str:
        parts = {
            "reduced": self.reduced,
            "not reduced": self.unreduced,
            "left out": self.left_out,
            "damaged": self.damaged,
            "not accounted for": self.unaccounted,
        }
        told = ", ".join(f"{len(files)} {what}" for what, files in parts.items() if files)
        return f"{self.found} files: {told}"


def account(collection: Collection, frames: Sequence[FrameRow], reports: Sequence[GroupReport]) -> Accounts:
    """Find out what became of the files of a directory.

    Parameters
    ----------
    collection
        What was found in it.
    frames
        The frames, as the ledger has them in the end.
    reports
        What became of the groups.
    """
    made = {name for report in reports if report.outcome.ok for name in report.group.inputs}
    missed = {
        name for report in reports if not report.outcome.ok and report.outcome.reason for name in report.group.inputs
    }
    state = {row.name: row.state for row in frames}
    left_out = {row.name: row.reason for row in frames if row.state is FrameState.LEFT_OUT and row.reason}
    left_out |= dict(collection.set_aside)
    reduced = {name for name in made if state.get(name) is FrameState.REDUCED}
    not_reduced = {*FRAME_OPEN, FrameState.UNREDUCED}
    unreduced = {name for name in missed if state.get(name) in not_reduced}
    damaged = tuple(damage.file for damage in collection.damaged)
    told = {*reduced, *unreduced, *left_out, *damaged}
    return Accounts(
        tuple(sorted(reduced)),
        tuple(sorted(unreduced)),
        tuple(sorted(left_out.items())),
        damaged,
        tuple(sorted(set(collection.files) - told)),
    )
