"""From frames to a plan: group them, name the products, find out which calibrations each group uses."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from nightcrew.planner.core.calibrating import NOTHING, Asked, Calibrations
from nightcrew.planner.core.grouping import Draft, LeftOut, Master, by_time, classify, join_partners, lender, sets
from nightcrew.planner.core.model import Group, Plan, Setting
from nightcrew.planner.core.pointings import on_target
from nightcrew.planner.core.rules import Kind, Partners, rules_for
from nightcrew.shared.frame_facts import FrameFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from nightcrew.planner.core.grouping import Frames
    from nightcrew.planner.core.rules import PlanRules
    from nightcrew.shared.association import Value
    from nightcrew.shared.instruments import Description

    Rules = Callable[[str], PlanRules | None]

NONE: Mapping[str, str] = MappingProxyType({})


def plan_descriptions(frames: Iterable[tuple[str, Description]], mode: str = "sq", rules: Rules = rules_for) -> Plan:
    """Plan the reduction of described frames; see `plan`."""
    facts = (FrameFacts.from_description(file, description) for file, description in frames)
    return plan(facts, mode, rules=rules)


def plan(
    frames: Iterable[FrameFacts],
    mode: str = "sq",
    *,
    chosen: Mapping[Asked, FrameFacts] = NOTHING,
    failed: Mapping[str, str] = NONE,
    rules: Rules = rules_for,
) -> Plan:
    """Plan the reduction of frames.

    Parameters
    ----------
    frames
        Any frames, of any instruments, in any order.
    mode
        `sq`, `ql` or `qa`: how strict the recipes are about missing calibrations.
    chosen
        Masters to use for groups whatever the rules say, by the file that leads the group and calibration type.
    failed
        Groups that will not come to a product, and why: nobody is to wait for it.
    rules
        Gives the grouping rules of an instrument; by default those that come with nightcrew.

    Returns
    -------
    Plan
        The same whatever the order of the frames.  Every frame is owned by exactly one group or left out
        with a reason.  An exposure that is there twice, compressed and not or under two names, is used once.
    """
    by_root: dict[str, FrameFacts] = {}
    by_exposure: dict[tuple[Value, ...], FrameFacts] = {}
    left_out: list[tuple[str, str]] = []
    for frame in sorted(frames, key=_plain_names_first):
        twin = by_root.get(frame.root) or by_exposure.get(frame.exposure)
        if twin is None:
            by_root[frame.root] = by_exposure[frame.exposure] = frame
        else:
            left_out.append((frame.file, "listed twice" if twin.file == frame.file else f"the same as {twin.file}"))
    by_instrument: dict[str, list[FrameFacts]] = defaultdict(list)
    for frame in by_root.values():
        by_instrument[frame.instrument].append(frame)
    groups: list[tuple[int, Group]] = []
    for instrument, members in sorted(by_instrument.items()):
        one = _InstrumentPlan(rules(instrument), mode, chosen, failed)
        done, out = one.make(sorted(members, key=_by_time_or_name))
        groups += done
        left_out += out
    groups.sort(key=lambda ranked: (ranked[0], ranked[1].first, ranked[1].name))
    return Plan(tuple(group for _, group in groups), tuple(sorted(left_out)))


class _InstrumentPlan:
    """The plan of one instrument's frames."""

    def __init__(
        self, rules: PlanRules | None, mode: str, chosen: Mapping[Asked, FrameFacts], failed: Mapping[str, str]
    ) -> None:
        self.rules = rules
        self.mode = mode
        self.chosen = chosen
        self.failed = failed
        self.left_out: list[tuple[str, str]] = []
        self.drafts: list[Draft] = []

    def make(self, frames: list[FrameFacts]) -> tuple[list[tuple[int, Group]], list[tuple[str, str]]]:
        """Return the groups, each with the rank of its kind, and what is left out."""
        members: dict[str, list[FrameFacts]] = defaultdict(list)
        masters: list[tuple[str, FrameFacts]] = []
        for frame in frames:
            found = classify(frame, self.rules)
            if isinstance(found, LeftOut):
                self.left_out.append((frame.file, found.reason))
            elif isinstance(found, Master):
                masters.append((found.caltype, frame))
                self.left_out.append((frame.file, f"finished already: used as {found.caltype} where it fits"))
            else:
                members[_label(found)].append(frame)
        if self.rules is None:
            return [], self.left_out
        for kind in self.rules.kinds:
            self.draft(kind, members)
        for kind in self.rules.kinds:
            self.borrow(kind)
        return self.decide(masters), self.left_out

    def draft(self, kind: Kind, members: dict[str, list[FrameFacts]]) -> None:
        """Form the groups of a kind, and let partners join them."""
        drafts = [Draft(kind, frames) for frames in sets(members[_label(kind)], kind.alike, kind.gap)]
        for partners in kind.partners:
            alone = join_partners(drafts, members[_label(partners)], partners, kind.gap)
            self.left_out += [(frame.file, partners.alone) for frame in alone]
            for draft in drafts:
                if not draft.partners:
                    draft.notes.append(partners.missing)
        for draft in drafts:
            if len(draft.lead) < kind.at_least:
                draft.notes.append(f"only {_count(len(draft.lead))}: {kind.at_least} or more would do better")
        self.drafts += drafts

    def borrow(self, kind: Kind) -> None:
        """Find the frames that groups of a kind borrow from others; form the groups that are made of others."""
        if kind.borrow is None:
            return
        if not kind.made_of:
            for draft in self.drafts:
                if draft.kind is kind and (owner := lender(draft.lead, self.drafts, kind.borrow)) is not None:
                    draft.borrowed = owner.own
            return
        for source in [draft for draft in self.drafts if draft.kind.name in kind.made_of]:
            owner = lender(source.lead, self.drafts, kind.borrow)
            if owner is None:
                source.notes.append(kind.without)
            else:
                self.drafts.append(Draft(kind, source.lead, borrowed=owner.own, source=source))

    def decide(self, masters: list[tuple[str, FrameFacts]]) -> list[tuple[int, Group]]:
        """Settle names, parameters and calibrations, in order of execution: what is made first can be used."""
        assert self.rules is not None
        rank = {kind.name: number for number, kind in enumerate(self.rules.kinds)}
        calibrations = Calibrations(self.mode, masters, self.chosen)
        groups = []
        for draft in sorted(self.drafts, key=lambda one: (rank[one.kind.name], by_time(one.lead[0]))):
            group = self.group(draft, calibrations)
            if group.name in self.failed:
                calibrations.lose(group, draft, self.failed[group.name])
            elif not group.unprocessable:
                calibrations.add(group, draft)
            groups.append((rank[draft.kind.name], group))
        return groups

    def group(self, draft: Draft, calibrations: Calibrations) -> Group:
        """Finish a group."""
        kind = draft.kind
        settings, names_product = _sequence_settings(draft, self.mode)
        root = names_product.root
        needed = calibrations.for_draft(draft)
        inputs = draft.inputs
        own = {frame.file for frame in draft.own}
        return Group(
            name=f"{kind.kind}-{root}",
            kind=kind.kind,
            recipe=kind.recipe,
            instrument=draft.lead[0].instrument,
            mode=self.mode,
            inputs=tuple(frame.file for frame in inputs),
            lead=draft.lead[0].file,
            borrowed=tuple(frame.file for frame in inputs if frame.file not in own),
            product=_product(root, kind, self.mode),
            provides=kind.provides,
            first=min(frame.time for frame in inputs),
            last=max(frame.time for frame in inputs),
            settings=(*settings, *needed.settings),
            needs=needed.needs,
            notes=(*draft.notes, *needed.notes),
            close=kind.close,
            lost=tuple(needed.lost),
            unprocessable=needed.unprocessable,
        )


def _sequence_settings(draft: Draft, mode: str) -> tuple[list[Setting], FrameFacts]:
    """Return the parameters that follow from the sequence itself, and the frame that the product is named after."""
    settings = [Setting(always.setting, always.value, always.reason) for always in draft.kind.always]
    remaining: Frames = draft.lead
    first = draft.kind.first_frame
    if first is not None and mode in first.modes:
        if len(remaining) >= first.dropped_from:
            remaining = remaining[1:]
        else:
            reason = f"{_count(len(remaining))}: too few to drop the first"
            settings.append(Setting(first.setting, False, reason))
    sky = draft.kind.sky
    if sky is not None:
        target = on_target(remaining, sky)
        if len(target) < len(remaining):
            reason = (
                f"{len(remaining) - len(target)} of {_count(len(remaining))} show an empty field, off the target: "
                "the sky is taken as it is, not scaled to an extended target"
            )
            settings.append(Setting(sky.setting, False, reason))
            remaining = target
    return settings, remaining[0]


def _product(root: str, kind: Kind, mode: str) -> str:
    """Return the name of the product; masters of other modes than `sq` tell their mode."""
    told = f"_{mode}" if mode != "sq" and (kind.provides or "").startswith("processed_") else ""
    return f"{root}{told}{kind.suffix}.fits"


def _label(found: Kind | Partners) -> str:
    return f"partners: {found.name}" if isinstance(found, Partners) else found.name


def _count(number: int) -> str:
    return "1 frame" if number == 1 else f"{number} frames"


def _by_time_or_name(frame: FrameFacts) -> tuple[datetime, str]:
    return frame.ut_datetime or datetime.min, frame.file  # noqa: DTZ901 (UTC without zone, as in headers)


def _plain_names_first(frame: FrameFacts) -> tuple[bool, str]:
    """Of an exposure that is there twice, `copy of N1` and `N1 (2)` give way to `N1`."""
    return not frame.root.isalnum(), frame.file
