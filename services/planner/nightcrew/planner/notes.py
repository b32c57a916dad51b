"""What the planner notes of a group in the ledger, besides its frames: as JSON, in the column `plan`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from nightcrew.planner.core.reconciling import Used
from nightcrew.planner.core.requests import Provided

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nightcrew.planner.core.model import Group


@dataclass(frozen=True, slots=True)
class Notes:
    """What the planner notes of a group.

    Parameters
    ----------
    lead, product, provides, recipe
        As planned.
    notes
        What the user should know.
    needs
        What it needs, one line each.
    chosen
        Calibrations that were asked for when the time was up.
    asked
        Types that were asked for then, in vain or not.
    used
        Calibrations that its job was given; with an empty file those that it had to do without.
    master
        Number at the calibration manager of the master that it has made, and why that is not certified.
    live
        Whether it belongs to the night that is being observed; else it gives way to that.
    """

    lead: str = ""
    product: str = ""
    provides: str | None = None
    recipe: str = ""
    notes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    chosen: tuple[Provided, ...] = ()
    asked: tuple[str, ...] = ()
    used: tuple[Used, ...] = ()
    master: tuple[int, str] | None = None
    live: bool = True

    def of(self, group: Group) -> Notes:
        """Return the notes with what a new plan says of the group."""
        needs = tuple(
            f"{need.caltype}: {need.provider.file if need.provider else 'none'} ({need.reason})" for need in group.needs
        )
        return replace(
            self,
            lead=group.lead,
            product=group.product,
            provides=group.provides,
            recipe=group.recipe,
            notes=group.notes,
            needs=needs,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the notes as the ledger keeps them."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Notes:
        """Read the notes from the ledger."""
        master = kept.get("master")
        return cls(
            kept.get("lead", ""),
            kept.get("product", ""),
            kept.get("provides"),
            kept.get("recipe", ""),
            tuple(kept.get("notes", ())),
            tuple(kept.get("needs", ())),
            tuple(Provided(**one) for one in kept.get("chosen", ())),
            tuple(kept.get("asked", ())),
            tuple(Used(**one) for one in kept.get("used", ())),
            None if master is None else (master[0], master[1]),
            kept.get("live", True),
        )


@dataclass(slots=True)
class Kept:
    """Notes by group, to be changed while a night is looked at; `changed` tells which must be written."""

    by_group: dict[int, Notes]
    changed: set[int] = field(default_factory=set)

    def __getitem__(self, group_id: int) -> Notes:
        return self.by_group[group_id]

    def __setitem__(self, group_id: int, notes: Notes) -> None:
        if self.by_group.get(group_id) != notes:
            self.by_group[group_id] = notes
            self.changed.add(group_id)
