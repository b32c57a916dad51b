"""The table REQUEST: what a product says of how it was made."""

from __future__ import annotations

import numpy as np
import pytest

from nightcrew.reducer.engine.recording import as_text
from nightcrew.reducer.products.request_record import Calibration, Named, RequestRecord, Setting, read_record
from nightcrew.shared.errors import FrameError
from nightcrew.shared.fits import open_frame, write_frame
from nightcrew.shared.frames import Table
from support.runs import niri_frame

FULL = RequestRecord(
    recipe="deeper",
    recipe_file=Named("mine.py", "a" * 32),
    mode="ql",
    profile="best",
    suffix="_night1",
    inputs=(Named("N1.fits", "b" * 32), Named("N2.fits.bz2", "c" * 32)),
    calibrations=(
        Calibration("processed_dark", Named("N9_dark.fits", "d" * 32)),
        Calibration("processed_flat", Named("N8_flat.fits", "e" * 32), "N1_varAdded.fits"),
    ),
    settings=(Setting("skyCorrect:scale_sky", "False"), Setting("addDQ:user_bpm", "bpm.fits", "f" * 32)),
    software=(("nightcrew", "1.0"), ("numpy", "2.4")),
)
LEAST = RequestRecord("reduce", None, "sq", "standard", None, ())


@pytest.mark.parametrize("record", [FULL, LEAST])
def test_a_record_survives_the_disk(record, tmp_path) -> None:
    frame = niri_frame()
    record.write(frame)
    write_frame(frame, tmp_path / "product.fits")
    read = open_frame(tmp_path / "product.fits")
    assert read_record(read) == record
    assert (read.phu["NCRECIPE"], read.phu["NCPROFIL"]) == (record.recipe, record.profile)


def test_a_record_replaces_that_of_an_earlier_step() -> None:
    frame = niri_frame()
    FULL.write(frame)
    LEAST.write(frame)
    assert read_record(frame) == LEAST


def test_a_product_without_a_record_is_refused_by_name() -> None:
    with pytest.raises(FrameError, match=r"N20160102S0001.fits: no table REQUEST"):
        read_record(niri_frame())


def test_a_damaged_record_is_refused() -> None:
    frame = niri_frame()
    frame.tables["REQUEST"] = Table(np.zeros(1, [("KIND", "U8")]))
    with pytest.raises(FrameError, match="lacks columns"):
        read_record(frame)
    table = FULL.table()
    frame.tables["REQUEST"] = Table(table.rows[1:])
    with pytest.raises(FrameError, match="one row of kind recipe"):
        read_record(frame)


def test_values_are_told_as_they_would_be_typed() -> None:
    assert as_text(["a", "b"]) == "a,b"
    assert as_text(None) == "None"
    assert as_text(0.1) == "0.1"
    assert as_text(niri_frame("dark.fits")) == "<dark.fits>"
