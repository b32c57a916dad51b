"""Tag sets are taken whole or not at all, in a fixed order."""

from __future__ import annotations

import pytest

from nightcrew.shared.instruments.tags import TagRule, compute_tags, merged, tag_set, when


def always(name, add, **meaning):
    return when(name, lambda _: True, tag_set(add, **meaning))


def test_blocks_drop_a_whole_set():
    rules = [always("a", "LS SPECT"), always("b", "DARK", blocks="SPECT")]
    assert compute_tags(rules, None) == {"DARK"}


def test_blocks_come_before_what_they_block_whatever_the_names():
    assert compute_tags([always("z", "DARK", blocks="IMAGE"), always("a", "IMAGE")], None) == {"DARK"}


def test_removal_hinders_one_tag_of_a_set():
    rules = [always("a", "PINHOLE", remove="GCALFLAT"), always("b", "GCALFLAT CAL")]
    assert compute_tags(rules, None) == {"PINHOLE", "CAL"}


def test_a_set_can_wait_for_others():
    through = always("a", "THRUSLIT", if_present="IMAGE")
    assert compute_tags([through, always("b", "IMAGE")], None) == {"IMAGE", "THRUSLIT"}
    assert compute_tags([through], None) == set()


def test_a_set_can_be_blocked_by_a_tag():
    assert compute_tags([always("a", "LAMPON", blocked_by="PROCESSED"), always("b", "PROCESSED")], None) == {
        "PROCESSED"
    }


@pytest.mark.parametrize("error", [KeyError, TypeError, RuntimeError])
def test_a_rule_that_fails_gives_nothing(error):
    def fail(_):
        raise error

    assert compute_tags([TagRule("a", fail), always("b", "GEMINI")], None) == {"GEMINI"}


def test_an_instrument_may_replace_a_common_rule():
    rules = merged([always("b", "B"), always("a", "A")], [always("b", "OTHER")])
    assert [rule.name for rule in rules] == ["a", "b"]
    assert compute_tags(rules, None) == {"A", "OTHER"}
