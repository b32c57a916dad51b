"""`nightcrew showrecipes`: which recipe a file would be reduced with (commands, 5)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightcrew.cli.formatting import list_of, set_of
from nightcrew.cli.inputs import describe_file
from nightcrew.cli.options import Adpkg, Debug, Drpkg, Json, Profile, ProfileOption

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nightcrew.reducer.engine.recipe import Mode, Recipe

MODES: tuple[Mode, ...] = ("sq", "qa", "ql")
"""In the order in which --all lists them."""


def showrecipes(
    file: Annotated[str, typer.Argument(metavar="FILE", help="FITS file; its tags decide the recipe.")],
    mode: Annotated[str, typer.Option("--mode", "-m", metavar="sq|qa|ql", help="Processing mode.")] = "sq",
    recipe: Annotated[
        str | None, typer.Option("--recipe", "-r", help="Recipe to show instead of the default one.")
    ] = None,
    profile: ProfileOption = Profile.STANDARD,
    everything: Annotated[bool, typer.Option("--all", help="List all recipes for the file, of all modes.")] = False,
    as_json: Json = False,
    adpkg: Adpkg = None,  # noqa: ARG001
    drpkg: Drpkg = None,  # noqa: ARG001
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Show the recipe that a file would be reduced with."""
    from nightcrew.shared.errors import RecipeError

    asked = next((known for known in MODES if known == mode), None)
    if asked is None:
        raise RecipeError("mode must be 'sq', 'qa', or 'ql'!")
    tags = describe_file(file).tags
    if everything:
        _show_all(file, tags, profile, as_json=as_json)
        return
    chosen = _chosen(recipe, tags, asked, profile)
    if as_json:
        typer.echo(json.dumps({"file": file, "tags": sorted(tags), "mode": mode, **_record(chosen)}, default=str))
        return
    if recipe is None:
        typer.echo(f"Recipe not provided, default recipe ({chosen.name}) will be used.")
    typer.echo("\n".join(_listing(file, tags, mode, chosen)))


def _chosen(name: str | None, tags: frozenset[str], mode: Mode, profile: Profile) -> Recipe:
    from nightcrew.reducer.engine.recipe import DEFAULT, choose, matching
    from nightcrew.reducer.engine.user_recipes import load_recipe
    from nightcrew.reducer.recipes import RECIPES
    from nightcrew.shared.errors import RecipeError

    own = None if name is None else load_recipe(name)
    chosen = own or choose(RECIPES, tags, mode, name or DEFAULT, profile.value)
    if chosen is None:
        known = ", ".join(r.name for r in matching(RECIPES, tags, mode, profile.value)) or "none"
        what = "no default recipe" if name is None else f"no recipe named {name}"
        raise RecipeError(f"{what} for this file in mode '{mode}'; recipes for it: {known}")
    return chosen


def _listing(file: str, tags: frozenset[str], mode: str, chosen: Recipe) -> Iterator[str]:
    from nightcrew.reducer.engine.recipe import calls_of

    yield f"Input file: {Path(file).absolute()}"
    yield f"Input tags: {list_of(tags)}"
    yield f"Input mode: {mode}"
    yield f"Input recipe: {chosen.name}"
    yield f"Matched recipe: {_path(chosen)}"
    yield f"Recipe location: {chosen.function.__code__.co_filename}"
    yield f"Recipe tags: {set_of(chosen.tags)}"
    yield "Primitives used: "
    for name, given in calls_of(chosen):
        yield f"   p.{name}({', '.join(f'{key}={value!r}' for key, value in given.items())})"


def _show_all(file: str, tags: frozenset[str], profile: Profile, *, as_json: bool) -> None:
    from nightcrew.reducer.engine.recipe import matching
    from nightcrew.reducer.recipes import RECIPES

    found: dict[str, Recipe] = {}
    for mode in MODES:
        # The default recipe is listed under its own name; one that serves several modes once.
        fitting = matching(RECIPES, tags, mode, profile.value)
        found.update({_path(r): r for r in fitting if _path(r) not in found})
    if as_json:
        typer.echo(json.dumps({"file": file, "tags": sorted(tags), "recipes": [_record(r) for r in found.values()]}))
        return
    typer.echo(f"Input file: {Path(file).absolute()}\nInput tags: {set_of(tags)}")
    if not found:
        typer.echo("!!! No recipes were found for this file !!!")
        return
    typer.echo("\n".join(["Recipes available for the input file: ", *(f"   {path}" for path in found)]))


def _path(recipe: Recipe) -> str:
    return f"{recipe.module}::{recipe.name}"


def _record(recipe: Recipe) -> dict[str, object]:
    from nightcrew.reducer.engine.recipe import calls_of

    return {
        "recipe": recipe.name,
        "path": _path(recipe),
        "recipe_tags": sorted(recipe.tags),
        "modes": sorted(recipe.modes),
        "default": recipe.default,
        "primitives": [{"name": name, "arguments": given} for name, given in calls_of(recipe)],
    }
