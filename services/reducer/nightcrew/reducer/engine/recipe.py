"""Recipes: which exist, and which one belongs to a frame (commands, 12.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from nightcrew.shared.errors import UnknownRecipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nightcrew.shared.frames import Frame

Mode: TypeAlias = Literal["sq", "ql", "qa"]
Profile: TypeAlias = Literal["standard", "best"]
MODES: tuple[Mode, ...] = ("sq", "ql", "qa")
PROFILES: tuple[Profile, ...] = ("standard", "best")
DEFAULT = "_default"


class Pipeline(Protocol):
    """What a recipe is written in: primitives as methods, streams by name."""

    def __getattr__(self, primitive: str) -> Callable[..., None]:
        """Return the primitive of that name."""

    def stream(self, name: str) -> list[Frame]:
        """Return the frames of a stream; one that does not exist is empty."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A function that calls primitives in order.

    Parameters
    ----------
    name
        What users type after `-r`.
    function
        The recipe itself.
    tags
        All of them must be among the tags of the first input.
    modes
        The processing modes that have it.
    default
        Whether it is taken when no name is given.
    profile
        `standard` gives the reference's numbers; `best` does what a user would rather have, where it differs.
    """

    name: str
    function: Callable[[Pipeline], None]
    tags: frozenset[str]
    modes: frozenset[Mode]
    default: bool = False
    profile: Profile = "standard"

    @property
    def module(self) -> str:
        """Where it is written, as `nightcrew.reducer.recipes.niri.science`."""
        return self.function.__module__


def recipe(
    *,
    tags: Iterable[str],
    modes: Iterable[Mode] = MODES,
    default: bool = False,
    profile: Profile = "standard",
) -> Callable[[Callable[[Pipeline], None]], Recipe]:
    """Make a recipe of a function."""

    def build(function: Callable[[Pipeline], None]) -> Recipe:
        return Recipe(function.__name__, function, frozenset(tags), frozenset(modes), default, profile)

    return build


def matching(
    recipes: Iterable[Recipe], tags: frozenset[str], mode: Mode, profile: Profile = "standard"
) -> list[Recipe]:
    """Return the recipes of the library that fits best: the one with the most tags, all of them present.

    A recipe of the profile asked for hides the standard one of the same name.
    """
    if profile not in PROFILES:
        raise UnknownRecipe(f"profile '{profile}' is not known; use one of {', '.join(PROFILES)}")
    fitting = [r for r in recipes if mode in r.modes and r.tags <= tags and r.profile in {"standard", profile}]
    special = {r.name for r in fitting if r.profile == profile}
    fitting = [r for r in fitting if r.profile == profile or r.name not in special]
    best = max((len(r.tags) for r in fitting), default=0)
    return sorted((r for r in fitting if len(r.tags) == best), key=lambda r: r.name)


def choose(
    recipes: Iterable[Recipe],
    tags: frozenset[str],
    mode: Mode,
    name: str = DEFAULT,
    profile: Profile = "standard",
) -> Recipe | None:
    """Return the recipe of that name for those tags, or the default one; None if there is none."""
    if mode not in MODES:
        raise UnknownRecipe(f"mode '{mode}' is not known; use one of {', '.join(MODES)}")
    library = matching(recipes, tags, mode, profile)
    return next((r for r in library if (r.default if name == DEFAULT else r.name == name)), None)


@dataclass(slots=True)
class Rehearsal:
    """A pipeline that only writes down what a recipe calls: for `showrecipes`, `--dry-run` and cost estimates."""

    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __getattr__(self, primitive: str) -> Callable[..., None]:
        """Return a function that notes the call."""
        if primitive.startswith("_"):
            raise AttributeError(primitive)
        return lambda **given: self.calls.append((primitive, given))

    def stream(self, name: str) -> list[Frame]:  # noqa: ARG002
        """Return no frames: nothing runs."""
        return []


def calls_of(subject: Recipe) -> list[tuple[str, dict[str, Any]]]:
    """List the primitives that a recipe calls, with the arguments that it fixes."""
    rehearsal = Rehearsal()
    subject.function(rehearsal)
    return rehearsal.calls
