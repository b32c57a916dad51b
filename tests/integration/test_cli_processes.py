"""The command line as processes: pipes, start-up, the tutorial's commands one after the other."""

from __future__ import annotations

import bz2
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.measure import run
from support.frames import write_niri
from support.reference import require_reference
from support.runs import DARK

BIN = Path(sys.executable).parent


def shell(line: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a line as a user types it, with `nightcrew` on the PATH."""
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        cwd=cwd,
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def darks(tmp_path) -> Path:
    for number, seconds in enumerate((20.001, 1.001, 20.001), 1):
        write_niri(tmp_path / "raw" / f"N{number}.fits", **DARK, EXPTIME=seconds)
    return tmp_path


def test_selected_names_flow_through_a_pipe_into_a_table(darks):
    done = shell(
        "nightcrew dataselect raw/*.fits --tags DARK --expr 'exposure_time==20' | nightcrew showd -d exposure_time",
        darks,
    )
    assert done.returncode == 0
    assert done.stdout == (
        "---------------------------\n"
        "filename      exposure_time\n"
        "---------------------------\n"
        "raw/N1.fits          20.001\n"
        "raw/N3.fits          20.001\n"
    )


def test_an_empty_stdin_is_no_input(darks):
    done = shell("nightcrew showd -d object < /dev/null", darks)
    assert (done.returncode, done.stdout.splitlines()[1]) == (0, "filename   object")


def test_a_reader_that_is_gone_causes_no_noise(darks):
    done = shell("nightcrew dataselect raw/*.fits --tags DARK | true", darks)
    assert (done.stdout, done.stderr) == ("", "")


def test_help_costs_next_to_nothing(tmp_path):
    run([str(BIN / "nightcrew"), "--help"], tmp_path)
    assert run([str(BIN / "nightcrew"), "--help"], tmp_path).cpu < 0.4


@pytest.mark.slow
def test_a_thousand_files_are_selected_in_three_seconds(darks):
    for number in range(1000):
        (darks / f"X{number:04d}.fits").hardlink_to(darks / "raw" / "N1.fits")
    names = [f"X{number:04d}.fits" for number in range(1000)]
    cost = run(
        [str(BIN / "nightcrew"), "dataselect", *names, "--tags", "DARK", "--expr", 'filter_name=="blank"'], darks
    )
    assert cost.cpu < 3.0


@pytest.mark.reference
@pytest.mark.slow
def test_the_tutorial_runs_as_it_is_typed(tmp_path):
    raw = tmp_path / "playdata"
    raw.mkdir()
    for packed in require_reference("golden", "niri256", "raw").glob("*.bz2"):
        (raw / packed.stem).write_bytes(bz2.decompress(packed.read_bytes()))
    work = tmp_path / "work"
    work.mkdir()
    bpm, dark, flat = "N20160102S0373_bpm.fits", "N20160102S0423_dark.fits", "N20160102S0373_flat.fits"
    lines = [
        "nightcrew dataselect ../playdata/*.fits --tags DARK --expr='exposure_time==1' -o darks1s.lis",
        "nightcrew dataselect ../playdata/*.fits --tags DARK --expr='exposure_time==20' -o darks20s.lis",
        "nightcrew dataselect ../playdata/*.fits --tags FLAT -o flats.lis",
        "nightcrew dataselect ../playdata/*.fits --expr='object==\"FS 17\"' -o stdstar.lis",
        "nightcrew dataselect ../playdata/*.fits --tags IMAGE --xtags FLAT --expr='object!=\"FS 17\"' -o target.lis",
        "nightcrew reduce @darks20s.lis",
        "nightcrew reduce @flats.lis @darks1s.lis -r makeProcessedBPM",
        f"nightcrew reduce @flats.lis -p addDQ:user_bpm={bpm}",
        f"nightcrew reduce @stdstar.lis -p addDQ:user_bpm={bpm} darkCorrect:do_cal=skip",
    ]
    science = f"nightcrew reduce @target.lis -p addDQ:user_bpm={bpm} skyCorrect:scale_sky=False"
    for line in [*lines, f"{science} --user_cal processed_dark:{dark} processed_flat:{flat}"]:
        done = shell(line, work)
        assert done.returncode == 0, f"{shlex.split(line)[1:3]}: {done.stderr[-2000:]}"
    products = {path.name for path in work.glob("*.fits")}
    assert {bpm, dark, flat} <= products
    assert len([name for name in products if name.endswith("_image.fits")]) == 2
