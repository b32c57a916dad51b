from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest
import typer

from nightcrew.cli import main as main_module
from nightcrew.cli.errors import ExitCode, UsageProblem, guarded
from nightcrew.cli.main import COMMANDS, load, main, run
from nightcrew.shared.errors import FrameError


def test_help_names_every_command(nightcrew):
    said = nightcrew("--help")
    assert said.code == 0
    assert all(name in said.out for name in COMMANDS)


def test_without_arguments_help_is_shown(nightcrew):
    assert nightcrew().out.strip() == nightcrew("--help").out.strip()


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from nightcrew.cli.main import main; main(['--help']); "
        "heavy = {'numpy', 'astropy', 'pydantic', 'numba', 'scipy'} & set(sys.modules); "
        "sys.exit(f'{heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_can_be_loaded_and_has_help(name, nightcrew):
    said = nightcrew(name, "--help")
    assert said.code == 0
    assert said.out.split()[:3] == ["Usage:", "nightcrew", name]


@pytest.fixture
def cupboard(monkeypatch):
    """A command with subcommands of its own."""
    app = typer.Typer(no_args_is_help=True)

    @app.command()
    def add(what: str, twice: bool = typer.Option(False, "--twice-over")) -> None:
        """Add a thing."""
        if what == "nothing":
            raise UsageProblem("nothing cannot be added; name a thing")
        typer.echo(f"added {what}{' twice' if twice else ''}")

    @app.command(name="list")
    def show() -> int:
        """List the things."""
        return 3

    monkeypatch.setitem(main_module.COMMANDS, "cupboard", "Keep things.")
    monkeypatch.setitem(sys.modules, "nightcrew.cli.commands.cupboard", SimpleNamespace(cupboard=app))


@pytest.mark.usefixtures("cupboard")
def test_a_command_may_have_subcommands_of_its_own(nightcrew):
    assert nightcrew("cupboard", "add", "cups", "--twi").out == "added cups twice\n"
    assert nightcrew("cupboard", "list").code == 3
    said = nightcrew("cupboard", "-h")
    assert said.code == 0
    assert "Keep things." in said.out
    assert "List the things." in said.out


@pytest.mark.usefixtures("cupboard")
def test_a_wrong_line_for_a_subcommand_shows_the_usage_of_that_one(nightcrew):
    said = nightcrew("cupboard", "add", "nothing")
    assert said.code == 2
    assert said.err.startswith("Usage: nightcrew cupboard add")
    assert "cupboard: error: nothing cannot be added; name a thing" in said.err
    assert nightcrew("cupboard", "ad").code == 2


def test_a_command_that_is_not_installed_is_said_to_be_so(monkeypatch):
    with pytest.raises(UsageProblem, match="'nosuch' is not part of this installation"):
        load("nosuch")


def test_a_module_missing_inside_a_command_is_not_taken_for_a_missing_command(monkeypatch):
    def importing(name: str) -> None:
        raise ModuleNotFoundError(name="numpy")

    monkeypatch.setattr(main_module.importlib, "import_module", importing)
    with pytest.raises(ModuleNotFoundError):
        load("showd")


def test_the_version_is_printed(nightcrew):
    assert nightcrew("--version").out.startswith("nightcrew ")


def test_an_unknown_command_is_refused_with_a_suggestion(nightcrew):
    said = nightcrew("dataselec")
    assert said.code == 2
    assert "Did you mean 'dataselect'" in said.err


def test_an_unknown_option_is_a_usage_error_with_the_usage(nightcrew):
    said = nightcrew("showd", "--nosuch")
    assert said.code == 2
    assert said.err.startswith("Usage: nightcrew showd")
    assert "showd: error: No such option" in said.err


@pytest.mark.parametrize("command", ["dataselect", "showd", "typewalk"])
def test_other_definitions_are_refused_with_a_reason(command, nightcrew, night):
    said = nightcrew(command, "--adpkg", "ghost", *(() if command == "typewalk" else ("raw/N1_dark.fits",)))
    assert said.code == 2
    assert "--adpkg ghost: nightcrew knows its instruments itself" in said.err


def test_other_primitives_are_refused_with_a_reason(nightcrew, night):
    said = nightcrew("showpars", "raw/N1_dark.fits", "addDQ", "--drpkg", "mine")
    assert said.code == 2
    assert "--drpkg mine" in said.err


def test_the_process_ends_with_the_code_of_the_command(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["nightcrew", "showd"])
    with pytest.raises(SystemExit) as end:
        run()
    assert end.value.code == 2


def test_an_error_of_ours_is_one_line(capsys):
    def work() -> None:
        raise FrameError("x.fits: it is empty; fetch it again")

    assert guarded("showd", work) == ExitCode.FAILED
    assert capsys.readouterr().err == "showd: error: x.fits: it is empty; fetch it again\n"


def test_an_error_of_the_disk_names_the_file(capsys):
    def work() -> None:
        raise PermissionError(13, "Permission denied", "out.lis")

    assert guarded("dataselect", work) == ExitCode.FAILED
    told = capsys.readouterr().err
    assert told == "dataselect: error: out.lis: Permission denied; check the name, the permissions and the disk\n"


def test_a_defect_is_reported_without_a_traceback_unless_asked_for(capsys):
    def work() -> None:
        raise ZeroDivisionError("by zero")

    assert guarded("showd", work) == ExitCode.FAILED
    assert "Traceback" not in capsys.readouterr().err
    assert guarded("showd", work, debug=True) == ExitCode.FAILED
    assert "Traceback" in capsys.readouterr().err


def test_control_c_ends_with_130(capsys):
    def work() -> None:
        raise KeyboardInterrupt

    assert guarded("reduce", work) == ExitCode.INTERRUPTED
    assert "interrupted" in capsys.readouterr().err


def test_a_reader_that_went_away_is_no_defect(monkeypatch, capsys):
    def work() -> None:
        raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", sys.stdout)
    assert guarded("dataselect", work) == ExitCode.FAILED
    assert capsys.readouterr().err == ""


def test_debug_anywhere_on_the_line_shows_tracebacks(nightcrew, night):
    assert "Traceback" in nightcrew("showd", "nosuch.fits", "-d", "object", "--debug").err
    assert main(["showd", "nosuch.fits", "-d", "object"]) == 1
