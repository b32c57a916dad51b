"""Recipes that users write in files of their own: `-r [PATH/]MODULE.FUNCTION`, `-r [PATH/]FILE.py` (commands, 12.1).

A recipe's file may import its neighbours.  It is read anew at every request, and leaves nothing behind in
`sys.path` and `sys.modules`: two users' files of the same name do not meet.
"""

from __future__ import annotations

import importlib.util
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nightcrew.reducer.engine.recipe import DEFAULT, MODES, Recipe
from nightcrew.shared.errors import RecipeError, UnknownRecipe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType


def load_recipe(text: str) -> Recipe | None:
    """Load a recipe from a user's file.

    Parameters
    ----------
    text
        What follows `-r`: `module.function`, `module.py.function`, or `module.py`, with or without a path before it.
        The last names a file with one recipe, or with one called `_default`.

    Returns
    -------
    Recipe or None
        None if the text is a plain name, which belongs to the library of the data.

    Raises
    ------
    RecipeError
        If the file does not exist, cannot be imported, or has no such function.
    """
    module_name, dot, name = Path(text).name.rpartition(".")
    if not dot:
        return None
    if name == "py":
        name = DEFAULT
    path = Path(text).with_name(f"{module_name.removesuffix('.py')}.py")
    if not path.is_file():
        raise UnknownRecipe(f"-r {text}: there is no file {path}; write [PATH/]MODULE.FUNCTION or [PATH/]FILE.py")
    module = _imported(path)
    own = _own_recipes(module)
    if name == DEFAULT and not hasattr(module, DEFAULT) and len(own) == 1:
        name = own[0]
    subject = getattr(module, name, None)
    if isinstance(subject, Recipe):
        return subject
    if callable(subject):
        return Recipe(getattr(subject, "__name__", name), subject, frozenset(), frozenset(MODES))
    known = ", ".join(own) or "none"
    if name == DEFAULT:
        raise UnknownRecipe(f"-r {text}: {path} has no single recipe (it has {known}); add .FUNCTION, or set _default")
    raise UnknownRecipe(f"-r {text}: {path} has no function {name}; it has {known}")


def _own_recipes(module: ModuleType) -> list[str]:
    """Return the names of what the file itself defines and may be meant as a recipe."""
    return sorted(name for name, value in vars(module).items() if not name.startswith("_") and _is_own(value, module))


def _is_own(value: Any, module: ModuleType) -> bool:
    function = value.function if isinstance(value, Recipe) else value
    return callable(function) and getattr(function, "__module__", None) == module.__name__


def _imported(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        with _neighbours_importable(path.parent.resolve()):
            sys.modules.setdefault(path.stem, module)
            spec.loader.exec_module(module)
    except Exception as error:
        raise RecipeError(f"{path}: cannot be imported ({type(error).__name__}: {error}); correct the file") from error
    return module


@contextmanager
def _neighbours_importable(folder: Path) -> Iterator[None]:
    """Let imports find the modules of a directory, and forget them afterwards."""
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            source = getattr(sys.modules[name], "__file__", None)
            if source is not None and folder in Path(source).resolve().parents:
                del sys.modules[name]
