"""When a file that arrives has been written to its end: decided from what was seen of it, never from its own times.

A file is looked into up to three times, each time only if it is steady, that is, size, time of change and inode are
those of the last time it was seen:

1. at once, if its name is that of a plain FITS file, whose headers tell how long it must be;
2. after `settle`, whatever it is;
3. after `patience`, when a file that is still cut short is taken for one that will stay so.

Whatever changes begins anew.  The time of change is compared with itself only, so that clocks of other machines, and
attributes that a network file system remembers for too long, can delay a file and cannot let half of one pass.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from nightcrew.shared.fits.containers import Identity


@dataclass(frozen=True, slots=True)
class Policy:
    """How long to wait, seconds.

    Parameters
    ----------
    settle
        A file that has not changed for so long is looked into.
    patience
        A file that is cut short, or cannot be opened, and has not changed for so long, stays as it is.
    """

    settle: float = 2.0
    patience: float = 60.0


@dataclass(frozen=True, slots=True)
class Track:
    """What is known of a file that settles.

    Parameters
    ----------
    seen
        How it was seen last.
    first, since
        Seconds of the observer's clock at which it was seen first, and first as it is now.
    times
        How often in a row it was seen as it is now.
    looks
        How often it was looked into as it is now.
    """

    seen: Identity
    first: float
    since: float
    times: int = 1
    looks: int = 0


@dataclass(frozen=True, slots=True)
class Wait:
    """It may still be being written."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ready:
    """It is to be looked into; what it is found to be the `last` time, it stays."""

    last: bool


@dataclass(frozen=True, slots=True)
class Gone:
    """It is not there any more."""


Verdict: TypeAlias = Wait | Ready | Gone


def observe(track: Track | None, seen: Identity, now: float) -> Track:
    """Take down that a file was seen.

    Parameters
    ----------
    track
        What was known of it; None for one that is new.
    seen
        How it is now.
    now
        Seconds of the observer's clock.
    """
    if track is None:
        return Track(seen, now, now)
    # A clock that went backwards says nothing about how long the file has been as it is.
    if seen != track.seen or now < track.since:
        return Track(seen, min(track.first, now), now)
    return replace(track, times=track.times + 1)


def looked(track: Track) -> Track:
    """Take down that a file was looked into and found to be cut short."""
    return replace(track, looks=track.looks + 1)


def judge(track: Track, seen: Identity | None, now: float, policy: Policy, *, plain: bool) -> Verdict:
    """Decide what to do with a file.

    Parameters
    ----------
    track
        What is known of it, the last observation included.
    seen
        How it is now; None if it is not there any more.
    now
        Seconds of the observer's clock.
    policy
        How long to wait.
    plain
        Whether its headers tell how long it must be: it is not compressed as a whole.
    """
    if seen is None:
        return Gone()
    steady = now - track.since
    if track.times < 2 or steady < 0:
        return Wait("it was seen once")
    if steady >= max(policy.settle, policy.patience):
        return Ready(last=True)
    settled = steady >= policy.settle
    if track.looks < int(plain) + int(settled):
        return Ready(last=False)
    return Wait("it is cut short, and may still grow" if settled else "it has changed a short while ago")
