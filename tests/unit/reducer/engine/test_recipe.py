"""Choosing a recipe."""

from __future__ import annotations

import pytest

from nightcrew.reducer.engine.recipe import calls_of, choose, matching, recipe
from nightcrew.shared.errors import RecipeError


@recipe(tags={"X"}, default=True)
def general(p):
    p.prepare()
    p.stack(stream="sky", scale=True)


@recipe(tags={"X", "FLAT"}, modes={"sq"}, default=True)
def special(p):
    p.prepare()


@recipe(tags={"X", "FLAT"}, modes={"sq"})
def another(p):
    p.prepare()


ALL = (general, special, another)


def test_the_library_with_the_most_tags_is_taken() -> None:
    assert matching(ALL, frozenset({"X", "FLAT", "Y"}), "sq") == [another, special]
    assert choose(ALL, frozenset({"X", "FLAT"}), "sq") is special
    assert choose(ALL, frozenset({"X"}), "sq") is general


def test_a_mode_without_the_special_library_falls_back_to_the_general_one() -> None:
    assert choose(ALL, frozenset({"X", "FLAT"}), "ql") is general


def test_a_name_is_looked_up_in_the_matching_library_only() -> None:
    assert choose(ALL, frozenset({"X", "FLAT"}), "sq", "another") is another
    assert choose(ALL, frozenset({"X"}), "sq", "another") is None
    assert choose(ALL, frozenset({"Z"}), "sq") is None


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(RecipeError, match="sq, ql, qa"):
        choose(ALL, frozenset({"X"}), "fast")


def test_a_recipe_can_be_written_down_without_running() -> None:
    assert calls_of(general) == [("prepare", {}), ("stack", {"stream": "sky", "scale": True})]
    assert general.module == __name__
