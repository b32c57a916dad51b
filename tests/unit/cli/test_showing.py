"""showpars and showrecipes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

FLAT_TAGS = (
    "'CAL', 'FLAT', 'GCALFLAT', 'GCAL_IR_ON', 'GEMINI', 'IMAGE', 'LAMPON', 'NIRI', 'NORTH', 'RAW', 'SIDEREAL', "
    "'UNPREPARED'"
)


def test_showpars_lists_parameters_with_ranges(nightcrew, night):
    assert nightcrew("showpars", "raw/N3_flat.fits", "addDQ").out == (
        f"Dataset tagged as {{{FLAT_TAGS}}}\n"
        "\n"
        "Settable parameters on 'addDQ':\n"
        "========================================\n"
        "Name                 Current setting      Description\n"
        "\n"
        "suffix               '_dqAdded'           Filename suffix\n"
        "non_linear           False                Flag non-linear pixels?\n"
        "time                 120.0                Persistence time (seconds)\n"
        "\tValid Range = [0.0,inf)\n"
        "illum_mask           None                 Name of illumination mask\n"
        "static_bpm           'default'            Static bad pixel mask\n"
        "user_bpm             None                 User bad pixel mask\n"
        "add_illum_mask       False                Apply illumination mask?\n"
        "latency              True                 Apply latency for saturated pixels?\n"
    )


def test_showpars_lists_choices_and_their_meaning(nightcrew, night):
    lines = nightcrew("showpars", "raw/N5_target.fits", "darkCorrect").lines
    assert lines[6:12] == [
        "do_cal               'procmode'           Calibration requirement",
        "Allowed values:",
        "\tprocmode\tUse the default rules set by the processing mode.",
        "\tforce\tRequire a calibration regardless of the processing mode.",
        "\tskip\tSkip this correction, no calibration required.",
        "",
    ]


def test_showpars_shows_what_the_instrument_sets_otherwise(nightcrew, night):
    lines = nightcrew("showpars", "raw/S1_dark.fits", "addDQ").lines
    assert lines[-1].split()[:2] == ["latency", "False"]


def test_showpars_appends_the_documentation_if_asked(nightcrew, night):
    assert "Subtract the master dark" in nightcrew("showpars", "raw/N5_target.fits", "darkCorrect", "-d").out


def test_showpars_refuses_an_unknown_primitive_after_the_tags(nightcrew, night):
    said = nightcrew("showpars", "raw/N3_flat.fits", "adddq")
    assert said.code == 1
    assert said.out.startswith("Dataset tagged as {")
    assert said.err == "showpars: error: 'adddq' doesn't exist for this data type. Did you mean addDQ?\n"


def test_showpars_json_has_names_values_and_ranges(nightcrew, night):
    record = json.loads(nightcrew("showpars", "raw/N3_flat.fits", "darkCorrect", "--json", "--doc").out)
    assert record["primitive"] == "darkCorrect"
    assert record["parameters"][0]["choices"]["skip"].startswith("Skip")
    assert record["parameters"][0]["value"] == "procmode"
    assert "doc" in record
    ranged = json.loads(nightcrew("showpars", "raw/N3_flat.fits", "addDQ", "--json").out)["parameters"][2]
    assert ranged["valid_range"] == "[0.0,inf)"


@pytest.mark.parametrize("tool", ["showpars", "reduce"])
def test_tools_print_their_version(tool, nightcrew):
    assert nightcrew(tool, "-v").out.startswith(f"{tool} v")


def test_showrecipes_shows_the_default_recipe_and_its_primitives(nightcrew, night):
    lines = nightcrew("showrecipes", "raw/N3_flat.fits").lines
    assert lines[:6] == [
        "Recipe not provided, default recipe (makeProcessedFlat) will be used.",
        f"Input file: {night}/raw/N3_flat.fits",
        f"Input tags: [{FLAT_TAGS}]",
        "Input mode: sq",
        "Input recipe: makeProcessedFlat",
        "Matched recipe: nightcrew.reducer.recipes.niri::makeProcessedFlat",
    ]
    assert lines[6].startswith("Recipe location: ")
    assert lines[6].endswith("recipes/niri.py")
    assert lines[7:10] == ["Recipe tags: {'CAL', 'FLAT', 'IMAGE', 'NIRI'}", "Primitives used: ", "   p.prepare()"]
    assert "   p.addVAR(poisson_noise=True, read_noise=True)" in lines


def test_showrecipes_of_a_named_recipe_does_not_speak_of_the_default(nightcrew, night):
    said = nightcrew("showrecipes", "raw/N3_flat.fits", "-r", "makeProcessedBPM")
    assert said.lines[0].startswith("Input file: ")
    assert "   p.makeBPM()" in said.lines


def test_showrecipes_all_lists_every_recipe_once(nightcrew, night):
    lines = nightcrew("showrecipes", "raw/N3_flat.fits", "--all").lines
    assert lines[1] == f"Input tags: {{{FLAT_TAGS}}}"
    assert lines[2] == "Recipes available for the input file: "
    assert lines[3:5] == [
        "   nightcrew.reducer.recipes.niri::makeProcessedBPM",
        "   nightcrew.reducer.recipes.niri::makeProcessedFlat",
    ]


def test_showrecipes_says_if_there_are_none(nightcrew, night):
    from support.frames import write_niri

    write_niri(night / "odd.fits", INSTRUME="GNIRS")
    said = nightcrew("showrecipes", "odd.fits", "--all")
    assert said.code == 0
    assert said.lines[-1] == "!!! No recipes were found for this file !!!"
    assert nightcrew("showrecipes", "odd.fits").err.startswith("showrecipes: error: no default recipe for this file")


def test_showrecipes_refuses_unknown_modes_and_recipes(nightcrew, night):
    assert nightcrew("showrecipes", "raw/N3_flat.fits", "-m", "xx").err == (
        "showrecipes: error: mode must be 'sq', 'qa', or 'ql'!\n"
    )
    said = nightcrew("showrecipes", "raw/N3_flat.fits", "-r", "nosuch")
    assert said.code == 1
    assert "makeProcessedBPM" in said.err


def test_showrecipes_json(nightcrew, night):
    record = json.loads(nightcrew("showrecipes", "raw/N3_flat.fits", "--json").out)
    assert record["recipe"] == "makeProcessedFlat"
    assert record["primitives"][0] == {"name": "prepare", "arguments": {}}
    everything = json.loads(nightcrew("showrecipes", "raw/N3_flat.fits", "--all", "--json").out)
    assert {r["recipe"] for r in everything["recipes"]} >= {"makeProcessedBPM", "makeProcessedFlat"}


OWN = """
from nightcrew.reducer.engine.recipe import recipe

def quick(p):
    p.prepare()
    p.addDQ(latency=False)

@recipe(tags={"NIRI"})
def library(p):
    p.prepare()
"""


def test_a_recipe_of_ones_own_is_shown_from_its_file(nightcrew, night):
    Path("recipes").mkdir()
    Path("recipes/mine.py").write_text(OWN)
    for spelling in ("recipes/mine.quick", "recipes/mine.py.quick"):
        said = nightcrew("showrecipes", "raw/N3_flat.fits", "-r", spelling)
        assert "   p.addDQ(latency=False)" in said.lines
        assert f"Recipe location: {night / 'recipes/mine.py'}" in said.lines
    assert "Input recipe: library" in nightcrew("showrecipes", "raw/N3_flat.fits", "-r", "recipes/mine.library").lines


def test_what_is_wrong_with_a_recipe_of_ones_own_is_said(nightcrew, night):
    Path("mine.py").write_text(OWN)
    Path("broken.py").write_text("def f(p:\n")
    assert "there is no file nosuch.py" in nightcrew("showrecipes", "raw/N3_flat.fits", "-r", "nosuch.f").err
    assert "it has library, quick" in nightcrew("showrecipes", "raw/N3_flat.fits", "-r", "mine.slow").err
    assert "SyntaxError" in nightcrew("showrecipes", "raw/N3_flat.fits", "-r", "broken.f").err


def test_the_profile_decides_which_recipe_and_which_defaults_are_shown(nightcrew, night):
    target = "raw/N5_target.fits"
    standard, best = (nightcrew("showrecipes", target, *option).out for option in ((), ("--profile", "best")))
    assert "p.excludeMisregistered" not in standard
    assert "p.excludeMisregistered" in best
    shown = [
        json.loads(nightcrew("showpars", target, "prepare", "--json", *option).out)["parameters"]
        for option in ((), ("--profile", "best"))
    ]
    assert [next(p["value"] for p in one if p["name"] == "bad_wcs") for one in shown] == ["exit", "fix"]
