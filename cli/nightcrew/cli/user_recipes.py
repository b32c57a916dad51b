"""Recipes that users write in files of their own: `-r [path/]module.function` (commands, 12.1)."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from nightcrew.reducer.engine.recipe import Recipe


def from_file(text: str) -> Recipe | None:
    """Load a recipe from a user's file.

    Parameters
    ----------
    text
        What follows `-r`.

    Returns
    -------
    Recipe or None
        None if the text is a plain name, which belongs to the library of the data.

    Raises
    ------
    RecipeError
        If the file does not exist, cannot be imported, or has no such function.
    """
    from nightcrew.reducer.engine.recipe import MODES, Recipe
    from nightcrew.shared.errors import RecipeError

    module_name, dot, name = Path(text).name.rpartition(".")
    if not dot:
        return None
    path = Path(text).with_name(f"{module_name.removesuffix('.py')}.py")
    if not path.is_file():
        raise RecipeError(f"-r {text}: there is no file {path}; write [PATH/]MODULE.FUNCTION")
    module = _imported(path)
    subject = getattr(module, name, None)
    if isinstance(subject, Recipe):
        return subject
    if callable(subject):
        return Recipe(name, subject, frozenset(), frozenset(MODES))
    own = [
        key
        for key, value in vars(module).items()
        if isinstance(value, Recipe) or getattr(value, "__module__", None) == module.__name__
    ]
    raise RecipeError(f"-r {text}: {path} has no function {name}; it has {', '.join(sorted(own)) or 'none'}")


def _imported(path: Path) -> ModuleType:
    from nightcrew.shared.errors import RecipeError

    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise RecipeError(f"{path}: cannot be imported ({type(error).__name__}: {error}); correct the file") from error
    return module
