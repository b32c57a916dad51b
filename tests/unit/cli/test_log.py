from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from nightcrew.cli.errors import UsageProblem
from nightcrew.cli.log import Level, LogMode, open_log

if TYPE_CHECKING:
    from pathlib import Path

STANDARD = {"stdinfo", "status", "WARNING - warning", "ERROR - error"}
PREFIX = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ")


def entries(path: Path) -> list[str]:
    """The lines of a log file without their times."""
    lines = path.read_text().splitlines()
    assert all(PREFIX.match(line) for line in lines)
    return [PREFIX.sub("", line, count=1) for line in lines]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "reduce.log"


def nested(log) -> None:
    log.start("makeProcessedDark")
    log.enter("stackDarks", 0, 3)
    log.enter("stackFrames", 1, 3)
    log.info("Combining 3 inputs with mean and varclip rejection\nCombining images.", level=2)
    log.leave("stackFrames", 1, 0.25)
    log.leave("stackDarks", 0, 0.5)


def test_the_screen_shows_primitives_indented_by_their_nesting(file, capsys):
    with open_log(LogMode.STANDARD, file) as log:
        nested(log)
    assert capsys.readouterr().err == (
        f"{'=' * 80}\nRECIPE: makeProcessedDark\n{'=' * 80}\n"
        "   PRIMITIVE: stackDarks\n"
        "   ---------------------\n"
        "      PRIMITIVE: stackFrames\n"
        "      ----------------------\n"
        "      Combining 3 inputs with mean and varclip rejection\n"
        "      Combining images.\n"
        "      .\n"
        "   .\n"
    )


def test_every_line_of_the_file_has_time_and_level(file):
    with open_log(LogMode.STANDARD, file) as log:
        nested(log)
    assert entries(file)[3:9] == [
        "STATUS   -    PRIMITIVE: stackDarks",
        "STATUS   -    ---------------------",
        "STATUS   -       PRIMITIVE: stackFrames",
        "STATUS   -       ----------------------",
        "STDINFO  -       Combining 3 inputs with mean and varclip rejection",
        "STDINFO  -       Combining images.",
    ]
    assert "FULLINFO -       stackFrames took 0.250 s of CPU time" in entries(file)


def test_the_file_is_appended_to(file):
    for text in ("first", "second"):
        with open_log(LogMode.QUIET, file) as log:
            log.tell(text)
    assert entries(file) == ["STDINFO  - first", "STDINFO  - second"]


@pytest.mark.parametrize(
    ("mode", "screen", "shown"),
    [
        (LogMode.STANDARD, None, STANDARD),
        (LogMode.VERBOSE, None, STANDARD | {"fullinfo", "info"}),
        (LogMode.DEBUG, None, STANDARD | {"fullinfo", "info", "DEBUG - debug"}),
        (LogMode.QUIET, None, set()),
        (LogMode.ROTATING, None, set()),
        (LogMode.STANDARD, Level.ERROR, {"ERROR - error"}),
    ],
)
def test_the_mode_decides_what_the_screen_shows(mode, screen, shown, file, capsys):
    with open_log(mode, file, screen) as log:
        for level in Level:
            if level is not Level.CRITICAL:
                log.tell(level.name.lower(), level)
    assert set(capsys.readouterr().err.splitlines()) == shown
    assert any("FULLINFO" in line for line in entries(file))
    assert any("debug" in line for line in entries(file)) == (mode is LogMode.DEBUG)


def test_debug_mode_names_the_logger(file):
    with open_log(LogMode.DEBUG, file) as log:
        log.tell("text")
    assert entries(file) == [f"{'nightcrew.reduce':<40} STDINFO  - text"]


def test_a_warning_repeated_is_told_once_and_counted(file, capsys):
    with open_log(LogMode.STANDARD, file) as log:
        for text in ("a", "a", "a", "b"):
            log.warning(text, level=1)
    assert capsys.readouterr().err.splitlines() == [
        "WARNING -    a",
        "WARNING -    Last message repeated 2 times",
        "WARNING -    b",
    ]


def test_a_note_goes_to_the_file_alone(file, capsys):
    with open_log(LogMode.STANDARD, file) as log:
        log.note("Traceback\nwhere")
    assert capsys.readouterr().err == ""
    assert entries(file) == ["ERROR    - Traceback", "ERROR    - where"]


def test_a_file_that_cannot_be_written_is_a_usage_problem(tmp_path):
    with pytest.raises(UsageProblem, match="--logfile"), open_log(LogMode.STANDARD, tmp_path / "no" / "reduce.log"):
        pass


def test_a_terminal_gets_a_bar_and_the_same_lines(file, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with open_log(LogMode.STANDARD, file) as log:
        assert log.progress is not None
        log.enter("addDQ", 0, 4)
        log.advance("addDQ", 1, 2, 4)
        (task,) = log.progress.tasks
        assert (task.description, task.completed, task.total) == ("addDQ", 2, 4)
        log.warning("[odd] text", level=1)
        log.leave("addDQ", 0, 0.1)
        assert not log.progress.tasks
    shown = capsys.readouterr().err
    assert "   PRIMITIVE: addDQ" in shown
    assert "WARNING -    [odd] text" in shown
