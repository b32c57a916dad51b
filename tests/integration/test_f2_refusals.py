"""F2 frames and lists that cannot be reduced: one line with file, rule and remedy, an outcome, and exit code 1."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from nightcrew.cli.main import main
from nightcrew.shared.fits import write_frame
from support.runs import F2_DARK, F2_SIZE, LAMP_OFF, LAMP_ON, f2_frame

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

K_BAND = {"FILTER1": "Ks_G0804", "EXPTIME": 20.0}
BRIGHT = np.full((1, F2_SIZE, F2_SIZE), 5000, np.int32)
SMALL = np.zeros((1, 1024, 1024), np.int32)

Frames = list[dict[str, Any]]


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Reduce frames by the command; return its exit code, the outcome as JSON and what it said last."""
    monkeypatch.chdir(tmp_path)

    def run(frames: Frames, *options: str) -> tuple[int, dict[str, Any], str]:
        names = []
        for number, cards in enumerate(frames, 1):
            name = f"S20131128S{number:04d}.fits"
            given = dict(cards)
            write_frame(f2_frame(name, given.pop("data", None), **given), tmp_path / name)
            names.append(name)
        code = main(["reduce", *names, "--json", *options])
        printed = capfd.readouterr()
        outcome = json.loads(printed.out.strip().splitlines()[-1])
        left = {path.name for path in tmp_path.rglob("*.fits")} - set(names)
        assert left == set(), "nothing half-made stays"
        (line,) = [line for line in printed.err.splitlines() if line.startswith("reduce: error: ")]
        return code, outcome, line

    return run


@pytest.mark.parametrize(
    ("frames", "options", "code", "file", "rule", "remedy"),
    [
        pytest.param(
            [{**F2_DARK, "LNRS": 3}], (), "frame",
            "S20131128S0001", "no gain is known for read mode 3", "correct the header (LNRS",
            id="a number of reads that F2 does not have",
        ),
        pytest.param(
            [{**F2_DARK, "data": SMALL}], (), "frame",
            "S20131128S0001.fits", "has 1024 x 1024 x 1 pixels where F2 always reads 2048 x 2048",
            "take the file as the archive ships it",
            id="another size of detector",
        ),
        pytest.param(
            [{**LAMP_ON, "data": BRIGHT}, LAMP_OFF], ("-r", "makeProcessedBPM"), "frame",
            "S20131128S0001", "A SET OF DARKS IS REQUIRED", "add them to the list (short ones, about 1 s)",
            id="a mask without short darks",
        ),
        pytest.param(
            [F2_DARK], ("-r", "makeProcessedBPM"), "no_recipe",
            "makeProcessedBPM", "makeProcessedBPM is for CAL/F2/FLAT/IMAGE", "the first file decides",
            id="a mask of darks alone",
        ),
        pytest.param(
            [{**LAMP_OFF, **K_BAND}, {**LAMP_OFF, **K_BAND}], (), "calibration",
            "S20131128S0001", "flats in a K band need darks of their own exposure time",
            "list darks of 20 s with the flats",
            id="flats in a K band without darks",
        ),
        pytest.param(
            [{**LAMP_OFF, **K_BAND}, {**F2_DARK, "EXPTIME": 30.0}], (), "frame",
            "S20131128S0002", "Darks exposure time not equal to flats exposure time (30 s", "list darks of 20 s",
            id="flats in a K band with darks of another exposure time",
        ),
    ],
)  # fmt: skip
def test_it_is_refused_in_one_line(
    frames: Frames, options: tuple[str, ...], code: str, file: str, rule: str, remedy: str, refused: Callable[..., Any]
) -> None:
    exit_code, outcome, line = refused(frames, *options)
    assert exit_code == 1
    assert (outcome["status"], outcome["code"], outcome["products"]) == ("unprocessable", code, [])
    for text in (file, rule, remedy):
        assert text in line
    assert outcome["reason"] == line.removeprefix("reduce: error: ")


def test_a_night_of_flats_in_a_k_band_without_darks_says_what_is_missing_and_ends_with_1(tmp_path, capfd) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for number in (1, 2):
        name = f"S20131128S{number:04d}.fits"
        write_frame(f2_frame(name, **LAMP_OFF, **K_BAND), raw / name)
    assert main(["night", str(raw), "--out", str(tmp_path / "out"), "--no-previews"]) == 1
    (group,) = json.loads((tmp_path / "out" / "night.json").read_text())["groups"]
    assert (group["kind"], group["outcome"]["status"], group["outcome"]["code"]) == ("flat", "unprocessable", "plan")
    assert "put darks with exactly the exposure time of the flats" in group["outcome"]["reason"]
    assert group["outcome"]["reason"].split(";")[0] in " ".join(capfd.readouterr().out.split())
