"""What holds of every plan, whatever the frames."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from nightcrew.planner.core.calibrating import predicted
from nightcrew.planner.core.plan import plan
from nightcrew.planner.core.rules import rules_for
from nightcrew.shared.association import Candidate, associate
from support.paper_night import KINDS, frame

if TYPE_CHECKING:
    import random

    from nightcrew.planner.core.model import Plan
    from nightcrew.shared.frame_facts import FrameFacts

RANK = ["dark", "bpm", "flat", "standard", "science"]
MINUTES = st.one_of(st.integers(0, 40), st.sampled_from([100, 300, 700, 2000]), st.none())
CHANGES: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "NIRI": {
        "exposure_time": st.sampled_from([1.001, 20.001, 20.006, 20.013]),
        "coadds": st.sampled_from([1, 1, 2]),
        "filter_name": st.sampled_from(["Kprime_G0206", "J_G0202"]),
        "data_section": st.sampled_from([(0, 1024, 0, 1024), (0, 256, 0, 256), None]),
        "detector_x_offset": st.sampled_from([0.0, 50.0, 4000.0, None]),
        "observation_id": st.sampled_from(["a", "b", None]),
        "qa_state": st.sampled_from(["Pass", "Pass", "Usable", "Fail"]),
    },
    "F2": {
        "exposure_time": st.sampled_from([2.0, 20.0, 120.0]),
        "filter_name": st.sampled_from(["Y_G0811&Open", "Open&Ks_G0804"]),
        "wavelength_band": st.sampled_from(["Y", "K"]),
        "detector_y_offset": st.sampled_from([0.0, 4000.0]),
    },
}
TAGS = st.sampled_from(["RAW UNPREPARED"] * 6 + ["PREPARED PROCESSED", "BPM PROCESSED", "PREPARED"])


@st.composite
def frames(draw: st.DrawFn) -> FrameFacts:
    instrument = draw(st.sampled_from(["NIRI", "NIRI", "F2"]))
    changes = {name: draw(values) for name, values in CHANGES[instrument].items()}
    kind, number = draw(st.sampled_from(sorted(KINDS))), draw(st.integers(0, 9999))
    return frame(number, kind, instrument, minute=draw(MINUTES), tags=draw(TAGS), **changes)


NIGHTS = st.lists(frames(), max_size=25, unique_by=lambda one: one.file)
MODES = st.sampled_from(["sq", "ql", "qa"])


@given(NIGHTS, MODES)
def test_every_frame_is_owned_by_one_group_or_left_out_with_a_reason(night: list[FrameFacts], mode: str) -> None:
    made = plan(night, mode)
    owned = [file for group in made.groups for file in group.owned]
    assert Counter(owned + [file for file, _ in made.left_out]) == Counter(one.file for one in night)
    assert all(reason for _, reason in made.left_out)
    borrowed = {file for group in made.groups for file in group.borrowed}
    assert borrowed <= set(owned)


@given(NIGHTS, MODES, st.randoms(use_true_random=False))
def test_the_plan_does_not_depend_on_the_order_of_the_frames(
    night: list[FrameFacts], mode: str, order: random.Random
) -> None:
    shuffled = night.copy()
    order.shuffle(shuffled)
    assert plan(shuffled, mode) == plan(night, mode)


@given(NIGHTS, MODES)
def test_what_a_group_uses_is_made_before_it(night: list[FrameFacts], mode: str) -> None:
    made = plan(night, mode)
    names = [group.name for group in made.groups]
    assert len(set(names)) == len(names)
    ranks = [RANK.index(group.kind) for group in made.groups if group.instrument == "NIRI"]
    assert ranks == sorted(ranks)
    for link in made.links:
        if link.provider.origin == "group":
            provider = made.group(link.provider.name)
            assert names.index(provider.name) < names.index(link.group)
            assert not provider.unprocessable
            assert provider.product == link.provider.file


@given(NIGHTS, MODES)
def test_every_link_fulfils_the_association_rules(night: list[FrameFacts], mode: str) -> None:
    made = plan(night, mode)
    facts = {one.file: one for one in night}
    for link in made.links:
        assert link.reason
        target = facts[lead(made, link.group, facts)]
        if link.provider.origin == "group":
            first = facts[lead(made, link.provider.name, facts)]
            candidate = predicted(first, link.provider.file, mode, 0)
        else:
            master = facts[link.provider.name]
            candidate = Candidate.from_target(master.target, master.file)
        if link.caltype == "bpm":
            assert all(first.value(name) == target.value(name) for name in ("instrument", "data_section"))
        else:
            assert associate(target.target, link.caltype, [candidate]).best is not None


@given(NIGHTS)
def test_frames_of_a_group_are_alike(night: list[FrameFacts]) -> None:
    facts = {one.file: one for one in night}
    for group in plan(night).groups:
        members = [facts[file] for file in group.owned]
        same = {"dark": "coadds", "flat": "filter_name"}.get(group.kind, "filter_name")
        assert len({(one.instrument, one.value(same), one.value("data_section")) for one in members}) <= 1
        exposures = [one.number("exposure_time") or 0.0 for one in members]
        assert not exposures or max(exposures) - min(exposures) < 0.01


@given(NIGHTS)
def test_what_cannot_be_reduced_says_why_and_what_to_do(night: list[FrameFacts]) -> None:
    for group in plan(night).groups:
        if group.unprocessable:
            assert "; put " in group.unprocessable


def lead(made: Plan, name: str, facts: dict[str, FrameFacts]) -> str:
    """Return the frame whose header stands for a group: its first, of flats the first with the lamp on."""
    group = made.group(name)
    inputs = [facts[file] for file in group.inputs]
    if group.kind in ("flat", "bpm"):
        flats = [one for one in inputs if "FLAT" in one.tags]
        return next((one.file for one in flats if "LAMPON" in one.tags), flats[0].file)
    return inputs[0].file


def test_there_are_rules_for_both_instruments() -> None:
    for instrument in ("NIRI", "F2"):
        rules = rules_for(instrument)
        assert rules is not None
        assert rules.instrument == instrument
