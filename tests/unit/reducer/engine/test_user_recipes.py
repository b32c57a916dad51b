"""Recipes in files of a user's own."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from nightcrew.reducer.engine.recipe import calls_of
from nightcrew.reducer.engine.reduction import Request, find_recipe
from nightcrew.reducer.engine.user_recipes import load_recipe
from nightcrew.shared.errors import RecipeError

if TYPE_CHECKING:
    from pathlib import Path

MINE = '''
from nightcrew.reducer.recipes.niri import makeProcessedDark


def gentle(p):
    """Do little."""
    p.prepare()
    p.addDQ(latency=False)


def thorough(p):
    gentle(p)
    p.ADUToElectrons()
'''


@pytest.fixture
def recs(tmp_path: Path) -> Path:
    path = tmp_path / "recs.py"
    path.write_text(MINE)
    return path


@pytest.mark.parametrize("ending", ["recs.thorough", "recs.py.thorough"])
def test_a_function_of_a_file_is_a_recipe(ending: str, recs: Path) -> None:
    loaded = load_recipe(str(recs.with_name(ending)))
    assert loaded.name == "thorough"
    assert [name for name, _ in calls_of(loaded)] == ["prepare", "addDQ", "ADUToElectrons"]


def test_a_file_in_the_present_directory_needs_no_path(recs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(recs.parent)
    assert load_recipe("recs.gentle").name == "gentle"


def test_a_recipe_of_the_library_can_be_named_through_a_file(recs: Path) -> None:
    assert load_recipe(f"{recs}.makeProcessedDark").name == "makeProcessedDark"


def test_a_plain_name_belongs_to_the_library() -> None:
    assert load_recipe("makeProcessedDark") is None


def test_a_file_with_one_recipe_is_enough(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("def quick(p):\n    p.prepare()\n\n\ndef _helper(p): ...\n")
    assert load_recipe(str(tmp_path / "one.py")).name == "quick"


def test_a_file_names_its_default(recs: Path) -> None:
    recs.write_text(MINE + "\n_default = thorough\n")
    assert load_recipe(str(recs)).name == "thorough"


def test_a_file_with_several_recipes_and_no_default_is_refused_with_their_names(recs: Path) -> None:
    with pytest.raises(RecipeError, match="gentle, thorough"):
        load_recipe(str(recs))


def test_a_function_that_is_not_there_is_refused_with_those_that_are(recs: Path) -> None:
    with pytest.raises(RecipeError, match=r"recs.py has no function rough; it has gentle, thorough"):
        load_recipe(f"{recs}.rough")


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"there is no file .*absent.py"):
        load_recipe(str(tmp_path / "absent.mine"))


def test_a_file_that_cannot_be_imported_is_refused_with_the_cause(recs: Path) -> None:
    recs.write_text("import nosuchmodule\n")
    with pytest.raises(RecipeError, match=r"recs.py: cannot be imported \(ModuleNotFoundError"):
        load_recipe(f"{recs}.gentle")


def test_a_file_may_import_its_neighbours_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path, modules = list(sys.path), set(sys.modules)
    for folder, step in (("a", "prepare"), ("b", "addDQ")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "common.py").write_text(f"def first(p):\n    p.{step}()\n")
        (tmp_path / folder / "recs.py").write_text("from common import first\n\n\ndef mine(p):\n    first(p)\n")
        loaded = load_recipe(str(tmp_path / folder / "recs.mine"))
        assert [name for name, _ in calls_of(loaded)] == [step]
        assert load_recipe(str(tmp_path / folder / "recs.first")).name == "first"
    assert sys.path == path
    assert not {"common", "recs"} & set(sys.modules)
    assert set(sys.modules) >= modules


def test_a_file_is_read_anew_at_every_request(recs: Path) -> None:
    load_recipe(f"{recs}.gentle")
    recs.write_text("def gentle(p):\n    p.checkWCS()\n")
    os.utime(recs, (1, 1))
    assert [name for name, _ in calls_of(load_recipe(f"{recs}.gentle"))] == ["checkWCS"]


def test_a_request_can_name_a_file_or_bring_the_recipe_itself(recs: Path) -> None:
    tags = frozenset({"NIRI", "CAL", "DARK"})
    for asked in (f"{recs}.gentle", load_recipe(f"{recs}.gentle")):
        assert find_recipe(Request((), asked), tags, "NIRI").name == "gentle"
