"""superclean and shims."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from nightcrew.cli.commands import superclean


@pytest.fixture
def used(tmp_path, monkeypatch):
    """A directory in which somebody has reduced."""
    monkeypatch.chdir(tmp_path)
    for name in (".reducecache", "calibrations/processed_dark", "backups", "locks", "tmpdir"):
        Path(name).mkdir(parents=True)
    for name in (
        "a.fits",
        "reduce.log",
        "notes.txt",
        "tmp1",
        "darks.lis",
        ".reducecache/stk.pkl",
        "calibrations/x.fits",
    ):
        Path(name).write_text("")
    return tmp_path


def left(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_without_options_help_is_shown_and_nothing_deleted(nightcrew, used):
    before = left(used)
    said = nightcrew("superclean")
    assert (said.code, left(used)) == (0, before)
    assert "Usage" in said.out


@pytest.mark.parametrize(
    ("option", "gone"),
    [
        ("-f", {"a.fits"}),
        ("-l", {"reduce.log"}),
        ("--txt", {"notes.txt"}),
        ("-t", {"tmp1", "tmpdir"}),
        ("-d", {"calibrations", "backups", "locks"}),
        ("-c", {".reducecache"}),
        ("--safe", {".reducecache", "backups", "locks", "tmp1", "tmpdir"}),
    ],
)
def test_each_option_deletes_its_kind_only(option, gone, nightcrew, used):
    before = left(used)
    assert nightcrew("superclean", option).out == ".\n"
    assert before - left(used) == gone


def test_pickles_go_and_their_directory_stays(nightcrew, used):
    nightcrew("superclean", "-p", "--silent")
    assert list(Path(".reducecache").iterdir()) == []


def test_all_leaves_only_what_is_no_by_product(nightcrew, used):
    said = nightcrew("superclean", "--all", "-v")
    assert "removed a.fits" in said.lines
    assert left(used) == {"darks.lis"}


def test_all_asks_on_a_terminal(nightcrew, used, monkeypatch):
    asked = []

    def refuse(question: str, abort: bool) -> None:
        asked.append(question)
        raise superclean.typer.Abort

    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(superclean.typer, "confirm", refuse)
    monkeypatch.setattr(superclean.sys, "stdin", Terminal())
    from nightcrew.cli.main import main

    assert main(["superclean", "--all"]) == 1
    assert asked
    assert Path("a.fits").exists()
    assert main(["superclean", "--all", "--yes", "--silent"]) == 0
    assert not Path("a.fits").exists()


def test_of_a_link_the_link_goes_and_what_it_shows_stays(nightcrew, used, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "precious.fits").write_text("")
    Path("tmplink").symlink_to(elsewhere)
    nightcrew("superclean", "-t")
    assert (elsewhere / "precious.fits").exists()
    assert not Path("tmplink").is_symlink()


def test_shims_call_the_commands_by_their_old_names(nightcrew, tmp_path):
    said = nightcrew("shims", str(tmp_path / "bin"))
    assert str(tmp_path / "bin" / "reduce") in said.lines
    version = subprocess.run([tmp_path / "bin" / "reduce", "-v"], check=True, capture_output=True, text=True)
    assert version.stdout.startswith("reduce v")


def test_shims_do_not_overwrite_what_is_none(nightcrew, tmp_path):
    (tmp_path / "showd").write_text("mine")
    said = nightcrew("shims", str(tmp_path))
    assert said.code == 1
    assert not (tmp_path / "reduce").exists()
    assert nightcrew("shims", str(tmp_path), "--force").code == 0
    assert nightcrew("shims", str(tmp_path)).code == 0
