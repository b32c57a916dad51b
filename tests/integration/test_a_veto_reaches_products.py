"""Reductions by hand with a database that stores: nothing is added by hand, and a veto reaches every product."""

from __future__ import annotations

from pathlib import Path

import pytest

from nightcrew.simulator import niri_night
from support.command import nightcrew
from support.local_databases import configure, data_dir, empty_database, home, module_marker

__all__ = ["data_dir", "empty_database", "home", "module_marker", "nightcrew"]

DARK, FLAT, TARGET = "N20160102S0423_dark.fits", "N20160102S0373_flat.fits", "N20160102S0271_image.fits"


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a small night."""
    directory = tmp_path_factory.mktemp("raw")
    niri_night(1, size=256, frames=3).write(directory)
    return directory


def test_a_veto_reaches_what_was_made_with_a_dark(home, empty_database, raw, nightcrew):
    configure(home, "./cals.db get store")
    frames = sorted(map(str, raw.glob("*.fits")))

    def reduce(*conditions: str) -> str:
        """Select frames and reduce them; return what is told."""
        selected = nightcrew("dataselect", *frames, *conditions).lines
        said = nightcrew("reduce", *selected, "-p", "skyCorrect:scale_sky=False")
        assert said.code == 0, said.err
        return said.err

    darks = reduce("--tags", "DARK", "--expr", "exposure_time==20")
    assert f"./cals.db: Storing calibrations/processed_dark/{DARK} as processed_dark" in darks
    flats = reduce("--tags", "FLAT")
    assert f"./cals.db: Storing calibrations/processed_flat/{FLAT} as processed_flat" in flats
    here = Path.cwd()
    assert nightcrew("caldb", "list").lines == [
        "Database: ./cals.db",
        f"{FLAT:30} {here}/calibrations/processed_flat",
        f"{DARK:30} {here}/calibrations/processed_dark",
    ]
    target = ("--tags", "IMAGE", "--xtags", "FLAT", "--expr", 'object!="FS 17"')
    reduce(*target)
    assert nightcrew("caldb", "affected", DARK).out == f"{here / TARGET}\n"
    assert nightcrew("caldb", "affected", FLAT).out == f"{here / TARGET}\n"
    assert "is vetoed" in nightcrew("caldb", "veto", DARK, "--why", "light leak").out
    again = nightcrew("reduce", *nightcrew("dataselect", *frames, *target).lines)
    assert (again.code, f"{DARK} is vetoed in ./cals.db" in again.err) == (1, True)
