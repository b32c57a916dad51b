"""What `reduce` makes of its options, before anything is reduced."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nightcrew.cli.errors import UsageProblem
from nightcrew.cli.user_calibrations import user_calibrations
from nightcrew.shared.errors import CalibrationError
from support.frames import write_niri
from support.runs import DARK


@pytest.fixture
def master(night) -> Path:
    return write_niri(night / "N1_master.fits", **DARK, PROCDARK="2016-01-02T00:00:00", PREPARE="2016-01-02T00:00:00")


def test_user_calibrations_are_files_by_type(master):
    assert user_calibrations(["processed_dark:N1_master.fits"]) == {"processed_dark": Path("N1_master.fits")}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("processed_dark", "expecting TYPE:FILE"),
        ("processed_dark:", "expecting TYPE:FILE"),
        ("a:b:c", "expecting TYPE:FILE"),
        ("dark:x.fits", "Unknown calibration type 'dark'"),
    ],
)
def test_what_is_no_type_and_file_is_a_usage_problem(text, problem):
    with pytest.raises(UsageProblem, match=problem):
        user_calibrations([text])


def test_a_missing_user_calibration_is_an_error():
    with pytest.raises(CalibrationError, match=r"there is no file nosuch\.fits"):
        user_calibrations(["processed_dark:nosuch.fits"])


def test_a_user_calibration_of_another_type_is_an_error(master):
    with pytest.raises(CalibrationError, match=r"processed_flat does not match .* it lacks the tag FLAT"):
        user_calibrations(["processed_flat:N1_master.fits"])


def test_a_user_calibration_that_cannot_be_read_is_an_error(night):
    Path("bad.fits").write_text("no FITS")
    with pytest.raises(CalibrationError, match="--user_cal processed_dark:bad"):
        user_calibrations(["processed_dark:bad.fits"])


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["-p", "nosign"], "expecting parameter=value"),
        (["--user_cal", "nocolon"], "expecting TYPE:FILE"),
        (["--loglevel", "loud"], "--loglevel loud"),
        (["--logmode", "loud"], "--logmode"),
        (["--upload", "all"], "--upload all"),
        (["--config", "nosuch"], "--config nosuch"),
        (["--mode", "xx"], "--mode"),
        (["--profile", "quick"], "--profile"),
        (["--memory", "0"], "--memory"),
    ],
)
def test_options_that_cannot_be_are_usage_errors(options, problem, nightcrew, night):
    said = nightcrew("reduce", "raw/N1_dark.fits", *options)
    assert said.code == 2
    assert said.err.startswith("Usage: nightcrew reduce")
    assert problem in said.err
    assert not Path("reduce.log").exists()


def test_no_inputs_are_a_usage_error(nightcrew, night):
    said = nightcrew("reduce")
    assert said.code == 2
    assert "NO INPUT FILE(s) specified" in said.err


def test_the_parsed_options_are_shown_if_asked(nightcrew, night):
    said = nightcrew("reduce", "raw/N1_dark.fits", "-p", "a=1", "b=2", "--rec", "x", "-d")
    assert said.code == 0
    rows = dict(line.split(" :: ")[1:] for line in said.lines if line.count(" :: ") == 2)
    rows = {name.strip(): value for name, value in rows.items()}
    assert rows["files"] == "['raw/N1_dark.fits']"
    assert rows["param"] == "['a=1', 'b=2']"
    assert rows["recipe"] == "x"


def test_a_dry_run_shows_recipe_calibrations_and_parameters(nightcrew, night):
    said = nightcrew("reduce", "raw/N1_dark.fits", "-n", "-p", "addDQ:latency=False")
    assert said.code == 0
    assert said.lines[:2] == ["Input files: 1", "   raw/N1_dark.fits"]
    assert "Recipe: nightcrew.reducer.recipes.niri::makeProcessedDark (mode sq)" in said.lines
    assert "      latency              False" in said.lines
    assert any("processed_bpm none (" in line for line in said.lines)
    assert not Path("reduce.log").exists()


def test_a_dry_run_as_json(nightcrew, night):
    Path("bad.fits").write_text("no FITS")
    record = json.loads(nightcrew("reduce", "raw/N1_dark.fits", "bad.fits", "-n", "--json").out)
    assert record["recipe"].endswith("::makeProcessedDark")
    assert record["missing"][0]["file"] == "bad.fits"
    assert record["primitives"][0]["name"] == "prepare"
    assert record["calibrations"][0]["type"] == "processed_bpm"
    assert "bad.fits" in nightcrew("reduce", "raw/N1_dark.fits", "bad.fits", "-n").out


def test_what_is_not_uploaded_and_not_configured_is_said(nightcrew, night):
    Path("dragonsrc").write_text("[calibs]\n")
    said = nightcrew("reduce", "raw/N1_dark.fits", "-n", "--upload", "metrics", "calibs", "-c", "dragonsrc")
    assert said.code == 0
    assert "--upload metrics: is not known here" in said.err
    assert "no server with the flag store is configured" in said.err
