"""Which master of a directory belongs to a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from nightcrew.reducer.engine.local_calibrations import DirectoryCalibrations
from nightcrew.shared.calibrations import Found, NotFound
from nightcrew.shared.downloads import forget_download, mark_download
from nightcrew.shared.fits import write_frame
from support.runs import DARK, LAMP_ON, niri_frame

if TYPE_CHECKING:
    from pathlib import Path

FINISHED = {"PREPARE": "done", "PROCMODE": "sq"}


def keep(root: Path, caltype: str, name: str, size: int = 256, **cards) -> Path:
    """Write a master where a reduction would keep it."""
    folder = root / caltype
    folder.mkdir(parents=True, exist_ok=True)
    frame = niri_frame(name, np.ones((size, size), np.float32), **cards, **FINISHED)
    write_frame(frame, folder / name)
    return folder / name


def keep_dark(root: Path, name: str, **cards) -> Path:
    return keep(root, "processed_dark", name, PROCDARK="done", **{**DARK, **cards})


def keep_mask(root: Path, name: str, size: int = 256, **cards) -> Path:
    return keep(root, "processed_bpm", name, size, BPMASK="done", PROCBPM="done", **{**LAMP_ON, **cards})


def test_the_nearest_fitting_dark_is_found_with_a_reason(tmp_path) -> None:
    keep_dark(tmp_path, "N1_dark.fits", DATE_OBS="2015-12-20")
    near = keep_dark(tmp_path, "N2_dark.fits", DATE_OBS="2016-01-01")
    keep_dark(tmp_path, "N3_dark.fits", EXPTIME=60.0)
    answer = DirectoryCalibrations(tmp_path).find(niri_frame(), "processed_dark")
    assert isinstance(answer, Found)
    assert (answer.path, answer.origin, answer.relaxed) == (near, str(tmp_path), "")
    assert "same data section" in answer.reason


def test_an_empty_directory_says_where_it_looked(tmp_path) -> None:
    answer = DirectoryCalibrations(tmp_path / "nowhere").find(niri_frame(), "processed_flat")
    assert answer == NotFound(f"no processed_flat in {tmp_path / 'nowhere' / 'processed_flat'}")


def test_masters_that_do_not_fit_or_are_damaged_are_explained(tmp_path) -> None:
    keep_dark(tmp_path, "N3_dark.fits", EXPTIME=60.0)
    (tmp_path / "processed_dark" / "N4_dark.fits").write_bytes(b"no FITS")
    answer = DirectoryCalibrations(tmp_path).find(niri_frame(), "processed_dark")
    assert isinstance(answer, NotFound)
    assert "N3_dark.fits" in answer.reason
    assert "N4_dark.fits" in answer.reason


def test_what_a_server_gave_is_left_to_the_server(tmp_path) -> None:
    dark = keep_dark(tmp_path, "N1_dark.fits")
    mark_download(dark, "http://127.0.0.1/N1_dark.fits", "0" * 32)
    assert isinstance(DirectoryCalibrations(tmp_path).find(niri_frame(), "processed_dark"), NotFound)
    forget_download(dark)
    assert isinstance(DirectoryCalibrations(tmp_path).find(niri_frame(), "processed_dark"), Found)


def test_a_master_that_somebody_objects_to_is_not_used_and_the_reason_told(tmp_path) -> None:
    keep_dark(tmp_path, "N1_dark.fits")
    answer = DirectoryCalibrations(tmp_path, objection=lambda path: f"{path.name}: vetoed by JD").find(
        niri_frame(), "processed_dark"
    )
    assert isinstance(answer, NotFound)
    assert "N1_dark.fits: vetoed by JD" in answer.reason


@pytest.mark.parametrize("allowed", [False, True])
def test_a_mask_of_the_morning_after_serves_only_where_that_is_allowed(allowed: bool, tmp_path) -> None:
    mask = keep_mask(tmp_path, "N9_bpm.fits", UT="17:00:00.0", UTSTART="17:00:00.0")
    answer = DirectoryCalibrations(tmp_path, allowed).find(niri_frame(), "processed_bpm")
    assert isinstance(answer, Found) is allowed
    if isinstance(answer, Found):
        assert answer.path == mask
        assert "taken after these" in answer.relaxed


@pytest.mark.parametrize("unfit", [{"size": 128}, {"DATE_OBS": "2016-01-09"}])
def test_a_mask_of_another_region_or_night_never_does(unfit, tmp_path) -> None:
    keep_mask(tmp_path, "N9_bpm.fits", UT="17:00:00.0", UTSTART="17:00:00.0", **unfit)
    assert isinstance(DirectoryCalibrations(tmp_path, True).find(niri_frame(), "processed_bpm"), NotFound)
