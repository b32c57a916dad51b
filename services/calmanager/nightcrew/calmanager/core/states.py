"""Life cycle of a calibration: which event leads from which state to which, and why not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class State(StrEnum):
    """What may be done with a calibration."""

    CANDIDATE = "candidate"
    """Known, but nobody vouches for it: a gate failed, or it came back from a veto.  Given out to nobody who
    does not ask for provisional ones."""
    CERTIFIED = "certified"
    """Passed the gates, or somebody vouches for it.  Given out."""
    VETOED = "vetoed"
    """Somebody says that it is bad.  Never given out; what was made with it is listed."""
    SUPERSEDED = "superseded"
    """Another one takes its place: a better master, or a file of the same name with other content.  Never given
    out; what was made with it stays good."""


class Event(StrEnum):
    """What may happen to a calibration."""

    CERTIFY = "certify"
    """Somebody, or the gates, vouch for it."""
    VETO = "veto"
    """Somebody says that it is bad."""
    SUPERSEDE = "supersede"
    """Another one takes its place."""
    RESTORE = "restore"
    """A veto or a replacement is taken back; it must be certified anew."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the life cycle asks of a calibration.

    Parameters
    ----------
    state
        Its state.
    canonical
        Whether it is the entry that its file name means.
    present
        Whether its file has not been removed.
    """

    state: State
    canonical: bool = True
    present: bool = True


@dataclass(frozen=True, slots=True)
class Transition:
    """The event takes place."""

    event: Event
    before: State
    after: State


@dataclass(frozen=True, slots=True)
class Refusal:
    """The event does not take place; `reason` says why and what to do instead."""

    event: Event
    reason: str


_AFTER: Mapping[Event, Mapping[State, State]] = {
    Event.CERTIFY: {State.CANDIDATE: State.CERTIFIED, State.CERTIFIED: State.CERTIFIED},
    Event.VETO: {
        State.CANDIDATE: State.VETOED,
        State.CERTIFIED: State.VETOED,
        State.SUPERSEDED: State.VETOED,
    },
    Event.SUPERSEDE: {State.CANDIDATE: State.SUPERSEDED, State.CERTIFIED: State.SUPERSEDED},
    Event.RESTORE: {State.VETOED: State.CANDIDATE, State.SUPERSEDED: State.CANDIDATE},
}
"""Certifying a certified one gives it another validity."""

_REMEDY: Mapping[tuple[Event, State], str] = {
    (Event.CERTIFY, State.VETOED): "restore it first",
    (Event.CERTIFY, State.SUPERSEDED): "restore it first",
    (Event.VETO, State.VETOED): "nothing to do",
    (Event.SUPERSEDE, State.VETOED): "a veto is stronger",
    (Event.SUPERSEDE, State.SUPERSEDED): "nothing to do",
    (Event.RESTORE, State.CANDIDATE): "certify it, if it is good",
    (Event.RESTORE, State.CERTIFIED): "nothing to do",
}


def next_state(standing: Standing, event: Event) -> Transition | Refusal:
    """Tell what an event makes of a calibration.

    A calibration that was removed, or whose name means another file by now, can be vetoed, since products may have
    been made with it; everything else needs its file.
    """
    after = _AFTER[event].get(standing.state)
    if after is None:
        return Refusal(event, f"it is {standing.state} already" if _idle(event, standing) else _why(event, standing))
    if event is not Event.VETO and not standing.present:
        return Refusal(event, "its file was removed; add it again")
    if event is not Event.VETO and not standing.canonical:
        return Refusal(event, "its name means another file by now; add the old file under another name")
    return Transition(event, standing.state, after)


def _idle(event: Event, standing: Standing) -> bool:
    return _REMEDY[event, standing.state] == "nothing to do"


def _why(event: Event, standing: Standing) -> str:
    return f"it is {standing.state}; {_REMEDY[event, standing.state]}"
