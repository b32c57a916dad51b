"""Planning while frames arrive: when groups close, what they wait for, what a later plan changes."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightcrew.planner.core.calibrating import Asked
from nightcrew.planner.core.closing import Patience, Seen, closed_groups
from nightcrew.planner.core.model import Group
from nightcrew.planner.core.plan import plan
from nightcrew.planner.core.readiness import Fallback, Go, Making, Wait, readiness
from nightcrew.planner.core.reconciling import Change, Drop, Held, Keep, Open, Renew, Used, better, reconcile
from nightcrew.shared.frame_facts import FrameFacts, from_json, to_json
from nightcrew.shared.ledger import GroupState
from support.paper_night import frame, niri_night

NOW = datetime(2016, 1, 3, 12, tzinfo=UTC)
PATIENCE = Patience(settle=timedelta(minutes=1))
NIGHT = niri_night()


def seen(frames: list[FrameFacts], silence: timedelta = timedelta()) -> dict[str, Seen]:
    return {one.file: Seen(one, NOW - silence) for one in frames}


def closed(frames: list[FrameFacts], silence: timedelta = timedelta(), patience: Patience = PATIENCE) -> dict[str, str]:
    return closed_groups(plan(frames), seen(frames, silence), NOW, patience)


def held(group: Group, state: GroupState = GroupState.OPEN, number: int = 1, used: tuple[Used, ...] = ()) -> Held:
    return Held(number, group.name, group.kind, state, frozenset(group.inputs), frozenset(group.owned), used)


# Closing


def test_a_group_is_open_while_its_frames_come():
    assert closed([frame(n, "dark") for n in (1, 2, 3)]) == {}


def test_a_group_is_closed_when_nothing_has_come_for_long():
    assert closed([frame(n, "dark") for n in (1, 2, 3)], timedelta(minutes=11)) == {
        "dark-N20160102S0001": "quiet for 11 min"
    }


def test_the_next_sequence_closes_a_group_once_stragglers_had_their_time():
    frames = [*(frame(n, "dark") for n in (1, 2, 3)), frame(9, "dark", exposure_time=5.0)]
    assert closed(frames, timedelta(seconds=59)) == {}
    reasons = closed(frames, timedelta(seconds=61))
    assert reasons == {"dark-N20160102S0001": "superseded: N20160102S0009.fits was taken after it"}


def test_patience_of_its_own_overrides_that_of_the_rules():
    frames = [frame(n, "dark") for n in (1, 2, 3)]
    assert closed(frames, timedelta(seconds=3), replace(PATIENCE, quiet=timedelta(seconds=2)))


def test_a_group_is_closed_by_hand_or_when_it_is_complete():
    frames = [frame(n, "dark") for n in (1, 2, 3)]
    made = plan(frames)
    by_hand = closed_groups(made, seen(frames), NOW, PATIENCE, {"dark-N20160102S0001": "by ada"})
    assert by_hand == {"dark-N20160102S0001": "by ada"}
    (group,) = made.groups
    counted = replace(made, groups=(replace(group, close=replace(group.close, count=3)),))
    assert closed_groups(counted, seen(frames), NOW, PATIENCE) == {"dark-N20160102S0001": "complete: 3 frames"}


def test_a_mask_is_closed_with_the_groups_that_it_is_made_of():
    darks = [frame(n, "dark", exposure_time=1.001) for n in (1, 2, 3)]
    flats = [frame(n, "lamp-on") for n in (4, 5, 6)]
    late = {**seen(flats), **seen(darks, timedelta(minutes=30))}
    assert set(closed_groups(plan(darks + flats), late, NOW, PATIENCE)) == {"dark-N20160102S0001"}
    both = closed(darks + flats, timedelta(minutes=30))
    assert {name.partition("-")[0] for name in both} == {"dark", "flat", "bpm"}


# Waiting


def science(**patience: timedelta) -> tuple[Group, Patience]:
    """A science group without any calibration in sight."""
    (group,) = plan([frame(n, "science") for n in range(1, 6)]).groups
    return group, replace(PATIENCE, **patience)


def test_a_group_waits_for_calibrations_that_nobody_has_and_longer_for_those_it_cannot_do_without():
    group, patience = science(optional=timedelta(minutes=5), required=timedelta(hours=1))
    waits = readiness(group, {}, NOW, NOW, patience)
    assert isinstance(waits, Wait)
    assert {need.partition(":")[0] for need in waits.needs} >= {"processed_dark", "processed_flat"}
    assert waits.until == NOW + timedelta(hours=1)
    later = readiness(group, {}, NOW, NOW + timedelta(minutes=6), patience)
    assert isinstance(later, Wait)
    assert [need.partition(":")[0] for need in later.needs] == ["processed_flat"]


def test_when_the_time_is_up_the_next_best_is_asked_for_once():
    group, patience = science()
    late = NOW + timedelta(hours=13)
    fallback = readiness(group, {}, NOW, late, patience)
    assert isinstance(fallback, Fallback)
    assert set(fallback.caltypes) >= {"processed_dark", "processed_flat"}
    go = readiness(group, {}, NOW, late, patience, frozenset(fallback.caltypes))
    assert go == Go(fallback.caltypes)


def test_a_group_waits_for_what_another_group_makes_without_limit():
    groups = {group.kind: group for group in plan(NIGHT).groups if group.kind in {"dark", "science"}}
    target = groups["science"]
    makers = {need.provider.name: Making.READY for need in target.needs if need.provider}
    assert readiness(target, makers, NOW, NOW, PATIENCE) == Go()
    dark = next(need.provider.name for need in target.needs if need.provider and need.caltype == "processed_dark")
    waits = readiness(target, {**makers, dark: Making.EXPECTED}, NOW, NOW + timedelta(days=9), PATIENCE)
    assert waits == Wait((f"processed_dark of {dark}",), None)


def test_nobody_waits_for_a_group_that_failed_and_what_somebody_chose_is_used():
    frames = list(NIGHT)
    target = next(group for group in plan(frames).groups if group.kind == "science")
    dark = next(need.provider.name for need in target.needs if need.provider and need.caltype == "processed_dark")
    without = plan(frames, failed={dark: "it was cloudy"}).group(target.name)
    need = next(need for need in without.needs if need.caltype == "processed_dark")
    assert need.provider is None or need.provider.name != dark
    master = frame(99, "dark", file="old_dark.fits")
    chosen = plan(frames, chosen={Asked(target.lead, "processed_dark"): master}).group(target.name)
    need = next(need for need in chosen.needs if need.caltype == "processed_dark")
    assert need.provider is not None
    assert (need.provider.origin, need.provider.file) == ("file", "old_dark.fits")


def test_what_was_to_be_made_and_was_not_is_told_to_who_needs_it():
    makers = {group.name: group for group in plan(NIGHT).groups if group.provides}
    planned = plan(NIGHT, failed=dict.fromkeys(makers, "it was cloudy"))
    science = next(group for group in planned.groups if group.kind == "science")
    assert {need.caltype for need in science.lost} == {"processed_dark", "processed_flat", "bpm"}
    for need in science.lost:
        assert need.provider is None
        assert need.reason == f"{makers[need.lost].product} could not be made: it was cloudy"
    assert not any(group.lost for group in plan(NIGHT).groups)


# Reconciling


def test_a_new_group_is_opened_and_an_open_one_takes_frames():
    two, three = (plan([frame(n, "dark") for n in range(1, last)]) for last in (3, 4))
    assert [type(step) for step in reconcile(two, [])] == [Open]
    (step,) = reconcile(three, [held(two.groups[0])])
    assert isinstance(step, Change)
    assert reconcile(two, [held(two.groups[0])]) == [Keep(held(two.groups[0]), two.groups[0])]


@pytest.mark.parametrize("state", [GroupState.CLOSED, GroupState.SUBMITTED, GroupState.DONE, GroupState.FAILED])
def test_a_frame_that_comes_late_makes_a_new_version(state):
    three, four = (plan([frame(n, "dark") for n in range(1, last)]) for last in (4, 5))
    (step,) = reconcile(four, [held(three.groups[0], state)])
    assert isinstance(step, Renew)
    assert step.reason == "N20160102S0004.fits came late"
    assert step.live


def test_a_frame_that_was_taken_first_and_comes_late_does_not_make_another_group_of_it():
    late, early = (plan([frame(n, "dark") for n in range(first, 5)]) for first in (2, 1))
    assert late.groups[0].name != early.groups[0].name
    (step,) = reconcile(early, [held(late.groups[0])])
    assert isinstance(step, Change)
    assert step.group.name == "dark-N20160102S0001"


def test_a_group_whose_frames_have_gone_to_another_is_dropped():
    parted = plan([frame(1, "dark"), frame(2, "dark", minute=7 * 60)])
    joined = plan([frame(1, "dark"), frame(3, "dark", minute=4 * 60), frame(2, "dark", minute=7 * 60)])
    assert (len(parted.groups), len(joined.groups)) == (2, 1)
    steps = reconcile(joined, [held(group, number=n) for n, group in enumerate(parted.groups, 1)])
    assert [type(step) for step in steps] == [Change, Drop]


def all_used(group: Group) -> list[Used]:
    """Return what a group is reduced with if everything is there."""
    return [Used(need.caltype, need.provider.file) for need in group.needs if need.provider is not None]


@pytest.mark.parametrize(
    ("used", "told"),
    [
        (Used("processed_dark", ""), "has come"),
        (Used("processed_dark", "old.fits", provisional=True), "was provisional"),
        (Used("processed_dark", "old.fits", vetoed=True), "was vetoed"),
        (Used("processed_dark", "old.fits"), ""),
        (Used("processed_arc", ""), ""),
    ],
)
def test_a_finished_group_is_made_again_only_for_a_calibration_that_it_had_to_do_without(used, told):
    target = next(group for group in plan(NIGHT).groups if group.kind == "science")
    had = (used, *(one for one in all_used(target) if one.caltype != used.caltype))
    assert told in better(had, target)
    assert bool(better(had, target)) is bool(told)
    step = next(
        step
        for step in reconcile(plan(NIGHT), [held(target, GroupState.DONE, used=had)])
        if isinstance(step, Keep | Renew)
    )
    assert isinstance(step, Renew) is bool(told)
    if isinstance(step, Renew):
        assert not step.live


def test_a_calibration_that_was_made_anew_is_worth_another_reduction():
    target = next(group for group in plan(NIGHT).groups if group.kind == "science")
    need = next(need for need in target.needs if need.caltype == "processed_dark")
    assert need.provider is not None
    used = [replace(one, md5="old") if one.caltype == "processed_dark" else one for one in all_used(target)]
    assert better(used, target, {need.provider.file: "old"}) == ""
    assert better(used, target) == ""
    assert "made anew" in better(used, target, {need.provider.file: "new"})


def test_a_calibration_that_was_used_is_not_replaced_by_itself():
    target = next(group for group in plan(NIGHT).groups if group.kind == "science")
    assert better([replace(one, provisional=True) for one in all_used(target)], target) == ""


def test_a_mask_that_nobody_thought_of_when_a_flat_was_made_is_worth_another_reduction():
    flat = next(group for group in plan(NIGHT).groups if group.kind == "flat")
    without = [one for one in all_used(flat) if one.caltype != "bpm"]
    assert better(all_used(flat), flat) == ""
    assert better(without, flat) == "bpm N20160102S0373_bpm.fits has come"


@given(st.randoms(use_true_random=False), st.integers(1, 6))
@settings(max_examples=25, deadline=None)
def test_whatever_the_order_of_arrival_the_groups_come_to_be_those_of_the_whole_night(chance: random.Random, step: int):
    frames = list(NIGHT)
    chance.shuffle(frames)
    groups: dict[int, Held] = {}
    numbers = iter(range(1, 10_000))
    for last in [*range(step, len(frames), step), len(frames)]:
        arrived = plan(frames[:last])
        for done in reconcile(arrived, list(groups.values())):
            if isinstance(done, Open):
                number = next(numbers)
                groups[number] = held(done.group, number=number)
            elif isinstance(done, Drop):
                del groups[done.held.id]
            else:
                groups[done.held.id] = held(done.group, number=done.held.id)
    whole = plan(NIGHT)
    assert {(one.kind, one.inputs) for one in groups.values()} == {
        (group.kind, frozenset(group.inputs)) for group in whole.groups
    }
    assert all(isinstance(one, Keep) for one in reconcile(whole, list(groups.values())))


def test_facts_survive_the_ledger():
    moment = NIGHT[0].time
    certified = [
        replace(NIGHT[0], valid=ends) for ends in ((moment, None), (None, moment), (moment, moment + timedelta(days=1)))
    ]
    for one in (*NIGHT, *certified):
        assert from_json(one.file, json.loads(json.dumps(to_json(one)))) == one
