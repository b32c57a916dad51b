"""What users mistype, and files that are not what they should be: one line, a remedy, the right exit code."""

from __future__ import annotations

import os

import pytest
import typer

from nightcrew.cli.errors import UsageProblem
from nightcrew.cli.login import login_name
from nightcrew.cli.main import COMMANDS, load
from nightcrew.cli.options import day, members, who_says
from nightcrew.shared.ledger import JobState

ON_FILES = {
    "dataselect": ("dataselect",),
    "showd": ("showd", "-d", "object"),
    "showrecipes": ("showrecipes",),
    "reduce": ("reduce",),
    "dry run": ("reduce", "--dry-run"),
    "submit": ("submit",),
    "provenance": ("provenance",),
    "reproduce": ("reproduce",),
    "caldb add": ("caldb", "add", "-d", "here.db"),
    "caldb explain": ("caldb", "explain", "-d", "here.db"),
    "rules lint": ("rules", "lint"),
    "night": ("night",),
    "plan": ("plan",),
    "rules of one's own": ("plan", ".", "--rules"),
    "up": ("up",),
    "typewalk": ("typewalk", "-d"),
}
"""Commands that are given a file or a directory, ready for its name."""

NO_FAILURE = {("missing.fits", "dataselect"), ("a_directory", "typewalk"), ("a_directory", "caldb add")} | {
    (name, "provenance") for name in ("a_directory", "text.fits", "binary.fits", "empty.fits")
}
"""Where the reference, or an empty directory, makes success of it."""

SUBCOMMANDS = [name for name in COMMANDS if isinstance(load(name), typer.core.TyperGroup) and name != "caldb"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NIGHTCREW_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("NIGHTCREW_DATABASE_URL", raising=False)
    (tmp_path / "a_directory").mkdir()
    (tmp_path / "text.fits").write_text("garbage\n")
    (tmp_path / "binary.fits").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "empty.fits").touch()
    return tmp_path


@pytest.mark.parametrize("what", sorted(ON_FILES))
@pytest.mark.parametrize("name", ["missing.fits", "a_directory", "text.fits", "binary.fits", "empty.fits"])
def test_a_file_that_is_none_is_told_in_a_line_that_names_it(name, what, folder, nightcrew):
    if name == "a_directory" and what == "up":
        pytest.skip("a directory is what it wants")
    said = nightcrew(*ON_FILES[what], name)
    assert "defect in nightcrew" not in said.err
    assert "Traceback" not in said.err
    if (name, what) in NO_FAILURE:
        return
    assert said.code in {1, 2}
    last = (said.err or said.out).splitlines()[-1]
    if what.startswith("caldb"):
        assert "here.db" in last or name in last
    elif what != "rules lint":
        assert name in said.err.splitlines()[-1] or "names no" in last
        assert "; " in last, "no remedy"


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_without_a_subcommand_help_and_the_choice_are_told_on_stderr(name, nightcrew):
    said = nightcrew(name)
    assert (said.code, said.out) == (2, "")
    assert f"nightcrew {name}" in said.err
    assert said.err.splitlines()[-1] == f"{name}: error: a command is missing; one of {', '.join(load(name).commands)}"


def test_a_missing_argument_is_told_with_the_command_that_helps(nightcrew):
    said = nightcrew("showpars", "x.fits")
    assert said.code == 2
    assert said.err.splitlines()[-1] == (
        "showpars: error: Missing argument 'PRIMITIVE'. See `nightcrew showpars --help`."
    )


@pytest.mark.parametrize("argv", [("simulate",), ("simulate", "hubble", "raw"), ("jobs", "list", "--limit", "0")])
def test_a_wrong_choice_is_told_in_one_line(argv, nightcrew):
    usage, told = nightcrew(*argv).err.splitlines()
    assert usage.startswith("Usage: nightcrew")
    assert "Value error" not in told
    assert "--help`." in told


@pytest.mark.parametrize("night", ["yesterday", "2016-13-45", ""])
def test_a_night_that_is_no_date_is_told_with_one_that_is(night, nightcrew):
    said = nightcrew("jobs", "list", "--night", night)
    assert said.code == 2
    assert said.err.splitlines()[-1] == f"jobs: error: --night {night}: no date; write it as 2016-01-02"


@pytest.mark.parametrize("night", ["2016-01-02", "20160102"])
def test_a_night_is_written_in_either_way(night):
    found = day(night)
    assert found is not None
    assert (found.year, found.month, found.day) == (2016, 1, 2)


def test_a_state_that_does_not_exist_is_told_with_those_that_do():
    assert members("--state", ["failed", "queued"], JobState) == {"failed", "queued"}
    with pytest.raises(UsageProblem, match="--state faild: one of waiting, queued, running"):
        members("--state", ["failed", "faild"], JobState)


def test_a_user_without_a_name_has_a_number(monkeypatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    assert login_name() == "user 54321"
    assert who_says(None) == "user 54321"
    assert who_says("ada") == "ada"


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_help_is_in_paragraphs_that_the_screen_breaks(command, monkeypatch, nightcrew):
    """Line breaks of the code are none of the help's."""
    monkeypatch.setenv("COLUMNS", "300")
    loaded = load(command)
    commands = loaded.commands.values() if isinstance(loaded, typer.core.TyperGroup) else [loaded]
    for one in commands:
        for paragraph in (one.help or "").split("\n\n"):
            assert "\n" not in paragraph.strip()


@pytest.mark.parametrize(
    ("argv", "remedy"),
    [
        (("showd", "raw/N1_dark.fits", "-d", "zzz"), "`nightcrew showd FILE --json` shows all"),
        (("showpars", "raw/N1_dark.fits", "zzz"), "`nightcrew showrecipes FILE` lists those of a recipe"),
        (("reduce", "raw/N1_dark.fits", "-p", "zzz:x=1"), "`nightcrew showrecipes FILE` lists those of a recipe"),
        (("reduce", "raw/N1_dark.fits", "-p", "prepare:zzz=1"), "`nightcrew showpars FILE PRIMITIVE` lists those"),
        (("simulate", "niri", "out", "--variant", "zzz"), "choose from offset-sky"),
    ],
)
def test_a_name_like_no_other_is_told_with_where_the_others_are(argv, remedy, night, nightcrew):
    said = nightcrew(*argv)
    assert said.code in {1, 2}
    assert remedy in said.err.splitlines()[-1]
