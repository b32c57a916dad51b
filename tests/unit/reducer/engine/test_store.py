"""Where products go, and the md5 of files that are there."""

from __future__ import annotations

import numpy as np
import pytest

from nightcrew.reducer.engine.digests import Digests
from nightcrew.reducer.engine.store import Directory
from nightcrew.shared.errors import ServiceError
from nightcrew.shared.fits import md5_of, open_frame
from support.runs import niri_frame


def test_a_calibration_lies_in_two_places_with_the_same_bytes(tmp_path) -> None:
    store, frame = Directory(tmp_path), niri_frame("N1_dark.fits", np.ones((8, 8), np.float32))
    kept = store.store(frame, "processed_dark")
    copy = store.write(frame)
    assert (kept, copy) == (tmp_path / "calibrations/processed_dark/N1_dark.fits", tmp_path / "N1_dark.fits")
    assert kept.read_bytes() == copy.read_bytes()
    assert len(list(tmp_path.iterdir())) == 2  # nothing half-written is left


def test_a_night_keeps_one_copy(tmp_path) -> None:
    store, frame = Directory(tmp_path, keep_calibrations=False), niri_frame("N1_dark.fits")
    assert store.store(frame, "processed_dark") == store.write(frame) == tmp_path / "N1_dark.fits"


def test_a_copy_that_cannot_be_written_is_an_error_with_a_remedy(tmp_path) -> None:
    store, frame = Directory(tmp_path), niri_frame("N1_dark.fits")
    store.store(frame, "processed_dark")
    (tmp_path / "N1_dark.fits").mkdir()
    with pytest.raises(ServiceError, match=r"N1_dark\.fits: cannot be written .*choose another name"):
        store.write(frame)
    assert {path.name for path in tmp_path.iterdir()} == {"calibrations", "N1_dark.fits"}


def test_a_place_for_calibrations_that_cannot_be_made_is_an_error(tmp_path) -> None:
    (tmp_path / "calibrations").write_text("a file")
    with pytest.raises(ServiceError, match="calibrations/processed_dark: cannot be written"):
        Directory(tmp_path).store(niri_frame(), "processed_dark")


def test_the_md5_follows_the_content(tmp_path) -> None:
    path, digests = tmp_path / "N1.fits", Digests()
    Directory(tmp_path).write(niri_frame("N1.fits"))
    assert digests.md5(path) == digests.md5(path) == md5_of(path)
    changed = open_frame(path)
    changed.phu["OBJECT"] = "other"
    Directory(tmp_path).write(changed)
    assert digests.md5(path) == md5_of(path)


def test_a_file_that_has_gone_is_an_error(tmp_path) -> None:
    with pytest.raises(ServiceError, match=r"gone\.fits: cannot be read"):
        Digests().md5(tmp_path / "gone.fits")
