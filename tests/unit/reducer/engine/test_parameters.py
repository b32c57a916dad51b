"""Typed parameters of primitives."""

from __future__ import annotations

from typing import Literal

import pytest

from nightcrew.reducer.engine.parameters import Parameters, make, parameter, settings
from nightcrew.shared.errors import RecipeError


class Example(Parameters):
    suffix: str = parameter("_example", "Filename suffix")
    enabled: bool = parameter(False, "Do it?")
    time: float = parameter(120.0, "Persistence time (seconds)", ge=0.0)
    upper: int | None = parameter(None, "Upper limit", ge=1, lt=10)
    share: float = parameter(0.5, "Part", gt=0.0, le=1.0)
    files: list[str] | None = parameter(None, "Files")
    method: Literal["a", "b"] = parameter("a", "Method", choices={"a": "First way", "b": "Second way"})


class Inner(Parameters):
    suffix: str = parameter("_inner", "Filename suffix")
    time: float = parameter(1.0, "Time")
    other: int = parameter(3, "Other")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"enabled": "True"}, True),
        ({"time": "3"}, 3.0),
        ({"upper": "3.0"}, 3),
        ({"upper": "None"}, None),
        ({"files": "a.fits, b.fits"}, ["a.fits", "b.fits"]),
        ({"method": "b"}, "b"),
        ({"suffix": "_x"}, "_x"),
    ],
)
def test_text_becomes_a_value_of_the_parameters_type(given: dict[str, str], expected: object) -> None:
    assert getattr(make(Example, given, "example"), next(iter(given))) == expected


@pytest.mark.parametrize(
    "given",
    [
        {"enabled": "true"},
        {"enabled": "maybe"},
        {"time": "-1"},
        {"upper": "10"},
        {"upper": "2.5"},
        {"method": "c"},
        {"time": "soon"},
        {"time": "None"},
        {"share": "0"},
        {"share": "1.5"},
    ],
)
def test_what_does_not_fit_is_refused_in_one_line_that_names_it(given: dict[str, str]) -> None:
    name, value = next(iter(given.items()))
    with pytest.raises(RecipeError) as caught:
        make(Example, given, "example")
    assert f"example:{name}={value}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_settings_tell_ranges_and_choices_in_order_of_declaration() -> None:
    listed = settings(Example())
    assert [s.name for s in listed] == list(Example.model_fields)
    by_name = {s.name: s for s in listed}
    assert by_name["time"].valid_range == "[0.0,inf)"
    assert by_name["upper"].valid_range == "[1,10)"
    assert by_name["share"].valid_range == "(0.0,1.0]"
    assert by_name["suffix"].valid_range == ""
    assert by_name["method"].choices == (("a", "First way"), ("b", "Second way"))
    assert by_name["suffix"].choices == ()


def test_what_both_have_is_passed_on_but_for_the_suffix() -> None:
    assert Example(time=5.0).shared_with(Inner) == {"time": 5.0}
