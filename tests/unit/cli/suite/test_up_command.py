"""`nightcrew up`: what it refuses, and how it is told to end."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

STOPPED = """
import os, signal, threading, time
from types import SimpleNamespace
from nightcrew.cli.commands.up import _stopping
suite = SimpleNamespace(stop=threading.Event())
with _stopping(suite):
    os.kill(os.getpid(), signal.{first})
    assert suite.stop.wait(5)
    print("told to stop", flush=True)
    if {twice}:
        os.kill(os.getpid(), signal.{first})
        time.sleep(5)
"""


def test_a_directory_that_is_not_there_is_a_wrong_command_line(nightcrew, tmp_path):
    said = nightcrew("up", str(tmp_path / "raw"))
    assert said.code == 2
    assert "no such directory; name the one in which frames arrive" in said.err


@pytest.mark.parametrize(
    ("first", "twice", "code"), [("SIGTERM", False, 0), ("SIGINT", False, 0), ("SIGINT", True, 128 + signal.SIGINT)]
)
def test_the_first_signal_ends_in_good_order_and_the_second_at_once(first, twice, code):
    done = subprocess.run(
        [sys.executable, "-c", STOPPED.format(first=first, twice=twice)],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (code, "told to stop\n"), done.stderr
