"""All recipes, by instrument and mode."""

from __future__ import annotations

from nightcrew.reducer.recipes import best, f2, f2_qa, f2_ql, growing, niri, niri_qa, quality

RECIPES = (
    *niri.RECIPES,
    *niri_qa.RECIPES,
    *f2.RECIPES,
    *f2_ql.RECIPES,
    *f2_qa.RECIPES,
    *quality.RECIPES,
    *growing.RECIPES,
    *best.RECIPES,
)
