"""Shapes of files of rules: what is of another shape is told, and both linters have a word for whatever is wrong."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from nightcrew.planner.core import linting as grouping
from nightcrew.planner.core.rules import shipped_text as grouping_text
from nightcrew.shared.association import linting as association
from nightcrew.shared.association.reading import shipped_text as association_text
from nightcrew.shared.rule_shapes import Entries, Items, Length, Text, misshapen, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

SHAPES = {
    (): Entries(("name", "rules"), ("name",)),
    ("name",): Text(),
    ("rules",): Entries(),
    ("rules", "*"): Entries(("after", "same", "parts")),
    ("rules", "*", "after"): Length(),
    ("rules", "*", "parts"): Items(),
    ("rules", "*", "parts", "*"): Entries(("a",)),
    **texts(("rules", "*", "same")),
}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"name": "x", "rules": {"one": {"after": "3 d", "same": ["a"], "parts": [{"a": 1}, {}]}}}, []),
        ("x", [((), "the file: 'x' stands here")]),
        (None, [((), "the file: it is empty")]),
        ({}, [((), "'name' is missing")]),
        ({"name": 3, "rule": {}}, [(("rule",), "nobody knows 'rule' here"), (("name",), "3 is no text")]),
        ({"name": "x", "rules": []}, [(("rules",), "rules: [] stands here")]),
        ({"name": "x", "rules": {"one": None}}, [(("rules", "one"), "one: it is empty")]),
        ({"name": "x", "rules": {5: {"after": 3}}}, [(("rules", "5", "after"), "3 is not a length of time")]),
        ({"name": "x", "rules": {"one": {"same": [1, "a"]}}}, [(("rules", "one", "same", 0), "1 is no text")]),
        ({"name": "x", "rules": {"one": {"same": {"a": 1}}}}, [(("rules", "one", "same"), "same: {'a': 1} stands")]),
        (
            {"name": "x", "rules": {"one": {"parts": [{"a": 1}, {"b": 1}]}}},
            [(("rules", "one", "parts", 1, "b"), "nobody knows 'b' here")],
        ),
    ],
)
def test_what_is_of_another_shape_is_told_where_it_stands(said: Any, told: list[tuple[tuple[str, ...], str]]) -> None:
    faults = list(misshapen(said, SHAPES))
    assert [fault.place for fault in faults] == [place for place, _ in told]
    assert all(fault.fault.startswith(words) for fault, (_, words) in zip(faults, told, strict=True)), faults
    assert all(fault.remedy for fault in faults)


def places(said: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    parts = said.items() if isinstance(said, dict) else enumerate(said) if isinstance(said, list) else ()
    for name, part in parts:
        yield (*above, name)
        yield from places(part, (*above, name))


LINTERS = {
    "association": (association.lint_rules, yaml.safe_load(association_text("niri.yaml"))),
    "grouping": (grouping.lint_rules, yaml.safe_load(grouping_text("niri.yaml"))),
}
JUNK = st.sampled_from([None, 3, "x", True, [], [1], [{}], {}, {"a": 1}, {5: 1}, {"not_in": 3}, {"at_least": "q"}])


@pytest.mark.parametrize("which", sorted(LINTERS))
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_whatever_stands_where_it_does_not_belong_is_a_complaint_and_no_crash(which: str, data: st.DataObject) -> None:
    lint, sound = LINTERS[which]
    rules = copy.deepcopy(sound)
    place = data.draw(st.sampled_from(sorted(places(rules), key=repr)))
    around = rules
    for name in place[:-1]:
        around = around[name]
    around[place[-1]] = data.draw(JUNK)
    for complaint in lint(yaml.safe_dump(rules, sort_keys=False), "own.yaml"):
        assert complaint.remedy
        assert complaint.line >= 1
