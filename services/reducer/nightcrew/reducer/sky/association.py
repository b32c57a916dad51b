"""Which skies belong to a frame (primitives-sky-and-stack, 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nightcrew.reducer.pointing import separation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

EXPOSURE_TOLERANCE = 0.01
"""Seconds by which exposure times of a frame and its sky may differ."""


@dataclass(frozen=True, slots=True)
class Pointing:
    """What the association needs to know about a frame.

    Parameters
    ----------
    name
        File name; two pointings of the same name are the same frame.
    position
        RA, Dec of the middle of the field, degrees.
    start
        UT of the start of the exposure.
    exposure
        Exposure time, seconds.
    configuration
        Everything else that must be equal.
    """

    name: str
    position: tuple[float, float]
    start: datetime
    exposure: float | None
    configuration: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a sky may be.

    Parameters
    ----------
    time
        Seconds between the starts of the exposures.
    distance
        Arcsec by which a sky must differ in position.
    min_skies
        How many are taken at least, whatever the time.
    max_skies
        How many are taken at most; None is any number.
    """

    time: float
    distance: float
    min_skies: int | None = None
    max_skies: int | None = None


@dataclass(frozen=True, slots=True)
class Association:
    """The skies of a frame.

    Parameters
    ----------
    skies
        Indices into the list of skies, in order of time.
    remark
        What a user should know, or empty.
    """

    skies: tuple[int, ...]
    remark: str = ""


def associate(frame: Pointing, skies: Sequence[Pointing], limits: Limits) -> Association:
    """Choose the skies of a frame: of the same configuration, elsewhere, and near in time.

    `min_skies` outweighs the limit in time, `max_skies` outweighs both; among skies equally near in time the earlier
    one in the list is taken.
    """
    fitting = [i for i, sky in enumerate(skies) if _elsewhere(frame, sky, limits.distance) and _alike(frame, sky)]
    nearest = sorted(fitting, key=lambda i: _interval(frame, skies[i]))
    near = sum(_interval(frame, skies[i]) <= limits.time for i in fitting)
    at_least = limits.min_skies or 0
    wanted = max(at_least, near)
    chosen = nearest[: wanted if limits.max_skies is None else min(wanted, limits.max_skies)]
    remark = ""
    if near < at_least <= len(fitting):
        remark = (
            f"{frame.name}: only {near} skies within {limits.time:g} s; the time limit is ignored to have {at_least}"
        )
    elif near < at_least:
        remark = f"{frame.name}: only {len(fitting)} skies to be had, {at_least} are wanted"
    return Association(_in_time(chosen, skies), remark)


def all_others(frame: Pointing, others: Sequence[Pointing], distance: float) -> Association:
    """Choose every frame that looks elsewhere, whatever its time and configuration."""
    return Association(_in_time([i for i, other in enumerate(others) if _elsewhere(frame, other, distance)], others))


def _in_time(chosen: Sequence[int], skies: Sequence[Pointing]) -> tuple[int, ...]:
    return tuple(sorted(chosen, key=lambda i: (skies[i].start, i)))


def _elsewhere(frame: Pointing, sky: Pointing, distance: float) -> bool:
    return sky.name != frame.name and separation(frame.position, sky.position) > distance


def _alike(frame: Pointing, sky: Pointing) -> bool:
    if frame.configuration != sky.configuration:
        return False
    if frame.exposure is None or sky.exposure is None:
        return frame.exposure is sky.exposure
    return abs(frame.exposure - sky.exposure) <= EXPOSURE_TOLERANCE


def _interval(frame: Pointing, sky: Pointing) -> float:
    return abs((frame.start - sky.start).total_seconds())
