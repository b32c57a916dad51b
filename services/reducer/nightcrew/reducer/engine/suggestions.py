"""What a user may have meant by a name that does not exist."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def unknown_primitive(name: str, known: Iterable[str]) -> str:
    """Return the message for a primitive that does not exist."""
    remedy = "; `nightcrew showrecipes FILE` lists those of a recipe"
    return f"Primitive {name} not recognized{_meant(name, known) or remedy}"


def unknown_parameter(name: str, known: Iterable[str]) -> str:
    """Return the message for a parameter that does not exist."""
    remedy = "; `nightcrew showpars FILE PRIMITIVE` lists those of a primitive"
    return f"Parameter {name} not recognized{_meant(name, known) or remedy}"


def _meant(name: str, known: Iterable[str]) -> str:
    by_fold = {k.casefold(): k for k in sorted(known)}
    if name.casefold() in by_fold:
        near = [by_fold[name.casefold()]]
    else:
        near = [by_fold[k] for k in difflib.get_close_matches(name.casefold(), by_fold, n=3, cutoff=0.75)]
    if not near:
        return ""
    return f", did you mean {near[0]}?" if len(near) == 1 else f", did you mean one of {near}?"
