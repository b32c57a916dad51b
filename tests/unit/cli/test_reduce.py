"""`reduce` on small NIRI darks, and `provenance` of what comes out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nightcrew.cli.commands.provenance import history_table
from nightcrew.cli.version import version
from nightcrew.shared.frames import HistoryRow
from support.frames import write_niri
from support.runs import DARK


@pytest.fixture
def darks(tmp_path, monkeypatch) -> list[str]:
    """Three raw darks of 256 x 256 pixels in the working directory's `raw/`."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    names = [f"raw/N20160102S{number:04d}.fits" for number in (1, 2, 3)]
    for name in names:
        write_niri(Path(name), rng.normal(100, 3, (256, 256)).astype(np.float32), **DARK)
    Path("darks.lis").write_text("".join(f"{name}\n" for name in names))
    return names


def test_a_list_of_darks_becomes_a_stored_master(nightcrew, darks):
    said = nightcrew("reduce", "@darks.lis")
    assert (said.code, said.out) == (0, "")
    assert Path("N20160102S0001_dark.fits").exists()
    assert Path("calibrations/processed_dark/N20160102S0001_dark.fits").exists()
    lines = said.err.splitlines()
    assert lines[:2] == ["", f"\t\t\t--- reduce v{version()} ---"]
    assert lines[4:9] == [
        "All submitted files appear valid:",
        "raw/N20160102S0001.fits ... raw/N20160102S0003.fits, 3 files submitted.",
        "=" * 80,
        "RECIPE: makeProcessedDark",
        "=" * 80,
    ]
    assert lines[9:11] == ["   PRIMITIVE: prepare", "   ------------------"]
    assert lines[-2:] == ["\tWrote N20160102S0001_dark.fits in output directory", "reduce completed successfully."]
    logged = Path("reduce.log").read_text()
    assert "STATUS   - RECIPE: makeProcessedDark" in logged
    assert "FULLINFO -    prepare took" in logged


def test_what_a_master_was_made_of_is_shown(nightcrew, darks):
    nightcrew("reduce", *darks, "--logmode", "quiet")
    lines = nightcrew("provenance", "N20160102S0001_dark.fits").lines
    assert lines[:4] == ["Reading Provenance for N20160102S0001_dark.fits", "", "Provenance", "----------"]
    assert lines[4].split() == ["timestamp", "filename", "md5", "provenance_added_by"]
    assert [line.split()[1] for line in lines[6:9]] == [Path(name).name for name in darks]
    assert {line.split()[3] for line in lines[6:9]} == {"prepare"}
    history = lines[lines.index("History") :]
    assert history[2].split() == ["Primitive", "Args", "Start", "Stop"]
    assert history[4].startswith("prepare")
    assert history[4].split()[1] == "{"
    assert history[5].strip() == '"suffix": "_prepared",'
    record = json.loads(nightcrew("provenance", "N20160102S0001_dark.fits", "--json").out)
    assert record["history"][0]["args"]["suffix"] == "_prepared"
    assert record["provenance"][0]["filename"] == "N20160102S0001.fits"


def test_provenance_says_what_is_missing_and_goes_on(nightcrew, darks):
    Path("bad.fits").write_text("no FITS")
    said = nightcrew("provenance", "bad.fits", darks[0])
    assert said.code == 0
    assert said.lines == [
        "Reading Provenance for bad.fits",
        "Unable to open bad.fits with nightcrew",
        f"Reading Provenance for {darks[0]}",
        "",
        "No Provenance found",
        "",
        "No Provenance History found.",
    ]
    assert "bad.fits" in said.err
    assert "error" in json.loads(nightcrew("provenance", "bad.fits", "--json").out)


def test_a_history_whose_arguments_are_no_json_is_shown_as_it_is():
    rows = [HistoryRow("prepare", "suffix=_prepared", "2026-11-20T17:34:28.913138", "2026-11-20T17:34:28.954672")]
    assert history_table(rows) == [
        "Primitive Args             Start                        Stop",
        "--------- ---------------- ---------------------------- ----------------------------",
        "prepare   suffix=_prepared 2026-11-20T17:34:28.913138   2026-11-20T17:34:28.954672",
    ]


def test_provenance_of_a_missing_file_is_an_error_and_of_none_is_help(nightcrew, darks):
    assert nightcrew("provenance", "nosuch.fits").code == 1
    said = nightcrew("provenance")
    assert (said.code, "Usage" in said.out) == (0, True)


def test_the_outcome_as_json(nightcrew, darks):
    said = nightcrew("reduce", *darks, "--json", "--logmode", "quiet", "--suffix", "_test")
    record = json.loads(said.out)
    assert (said.code, record["status"], record["recipe"]) == (0, "succeeded", "makeProcessedDark")
    assert record["products"] == ["N20160102S0001_test.fits"]
    assert record["stored"] == ["calibrations/processed_dark/N20160102S0001_dark.fits"]
    assert record["seconds"]["prepare"] >= 0
    assert said.err == ""


def test_a_mistyped_parameter_is_refused_with_the_one_that_was_meant(nightcrew, darks):
    said = nightcrew("reduce", *darks, "-p", "addDQ:user_bmp=x.fits")
    assert said.code == 1
    assert said.err.splitlines()[-1] == "reduce: error: Parameter user_bmp not recognized, did you mean user_bpm?"
    assert "user_bmp not recognized" in Path("reduce.log").read_text()


def test_a_value_that_is_not_valid_is_refused_before_anything_runs(nightcrew, darks):
    said = nightcrew("reduce", *darks, "-p", "addVAR:read_noise=maybe")
    assert said.code == 1
    assert "PRIMITIVE" not in said.err


def test_a_parameter_given_twice_counts_once(nightcrew, darks):
    said = nightcrew("reduce", *darks, "-p", "addDQ:time=1", "addDQ:time=2")
    assert said.code == 0
    assert "Overriding 1 parameter(s)." in said.err.splitlines()


def test_unreadable_files_are_named_and_the_others_reduced(nightcrew, darks):
    Path("bad.fits").write_text("no FITS")
    said = nightcrew("reduce", "nosuch.fits", "bad.fits", *darks)
    assert said.code == 0
    lines = said.err.splitlines()
    start = lines.index("ERROR - Files not found or cannot be loaded:")
    assert lines[start + 1].startswith("ERROR -    nosuch.fits: ")
    assert lines[start + 2].startswith("ERROR -    bad.fits: ")
    assert "All submitted files appear valid:" not in lines


def test_if_no_file_can_be_read_all_are_named(nightcrew, darks):
    Path("bad.fits").write_text("no FITS")
    said = nightcrew("reduce", "nosuch.fits", "bad.fits")
    assert said.code == 1
    assert "nosuch.fits" in said.err
    assert "bad.fits" in said.err
    assert said.err.splitlines()[-1].startswith("reduce: error: no input can be read")


def test_dragons_exit_code_is_used_if_the_environment_asks_for_it(nightcrew, darks, monkeypatch):
    monkeypatch.setenv("NIGHTCREW_DRAGONS_EXIT", "1")
    assert nightcrew("reduce", *darks, "-r", "nosuch").code == 6
    assert nightcrew("reduce", "--loglevel", "x", *darks).code == 2


def test_a_recipe_of_ones_own_runs_from_its_file(nightcrew, darks):
    Path("mine.py").write_text("def tiny(p):\n    p.prepare()\n    p.addDQ()\n")
    said = nightcrew("reduce", *darks, "-r", "mine.tiny", "--ql")
    assert said.code == 0
    assert "RECIPE: tiny" in said.err.splitlines()
    assert Path("N20160102S0002_dqAdded.fits").exists()


def test_a_defect_leaves_its_trace_in_the_log_and_on_request_on_the_screen(nightcrew, darks):
    Path("mine.py").write_text("def broken(p):\n    p.prepare()\n    if p.stream('main'):\n        1 / 0\n")
    said = nightcrew("reduce", *darks, "-r", "mine.broken")
    assert said.code == 1
    assert "Traceback" not in said.err
    assert "ERROR    - ZeroDivisionError: division by zero" in Path("reduce.log").read_text()
    assert "Traceback" in nightcrew("reduce", *darks, "-r", "mine.broken", "--debug").err


def test_control_c_is_noted_in_the_log_and_ends_with_130(nightcrew, darks):
    Path("mine.py").write_text(
        "def slow(p):\n    p.prepare()\n    if p.stream('main'):\n        raise KeyboardInterrupt\n"
    )
    said = nightcrew("reduce", *darks, "-r", "mine.slow")
    assert said.code == 130
    assert said.err.endswith("reduce: interrupted\n")
    assert "interrupted" in Path("reduce.log").read_text()


def test_a_dry_run_of_a_science_frame_asks_for_dark_and_flat_unless_told_not_to(nightcrew, darks):
    write_niri(Path("raw/N9.fits"), np.full((256, 256), 100, np.float32))
    said = nightcrew("reduce", "raw/N9.fits", "-n", "-p", "darkCorrect:do_cal=skip")
    assert any("processed_flat none" in line for line in said.lines)
    assert not any("processed_dark" in line for line in said.lines)


def test_a_frame_given_twice_is_told(nightcrew, darks):
    said = nightcrew("reduce", darks[0], *darks)
    assert said.code == 0
    assert "given 2 times" in said.err
    assert "given" not in nightcrew("reduce", *darks).err


def test_an_input_is_never_overwritten(nightcrew, darks):
    nightcrew("reduce", *darks)
    master = Path(f"{Path(darks[0]).stem}_dark.fits")
    before = master.read_bytes()
    said = nightcrew("reduce", str(master), "--suffix", "_dark")
    assert said.code == 1
    assert "would be overwritten" in said.err
    assert master.read_bytes() == before


@pytest.mark.parametrize("suffix", ["", "a/b"])
def test_an_ending_that_is_none_is_refused(suffix, nightcrew, darks):
    assert nightcrew("reduce", *darks, "--suffix", suffix).code == 2


def test_a_result_that_bears_the_name_of_an_input_is_not_lost_silently(nightcrew, darks):
    nightcrew("reduce", *darks, "-r", "stackFrames")
    stack = Path(f"{Path(darks[0]).stem}_stack.fits")
    said = nightcrew("reduce", str(stack), *darks, "-r", "stackFrames")
    assert f"{stack}: not written, an input has the same name; give another with --suffix" in said.err


def test_a_recipe_for_other_frames_than_the_first_is_explained(nightcrew, darks):
    said = nightcrew("reduce", *darks, "-r", "makeProcessedBPM")
    assert said.code == 1
    assert "makeProcessedBPM is for" in said.err
    assert "the first file decides" in said.err


def test_a_dry_run_leaves_no_trace(nightcrew, darks):
    Path().chmod(0o500)
    before = sorted(Path().iterdir())
    said = nightcrew("reduce", *darks, "--dry-run")
    Path().chmod(0o700)
    assert said.code == 0
    assert sorted(Path().iterdir()) == before
