"""Which calibrations a group will use: those that other groups will have made, and finished ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from nightcrew.planner.core.grouping import distance
from nightcrew.planner.core.model import Need, Provider, Setting
from nightcrew.shared.association import PROCESSING, Candidate, Target, associate, reasons_of, why_not
from nightcrew.shared.association.wording import apart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nightcrew.planner.core.grouping import Draft, Frames
    from nightcrew.planner.core.model import Group
    from nightcrew.planner.core.rules import NeedRule
    from nightcrew.shared.frame_facts import FrameFacts

BPM = "bpm"
"""A mask that another group makes.  The rule for `processed_bpm` would refuse it to frames taken before its
flats, so it is chosen here and named by a parameter."""


class Asked(NamedTuple):
    """A calibration that a group asks for: the file that leads the group, and the type."""

    lead: str
    caltype: str


NOTHING: Mapping[Asked, FrameFacts] = MappingProxyType({})

_RAW_TAGS = frozenset({"RAW", "UNPREPARED", "LAMPON", "LAMPOFF", "GCAL_IR_ON", "GCAL_IR_OFF"})
_PRODUCT_TAGS = frozenset({"PREPARED", "PROCESSED"})


@dataclass(slots=True)
class Needed:
    """What the calibrations of a group come to."""

    needs: tuple[Need, ...] = ()
    settings: list[Setting] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    lost: list[Need] = field(default_factory=list)
    unprocessable: str = ""


@dataclass(frozen=True, slots=True)
class _Mask:
    """A bad-pixel mask that a group makes of flats."""

    provider: Provider
    frames: Frames


class _Loss(NamedTuple):
    """What a group was to make, and will not; the name of the group, and why."""

    group: str
    told: str


class Calibrations:
    """The calibrations that there are, or will be when a group is reduced.

    Parameters
    ----------
    mode
        `sq`, `ql` or `qa`.
    masters
        Finished calibrations: type and frame.
    chosen
        Masters to use for groups whatever the rules say, by the file that leads the group and calibration type.
    """

    def __init__(
        self, mode: str, masters: list[tuple[str, FrameFacts]], chosen: Mapping[Asked, FrameFacts] = NOTHING
    ) -> None:
        self.mode = mode
        self.chosen = chosen
        self.masks: list[_Mask] = []
        self.lost_masks: list[tuple[_Mask, _Loss]] = []
        self.candidates: list[Candidate] = []
        self.providers: list[Provider] = []
        self.lost: list[Candidate] = []
        self.losses: list[_Loss] = []
        self.flats: dict[str, str] = {}
        for _, frame in masters:
            provider = Provider("file", frame.file, PurePath(frame.file).name)
            self._offer(frame.as_candidate(provider.file, len(self.candidates)), provider)

    def add(self, group: Group, draft: Draft) -> None:
        """Take note of what a group will have made."""
        if group.provides is None:
            return
        provider = Provider("group", group.name, group.product)
        lead = draft.lead
        if group.provides == BPM:
            self.masks.append(_Mask(provider, lead))
        else:
            self._offer(predicted(lead[0], group.product, self.mode, len(self.candidates)), provider)
            self.flats[group.name] = lead[0].file

    def lose(self, group: Group, draft: Draft, why: str) -> None:
        """Take note of what a group was to make, and will not."""
        if group.provides is None:
            return
        loss = _Loss(group.name, f"{group.product} could not be made: {why}")
        if group.provides == BPM:
            self.lost_masks.append((_Mask(Provider("group", group.name, group.product), draft.lead), loss))
        else:
            self.lost.append(predicted(draft.lead[0], group.product, self.mode, len(self.lost)))
            self.losses.append(loss)

    def for_draft(self, draft: Draft) -> Needed:
        """Find the calibrations of a group."""
        result = Needed()
        rules = draft.kind.needs
        if draft.source is not None:  # a mask needs what its flats need, but for the mask
            rules += tuple(need for need in draft.source.kind.needs if need.calibration == "processed_dark")
        for rule in rules:
            if rule.unless_borrowed and draft.source is None and draft.borrowed:
                continue
            need = self._mask(draft, result.needs) if rule.calibration == BPM else self._associated(draft, rule)
            self._settle(rule, need, result)
        return result

    def _settle(self, rule: NeedRule, need: Need, result: Needed) -> None:
        """Draw the consequences of a need that is met, or not."""
        if need.lost:
            result.lost.append(need)
        if need.provider is None and rule.otherwise is None and not rule.required:
            return
        result.needs += (need,)
        if need.provider is not None:
            if rule.setting:
                result.settings.append(Setting(rule.setting, need.provider.file, need.reason))
        elif rule.otherwise is not None:
            result.settings.append(Setting(*rule.otherwise, need.reason))
        elif self.mode == "sq":
            result.unprocessable = f"{need.reason}; {rule.remedy}"
        else:
            result.notes.append(f"{need.reason}; not corrected for it in mode {self.mode}")

    def _associated(self, draft: Draft, rule: NeedRule) -> Need:
        """Ask the association rules, unless somebody has chosen."""
        chosen = self.chosen.get(Asked(draft.lead[0].file, rule.calibration))
        if chosen is not None:
            provider = Provider("file", chosen.file, PurePath(chosen.file).name)
            return Need(rule.calibration, provider, "chosen for want of a better one", rule.required)
        answer = associate(draft.lead[0].target, rule.calibration, self.candidates, mode=self.mode)
        if answer.best is None:
            lost = associate(draft.lead[0].target, rule.calibration, self.lost, mode=self.mode).best
            loss = _Loss("", why_not(answer)) if lost is None else self.losses[lost.candidate.entry]
            return Need(rule.calibration, None, loss.told, rule.required, loss.group)
        provider = self.providers[answer.best.candidate.entry]
        return Need(rule.calibration, provider, "; ".join(reasons_of(answer.best)), rule.required)

    def _mask(self, draft: Draft, needs: tuple[Need, ...]) -> Need:
        """Choose a mask: that of its own flats, that of the flats it uses, or the nearest in time.

        It must cover the same region of the same detector.
        """
        first = draft.lead[0]
        used = {self.flats.get(need.provider.name) for need in needs if need.provider is not None}
        fitting = [mask for mask in self.masks if _same_region(first, mask)]
        for mask in fitting:
            if mask.frames[0].file == first.file:
                return Need(BPM, mask.provider, "made of the same flats")
        for mask in fitting:
            if mask.frames[0].file in used:
                return Need(BPM, mask.provider, "made of the flats that are used")
        if not fitting:
            lost = [loss for mask, loss in self.lost_masks if _same_region(first, mask)]
            loss = lost[0] if lost else _Loss("", "no group makes a bad-pixel mask of this region of the detector")
            return Need(BPM, None, loss.told, lost=loss.group)
        mask = min(fitting, key=lambda one: (distance(one.frames, draft.lead), one.provider.name))
        reason = f"same region of the detector; {apart(distance(mask.frames, draft.lead))} apart"
        return Need(BPM, mask.provider, reason)

    def _offer(self, candidate: Candidate, provider: Provider) -> None:
        self.candidates.append(candidate)
        self.providers.append(provider)


def _same_region(frame: FrameFacts, mask: _Mask) -> bool:
    return all(frame.value(name) == mask.frames[0].value(name) for name in ("detector_binning", "data_section"))


def predicted(first: FrameFacts, name: str, mode: str, entry: int) -> Candidate:
    """Return the master that frames will be made into, as it will be registered: with the header of the first."""
    tags = (first.tags - _RAW_TAGS) | _PRODUCT_TAGS
    target = Target(first.instrument, tags, first.values, name)
    return Candidate.from_target(target, name, None, entry, PROCESSING.get(mode, "Raw"))
