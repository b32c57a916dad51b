"""Telling frames of the target from frames of the sky (primitives-sky-and-stack, 3)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from nightcrew.reducer.pointing import separation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from nightcrew.reducer.geometry import TangentPlane


@dataclass(frozen=True, slots=True)
class Exposure:
    """What the separation needs to know about a frame.

    Parameters
    ----------
    name
        File name.
    plane
        Its WCS.
    shape
        Rows and columns.
    is_object, is_sky
        Whether something has already marked it so; it may be both.
    unguided
        Whether no wavefront sensor guided, for certain.
    """

    name: str
    plane: TangentPlane
    shape: tuple[int, int]
    is_object: bool = False
    is_sky: bool = False
    unguided: bool = False


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A rectangular field: frames overlap when the centre of one lies within `fraction` of the size of the other."""

    fraction: float

    def __call__(self, frame: Exposure, member: Exposure) -> bool:
        """Tell whether two exposures overlap."""
        ny, nx = frame.shape
        x, y = (nx - 1) / 2, (ny - 1) / 2
        px, py = member.plane.pixels(*frame.plane.sky(x, y))
        return bool(abs(float(px) - x) < self.fraction * nx and abs(float(py) - y) < self.fraction * ny)


@dataclass(frozen=True, slots=True)
class Circle:
    """A round field.

    Parameters
    ----------
    reach
        Separation of the centres, arcsec, up to which frames overlap.
    centre
        Pixel (x, y) in the middle of the field, 0-based.
    """

    reach: float
    centre: tuple[float, float]

    def __call__(self, frame: Exposure, member: Exposure) -> bool:
        """Tell whether two exposures overlap."""
        first, second = (tuple(map(float, e.plane.sky(*self.centre))) for e in (frame, member))
        return separation((first[0], first[1]), (second[0], second[1])) < self.reach


@dataclass(frozen=True, slots=True)
class Separation:
    """Roles of the frames, by index.

    Parameters
    ----------
    groups
        Group of each frame.
    objects, skies
        Frames of the target and of the sky; a frame may be both.
    remarks
        What a user should know.
    """

    groups: tuple[int, ...]
    objects: frozenset[int]
    skies: frozenset[int]
    remarks: tuple[str, ...] = field(default=())

    @property
    def left_out(self) -> tuple[int, ...]:
        """Frames that are neither."""
        return tuple(i for i in range(len(self.groups)) if i not in self.objects | self.skies)


def group_pointings(exposures: Sequence[Exposure], overlap: Callable[[Exposure, Exposure], bool]) -> list[list[int]]:
    """Gather the exposures that overlap, directly or through others (single linkage, in order)."""
    groups: list[list[int]] = []
    for index, exposure in enumerate(exposures):
        home: list[int] | None = None
        for group in reversed(list(groups)):
            if not any(overlap(exposure, exposures[member]) for member in group):
                continue
            if home is None:
                group.append(index)
            else:
                group.extend(home)
                groups.remove(home)
            home = group
        if home is None:
            groups.append([index])
    return groups


def group_centre(exposures: Sequence[Exposure], members: Sequence[int]) -> tuple[float, float]:
    """Return the running mean of the reference positions along great circles, degrees.

    Each member draws the centre towards itself by 1/n of the way, n members being counted so far.
    """
    centre = _unit(exposures[members[0]].plane.centre)
    for count, member in enumerate(members[1:], 2):
        position = _unit(exposures[member].plane.centre)
        angle = math.atan2(float(np.linalg.norm(np.cross(centre, position))), float(centre @ position))
        if angle:
            part = angle / count
            centre = (math.sin(angle - part) * centre + math.sin(part) * position) / math.sin(angle)
    x, y, z = centre.tolist()
    return math.degrees(math.atan2(y, x)) % 360.0, math.degrees(math.atan2(z, math.hypot(x, y)))


def _unit(position: tuple[float, float]) -> NDArray[np.float64]:
    ra, dec = (math.radians(angle) for angle in position)
    return np.array([math.cos(dec) * math.cos(ra), math.cos(dec) * math.sin(ra), math.sin(dec)])


def separate(
    exposures: Sequence[Exposure],
    groups: Sequence[Sequence[int]],
    target: tuple[float, float] | None,
    as_objects: Iterable[int] = (),
    as_skies: Iterable[int] = (),
) -> Separation:
    """Decide which exposures show the target and which the sky.

    Evidence counts in this order: what headers or the user say of a frame, which holds for its whole group; that a
    frame was not guided; and if nobody says anything, how far the groups are from the target.

    Parameters
    ----------
    exposures, groups
        The exposures and, by index, the groups that `group_pointings` found.
    target
        RA, Dec of the target, degrees; None if not known: the group of the first exposure then counts as nearest.
    as_objects, as_skies
        Indices of the exposures that the user names.
    """
    everything = frozenset(range(len(exposures)))
    objects = {i for i in everything if exposures[i].is_object}
    skies = {i for i in everything if exposures[i].is_sky}
    remarks = [
        *_conflicts(exposures, as_objects, skies - objects, "sky", "target"),
        *_conflicts(exposures, as_skies, objects - skies, "target", "sky"),
    ]
    objects |= set(as_objects)
    skies |= set(as_skies)
    for group in groups:
        for chosen in (objects, skies):
            if chosen & set(group):
                chosen |= set(group)
    for i, exposure in enumerate(exposures):
        if exposure.unguided and i in objects:
            remarks.append(f"{exposure.name}: is said to show the target although no wavefront sensor guided")
        elif exposure.unguided:
            skies.add(i)
    if objects and not skies:
        skies = set(everything - objects or objects)
    elif skies and not objects:
        objects = set(everything - skies or skies)
    elif not objects and len(groups) <= 1:
        objects, skies = set(everything), set(everything)
    elif not objects:
        objects = _nearest(exposures, groups, target)
        skies = set(everything - objects or objects)
    numbers = {member: number for number, group in enumerate(groups) for member in group}
    order = tuple(numbers[i] for i in range(len(exposures)))
    return Separation(order, frozenset(objects), frozenset(skies), tuple(remarks))


def _conflicts(
    exposures: Sequence[Exposure], named: Iterable[int], others: set[int], was: str, now: str
) -> Iterator[str]:
    for i in named:
        if i in others:
            yield f"{exposures[i].name}: marked as a frame of the {was} and named as one of the {now}; it is both"


def _nearest(
    exposures: Sequence[Exposure], groups: Sequence[Sequence[int]], target: tuple[float, float] | None
) -> set[int]:
    """Return the group nearest to the target; of three or more groups, the nearest that hold half of the exposures."""
    distances = [0.0 if target is None else separation(target, group_centre(exposures, group)) for group in groups]
    order = sorted(range(len(groups)), key=distances.__getitem__)
    chosen: set[int] = set()
    for number in order[: 1 if len(groups) == 2 else None]:
        if 2 * len(chosen) >= len(exposures):
            break
        chosen |= set(groups[number])
    return chosen
