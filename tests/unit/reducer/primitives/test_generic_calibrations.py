"""Calibrations made of science frames lose the headers of their programme."""

from __future__ import annotations

import numpy as np
import pytest

from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.shared.dq import DQ
from nightcrew.shared.errors import FrameError
from nightcrew.shared.fits import open_frame
from support.runs import f2_frame, niri_frame, running


def stored(directory, frame, **given):
    frame.phu["PREPARE"] = "done"
    with running(directory, frame) as run:
        run.step("storeProcessedFlat", {"force": True, **given})
        (path,) = run.stored
    return open_frame(path)


def test_a_flat_of_the_sky_belongs_to_no_programme(tmp_path) -> None:
    frame = niri_frame("N20160102S0271_stack.fits", GEMPRGID="GN-2016A-Q-1", ORIGNAME="N20160102S0271.fits")
    phu = stored(tmp_path, frame).phu
    assert phu["OBSCLASS"] == "partnerCal"
    assert (phu["OBSTYPE"], phu["OBJECT"]) == ("FLAT", "Flat Frame")
    assert (phu["GCALLAMP"], phu["GCALSHUT"]) == ("QH", "OPEN")
    assert phu["GEMPRGID"] == "GN-CAL20160102"
    assert phu["OBSID"] == "GN-CAL20160102-900"
    assert phu["DATALAB"] == "GN-CAL20160102-900-271-SQ-FLAT"
    assert phu["RELEASE"] == "2016-01-02"
    assert (phu["RA"], phu["DEC"]) == (0.0, 0.0)
    assert "PROCFLAT" in phu


def test_it_has_the_tags_of_a_flat_and_no_coordinates(tmp_path) -> None:
    flat = stored(tmp_path, niri_frame("N20160102S0271_stack.fits", ORIGNAME="N20160102S0271.fits"))
    assert {"PROCESSED", "FLAT", "CAL", "IMAGE"} <= describe_frame(flat).tags
    assert flat.planes[0].header["CRVAL1"] == flat.planes[0].header["CRVAL2"] == 0.0
    assert flat.filename == "N20160102S0271_flat.fits"


@pytest.mark.parametrize(
    ("make", "program", "wanted"),
    [
        (niri_frame, "G-2024A-0123-Q", "GN-CAL20160102"),
        (f2_frame, "G-2024A-0123-Q", "GS-CAL20131128"),
        (f2_frame, "GS-2013B-Q-15", "GS-CAL20131128"),
        (f2_frame, None, "GS-CAL20131128"),
    ],
)
def test_programmes_named_for_no_site_go_by_the_telescope(make, program, wanted, tmp_path) -> None:
    frame = make(data=np.ones((16, 16), np.float32), GEMPRGID=program)
    assert stored(tmp_path, frame).phu["GEMPRGID"] == wanted


def test_names_without_a_frame_number_get_the_first(tmp_path) -> None:
    frame = niri_frame("skies.fits", data=np.ones((16, 16), np.float32))
    assert stored(tmp_path, frame).phu["DATALAB"] == "GN-CAL20160102-900-001-SQ-FLAT"


def test_an_f2_flat_names_no_lamp(tmp_path) -> None:
    assert "GCALLAMP" not in stored(tmp_path, f2_frame(data=np.ones((16, 16), np.float32))).phu


def test_without_force_frames_of_the_sky_are_not_stored_as_flats(tmp_path) -> None:
    with running(tmp_path, niri_frame(PREPARE="done")) as run:
        run.step("storeProcessedFlat", {})
        assert not run.stored
        assert any("not recognized as a processed_flat" in warning for warning in run.ledger.warnings)


@pytest.mark.parametrize(("mode", "name"), [("sq", "N1_image.fits"), ("ql", "N1_image.fits")])
def test_a_final_image_is_stamped_named_and_labelled(mode: str, name: str, tmp_path) -> None:
    frame = niri_frame("N1_stack.fits", ORIGNAME="N1.fits", DATALAB="GN-2016A-Q-1-1-001-STACK")
    with running(tmp_path, frame, mode=mode) as run:
        run.step("storeProcessedScience", {"suffix": "_image"})
        (done,) = run.stream("main")
    assert (done.filename, done.phu["DATALAB"]) == (name, f"GN-2016A-Q-1-1-001-{mode.upper()}-IMAGE")
    assert (done.phu["PROCMODE"], "PROCSCI" in done.phu) == (mode, True)


def test_a_frame_that_is_no_flat_is_not_kept_as_one(tmp_path) -> None:
    with running(tmp_path, niri_frame("N1.fits")) as run:
        run.step("storeProcessedFlat", {})
        assert run.stored == []
        assert "not recognized as a processed_flat" in run.ledger.warnings[0]


@pytest.mark.parametrize("step", ["storeProcessedFlat", "storeProcessedScience"])
def test_a_product_without_a_good_pixel_is_not_kept(step: str, tmp_path) -> None:
    frame = niri_frame("N1_stack.fits", data=np.ones((16, 16), np.float32))
    frame.planes[0].dq = np.full((16, 16), DQ.SATURATED, np.uint16)
    with running(tmp_path, frame) as run, pytest.raises(FrameError, match="not one good pixel"):
        run.step(step, {})
    frame.planes[0].dq = np.full((16, 16), DQ.NON_LINEAR, np.uint16)
    with running(tmp_path, frame) as run:
        run.step(step, {})
