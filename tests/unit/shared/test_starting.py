"""How the command of a service begins and ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from nightcrew.shared.errors import ServiceError, SettingsError
from nightcrew.shared.parts import Parts
from nightcrew.shared.settings import ServiceSettings
from nightcrew.shared.starting import DONE, FAILED, INTERRUPTED, USAGE, run_command, set_at


class Settings(ServiceSettings):
    """Those of a service that has a name."""

    port: int = 8000


@pytest.fixture(autouse=True)
def log_of_others(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    configured: list[tuple[str, str]] = []
    monkeypatch.setattr("nightcrew.shared.logs.configure_logs", lambda *how: configured.append(how))
    return configured


def ending(error: BaseException):
    def work(_: Settings) -> None:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ServiceError("the disk is full"), FAILED, "nightcrew-x: the disk is full\n"),
        (SettingsError("NIGHTCREW_X: no such place"), USAGE, "nightcrew-x: NIGHTCREW_X: no such place\n"),
        (KeyboardInterrupt(), INTERRUPTED, ""),
    ],
)
def test_what_went_wrong_is_one_line_and_a_code(error, code, line, capsys):
    assert run_command("nightcrew-x", Settings, {}, ending(error)) == code
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", line)


def test_what_is_no_fault_of_the_user_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        run_command("nightcrew-x", Settings, {}, ending(ZeroDivisionError()))


def test_what_the_command_line_says_goes_before_the_environment(monkeypatch, log_of_others):
    monkeypatch.setenv("NIGHTCREW_PORT", "9000")
    monkeypatch.setenv("NIGHTCREW_LOG_LEVEL", "debug")
    seen: list[int] = []
    for said in (None, 7000):
        assert run_command("nightcrew-x", Settings, {"port": said}, lambda settings: seen.append(settings.port)) == DONE
    assert seen == [9000, 7000]
    assert log_of_others == [("auto", "debug")] * 2


def test_a_setting_that_makes_no_sense_is_usage(monkeypatch, capsys, log_of_others):
    monkeypatch.setenv("NIGHTCREW_PORT", "many")
    assert run_command("nightcrew-x", Settings, {}, ending(AssertionError("not begun"))) == USAGE
    assert capsys.readouterr().err.startswith("nightcrew-x: NIGHTCREW_PORT: ")
    assert log_of_others == []


def test_a_signal_sets_the_event_and_nothing_else():
    before = signal.getsignal(signal.SIGUSR1)
    try:
        stop = set_at(signal.SIGUSR1)
        assert not stop.is_set()
        os.kill(os.getpid(), signal.SIGUSR1)
        assert stop.wait(10)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_beginning_imports_nothing_that_only_a_running_service_needs():
    heavy = "{'sqlalchemy', 'structlog', 'pika', 'pydantic'}"
    code = f"import nightcrew.shared.starting, sys; print({heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_a_part_that_ends_by_itself_ends_the_whole_and_is_named():
    stop = threading.Event()
    parts = Parts("planner", stop)
    parts.start("waiter", stop.wait)
    parts.start("deserter", lambda: None)
    with pytest.raises(ServiceError, match="'deserter' has ended by itself; see the log, and start planner again"):
        parts.join(10)
    assert stop.is_set()


def test_parts_that_are_told_to_stop_end_and_one_that_hangs_is_named():
    stop, release = threading.Event(), threading.Event()
    parts = Parts("planner", stop)
    parts.start("good", stop.wait)
    parts.start("deaf", release.wait)
    stop.set()
    assert parts.join(0.2) == ("planner-deaf",)
    release.set()
    assert parts.join(10) == ()
