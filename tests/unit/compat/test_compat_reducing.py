"""`Reduce` and its errors, on small NIRI darks."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from nightcrew.compat import (
    CalibrationNotFoundError,
    FieldValidationError,
    NoInputFiles,
    RecipeNotFound,
    Reduce,
    ReductionFailed,
    UnrecognizedParameterException,
    logutils,
    reduce_data,
    reduce_utils,
)
from nightcrew.compat.errors import as_exception
from nightcrew.shared.outcomes import Outcome, Status
from support.frames import write_niri
from support.runs import DARK


@pytest.fixture
def darks(tmp_path, monkeypatch) -> list[str]:
    """Three raw darks of 256 x 256 pixels below the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DRAGONSRC", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    rng = np.random.default_rng(1)
    names = [f"raw/N20160102S{number:04d}.fits" for number in (1, 2, 3)]
    for name in names:
        write_niri(Path(name), rng.normal(100, 3, (256, 256)).astype(np.float32), **DARK)
    return names


@pytest.fixture
def root_logger():
    """The root logger, as it was before."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield root
    root.setLevel(level)
    for handler in set(root.handlers) - set(before):
        root.removeHandler(handler)
        handler.close()
    root.handlers[:] = before


def test_a_reduction_leaves_the_names_of_its_products(darks, capsys):
    run = Reduce()
    run.files.extend(darks)
    assert (run.output_filenames, run.processed_filenames, run.recipe_used) == (None, None, None)
    run.runr()
    assert run.output_filenames == ["N20160102S0001_dark.fits"]
    assert run.processed_filenames == ["calibrations/processed_dark/N20160102S0001_dark.fits"]
    assert (run.recipename, run.recipe_used) == ("_default", "makeProcessedDark")
    assert Path("N20160102S0001_dark.fits").exists()


def test_recipe_name_means_recipename_and_other_attributes_are_refused():
    run = Reduce()
    run.recipe_name = "makeProcessedBPM"
    assert run.recipename == run.recipe_name == "makeProcessedBPM"
    with pytest.raises(AttributeError):
        run.recipe = "makeProcessedBPM"  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        run.output_filenames = []  # type: ignore[misc]


def test_a_recipe_may_be_a_function_and_parameters_a_list(darks):
    def stack(p):
        p.prepare()
        p.stackFrames()

    done = reduce_data(darks, recipename=stack, uparms=[("stackFrames:operation", "median")], suffix="_mine")
    assert done["recipename"] == "stack"
    assert done["_output_filenames"] == ["N20160102S0001_mine.fits"]
    assert done["processed_filenames"] == ["N20160102S0001_mine.fits"]


@pytest.mark.parametrize(
    ("change", "error", "also", "told"),
    [
        ({"files": []}, NoInputFiles, OSError, "NO INPUT FILE"),
        ({"files": "nosuch.fits"}, NoInputFiles, OSError, r"No valid files passed: .*nosuch\.fits"),
        ({"uparms": {"adddq:user_bpm": "x"}}, UnrecognizedParameterException, Exception, "did you mean addDQ"),
        ({"uparms": [("addDQ:user_bmp", "x")]}, UnrecognizedParameterException, Exception, "did you mean user_bpm"),
        ({"uparms": {"addDQ:non_linear": "maybe"}}, FieldValidationError, ValueError, "addDQ:non_linear=maybe"),
        ({"recipename": "nosuch"}, RecipeNotFound, Exception, "no recipe or primitive named nosuch"),
        ({"recipename": "nosuch.recipe"}, RecipeNotFound, Exception, r"no file nosuch\.py"),
        ({"mode": "xx"}, RecipeNotFound, Exception, "mode 'xx'"),
        ({"drpkg": "soardr"}, ValueError, ValueError, "soardr"),
        ({"ucals": {"processed_foo": "x.fits"}}, ValueError, ValueError, "Unknown calibration type 'processed_foo'"),
        ({"ucals": {"processed_dark": "raw/N20160102S0001.fits"}}, TypeError, TypeError, "does not match file"),
    ],
)
def test_what_is_wrong_with_a_request_is_told_before_anything_runs(change, error, also, told, darks):
    run = Reduce()
    run.files = darks
    for name, value in change.items():
        setattr(run, name, value)
    with pytest.raises(error, match=told) as raised:
        run.runr()
    assert isinstance(raised.value, also)
    assert sorted(path.name for path in Path().iterdir()) == ["raw"]


def test_a_missing_calibration_ends_a_script_as_in_dragons(darks):
    write_niri(Path("raw/N9.fits"), OBJECT="M8", OBSCLASS="science")
    run = Reduce()
    run.files = "raw/N9.fits"
    run.recipename = "darkCorrect"
    with pytest.raises(CalibrationNotFoundError, match=r"N9") as raised:
        run.runr()
    assert isinstance(raised.value, RuntimeError)
    assert run.output_filenames is None


def test_any_other_bad_end_is_an_error_too():
    error = as_exception(Outcome(Status.RETRYABLE, "disk: full", code="service"))
    assert type(error) is ReductionFailed
    assert str(error) == "disk: full"


def test_user_calibrations_may_be_texts(darks):
    run = Reduce()
    run.files = darks
    run.runr()
    found = reduce_utils.normalize_ucals(["processed_dark:N20160102S0001_dark.fits"])
    assert found == {"processed_dark": Path("N20160102S0001_dark.fits")}
    assert reduce_utils.normalize_ucals(None) == {}
    with pytest.raises(ValueError, match="expecting TYPE:FILE"):
        reduce_utils.normalize_ucals(["processed_dark"])


def test_the_log_goes_to_the_file_that_a_script_names(darks, root_logger, capsys):
    logutils.config(file_name="mine.log")
    reduce_data(darks)
    assert "STATUS   - RECIPE: makeProcessedDark" in Path("mine.log").read_text()
    said = capsys.readouterr().err
    assert said.count("RECIPE: makeProcessedDark") == 1
    logutils.config(mode="quiet", file_name="mine.log", stomp=True)
    assert Path("mine.log").read_text() == ""
    logutils.get_logger("mine").stdinfo("half way")
    logutils.get_logger("mine").fullinfo("details")
    logutils.get_logger("mine").status("done")
    root_logger.warning("from %s", "elsewhere")
    assert capsys.readouterr().err == ""
    logged = Path("mine.log").read_text()
    assert [line.split(" - ")[1] for line in logged.splitlines()] == ["half way", "details", "done", "from elsewhere"]


def test_handlers_of_ones_own_are_kept_when_asked_for(root_logger, tmp_path):
    mine = logging.NullHandler()
    logutils.config(file_name=tmp_path / "a.log", additional_handlers=mine)
    assert mine in root_logger.handlers
    logutils.config(mode="quiet", additional_handlers=[mine])
    assert root_logger.handlers == [mine]
    logutils.config(mode="debug", keep_handlers=True)
    assert mine in root_logger.handlers
    with pytest.raises(NameError, match="Unknown logging config mode"):
        logutils.config(mode="loud")
