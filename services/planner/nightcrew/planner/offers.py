"""What the calibration manager offers at a look, for what the frames of a night do not give themselves."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from nightcrew.planner.core.requests import Provided
from nightcrew.shared.calibration_desk import Master
from nightcrew.shared.calibrations import CouldNotAsk
from nightcrew.shared.frame_facts import FrameFacts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nightcrew.planner.core.calibrating import Asked
    from nightcrew.planner.core.model import Group
    from nightcrew.shared.calibration_desk import CalibrationDesk

SKY = frozenset({"standard", "science"})
"""Kinds of groups that show the sky."""
AT_HAND = ("processed_dark", "processed_flat", "processed_bpm")
"""What a quick look is given, as far as it is there."""
MADE_HERE = "bpm"
"""A mask that another group makes; masks of the manager are `processed_bpm`."""
_MASKED = frozenset({"flat", *SKY})
"""Kinds of groups that take a bad-pixel mask of an earlier night where their own has none."""
_MASKS = frozenset({MADE_HERE, "processed_bpm"})


def wanted(group: Group) -> list[str]:
    """Return the types of calibrations that a group would take from the manager."""
    types = {need.caltype for need in group.needs if need.provider is None} - {MADE_HERE}
    if group.kind in _MASKED and not {need.caltype for need in group.needs} & _MASKS:
        types.add("processed_bpm")  # nobody needs a mask, so that plans do not name one that is missing
    return sorted(types)


@dataclass(slots=True)
class Offers:
    """The offers of one look.

    Parameters
    ----------
    desk
        Gives calibrations out.
    mode
        With which groups are reduced.
    masters
        Those that were offered, by name.
    unasked
        Why the manager could not be asked; empty if it could.
    """

    desk: CalibrationDesk
    mode: str
    masters: dict[str, Master] = field(default_factory=dict)
    unasked: str = ""

    def ask(self, lead: FrameFacts, caltypes: Iterable[str]) -> None:
        """Ask for calibrations of a group, by the frame that leads it."""
        for caltype in caltypes:
            offer = self.desk.find(lead.target, caltype, mode=self.mode)
            if isinstance(offer, Master):
                self.masters[offer.name] = offer
            elif isinstance(offer, CouldNotAsk):
                self.unasked = offer.reason

    def keep(self, asked: Asked, one: Provided) -> None:
        """Take what was chosen at an earlier look, unless the manager offers the same; its name is all that counts."""
        name = name_of(one)
        facts = FrameFacts(name, "", frozenset(), {}, None)
        level = 2 if one.provisional else 1
        kept = Master(one.id or 0, name, Path(one.path), one.md5, asked.caltype, facts, level, (one.reason,))
        self.masters.setdefault(name, kept)

    def known(self) -> list[FrameFacts]:
        """Return the offers as planning sees them."""
        return [replace(master.facts, file=name) for name, master in self.masters.items() if master.facts.tags]

    def next_best(self, lead: FrameFacts, caltypes: Iterable[str]) -> tuple[Provided, ...] | CouldNotAsk:
        """Ask for calibrations that break a rule rather than for none; return those that there are."""
        found = []
        for caltype in caltypes:
            if caltype == MADE_HERE:
                continue
            offer = self.desk.find(lead.target, caltype, mode=self.mode, relaxed=True)
            if isinstance(offer, CouldNotAsk):
                self.unasked = offer.reason
                return offer
            if isinstance(offer, Master):
                found.append(provided(offer))
        return tuple(found)

    def at_hand(self, frame: FrameFacts) -> list[Provided]:
        """Return the best calibrations for a quick look at this moment."""
        offers = [self.desk.find(frame.target, caltype, mode="ql", relaxed=True) for caltype in AT_HAND]
        return [provided(offer) for offer in offers if isinstance(offer, Master)]


def name_of(one: Provided) -> str:
    """Return the name under which plans know a calibration."""
    return PurePath(one.path).name


def provided(master: Master) -> Provided:
    """Return a master of the manager as it goes into a job."""
    return Provided(
        master.caltype, str(master.path), master.md5, master.id, master.provisional, "; ".join(master.reasons)
    )
