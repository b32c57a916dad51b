"""Opening and selecting files as scripts written for DRAGONS do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from nightcrew.compat import astrodata
from nightcrew.compat.dataselect import expr_parser, select_data
from nightcrew.shared.selection import ExpressionError
from support.frames import write_niri
from support.runs import DARK, LAMP_ON, niri_frame

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Two darks, a flat and an image of the sky."""
    paths = [
        write_niri(tmp_path / "N1.fits", **DARK, EXPTIME=20.001),
        write_niri(tmp_path / "N2.fits", **DARK, EXPTIME=1.001),
        write_niri(tmp_path / "N3.fits", **LAMP_ON),
        write_niri(tmp_path / "N4.fits", OBJECT="FS 17"),
    ]
    return [str(path) for path in paths]


def test_files_are_selected_by_tags_and_expression_in_their_order(files):
    assert select_data(files, ["DARK"]) == files[:2]
    assert select_data(files[::-1], ["DARK"], [], expr_parser("exposure_time==1")) == [files[1]]
    assert select_data(files, ["IMAGE"], ["FLAT"], 'object=="FS 17"') == [files[3]]
    assert select_data(files) == files
    assert select_data(files, expression=None) == files


def test_an_expression_may_be_strict(files):
    assert select_data(files, ["DARK"], [], expr_parser("exposure_time==20", strict=True)) == []


def test_opened_files_are_selected_and_returned_as_they_are(files):
    opened = [astrodata.open(file) for file in files]
    assert select_data(opened, ["FLAT"]) == [opened[2]]


def test_what_is_no_expression_is_refused_before_any_file_is_opened():
    with pytest.raises(ExpressionError, match="exposure_tine"):
        select_data(["nosuch.fits"], expression="exposure_tine==1")
    with pytest.raises(ValueError, match="adpkg"):
        select_data([], adpkg="soar")


def test_an_opened_file_knows_its_descriptors_and_pixels(files):
    ad = astrodata.open(files[0])
    assert {"NIRI", "DARK", "RAW"} <= ad.tags
    assert ad.exposure_time() == pytest.approx(20.001)
    assert (ad.filename, ad.path, ad.orig_filename) == ("N1.fits", files[0], "N1.fits")
    assert ad.phu["OBSTYPE"] == "DARK"
    assert (len(ad), len(list(ad)), len(ad.hdr)) == (1, 1, 1)
    assert ad[0].data.shape == ad[-1].shape == (32, 32)
    assert (ad[0].variance, ad[0].mask) == (None, None)
    assert isinstance(ad.gain(), list)
    assert ad[0].gain() == ad.gain()[0]
    assert ad[0].hdr["EXTVER"] == 1
    assert "filter_name" in dir(ad)
    assert "gain" in ad.descriptors
    assert "N1.fits" in repr(ad)
    with pytest.raises(AttributeError, match="no attribute 'exposure'"):
        ad.exposure()
    with pytest.raises(IndexError):
        ad[1]


def test_a_file_tells_what_is_in_it(tmp_path, capsys):
    frame = niri_frame("N1.fits", data=np.ones((4, 4), np.float32))
    frame.planes[0].variance = np.ones((4, 4), np.float32)
    frame.tables["TRUTH"] = np.zeros(2, [("X", "f4")])  # type: ignore[assignment]
    astrodata.AstroData(frame).info()
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "Filename: N1.fits"
    assert any("variance" in line and "(4, 4)" in line for line in told)
    assert any(".TRUTH" in line for line in told)


def test_a_file_is_not_overwritten_unless_asked(files, tmp_path):
    ad = astrodata.open(files[0])
    ad.write(tmp_path / "copy.fits")
    with pytest.raises(OSError, match="exists"):
        ad.write(tmp_path / "copy.fits")
    ad.write(tmp_path / "copy.fits", overwrite=True)
    assert astrodata.from_file(tmp_path / "copy.fits").exposure_time() == pytest.approx(20.001)


def test_a_file_that_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nosuch\.fits: no such file"):
        astrodata.open(tmp_path / "nosuch.fits")
    (tmp_path / "text.fits").write_text("no FITS")
    with pytest.raises(astrodata.AstroDataError, match=r"text\.fits"):
        astrodata.open(tmp_path / "text.fits")
