"""All recipes, by instrument."""

from __future__ import annotations

from nightcrew.reducer.recipes import niri

RECIPES = (*niri.RECIPES,)
