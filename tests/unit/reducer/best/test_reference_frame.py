"""The best frame is the one that the others are aligned with, and the first keeps its name."""

from __future__ import annotations

import numpy as np
import pytest

from nightcrew.reducer.alignment.looks import Looks, look_at, trusted
from nightcrew.reducer.alignment.reference import choose_reference
from nightcrew.reducer.catalogue.columns import make_catalogue
from support.fields import exposure
from support.runs import SCALE, running


def frame(name: str, sources: int = 20, fwhm: float = 4.0, ellipticity: float = 0.05, off: float = 0.0, wcs=0.0):
    return Looks(name, sources, fwhm, ellipticity, off, wcs)


def chosen(*frames: Looks, criterion="best") -> str:
    return frames[choose_reference(frames, criterion).index].name


def test_the_most_central_of_the_good_frames_is_the_reference():
    frames = [frame("edge", off=9.0), frame("middle", off=1.0), frame("corner", off=12.0)]
    assert chosen(*frames) == "middle"


@pytest.mark.parametrize(
    "middle",
    [
        frame("middle", sources=10),
        frame("middle", fwhm=5.0),
        frame("middle", ellipticity=0.6),
        frame("middle", wcs=5.0),
        frame("middle", sources=0, fwhm=np.nan, ellipticity=np.nan),
    ],
)
def test_a_central_frame_that_is_worse_than_the_others_is_not(middle: Looks):
    assert chosen(frame("edge", off=9.0), middle) == "edge"


@pytest.mark.parametrize(
    ("criterion", "name"),
    [("seeing", "sharp"), ("sources", "deep"), ("central", "middle"), ("first", "first"), ("best", "middle")],
)
def test_the_user_says_what_counts(criterion, name: str):
    frames = [
        frame("first", off=5.0),
        frame("sharp", fwhm=3.8, off=7.0),
        frame("deep", sources=24, off=6.0),
        frame("middle"),
    ]
    assert chosen(*frames, criterion=criterion) == name


def test_without_sources_and_among_equals_the_first_frame_is_the_reference():
    empty = frame("empty", sources=0, fwhm=np.nan, ellipticity=np.nan)
    assert chosen(empty, empty) == "empty"
    assert chosen(frame("first"), frame("second")) == "first"
    assert chosen(frame("alone")) == "alone"
    bad = frame("bad", wcs=50.0)
    assert chosen(bad, bad) == "bad"


def test_blended_faint_and_flagged_sources_are_not_trusted():
    values = {
        "FLAGS": [0, 2, 0, 0, 0],
        "FLUX_AUTO": [100.0, 900.0, 15.0, 800.0, 300.0],
        "FLUXERR_AUTO": [1.0] * 5,
        "ISOAREA_IMAGE": [50] * 5,
        "NIMAFLAGS_ISO": [0, 0, 0, 30, 5],
        "FWHM_IMAGE": [4.0, 9.0, 9.0, 9.0, 5.0],
        "ELLIPTICITY": [0.1, 0.9, 0.9, 0.9, 0.2],
    }
    catalogue = make_catalogue(values, 5)
    assert trusted(catalogue).tolist() == [4, 0]
    looks = look_at("frame", catalogue)
    assert (looks.sources, looks.fwhm, looks.ellipticity) == (2, 4.5, pytest.approx(0.15))
    assert look_at("none", None).sources == 0


def dither():
    # Whole pixels: the stars of all frames are sampled alike.
    offsets = [(20 * SCALE, 0.0), (0.0, 0.0), (-20 * SCALE, 0.0)]
    return [exposure(n, p=p, q=q, size=160) for n, (p, q) in enumerate(offsets, 1)]


def test_the_reference_comes_first_and_the_input_order_comes_back(tmp_path):
    with running(tmp_path, *dither(), user=("detectSources:detect_minarea=10",)) as run:
        run.step("detectSources", {})
        run.step("chooseReferenceFrame", {})
        assert run.stream("main")[0].phu["ORIGNAME"] == "N20160102S0002.fits"
        assert {f.phu["NCREFIM"] for f in run.stream("main")} == {"N20160102S0002.fits"}
        run.step("restoreInputOrder", {})
        assert [f.phu["ORIGNAME"] for f in run.stream("main")] == [f"N20160102S000{n}.fits" for n in (1, 2, 3)]
        assert all("NCORDER" not in f.phu for f in run.stream("main"))
        assert not run.ledger.warnings


def test_a_wcs_against_the_offsets_is_told_and_no_reference(tmp_path):
    frames = [exposure(1, size=160), exposure(2, size=160, wcs_error=(0.0, 0.0)), exposure(3, size=160)]
    frames[0].planes[0].header["CRVAL2"] += 5.0 / 3600
    with running(tmp_path, *frames, user=("detectSources:detect_minarea=10",)) as run:
        run.step("detectSources", {})
        run.step("chooseReferenceFrame", {})
        assert run.stream("main")[0].phu["ORIGNAME"] == "N20160102S0002.fits"
        (warning,) = run.ledger.warnings
        assert "N20160102S0001" in warning
        assert "5.0 arcsec" in warning


def test_nothing_in_nothing_out(tmp_path):
    with running(tmp_path, exposure(1)) as run:
        run.streams["main"] = []
        run.step("chooseReferenceFrame", {})
        assert run.stream("main") == []


def test_frames_without_telescope_offsets_are_not_judged_by_them(tmp_path):
    frames = [exposure(n, size=160, POFFSET=None) if n == 1 else exposure(n, size=160) for n in (1, 2)]
    for one in frames:
        one.phu.remove("POFFSET", ignore_missing=True)
    with running(tmp_path, *frames, user=("detectSources:detect_minarea=10",)) as run:
        run.step("detectSources", {})
        run.step("chooseReferenceFrame", {})
        assert not run.ledger.warnings
