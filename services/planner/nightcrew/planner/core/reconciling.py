"""What a new plan means for the groups that there are: which are new, have changed, or have to be made again."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from nightcrew.shared.ledger.states import GroupState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nightcrew.planner.core.model import Group, Plan


@dataclass(frozen=True, slots=True)
class Used:
    """A calibration that a group was reduced with.

    Parameters
    ----------
    caltype
        Its type.
    file, md5
        Name and digest of the file; empty if there was none.
    provisional
        Whether it was taken for want of a better one.
    vetoed
        Whether somebody has vetoed it since.
    """

    caltype: str
    file: str
    md5: str = ""
    provisional: bool = False
    vetoed: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """A group as the ledger holds it, in files rather than numbers.

    Parameters
    ----------
    id
        Its number.
    name, kind
        As planned.
    state
        How far it has come.
    inputs
        Files that it is made of, those of other groups included.
    owned
        Files that belong to it for good.
    used
        Calibrations that its job has been given, once it is submitted.
    """

    id: int
    name: str
    kind: str
    state: GroupState
    inputs: frozenset[str]
    owned: frozenset[str]
    used: tuple[Used, ...] = ()


@dataclass(frozen=True, slots=True)
class Open:
    """A group that is new."""

    group: Group


@dataclass(frozen=True, slots=True)
class Keep:
    """A group that stays as it is, but for its plan, which may have changed."""

    held: Held
    group: Group


@dataclass(frozen=True, slots=True)
class Change:
    """An open group that has other frames now."""

    held: Held
    group: Group


@dataclass(frozen=True, slots=True)
class Renew:
    """A group that takes the place of one that was closed already.

    Parameters
    ----------
    held
        The earlier version.
    group
        The later one.
    reason
        Why.
    live
        Whether it belongs to the night that is being observed; else it gives way to that.
    """

    held: Held
    group: Group
    reason: str
    live: bool


@dataclass(frozen=True, slots=True)
class Drop:
    """A group whose frames have all gone to others."""

    held: Held


Step: TypeAlias = Open | Keep | Change | Renew | Drop


def reconcile(plan: Plan, held: Sequence[Held], current: Mapping[str, str] = MappingProxyType({})) -> list[Step]:
    """Compare a plan with the groups that there are.

    Parameters
    ----------
    plan
        The plan of all frames of a night, as far as they are known now.
    held
        The groups of that night in the ledger, superseded ones excepted.
    current
        Digests (md5) of the calibrations that the plan names, as far as they are made, by file.

    Returns
    -------
    list of Step
        One for each group of the plan, in its order, then one for each group that is dropped.  A group is the same
        as an earlier one of its kind if it has more frames in common with it than with any other.
    """
    partners = _partners(plan.groups, held)
    taken = {one.id for one in partners.values()}
    steps: list[Step] = []
    for group in plan.groups:
        earlier = partners.get(group.name)
        steps.append(Open(group) if earlier is None else _compare(earlier, group, current))
    return steps + [Drop(one) for one in held if one.id not in taken]


def _compare(held: Held, group: Group, current: Mapping[str, str]) -> Step:
    inputs = frozenset(group.inputs)
    if inputs != held.inputs:
        if held.state is GroupState.OPEN:
            return Change(held, group)
        return Renew(held, group, _difference(held.inputs, inputs), live=True)
    reason = better(held.used, group, current) if held.state in {GroupState.DONE, GroupState.FAILED} else ""
    # What has no product yet cannot wait for the night to end.
    return Renew(held, group, reason, live=held.state is GroupState.FAILED) if reason else Keep(held, group)


def better(used: Iterable[Used], group: Group, current: Mapping[str, str] = MappingProxyType({})) -> str:
    """Say why a finished group deserves to be made again; empty if it does not.

    It does for a calibration that it was without, or had to make do for, or that was vetoed or made anew since; not
    for one that is merely nearer in time.
    """
    now = {need.caltype: need.provider.file for need in group.needs if need.provider is not None}
    given = tuple(used)
    # What a group can do without, and nobody had, is not among what it was given.
    without = now.keys() - {one.caltype for one in given}
    for one in (*given, *(Used(caltype, "") for caltype in sorted(without))):
        file = now.get(one.caltype)
        if file is None:
            continue
        if file == one.file:
            if one.md5 and current.get(file, one.md5) != one.md5:
                return f"{one.caltype} {file} was made anew"
        elif one.vetoed:
            return f"{one.caltype} {one.file} was vetoed; {file} takes its place"
        elif not one.file:
            return f"{one.caltype} {file} has come"
        elif one.provisional:
            return f"{one.caltype} {file} has come; {one.file} was provisional"
    return ""


def _difference(before: frozenset[str], after: frozenset[str]) -> str:
    told = []
    if after - before:
        told.append(f"{_files(after - before)} came late")
    if before - after:
        told.append(f"{_files(before - after)} belong to another group")
    return "; ".join(told)


def _files(files: frozenset[str]) -> str:
    first = sorted(files)[:3]
    return ", ".join(first) + (f" and {len(files) - 3} more" if len(files) > 3 else "")


def _partners(groups: Sequence[Group], held: Sequence[Held]) -> dict[str, Held]:
    """Match groups with earlier ones, those first that have most frames in common."""
    pairs = []
    for group in groups:
        owned, inputs = frozenset(group.owned), frozenset(group.inputs)
        for one in held:
            common = len(owned & one.owned) if owned and one.owned else len(inputs & one.inputs)
            if one.kind == group.kind and common and bool(owned) == bool(one.owned):
                pairs.append((-common, one.id, group.name, one))
    matched: dict[str, Held] = {}
    taken: set[int] = set()
    for _, number, name, one in sorted(pairs, key=lambda pair: pair[:3]):
        if name not in matched and number not in taken:
            matched[name] = one
            taken.add(number)
    return matched
