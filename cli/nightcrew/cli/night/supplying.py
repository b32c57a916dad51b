"""Calibrations that a night lacks, from the configured databases."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nightcrew.planner.core.plan import plan_descriptions
from nightcrew.shared.calibrations import Chain, CouldNotAsk, Found
from nightcrew.shared.fits import open_frame, read_headers
from nightcrew.shared.instruments import describe, science_headers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nightcrew.cli.night.collecting import Collection
    from nightcrew.planner.core.model import Group, Need
    from nightcrew.shared.calibrations import CalibrationSource


@dataclass(frozen=True, slots=True)
class Supplied:
    """A night, and what databases add to it.

    Parameters
    ----------
    collection
        Frames and plan, in which masters of the databases are used where the night has none.
    origins
        Which database gave a master, by its file name.
    unasked
        Why a database could not be asked, by group and type of calibration, where nobody else has one.
    """

    collection: Collection
    origins: Mapping[str, str] = field(default_factory=dict)
    unasked: Mapping[tuple[str, str], str] = field(default_factory=dict)


def supply(collection: Collection, sources: Sequence[CalibrationSource], mode: str) -> Supplied:
    """Ask databases for what the night does not have itself, and plan anew with what they give.

    Parameters
    ----------
    collection
        The night by itself.
    sources
        The databases, in order.
    mode
        Processing mode.
    """
    if not sources:
        return Supplied(collection)
    chain = Chain(tuple(sources))
    found: dict[str, Found] = {}
    unasked: dict[tuple[str, str], str] = {}
    made = {group.product for group in collection.plan.groups}
    for group, need in _open_needs(collection):
        match chain.find(open_frame(collection.paths[group.inputs[0]]), need.caltype):
            case Found() as answer if answer.path.name not in made and answer.path.name not in collection.paths:
                found.setdefault(answer.path.name, answer)
            case CouldNotAsk(reason):
                unasked[group.name, need.caltype] = reason
            case _:
                pass
    if not found:
        return Supplied(collection, unasked=unasked)
    masters = [
        (name, describe(science_headers(read_headers(answer.path), name))) for name, answer in sorted(found.items())
    ]
    plan = plan_descriptions([*collection.described, *masters], mode)
    # They are none of the night's frames, so nobody misses them in its groups.
    plan = replace(plan, left_out=tuple(pair for pair in plan.left_out if pair[0] not in found))
    paths = {**collection.paths, **{name: answer.path for name, answer in found.items()}}
    origins = {name: answer.origin for name, answer in found.items()}
    return Supplied(replace(collection, plan=plan, paths=paths), origins, unasked)


def _open_needs(collection: Collection) -> list[tuple[Group, Need]]:
    return [
        (group, need)
        for group in collection.plan.groups
        for need in group.needs
        if need.provider is None and need.caltype.startswith("processed_")
    ]
