"""prepare: what a raw frame must be, and what it is afterwards."""

from __future__ import annotations

import numpy as np
import pytest

from nightcrew.shared.errors import FrameError
from support.runs import LAMP_ON, niri_frame, running


def test_headers_say_what_later_steps_need(tmp_path) -> None:
    with running(tmp_path, niri_frame(EXPTIME=10.001, COADDS=2)) as run:
        run.step("prepare", {})
        frame = run.stream("main")[0]
    header = frame.planes[0].header
    assert frame.phu["EXPTIME"] == pytest.approx(20.002)
    assert frame.phu["FILTER"] == "K(prime)"
    assert frame.phu["ORIGNAME"] == "N20160102S0001.fits"
    assert frame.phu["PROCSOFT"] == "nightcrew"
    assert header["RDNOISE"] == pytest.approx(35 * np.sqrt(2))
    assert (header["SATLEVEL"], header["NONLINEA"], header["GAIN"]) == (32520, 22764, 12.3)
    assert header["BUNIT"] == "adu"
    assert frame.filename == "N20160102S0001_prepared.fits"


def test_levels_that_nobody_knows_are_undefined_cards(tmp_path) -> None:
    with running(tmp_path, niri_frame(A_VDDUC=0.0)) as run:
        run.step("prepare", {})
        header = run.stream("main")[0].planes[0].header
    assert "SATLEVEL" in header
    assert not isinstance(header["SATLEVEL"], int | float)


def test_whole_numbers_become_float32(tmp_path) -> None:
    with running(tmp_path, niri_frame(data=np.ones((256, 256), np.int32))) as run:
        run.step("prepare", {})
        assert run.stream("main")[0].planes[0].data.dtype == np.float32


def test_another_instrument_is_refused_by_name(tmp_path) -> None:
    stranger = niri_frame("S20160102S0002.fits", INSTRUME="F2")
    with running(tmp_path, niri_frame(), stranger) as run, pytest.raises(FrameError, match="S20160102S0002.fits.*NIRI"):
        run.step("prepare", {})


def test_a_frame_without_wcs_is_refused_unless_told_otherwise(tmp_path) -> None:
    frame = niri_frame()
    for keyword in ("CD1_1", "CD1_2", "CD2_1", "CD2_2"):
        del frame.planes[0].header[keyword]
    with running(tmp_path, frame) as run, pytest.raises(FrameError, match="no WCS"):
        run.step("prepare", {})


def test_pixels_with_a_strange_shape_are_refused(tmp_path) -> None:
    frame = niri_frame(data=np.zeros((2, 256, 256), np.float32))
    with running(tmp_path, frame) as run, pytest.raises(FrameError, match="two axes"):
        run.step("prepare", {})


@pytest.fixture
def sequence():
    """Three frames; the WCS of the second is 5 arcmin off."""
    frames = []
    for number, (p, q) in enumerate([(0.0, 0.0), (5.0, 3.0), (-4.0, 6.0)], 1):
        clock = f"09:1{number}:00.0"
        frame = niri_frame(
            f"N20160102S000{number}.fits", POFFSET=p, QOFFSET=q, UT=clock, UTSTART=clock, UTEND=f"09:1{number}:40.0"
        )
        header = frame.planes[0].header
        header["CRVAL2"] += q / 3600
        header["CRVAL1"] += p / 3600 / np.cos(np.radians(2.0))
        frames.append(frame)
    frames[1].planes[0].header["CRVAL2"] += 300 / 3600
    return frames


def test_a_wrong_wcs_ends_the_reduction_and_names_the_frame(sequence, tmp_path) -> None:
    with running(tmp_path, *sequence) as run, pytest.raises(FrameError, match=r"S0002.*bad_wcs=fix"):
        run.step("prepare", {})


def test_a_wrong_wcs_is_mended_from_a_good_frame_of_the_sequence(sequence, tmp_path) -> None:
    expected = sequence[1].planes[0].header["CRVAL2"] - 300 / 3600
    with running(tmp_path, *sequence, user=("prepare:bad_wcs=fix",)) as run:
        run.step("prepare", {})
        mended = run.stream("main")[1].planes[0].header
        assert mended["CRVAL2"] == pytest.approx(expected, abs=0.02 / 3600)
        assert any("S0002" in w and "taken from" in w for w in run.ledger.warnings)


def test_a_new_wcs_can_be_made_from_target_and_offsets(sequence, tmp_path) -> None:
    for frame in sequence:
        frame.planes[0].header["CRVAL2"] = 20.0
    with running(tmp_path, *sequence, user=("prepare:bad_wcs=new",)) as run:
        run.step("prepare", {})
        assert run.stream("main")[0].planes[0].header["CRVAL2"] == pytest.approx(2.0)


def test_frames_of_a_lamp_are_not_checked_against_the_sky(tmp_path) -> None:
    frame = niri_frame(**LAMP_ON)
    frame.planes[0].header["CRVAL2"] = 50.0
    with running(tmp_path, frame) as run:
        run.step("prepare", {})
        assert run.ledger.warnings == []


def test_checking_the_wcs_changes_nothing(sequence, tmp_path) -> None:
    with running(tmp_path, *sequence) as run:
        before = [(frame.phu.tostring(), frame.planes[0].header.tostring()) for frame in sequence]
        run.step("checkWCS", {})
        after = [(frame.phu.tostring(), frame.planes[0].header.tostring()) for frame in run.stream("main")]
        assert after == before
        assert any("S0002" in w and "inconsistent" in w for w in run.ledger.warnings)


@pytest.mark.parametrize(
    ("keyword", "value"), [("EXPTIME", "abc"), ("EXPTIME", None), ("COADDS", 0), ("COADDS", "two")]
)
def test_keywords_without_sense_are_refused_by_name(keyword: str, value: object, tmp_path) -> None:
    with (
        running(tmp_path, niri_frame(**{keyword: value})) as run,
        pytest.raises(FrameError, match=rf"S0001.*{keyword}"),
    ):
        run.step("prepare", {})


def test_checking_the_wcs_takes_raw_frames_only(tmp_path) -> None:
    with running(tmp_path, niri_frame(PREPARE="done")) as run, pytest.raises(FrameError, match="raw frames"):
        run.step("checkWCS", {})


def test_without_offsets_nothing_is_checked_from_there_on(sequence, tmp_path) -> None:
    del sequence[0].phu["POFFSET"]
    with running(tmp_path, *sequence) as run:
        run.step("prepare", {})
        (told,) = run.ledger.warnings
        assert "S0001.fits: no telescope offsets" in told


def test_the_last_frame_of_a_sequence_is_mended_from_the_last_good_one(sequence, tmp_path) -> None:
    *_, last = sequence
    sequence[1].planes[0].header["CRVAL2"] -= 300 / 3600
    expected = last.planes[0].header["CRVAL2"]
    last.planes[0].header["CRVAL2"] += 300 / 3600
    last.phu["OBSID"] = "GN-2016A-Q-1-2"  # an observation of its own, in which no frame is good
    with running(tmp_path, *sequence, user=("prepare:bad_wcs=fix",)) as run:
        run.step("prepare", {})
        assert last.planes[0].header["CRVAL2"] == pytest.approx(expected, abs=0.02 / 3600)


def test_a_wcs_that_moves_against_the_offsets_is_bad(tmp_path) -> None:
    frames = []
    for number, moved in ((1, 0.0), (2, -20.0)):
        clock = f"09:1{number}:00.0"
        frame = niri_frame(f"N{number}.fits", QOFFSET=20.0 * (number - 1), UT=clock, UTSTART=clock, UTEND="unknown")
        frame.planes[0].header["CRVAL2"] += moved / 3600
        frames.append(frame)
    limit = "prepare:debug_consistency_limit=100"
    with running(tmp_path, *frames, user=(limit, "prepare:bad_wcs=ignore")) as run:
        run.step("prepare", {})
        assert run.ledger.warnings == ["N2.fits: WCS inconsistent with target coordinates"]


def test_a_wcs_without_a_reference_is_bad(sequence, tmp_path) -> None:
    del sequence[0].planes[0].header["CRVAL1"]
    with running(tmp_path, *sequence[:1], user=("prepare:bad_wcs=ignore", "prepare:require_wcs=False")) as run:
        run.step("prepare", {})
        assert "N20160102S0001.fits: WCS inconsistent" in run.ledger.warnings[0]


def test_where_no_frame_is_good_there_is_nothing_to_mend_by_and_each_is_told_so(sequence, tmp_path) -> None:
    for frame in sequence:
        frame.planes[0].header["CRVAL2"] = 20.0
    with running(tmp_path, *sequence, user=("prepare:bad_wcs=fix",)) as run:
        run.step("prepare", {})
        told = [text for text in run.ledger.warnings if "has a good WCS to mend it by, it stays" in text]
        assert [text.partition(".")[0][-5:] for text in told] == ["S0001", "S0002", "S0003"]
        assert all(frame.planes[0].header["CRVAL2"] == 20.0 for frame in run.stream("main"))


def test_a_wcs_that_stays_where_the_telescope_moved_is_bad(tmp_path) -> None:
    frames = [
        niri_frame(f"N{number}.fits", QOFFSET=20.0 * (number - 1), UT=f"09:1{number}:00.0", UTSTART=when, UTEND="")
        for number, when in ((1, "soon"), (2, 12))
    ]
    with running(tmp_path, *frames, user=("prepare:bad_wcs=ignore",)) as run:
        run.step("prepare", {})
        assert run.ledger.warnings == ["N2.fits: WCS inconsistent with target coordinates"]
