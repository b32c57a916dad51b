"""Conditions as SQL: what can never hold, what the planner must see, what is quoted."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from nightcrew.calmanager.database import compiling
from nightcrew.calmanager.database.compiling import NEVER, Writer
from nightcrew.calmanager.database.encoding import columns_from_json, columns_to_json, jsonable, text_of
from nightcrew.calmanager.database.ordering import by_time_first, order_of
from nightcrew.shared.association import OneOf, Rule, Target
from nightcrew.shared.association.conditions import (
    Carries,
    Condition,
    Constant,
    Contains,
    Equal,
    Interval,
    NotAfter,
    Present,
    SameNight,
    Within,
)

MOMENT = datetime(2016, 1, 2, 8)  # noqa: DTZ001 (UTC)
TARGET = Target("NIRI", frozenset(), {"ut_datetime": MOMENT, "observation_id": "GN-1"})


@pytest.mark.parametrize(
    "condition",
    [
        Equal("exposure_time", float("nan")),
        Contains("array_name", None),
        Within("exposure_time", float("inf"), 0.01),
        SameNight(None, -70.0),
        Constant("object", OneOf(())),
    ],
)
def test_what_nothing_can_fulfil_is_false_for_the_database(condition: Condition) -> None:
    assert compiling.condition(condition, Writer()).strip("()") == NEVER


def test_a_candidate_with_a_validity_of_its_own_is_not_asked_for_its_date() -> None:
    for condition in (Interval(None, timedelta(1)), NotAfter(None)):
        assert compiling.condition(condition, Writer()) == "(valid IS NOT NULL OR false)"
    assert compiling.seconds_between(Interval(None, timedelta(1)), Writer()) == NEVER


def test_an_interval_that_leaves_the_calendar_ends_with_it() -> None:
    write = Writer()
    for moment in (datetime.min, datetime.max):  # noqa: DTZ901 (UTC)
        compiling.condition(Interval(moment, timedelta(days=180)), write)
        compiling.seconds_between(Interval(moment, timedelta(days=180)), write)
    assert datetime.min in write.parameters.values()  # noqa: DTZ901 (UTC)
    assert datetime.max in write.parameters.values()  # noqa: DTZ901 (UTC)


def test_constants_of_a_kind_stand_in_the_text_and_values_of_a_target_do_not() -> None:
    write = Writer()
    text = compiling.condition(Carries("O'Neil 100%"), write)
    assert text == "tags @> ARRAY['O''Neil 100%%']::text[]"
    assert write.parameters == {}
    text = compiling.condition(Equal("object", "'; DROP TABLE x"), write)
    assert "DROP" not in text
    assert list(write.parameters.values()) == ['"\'; DROP TABLE x"']


def test_a_kind_is_made_of_constants_and_tags_only() -> None:
    with pytest.raises(TypeError, match="does not make a kind"):
        compiling.kind("NIRI", (Present(),))


def test_a_condition_without_translation_is_a_fault_of_ours() -> None:
    with pytest.raises(TypeError, match="no SQL is known"):
        compiling.condition("moonlight", Writer())  # type: ignore[arg-type]


def test_an_order_of_its_own_is_kept() -> None:
    rule = Rule(None, None, prefer=("observation_id",), order=("qa", "prefer", "time"))
    assert not by_time_first(rule)
    write = Writer()
    terms = order_of(rule, TARGET, write, "TIME")
    assert terms.startswith("(coalesce(columns -> 'qa_state'")
    assert terms.endswith("DESC, TIME, name")
    assert list(write.parameters.values()) == ['"GN-1"']
    assert order_of(Rule(None, None), TARGET, Writer(), "TIME") == "TIME, processing_rank DESC, id DESC"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (True, True),
        (1, 1),
        (20.0, 20.0),
        (float("nan"), None),
        (float("-inf"), None),
        ((0, 1024), [0, 1024]),
        (MOMENT, "2016-01-02T08:00:00"),
        ("a\0b\ud800", "a\ufffdb?"),
        (None, None),
    ],
)
def test_values_are_kept_as_the_rules_compare_them(value: Any, kept: Any) -> None:
    assert jsonable(value) == kept
    assert type(jsonable(value)) is type(kept)


def test_columns_come_back_as_they_were() -> None:
    columns = {"ut_datetime": MOMENT, "data_section": (0, 1024, 0, 1024), "coadds": 1, "exposure_time": 0.1, "x": None}
    assert columns_from_json(columns_to_json(columns)) == columns
    assert columns_from_json({"ut_datetime": None}) == {"ut_datetime": None}
    assert text_of(0.1) == "0.1"
