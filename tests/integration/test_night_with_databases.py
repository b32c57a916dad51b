"""A night that lacks its darks, and the configured databases."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits

from nightcrew.shared.fits import open_frame
from nightcrew.simulator import niri_night
from support.archive import unused_url
from support.command import nightcrew
from support.local_databases import configure, data_dir, empty_database, home, module_marker

__all__ = ["data_dir", "empty_database", "home", "module_marker", "nightcrew"]

DARK = "N20160102S0423_dark.fits"


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the directories of the 20 s darks of a night, and of its other frames but those of the standard."""
    darks, others = (tmp_path_factory.mktemp(name) for name in ("darks", "others"))
    niri_night(1, size=256, frames=3).write(others)
    for path in others.glob("*.fits"):
        phu = open_frame(path).phu
        if phu["OBSTYPE"] == "DARK" and phu["EXPTIME"] > 10:
            shutil.move(path, darks / path.name)
        elif phu["OBJECT"] == "FS 17":
            path.unlink()
    return darks, others


@pytest.fixture
def stored(home, empty_database, raw, nightcrew) -> Path:
    """Return the directory of a night without darks; a database has the one that was made yesterday."""
    configure(home, "./cals.db get store")
    assert nightcrew("night", str(raw[0]), "--out", "yesterday", "--no-previews").code == 0
    return raw[1]


def groups(out: str) -> dict[str, dict[str, Any]]:
    document = json.loads(Path(out, "night.json").read_text())
    return {group["kind"]: group for group in document["groups"]}


def test_masters_of_a_night_are_entered_and_serve_the_next_one(stored, nightcrew):
    assert nightcrew("caldb", "list").lines[1:] == [f"{DARK:30} {Path.cwd()}/yesterday"]
    planned = nightcrew("night", str(stored), "--plan")
    assert DARK in planned.out
    said = nightcrew("night", str(stored), "--out", "today", "--no-previews")
    assert said.code == 0, said.out + said.err
    science = groups("today")["science"]
    (dark,) = [one for one in science["calibrations"] if one["type"] == "processed_dark"]
    assert dark["file"] == DARK
    assert dark["reason"].endswith("; from ./cals.db")
    assert all(DARK not in entry["file"] for entry in json.loads(Path("today/night.json").read_text())["left_out"])
    image = Path.cwd() / "today" / science["products"][-1]
    assert open_frame(image).phu["DARKIM"] == DARK
    assert nightcrew("caldb", "affected", DARK).out == f"{image}\n"
    names = [line.split()[0] for line in nightcrew("caldb", "list").lines[1:]]
    assert any(name.endswith("_flat.fits") for name in names)
    nightcrew("caldb", "veto", DARK, "--why", "light leak")
    vetoed = nightcrew("night", str(stored), "--plan")
    assert DARK not in vetoed.out


def test_a_dark_that_somebody_certified_for_these_days_is_used_whatever_its_date(stored, nightcrew):
    old = Path("old", "N20140102S0423_dark.fits")
    old.parent.mkdir()
    with fits.open(Path("yesterday", DARK)) as hdus:
        hdus[0].header["DATE-OBS"] = "2014-01-02"
        hdus.writeto(old, checksum=True)
    nightcrew("caldb", "remove", DARK)
    assert nightcrew("caldb", "add", str(old)).code == 0
    assert old.name not in nightcrew("night", str(stored), "--plan").out
    assert nightcrew("caldb", "certify", old.name, "--why", "unchanged", "--from", "2016-01-01").code == 0
    assert old.name in nightcrew("night", str(stored), "--plan").out
    assert nightcrew("night", str(stored), "--out", "today", "--no-previews").code == 0
    image = Path("today", groups("today")["science"]["products"][-1])
    assert open_frame(image).phu["DARKIM"] == old.name


def test_a_vetoed_master_that_lies_among_the_frames_is_left_out(stored, nightcrew):
    shutil.copytree(stored, "mixed", symlinks=True)
    shutil.copy2(Path("yesterday", DARK), Path("mixed", DARK))
    assert "finished already" in nightcrew("night", "mixed", "--plan").out
    nightcrew("caldb", "veto", DARK, "--why", "light leak")
    assert nightcrew("night", "mixed", "--out", "after", "--no-previews").code == 0
    science = groups("after")["science"]
    assert "DARKIM" not in open_frame(Path("after", science["products"][-1])).phu
    left_out = json.loads(Path("after", "night.json").read_text())["left_out"]
    assert left_out == [{"file": DARK, "reason": f"{DARK} is vetoed in ./cals.db"}]


def test_masters_are_not_entered_where_that_is_not_wanted(home, empty_database, raw, nightcrew):
    configure(home, "./cals.db get store")
    assert nightcrew("night", str(raw[0]), "--out", "out", "--no-previews", "--no-store").code == 0
    assert nightcrew("caldb", "list").lines[1:] == ["There are no files in the database"]


def test_science_waits_for_a_server_that_may_have_its_dark(home, raw, nightcrew):
    url = unused_url()
    Path("rc").write_text(f"[calibs]\ndatabases = {url} get\n")
    said = nightcrew("night", str(raw[1]), "--out", "out", "--no-previews", "-c", "rc")
    assert said.code == 1
    outcome = groups("out")["science"]["outcome"]
    assert outcome["status"] == "retryable"
    assert outcome["reason"].startswith(f"processed_dark: {url}: cannot be asked")
    said = nightcrew("night", str(raw[1]), "--out", "quick", "--no-previews", "-c", "rc", "--mode", "ql")
    science = groups("quick")["science"]
    assert science["outcome"]["status"] == "succeeded"
    assert any(f"reduced without processed_dark: {url}" in caveat for caveat in science["outcome"]["caveats"])


def test_a_night_that_has_its_darks_needs_no_server_for_a_mask(home, raw, nightcrew):
    Path("all").mkdir()
    for path in (one for directory in raw for one in directory.glob("*.fits")):
        Path("all", path.name).symlink_to(path)
    url = unused_url()
    Path("rc").write_text(f"[calibs]\ndatabases = {url} get\n")
    assert nightcrew("night", "all", "--out", "out", "--no-previews", "-c", "rc").code == 0
    ended = {kind: group["outcome"] for kind, group in groups("out").items()}
    assert {outcome["status"] for outcome in ended.values()} == {"succeeded"}
    caveats = ended["dark"]["caveats"]
    assert [caveat.startswith(f"without the observatory's bad-pixel mask: {url}") for caveat in caveats] == [True]
