"""Which frames belong together: classification, sets of frames that are alike, partners, loans."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from nightcrew.planner.core.rules import Alike, Borrow, Kind, Partners, PlanRules
    from nightcrew.shared.frame_facts import FrameFacts

Frames: TypeAlias = "tuple[FrameFacts, ...]"


@dataclass(frozen=True, slots=True)
class Master:
    """A calibration that is finished already."""

    caltype: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A frame that is in no group, and why."""

    reason: str


Class: TypeAlias = "Kind | Partners | Master | LeftOut"


@dataclass(slots=True)
class Draft:
    """A group in the making.

    Parameters
    ----------
    kind
        Its rules.
    lead
        Frames of its own that the product is named after, in order of time.
    partners
        Frames that joined it.
    borrowed
        Frames of another group that it uses too.
    source
        The group that it is made of, as a bad-pixel mask is of flats.
    notes
        What the user should know.
    """

    kind: Kind
    lead: Frames
    partners: list[FrameFacts] = field(default_factory=list)
    borrowed: Frames = ()
    source: Draft | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def own(self) -> Frames:
        """Frames that are in this group for good, in order of time."""
        return tuple(sorted((*self.lead, *self.partners), key=by_time)) if self.source is None else ()

    @property
    def inputs(self) -> Frames:
        """What the recipe is given: its own frames or those of its source, then the borrowed ones."""
        return (*(self.source.own if self.source else self.own), *self.borrowed)


def by_time(frame: FrameFacts) -> tuple[datetime, str]:
    """Sort key: time of observation, then name."""
    return frame.time, frame.file


def classify(frame: FrameFacts, rules: PlanRules | None) -> Class:
    """Return what a frame is; the first line of the rules that selects it decides."""
    if rules is None:
        return LeftOut(f"no grouping rules for {frame.instrument or 'its instrument'}")
    for caltype, select in rules.masters.items():
        if select.picks(frame):
            return Master(caltype)
    for line in rules.left_out:
        if line.select.picks(frame):
            return LeftOut(line.reason)
    if frame.ut_datetime is None:
        return LeftOut("its headers do not tell when it was taken")
    for kind in rules.kinds:
        if kind.select is not None and kind.select.picks(frame):
            return kind
        for partners in kind.partners:
            if partners.select.picks(frame):
                return partners
    what = "/".join(str(frame.values.get(name)) for name in ("observation_type", "observation_class"))
    return LeftOut(f"no rule for a frame of this type and class ({what})")


def sets(frames: Iterable[FrameFacts], alike: Alike, gap: timedelta) -> list[Frames]:
    """Split frames into sets that are alike and have no longer pauses than `gap`, in order of time.

    Whatever the order of the frames, the sets are the same: values that need only be close are compared with
    the smallest of the set.
    """
    heaps: list[list[FrameFacts]] = []
    for frame in sorted(frames, key=lambda one: (_magnitudes(one, alike), by_time(one))):
        heap = next((heap for heap in heaps if alike(heap[0], frame)), None)
        if heap is None:
            heaps.append([frame])
        else:
            heap.append(frame)
    found = [part for heap in heaps for part in _without_pauses(sorted(heap, key=by_time), gap)]
    return sorted(found, key=lambda part: by_time(part[0]))


def join_partners(drafts: Sequence[Draft], frames: Iterable[FrameFacts], partners: Partners, gap: timedelta) -> Frames:
    """Let each set of partners join the nearest group that it fits; return those that fit none."""
    alone: list[FrameFacts] = []
    for part in sets(frames, partners.alike, gap):
        fitting = [
            draft
            for draft in drafts
            if partners.alike(draft.lead[0], part[0]) and distance(draft.lead, part) < partners.within
        ]
        if fitting:
            min(fitting, key=lambda draft: (distance(draft.lead, part), by_time(draft.lead[0]))).partners.extend(part)
        else:
            alone.extend(part)
    return tuple(alone)


def lender(borrower: Frames, drafts: Iterable[Draft], borrow: Borrow) -> Draft | None:
    """Return the group whose frames fit best what another one wants to borrow, or None."""
    first = borrower[0]

    def fits(draft: Draft) -> bool:
        frame = draft.lead[0]
        limits = ((frame.number(name), limit) for name, limit in borrow.at_most.items())
        return (
            draft.kind.name == borrow.kind
            and all(frame.value(name) == first.value(name) for name in borrow.same)
            and all(value is not None and value <= limit for value, limit in limits)
        )

    def merit(draft: Draft) -> tuple[float, timedelta, tuple[datetime, str]]:
        frame = draft.lead[0]
        off = sum(abs((frame.number(name) or 0.0) - wanted) for name, wanted in borrow.nearest.items())
        return round(off, 3), distance(draft.lead, borrower), by_time(frame)

    return min(filter(fits, drafts), key=merit, default=None)


def distance(one: Frames, other: Frames) -> timedelta:
    """Return the time between two sets of frames; nothing if they overlap."""
    after = max(one[0].time, other[0].time)
    before = min(one[-1].time, other[-1].time)
    return max(after - before, timedelta())


def _magnitudes(frame: FrameFacts, alike: Alike) -> tuple[float, ...]:
    return tuple(-1.0 if (value := frame.number(name)) is None else value for name in alike.close_to)


def _without_pauses(frames: Sequence[FrameFacts], gap: timedelta) -> list[Frames]:
    parts: list[list[FrameFacts]] = []
    for frame in frames:
        if parts and frame.time - parts[-1][-1].time <= gap:
            parts[-1].append(frame)
        else:
            parts.append([frame])
    return [tuple(part) for part in parts]
