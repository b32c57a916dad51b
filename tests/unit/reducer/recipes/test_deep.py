"""What a deep reduction asks of its frames."""

from __future__ import annotations

import pytest

from nightcrew.reducer.engine.recipe import choose
from nightcrew.reducer.engine.run import Running
from nightcrew.reducer.recipes import RECIPES
from nightcrew.shared.errors import FrameError
from support.runs import f2_frame, niri_frame, running

TARGET, SKY = {"OBJFRAME": "TRUE"}, {"SKYFRAME": "TRUE"}
ELSEWHERE = 0.5
"""Degrees, more than any field."""


@pytest.mark.parametrize(
    ("make", "instrument", "odd", "what"),
    [(niri_frame, "NIRI", SKY, "sky only"), (f2_frame, "F2", TARGET, "the target only")],
)
def test_frames_that_are_not_target_and_sky_at_once_are_refused_by_name(make, instrument, odd, what, tmp_path) -> None:
    frames = [make(f"X{n}.fits", PREPARE="done", **TARGET, **SKY) for n in (1, 2)]
    right_ascension = frames[0].phu["RA"] + ELSEWHERE
    frames.append(make("X3.fits", PREPARE="done", RA=right_ascension, **odd))
    recipe = choose(RECIPES, frozenset({instrument, "IMAGE"}), "sq", "ultradeep_part2")
    with running(tmp_path, *frames) as run, pytest.raises(FrameError) as refused:
        recipe.function(Running(run))
    assert "X3_skySeparated.fits" in str(refused.value)
    assert f"shows {what}" in str(refused.value)
    assert "use the recipe reduce" in str(refused.value)
