"""A plan: what will be reduced, in which order, with which calibrations, and what not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from nightcrew.planner.core.rules import Close, Scalar


@dataclass(frozen=True, slots=True)
class Provider:
    """Where a calibration comes from.

    Parameters
    ----------
    origin
        `group`: another group makes it; `file`: it is finished already.
    name
        Name of the group, or of the file.
    file
        Name of the file, predicted for one that is still to be made.
    """

    origin: Literal["group", "file"]
    name: str
    file: str


@dataclass(frozen=True, slots=True)
class Need:
    """A calibration that a group asks for.

    Parameters
    ----------
    caltype
        `processed_dark`, `processed_flat`, `processed_bpm`; `bpm` for a mask that a parameter names.
    provider
        Who provides it; None if nobody does.
    reason
        Why this one, or why there is none.
    required
        Whether the group cannot be reduced without it.
    lost
        Name of the group that was to make it, and came to no product.
    """

    caltype: str
    provider: Provider | None
    reason: str
    required: bool = False
    lost: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """A parameter that differs from its default, `primitive:parameter`, and why."""

    name: str
    value: Scalar
    reason: str


@dataclass(frozen=True, slots=True)
class Group:
    """Frames that one recipe reduces together.

    Parameters
    ----------
    name
        Unique in the plan: kind and the frame that the product is named after.
    kind
        dark, bpm, flat, standard or science.
    recipe, instrument, mode
        What is run on it.
    inputs
        File names, in the order that the recipe gets them.
    lead
        The one of them that stands for the group when calibrations are asked for.
    borrowed
        Those of them that another group owns.
    product
        Predicted name of the product's file.
    provides
        Type of calibration that the product is; None for an image.
    first, last
        UTC at which its first and last exposure began.
    settings
        Parameters for the recipe.
    needs
        Calibrations that it asks for.
    notes
        What the user should know.
    close
        When it takes no more frames.
    lost
        Needs that another group was to meet, and came to no product.
    unprocessable
        Why it cannot be reduced, and what to do; empty if it can.
    """

    name: str
    kind: str
    recipe: str
    instrument: str
    mode: str
    inputs: tuple[str, ...]
    lead: str
    borrowed: tuple[str, ...]
    product: str
    provides: str | None
    first: datetime
    last: datetime
    settings: tuple[Setting, ...]
    needs: tuple[Need, ...]
    notes: tuple[str, ...]
    close: Close
    lost: tuple[Need, ...] = ()
    unprocessable: str = ""

    @property
    def parameters(self) -> dict[str, Scalar]:
        """The settings as a recipe takes them."""
        return {setting.name: setting.value for setting in self.settings}

    @property
    def owned(self) -> tuple[str, ...]:
        """Inputs that belong to this group for good; none for a mask, which is made of others' frames."""
        return tuple(file for file in self.inputs if file not in set(self.borrowed))


@dataclass(frozen=True, slots=True)
class Link:
    """A group uses a calibration, and why this one."""

    group: str
    caltype: str
    provider: Provider
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with the frames of a directory.

    Parameters
    ----------
    groups
        In order of execution: whatever a group needs of another one comes before it.
    left_out
        File name and reason of every frame that no group owns.
    """

    groups: tuple[Group, ...]
    left_out: tuple[tuple[str, str], ...]

    @property
    def links(self) -> tuple[Link, ...]:
        """Which group uses what."""
        return tuple(
            Link(group.name, need.caltype, need.provider, need.reason)
            for group in self.groups
            for need in group.needs
            if need.provider is not None
        )

    def group(self, name: str) -> Group:
        """Return a group by its name; KeyError if there is none."""
        for group in self.groups:
            if group.name == name:
                return group
        raise KeyError(name)
