"""What a primitive is: a step with a name, typed parameters and a time stamp."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from nightcrew.reducer.engine.parameters import Parameters
    from nightcrew.reducer.engine.run import Run
    from nightcrew.shared.frames import Frame

P = TypeVar("P", bound="Parameters")


@dataclass(frozen=True, slots=True)
class Primitive:
    """One step of a recipe.

    Parameters
    ----------
    name
        What users type: `darkCorrect`.
    model
        Its parameters.
    function
        `(frames, parameters, run) -> frames`, or `(frame, parameters, run) -> frame` if `each`.
    each
        Whether it treats every frame by itself; the engine then maps it, shows progress and frees memory between.
    stamp
        Keyword of the primary header that records when it ran; None writes none.
    once
        Whether a frame that bears the stamp passes through unchanged.
    """

    name: str
    model: type[Parameters]
    function: Callable[[Any, Any, Run], Any]
    each: bool
    stamp: str | None = None
    once: bool = True

    @property
    def doc(self) -> str:
        """Documentation of the primitive."""
        return (self.function.__doc__ or "").strip()


def each_frame(
    name: str, model: type[P], *, stamp: str | None = None, once: bool = True
) -> Callable[[Callable[[Frame, P, Run], Frame]], Primitive]:
    """Make a primitive of a function that treats one frame.

    The function may change the frame that it is given, and replaces arrays, never writes into them.
    """
    return lambda function: Primitive(name, model, cast("Any", function), each=True, stamp=stamp, once=once)


def all_frames(
    name: str, model: type[P], *, stamp: str | None = None, once: bool = False
) -> Callable[[Callable[[list[Frame], P, Run], list[Frame]]], Primitive]:
    """Make a primitive of a function that needs all frames at once.

    The engine stamps and renames what the function returns.
    """
    return lambda function: Primitive(name, model, cast("Any", function), each=False, stamp=stamp, once=once)
