from __future__ import annotations

import json
from pathlib import Path

import pytest

from nightcrew.simulator import niri_night


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> Path:
    """A small night without a sky: darks and flats are enough to see it through."""
    directory = tmp_path_factory.mktemp("night") / "raw"
    night = niri_night(size=256, frames=3, variants=("truncated",))
    night.write(directory)
    for path in directory.glob("*.fits"):
        if "N20160102S02" in path.name:
            path.unlink()
    return directory


def test_a_plan_touches_nothing(raw, nightcrew, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(raw.iterdir())
    told = nightcrew("night", str(raw), "--plan")
    assert told.code == 0
    assert "makeProcessedFlat" in told.out
    assert "N20160102S0373_flat.fits" in told.out
    assert (sorted(raw.iterdir()), list(tmp_path.iterdir())) == (before, [])


def test_a_plan_as_json_has_groups_and_what_is_not_reduced(raw, nightcrew):
    plan = json.loads(nightcrew("night", str(raw), "--plan", "--json").out)
    assert {"dark", "bpm", "flat"} <= {group["kind"] for group in plan["groups"]}
    assert [damage["code"] for damage in plan["damaged"]] == ["truncated"]


def test_a_night_leaves_products_previews_log_and_a_document(raw, nightcrew, tmp_path):
    told = nightcrew("night", str(raw), "--out", str(tmp_path / "out"), "--json")
    document = json.loads((tmp_path / "out" / "night.json").read_text())
    assert json.loads(told.out) == document
    assert (document["complete"], document["profile"]) == (True, "standard")
    assert document["seconds"] > sum(group["seconds"] for group in document["groups"])
    made = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"N20160102S0373_flat.fits", "N20160102S0373_flat.png", "night.log"} <= made
    assert not [name for name in made if name.startswith(".")]
    assert told.code == 1  # a file was damaged


def test_a_damaged_file_is_named_as_a_warning(raw, nightcrew, tmp_path):
    told = nightcrew("night", str(raw), "--out", str(tmp_path / "out"), "--no-previews")
    assert "night: warning: left out: " in told.err
    assert "groups in " in told.out
    assert not list((tmp_path / "out").glob("*.png"))


@pytest.mark.parametrize("option", [(), ("--debug",)])
def test_a_directory_without_frames_is_refused(option, nightcrew, tmp_path):
    told = nightcrew("night", str(tmp_path), *option)
    assert told.code == 1
    assert f"night: error: {tmp_path}: no FITS files in it" in told.err
    assert ("Traceback" in told.err) is bool(option)


def test_a_place_that_takes_no_directory_is_refused(raw, nightcrew, tmp_path):
    (tmp_path / "file").write_text("")
    told = nightcrew("night", str(raw), "--out", str(tmp_path / "file" / "out"))
    assert told.code == 1
    assert "choose another place with --out" in told.err
