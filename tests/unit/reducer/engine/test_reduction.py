"""A request is checked before anything runs, and what became of it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from nightcrew.reducer.engine.memory import Memory
from nightcrew.reducer.engine.reduction import Request, describe_calls, prepare_run, reduce
from nightcrew.reducer.engine.run import Surroundings, user_parameters
from nightcrew.reducer.engine.store import Directory
from nightcrew.shared.calibrations import Chain
from nightcrew.shared.errors import RecipeError
from nightcrew.shared.fits import Scratch, write_frame
from nightcrew.shared.outcomes import Status
from support.runs import DARK, niri_frame

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def darks(tmp_path: Path) -> tuple[Path, ...]:
    paths = tuple(tmp_path / "raw" / f"N20160102S{n:04d}.fits" for n in (1, 2))
    paths[0].parent.mkdir()
    for path in paths:
        write_frame(niri_frame(path.name, np.full((256, 256), 10.0, np.float32), **DARK), path)
    return paths


@pytest.fixture
def around(tmp_path: Path) -> Iterator[Surroundings]:
    with Scratch(tmp_path) as scratch:
        yield Surroundings(Chain(()), Directory(tmp_path), Memory(1 << 30, scratch))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("stackDrks:operation=mean", "stackDarks"),
        ("stackDarks:operatoin=mean", "operation"),
        ("operatoin=mean", "operation"),
        ("stackDarks:stream=main", "stream"),
    ],
)
def test_names_that_do_not_exist_are_refused_with_what_may_be_meant(typed, meant, darks) -> None:
    with pytest.raises(RecipeError, match=meant):
        prepare_run(Request(darks, user=tuple(user_parameters([typed]))))


def test_skipping_a_step_that_exists_is_no_mistake(darks, around) -> None:
    result = reduce(Request(darks, user=tuple(user_parameters(["nonlinearityCorrect:skip_primitive=True"]))), around)
    assert result.outcome.ok
    assert "nonlinearityCorrect" not in result.ledger.seconds


def test_a_file_that_is_named_twice_is_told(darks, around) -> None:
    result = reduce(Request((*darks, darks[0])), around)
    assert result.outcome.ok
    assert "N20160102S0001.fits: given 2 times, and counts as so many frames; name it once" in result.outcome.caveats


def test_a_recipe_that_leaves_nothing_is_no_success(darks, around) -> None:
    def nothing(p):
        p.clearStream(stream="main")

    result = reduce(Request(darks, nothing), around)
    assert (result.outcome.status, result.outcome.products) == (Status.UNPROCESSABLE, ())
    assert result.outcome.reason == "the recipe left no product; see the log"


def test_a_product_never_takes_the_name_of_an_input(darks, around) -> None:
    def copied(p):
        p.copyInputs(outstream="again")
        p.copyInputs(instream="again", outstream="main")

    before = darks[0].read_bytes()
    result = reduce(Request(darks, copied), around)
    assert result.outcome.products == ()
    assert "N20160102S0001.fits: not written, an input has the same name; give another with --suffix" in (
        result.outcome.caveats
    )
    assert darks[0].read_bytes() == before


def test_what_a_request_would_run_is_told_with_its_parameters(darks, around) -> None:
    request = Request(darks, user=tuple(user_parameters(["stackDarks:operation=median"])))
    calls = describe_calls(prepare_run(request), request, around)
    assert next(call.primitive for call in calls) == "prepare"
    (stacked,) = (call for call in calls if call.primitive == "stackDarks")
    assert stacked.parameters["operation"] == "median"
