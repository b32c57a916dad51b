"""Calibration databases under DRAGONS' names, in the server that nightcrew keeps for the user."""

from __future__ import annotations

from pathlib import Path

import pytest

from nightcrew.compat import cal_service
from nightcrew.compat.cal_service import CalibrationService, LocalDB, LocalManagerError
from support.frames import write_niri
from support.runs import DARK


@pytest.fixture
def work(tmp_path, monkeypatch) -> Path:
    """A working directory with three darks, a home and a data directory of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NIGHTCREW_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("DRAGONSRC", raising=False)
    monkeypatch.delenv("NIGHTCREW_DATABASE_URL", raising=False)
    for number in (1, 2, 3):
        write_niri(tmp_path / "cals" / f"N{number}.fits", **DARK, EXPTIME=20.0 + number)
    write_niri(tmp_path / "cals" / "below" / "N4.fits", **DARK, EXPTIME=30.0)
    return tmp_path


def names(database: LocalDB | CalibrationService) -> list[str]:
    return [one.name for one in database.list_files()]


def test_a_database_is_made_filled_listed_emptied(work):
    database = LocalDB("cal_manager.db")
    with pytest.raises(LocalManagerError, match="Unable to find") as raised:
        names(database)
    assert raised.value.error_type == 4
    database.init()
    database.add_cal("cals/N1.fits")
    database.add_directory("cals")
    assert names(database) == ["N1.fits", "N2.fits", "N3.fits"]
    assert {one.path for one in database.list_files()} == {str(work / "cals")}
    database.add_directory("cals", walk=True)
    database.remove_cal("cals/N2.fits")
    assert names(database) == ["N1.fits", "N3.fits", "N4.fits"]
    with pytest.raises(LocalManagerError, match=r"N2\.fits: not in") as raised:
        database.remove_cal("N2.fits")
    assert raised.value.error_type == 3
    with pytest.raises(FileNotFoundError, match="does not exist"):
        database.add_cal("nosuch.fits")
    with pytest.raises(LocalManagerError, match="it exists") as raised:
        database.init()
    assert raised.value.error_type == 0
    database.init(wipe=True)
    assert names(database) == []
    assert names(LocalDB("cal_manager.db", force_init=True)) == []
    assert database.name == database.dbfile


def test_what_is_no_database_is_not_touched(work):
    Path("other.db").write_text("mine")
    with pytest.raises(LocalManagerError, match="is no calibration database") as raised:
        LocalDB("other.db", force_init=True)
    assert raised.value.error_type == 2
    with pytest.raises(LocalManagerError) as raised:
        LocalDB("other.db").init()
    assert raised.value.error_type == 1
    assert Path("other.db").read_text() == "mine"


def test_the_service_of_the_older_tutorial_takes_the_database_of_the_configuration(work):
    with pytest.raises(OSError, match="Cannot read config file"):
        cal_service.set_local_database()
    rc = work / "home" / ".geminidr" / "rsys.cfg"
    rc.parent.mkdir(parents=True)
    rc.write_text(f"[calibs]\nstandalone = True\ndatabase_dir = {work}\n")
    service = CalibrationService()
    service.init()
    service.init()
    service.add_cal("cals/N1.fits")
    cal_service.set_cal_service()
    assert names(service) == names(cal_service.set_local_database()) == ["N1.fits"]
    service.remove_cal("N1.fits")
    assert names(service) == []
    other = CalibrationService()
    (work / "elsewhere").mkdir()
    other.config(work / "elsewhere")
    other.init()
    assert (work / "elsewhere" / "cal_manager.db").exists()
