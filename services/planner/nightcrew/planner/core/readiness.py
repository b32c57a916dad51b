"""Whether a closed group can be reduced now: its calibrations are there, may still come, or are done without."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from nightcrew.planner.core.closing import Patience
    from nightcrew.planner.core.model import Group, Need


class Making(StrEnum):
    """How far a group has come that makes a calibration for others."""

    EXPECTED = "expected"
    """It takes frames, waits, or is being reduced."""
    READY = "ready"
    """Its product is there, and certified where that is asked for."""


@dataclass(frozen=True, slots=True)
class Go:
    """Reduce it now.  `without` names calibrations that it does without, as its plan says."""

    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wait:
    """Something may still come.

    Parameters
    ----------
    needs
        What is waited for, in words.
    until
        When the waiting ends, whatever comes; None if what is waited for comes to an end by itself.
    """

    needs: tuple[str, ...]
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Fallback:
    """The time is up: ask for the next best calibration of these types, and do without those that there are none of."""

    caltypes: tuple[str, ...]


Readiness: TypeAlias = Go | Wait | Fallback


def readiness(
    group: Group,
    makers: Mapping[str, Making],
    closed_at: datetime,
    now: datetime,
    patience: Patience,
    asked: frozenset[str] = frozenset(),
) -> Readiness:
    """Decide whether a closed group can be reduced.

    Parameters
    ----------
    group
        As planned; needs without provider are those for which nothing is known that fits.
    makers
        State of the groups that its needs name as providers.
    closed_at, now
        When it was closed; the time.
    patience
        How long to wait for calibrations that nothing is known of.
    asked
        Types for which the next best was asked for already, in vain.
    """
    expected = [
        need
        for need in group.needs
        if need.provider is not None
        and need.provider.origin == "group"
        and makers.get(need.provider.name) is Making.EXPECTED
    ]
    missing = [need for need in group.needs if need.provider is None]
    ends = {need.caltype: closed_at + _patience(need, patience) for need in missing}
    if expected or any(now < end for end in ends.values()):
        told = [f"{need.caltype} of {need.provider.name}" for need in expected if need.provider is not None]
        told += [f"{need.caltype}: {need.reason}" for need in missing if now < ends[need.caltype]]
        return Wait(tuple(told), None if expected else max(ends.values()))
    unasked = tuple(need.caltype for need in missing if need.caltype not in asked)
    return Fallback(unasked) if unasked else Go(tuple(need.caltype for need in missing))


def _patience(need: Need, patience: Patience) -> timedelta:
    return patience.required if need.required else patience.optional
