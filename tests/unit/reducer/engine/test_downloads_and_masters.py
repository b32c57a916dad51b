"""What was fetched from a server and what was made here lie side by side, and are told apart."""

from __future__ import annotations

from nightcrew.reducer.engine.local_calibrations import DirectoryCalibrations
from nightcrew.reducer.engine.store import Directory
from nightcrew.shared.calibrations import Found, NotFound
from nightcrew.shared.downloads import is_download, mark_download
from nightcrew.shared.fits import open_frame
from support.niri_masters import master_dark
from support.runs import niri_frame

DARK = "processed_dark"


def test_a_download_is_for_its_server_to_give(tmp_path):
    path = master_dark(tmp_path / "calibrations" / DARK / "N9_dark.fits")
    assert isinstance(DirectoryCalibrations(tmp_path / "calibrations").find(niri_frame(), DARK), Found)
    mark_download(path, "http://cal.example", "0" * 32)
    assert isinstance(DirectoryCalibrations(tmp_path / "calibrations").find(niri_frame(), DARK), NotFound)


def test_a_master_made_in_the_place_of_a_download_is_one_of_ours(tmp_path):
    path = tmp_path / "calibrations" / DARK / "N9_dark.fits"
    frame = open_frame(master_dark(tmp_path / "N9_dark.fits"))
    path.parent.mkdir(parents=True)
    mark_download(path, "http://cal.example", "0" * 32)
    assert Directory(tmp_path).store(frame, DARK) == path
    assert not is_download(path)
    assert isinstance(DirectoryCalibrations(tmp_path / "calibrations").find(niri_frame(), DARK), Found)


def test_a_master_that_somebody_objects_to_is_passed_over_and_the_reason_told(tmp_path):
    master_dark(tmp_path / DARK / "N8_dark.fits", level=4.0)
    master_dark(tmp_path / DARK / "N9_dark.fits", level=5.0)
    source = DirectoryCalibrations(
        tmp_path, objection=lambda path: "N9_dark.fits is vetoed in nights.db" if path.name == "N9_dark.fits" else ""
    )
    assert source.find(niri_frame(), DARK).path.name == "N8_dark.fits"
    source = DirectoryCalibrations(tmp_path, objection=lambda path: f"{path.name} is vetoed")
    assert source.find(niri_frame(), DARK).reason.endswith("N8_dark.fits is vetoed; N9_dark.fits is vetoed")
