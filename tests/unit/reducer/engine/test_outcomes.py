"""What a reduction comes to when something goes wrong in it: always an outcome, with a reason."""

from __future__ import annotations

import errno

import numpy as np
import pytest

from nightcrew.reducer.engine.memory import Memory
from nightcrew.reducer.engine.recipe import matching
from nightcrew.reducer.engine.reduction import Request, find_recipe, reduce
from nightcrew.reducer.engine.run import Surroundings
from nightcrew.reducer.engine.store import Directory
from nightcrew.reducer.recipes import RECIPES
from nightcrew.shared.calibrations import Chain
from nightcrew.shared.errors import CalibrationError, FrameError, NightcrewError, RecipeError, ServiceError
from nightcrew.shared.fits import Scratch, write_frame
from nightcrew.shared.outcomes import Status
from support.runs import niri_frame


@pytest.fixture
def reduced(tmp_path):
    """Reduce a frame by a recipe that raises an error."""
    path = tmp_path / "N1.fits"
    write_frame(niri_frame("N1.fits", np.zeros((8, 8), np.float32)), path)

    def run(error: BaseException):
        def broken(p):
            p.copyInputs()
            if p.stream("main"):  # not when it is only written down what it calls
                raise error

        with Scratch(tmp_path) as scratch:
            around = Surroundings(Chain(()), Directory(tmp_path), Memory(1 << 30, scratch))
            return reduce(Request((path,), broken), around)

    return run


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (FrameError("N1.fits: bad"), Status.UNPROCESSABLE, "frame"),
        (CalibrationError("no dark"), Status.UNPROCESSABLE, "calibration"),
        (RecipeError("no such"), Status.UNPROCESSABLE, "recipe"),
        (ServiceError("disk: full"), Status.RETRYABLE, "service"),
        (NightcrewError("?"), Status.FAILED, "error"),
        (MemoryError(), Status.RESOURCE, ""),
        (OSError(errno.ENOSPC, "No space left", "/data"), Status.RETRYABLE, "service"),
        (ZeroDivisionError("oh"), Status.FAILED, ""),
    ],
)
def test_every_error_becomes_an_outcome(error, status, code, reduced) -> None:
    result = reduced(error)
    assert (result.outcome.status, result.outcome.code) == (status, code)
    assert result.outcome.reason
    assert (result.recipe, result.outcome.products) == ("broken", ())


def test_a_defect_leaves_a_trace_for_the_log_and_an_input_at_fault_does_not(reduced) -> None:
    assert "ZeroDivisionError" in reduced(ZeroDivisionError("oh")).trace
    assert reduced(FrameError("N1.fits: bad")).trace == ""


def test_an_interruption_is_not_an_outcome(reduced) -> None:
    with pytest.raises(KeyboardInterrupt):
        reduced(KeyboardInterrupt())


def test_a_recipe_that_is_given_is_run_whatever_the_frames_are() -> None:
    (recipe,) = [r for r in RECIPES if r.name == "reduce" and r.tags == {"F2", "IMAGE"} and r.modes == {"ql"}]
    assert find_recipe(Request((), recipe), frozenset(), "") is recipe


def test_data_without_recipes_are_refused() -> None:
    with pytest.raises(RecipeError, match="GNIRS recipes do not define a 'sq' recipe"):
        find_recipe(Request(()), frozenset({"GNIRS"}), "GNIRS")


def test_a_profile_that_does_not_exist_is_refused() -> None:
    with pytest.raises(RecipeError, match="use one of standard, best"):
        matching(RECIPES, frozenset(), "sq", "fast")
