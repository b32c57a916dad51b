"""The shell commands of the NIRI tutorial (Example 1-A and its tips), as it prints them, on a simulated night."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nightcrew.shared.fits import open_frame
from nightcrew.simulator import niri_night

BIN = Path(sys.executable).parent
DARK, BPM = "N20160102S0423_dark.fits", "N20160102S0373_bpm.fits"
FLAT = "N20160102S0373_flat.fits"
STANDARD, TARGET = "N20160102S0296_image.fits", "N20160102S0271_image.fits"


class Shell:
    """A terminal in the directory of the tutorial; `dataselect`, `reduce` and the others are ours."""

    def __init__(self, work: Path, home: Path, shims: Path) -> None:
        path = os.pathsep.join([str(shims), str(BIN), os.environ["PATH"]])
        kept = {key: value for key, value in os.environ.items() if key != "DRAGONSRC"}
        data = str(home / "data")
        self.env = {
            **kept,
            "HOME": str(home),
            "PATH": path,
            "NIGHTCREW_DATA_DIR": data,
            "NIGHTCREW_DATABASE_LINGER": "20",
        }
        self.work = work

    def __call__(self, line: str, code: int = 0) -> str:
        """Run a line, and return what it prints."""
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", line],
            cwd=self.work, env=self.env, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == code, f"{line}\n{done.stdout}\n{done.stderr[-3000:]}"
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Give a terminal with the night of the tutorial in `../playdata`, and its configuration file."""
    root = tmp_path_factory.mktemp("niri")
    home, work = root / "home", root / "niri_tutorial"
    niri_night(1, size=256, frames=5).write(root / "playdata")
    work.mkdir()
    (home / ".geminidr").mkdir(parents=True)
    (home / ".geminidr/rsys.cfg").write_text(f"[calibs]\nstandalone = True\ndatabase_dir = {work}\n")
    subprocess.run([BIN / "nightcrew", "shims", str(root / "bin")], check=True, capture_output=True)
    return Shell(work, home, root / "bin")


@pytest.mark.slow
def test_the_night_of_the_tutorial_is_reduced_as_it_is_typed(shell: Shell) -> None:
    assert "nightcrew caldb init" in shell("caldb list", code=1)
    shell("caldb init")
    assert (shell.work / "cal_manager.db").is_file()

    shown = shell("dataselect ../playdata/*.fits --tags DARK | showd -d exposure_time")
    assert "exposure_time" in shown
    assert "20.001" in shown
    shell("dataselect ../playdata/*.fits --tags DARK --expr='exposure_time==1' -o darks1s.lis")
    shell("dataselect ../playdata/*.fits --tags DARK --expr='exposure_time==20' -o darks20s.lis")
    strict = "dataselect ../playdata/*.fits --tags DARK --strict --expr='exposure_time==20'"
    assert shell(strict) == ""
    shell("dataselect ../playdata/*.fits --tags FLAT -o flats.lis")
    assert "FS 17" in shell("showd ../playdata/*.fits -d observation_class,object")
    shell("dataselect ../playdata/*.fits --expr='observation_class==\"partnerCal\"' -o stdstar.lis")
    shell("dataselect ../playdata/*.fits --expr='object==\"FS 17\"' -o stdstar.lis")
    shell("dataselect ../playdata/*.fits --tags IMAGE --xtags FLAT --expr='object!=\"FS 17\"' -o target.lis")

    said = shell("reduce @darks20s.lis")
    assert f"NOT storing calibrations/processed_dark/{DARK} as processed_dark" in said
    shell(f"caldb add {DARK}")
    shell("reduce @flats.lis @darks1s.lis -r makeProcessedBPM")
    shell(f"reduce @flats.lis -p addDQ:user_bpm={BPM}")
    shell(f"caldb add {FLAT}")
    listed = shell("caldb list").splitlines()
    assert f"Database: {shell.work}/cal_manager.db" in listed
    assert {f"{name:30} {shell.work}" for name in (DARK, FLAT)} <= set(listed)

    first = next(iter((shell.work / "target.lis").read_text().splitlines()[3:]))
    assert "user_bpm" in shell(f"showpars {first} addDQ")
    shell(f"reduce @stdstar.lis -p addDQ:user_bpm={BPM} darkCorrect:do_cal=skip")
    # Nothing but the database has the masters from here on.
    shell("rm -r calibrations")
    said = shell(f"reduce @target.lis -p addDQ:user_bpm={BPM} skyCorrect:scale_sky=False")
    assert f"dark {DARK} (obtained from {shell.work}/cal_manager.db)" in said
    assert {path.name for path in shell.work.glob("*_image.fits")} == {STANDARD, TARGET}
    (shell.work / TARGET).unlink()
    shell(
        f"reduce @target.lis --user_cal processed_dark:{DARK} processed_flat:{FLAT} "
        f"-p addDQ:user_bpm={BPM} skyCorrect:scale_sky=False"
    )
    assert open_frame(shell.work / TARGET).phu["DARKIM"] == DARK
    (shell.work / "list_of_stacks").write_text(f"{TARGET}\n")
    assert "RECIPE: alignAndStack" in shell("reduce @list_of_stacks -r alignAndStack --suffix _again")

    removed = shell(f"caldb remove {DARK} -v")
    assert f"Removed {DARK}" in removed
    assert DARK not in shell("caldb list")
    assert (shell.work / DARK).is_file()
