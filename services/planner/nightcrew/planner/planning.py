"""The plan of a night in the ledger: its frames, and what the calibration manager offers for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.planner.core.calibrating import Asked
from nightcrew.planner.core.plan import plan
from nightcrew.planner.core.readiness import Making
from nightcrew.planner.core.rules import rules_for
from nightcrew.planner.offers import name_of, wanted
from nightcrew.shared.ledger import GroupState

if TYPE_CHECKING:
    from nightcrew.planner.core.model import Plan
    from nightcrew.planner.core.plan import Rules
    from nightcrew.planner.core.requests import Provided
    from nightcrew.planner.night import Night
    from nightcrew.planner.offers import Offers


def plan_night(night: Night, offers: Offers, rules: Rules = rules_for) -> Plan:
    """Plan a night with what the calibration manager offers for what its own frames do not give."""
    failed = {
        group.name: group.reason or night.refused(group.id)
        for group in night.groups.values()
        if night.maker(group.id) is None
    }
    without = plan(night.facts, offers.mode, failed=failed, rules=rules)
    for group in without.groups:
        if night.owns_frame(group.lead):
            offers.ask(night.seen[group.lead].facts, wanted(group))
    chosen = _chosen(night)
    for asked, one in chosen.items():
        offers.keep(asked, one)
    if not offers.masters:
        return without
    return plan(
        [*night.facts, *offers.known()],
        offers.mode,
        chosen={asked: offers.masters[name_of(one)].facts for asked, one in chosen.items()},
        failed=failed,
        rules=rules,
    )


def digests(night: Night, offers: Offers) -> dict[str, str]:
    """Return the digests (md5) of the calibrations that there are now, by file."""
    by_name = {name: master.md5 for name, master in offers.masters.items()}
    for group_id in night.groups:
        made = night.product(group_id)
        if made is not None and night.maker(group_id) is Making.READY:
            by_name[name_of(made)] = made.md5
    return by_name


def _chosen(night: Night) -> dict[Asked, Provided]:
    """Return what was chosen when the time was up; a finished group looks for something better."""
    return {
        Asked(night.notes[group_id].lead, one.caltype): one
        for group_id, group in night.groups.items()
        if group.state is GroupState.CLOSED
        for one in night.notes[group_id].chosen
    }
