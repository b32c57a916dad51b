"""What an operator does to a running night: interrupts it, fills its disk, takes its directory away."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from e2e.conftest import nightcrew
from nightcrew.shared.fits import verify

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.conftest import Reduced

HEEDING = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
"""Shells let jobs in the background, and what these start, ignore SIGINT: tests may run in one."""
RUN = [sys.executable, "-c", f"{HEEDING}; from nightcrew.cli.main import run; run()"]


def whole(directory: Path) -> list[str]:
    """Return the names of the products, each of which must be a whole file."""
    products = sorted(directory.rglob("*.fits"))
    assert all(verify(path).ok for path in products)
    return [path.name for path in products]


def partial(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.name.endswith(".part")]


def test_an_interrupted_night_says_so_and_leaves_whole_products_only(tutorial_night: Reduced, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = subprocess.Popen(
        [*RUN, "night", str(tutorial_night.raw), "--out", str(out)],
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not list(out.glob("*_dark.fits")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in told
    assert whole(out)
    assert partial(out) == []
    assert json.loads((out / "night.json").read_text())["complete"] is False


def test_an_interrupted_reduction_leaves_nothing_half_written(tutorial_night: Reduced, tmp_path: Path) -> None:
    files = [str(tutorial_night.raw / f"N20160102S{n:04d}.fits") for n in range(423, 428)]
    process = subprocess.Popen(
        [*RUN, "reduce", *files * 20],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "reduce.log").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode in {0, 130}
    assert "Traceback" not in told
    whole(tmp_path)
    assert partial(tmp_path) == []


def limited() -> None:
    """Let no file grow beyond 100 kB, as a full disk would; writing fails instead of killing the process."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))


@pytest.mark.parametrize("command", ["reduce", "night"])
def test_a_full_disk_is_told_in_one_line_and_leaves_no_partial_file(
    command: str, tutorial_night: Reduced, tmp_path: Path
) -> None:
    files = [str(tutorial_night.raw / f"N20160102S{n:04d}.fits") for n in range(423, 428)]
    arguments = files if command == "reduce" else [str(tutorial_night.raw), "--out", str(tmp_path / "out")]
    done = subprocess.run(
        [*RUN, command, *arguments], cwd=tmp_path, capture_output=True, text=True, preexec_fn=limited, check=False,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    told = done.stderr + done.stdout
    assert "Traceback" not in told
    assert "_dark.fits" in told
    assert "cannot be written" in told
    assert whole(tmp_path) == []
    assert partial(tmp_path) == []


def test_a_place_that_takes_no_directory_is_refused_by_name(tutorial_night: Reduced, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = nightcrew("night", tutorial_night.raw, "--out", tmp_path / "file" / "out")
    assert told.code == 1
    assert str(tmp_path / "file" / "out") in told.err
    assert "Traceback" not in told.err


def test_frames_that_vanish_while_the_night_runs_fail_by_name(tutorial_night: Reduced, tmp_path: Path) -> None:
    raw, out = tmp_path / "raw", tmp_path / "out"
    shutil.copytree(tutorial_night.raw, raw)
    process = subprocess.Popen([*RUN, "night", str(raw), "--out", str(out)], stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list(out.glob("*_dark.fits")) and time.monotonic() < deadline:
        time.sleep(0.005)
    shutil.rmtree(raw)
    process.communicate(timeout=60)
    document = json.loads((out / "night.json").read_text())
    failed = [g for g in document["groups"] if g["outcome"]["status"] != "succeeded"]
    assert process.returncode == (1 if failed else 0)
    assert all(g["outcome"]["status"] in {"unprocessable", "retryable"} for g in failed)
    assert all(".fits" in g["outcome"]["reason"] for g in failed)
    whole(out)
