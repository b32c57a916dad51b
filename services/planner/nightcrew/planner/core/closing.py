"""When a group takes no more frames: complete, superseded, quiet for too long, or by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from nightcrew.shared.association.wording import apart

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from nightcrew.planner.core.model import Group, Plan
    from nightcrew.shared.frame_facts import FrameFacts


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the planner waits for what may still come.

    Parameters
    ----------
    settle
        For stragglers, after another sequence has begun: files may arrive in another order than they were taken.
    quiet
        For the next frame of a sequence, instead of what its rules say; None for the rules.
    optional
        After a group was closed, for calibrations that it can do without.
    required
        After a group was closed, for calibrations that it cannot do without.
    """

    settle: timedelta = timedelta(minutes=1)
    quiet: timedelta | None = None
    optional: timedelta = timedelta(minutes=30)
    required: timedelta = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Seen:
    """A frame as ingest saw it: what it is, and when it came (UTC, with zone)."""

    facts: FrameFacts
    arrived: datetime


def closed_groups(
    plan: Plan,
    seen: Mapping[str, Seen],
    now: datetime,
    patience: Patience,
    by_hand: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Tell which groups of a plan take no more frames, and why.

    Parameters
    ----------
    plan
        The plan of all frames of a night.
    seen
        Every frame of the night, by file.
    now
        The time, UTC with zone.
    patience
        How long to wait.
    by_hand
        Names of groups that somebody has closed, and who.

    Returns
    -------
    dict
        Names of closed groups and reasons.  A group that uses frames of others is closed no sooner than they are.
    """
    reasons = {
        group.name: (by_hand or {}).get(group.name) or _reason(group, seen, now, patience)
        for group in plan.groups
        if group.owned
    }
    owners = {file: group.name for group in plan.groups for file in group.owned}
    closed: dict[str, str] = {}
    for group in plan.groups:
        lenders = {owners[file] for file in group.borrowed if file in owners} - {group.name}
        own = reasons.get(group.name, "the groups whose frames it is made of are closed")
        if own and all(reasons.get(lender) for lender in lenders):
            closed[group.name] = own
    return closed


def _reason(group: Group, seen: Mapping[str, Seen], now: datetime, patience: Patience) -> str:
    """Say why a group is closed by its own frames; empty if it is not."""
    own = [seen[file] for file in group.owned if file in seen]
    if not own:
        return ""
    if group.close.count is not None and len(own) >= group.close.count:
        return f"complete: {len(own)} frames"
    silence = now - max(one.arrived for one in own)
    quiet = group.close.quiet if patience.quiet is None else patience.quiet
    if silence >= quiet:
        return f"quiet for {apart(silence)}"
    if group.close.superseded and silence >= min(patience.settle, quiet):
        later = _later(group, seen)
        if later:
            return f"superseded: {later} was taken after it"
    return ""


def _later(group: Group, seen: Mapping[str, Seen]) -> str:
    """Return the first frame of the instrument that was taken after a group and is not of it; empty if none was."""
    inputs = set(group.inputs)
    after = [
        one.facts
        for file, one in seen.items()
        if file not in inputs
        and one.facts.instrument == group.instrument
        and one.facts.ut_datetime is not None
        and one.facts.ut_datetime > group.last
    ]
    return min(after, key=lambda facts: (facts.time, facts.file)).file if after else ""
