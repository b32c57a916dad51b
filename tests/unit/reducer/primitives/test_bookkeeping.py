"""Streams, lists of frames, files between the steps."""

from __future__ import annotations

import pytest

from nightcrew.shared.errors import FrameError, RecipeError
from support.runs import DARK, LAMP_ON, niri_frame, running


def three():
    return [niri_frame(f"N{n}.fits", UT=f"09:1{n}:00.0", UTSTART=f"09:1{n}:00.0") for n in (2, 1, 3)]


def names(frames) -> list[str]:
    return [frame.filename for frame in frames]


def test_frames_are_kept_or_dropped_by_any_of_several_tags(tmp_path) -> None:
    frames = (niri_frame("N1.fits", **DARK), niri_frame("N2.fits", **LAMP_ON), niri_frame("N3.fits"))
    with running(tmp_path, *frames) as run:
        run.step("selectFromInputs", {"tags": "DARK, FLAT", "outstream": "calibrations"})
        run.step("removeFromInputs", {"tags": "DARK,FLAT"})
        assert names(run.stream("calibrations")) == ["N1.fits", "N2.fits"]
        assert names(run.stream("main")) == ["N3.fits"]


def test_the_first_frame_is_the_one_taken_first_not_the_one_listed_first(tmp_path) -> None:
    with running(tmp_path, *three()) as run:
        run.step("removeFirstFrame", {})
        assert names(run.stream("main")) == ["N2.fits", "N3.fits"]


def test_frames_are_removed_by_name_and_unknown_names_are_told(tmp_path) -> None:
    with running(tmp_path, *three()) as run:
        run.step("removeFirstFrame", {"remove_first": False, "remove_files": ["N3.fits", "N9"]})
        assert names(run.stream("main")) == ["N2.fits", "N1.fits"]
        assert run.ledger.warnings == ["N9: not among the inputs, nothing removed"]


def test_removing_nothing_is_told(tmp_path) -> None:
    with running(tmp_path, *three()) as run:
        run.step("removeFirstFrame", {"remove_first": False})
        assert len(run.stream("main")) == 3
        assert "nothing to remove" in run.ledger.warnings[0]


def test_a_lonely_frame_is_not_removed(tmp_path) -> None:
    with running(tmp_path, niri_frame("N1.fits")) as run, pytest.raises(FrameError, match=r"N1\.fits: the only frame"):
        run.step("removeFirstFrame", {})


def test_inputs_are_rejected_from_both_ends(tmp_path) -> None:
    with running(tmp_path, *three()) as run:
        run.step("rejectInputs", {"at_start": 1, "at_end": 1})
        assert names(run.stream("main")) == ["N1.fits"]


def test_streams_are_copied_and_cleared(tmp_path) -> None:
    with running(tmp_path, *three()) as run:
        run.step("copyInputs", {"outstream": "a"})
        run.step("flushPixels", {"outstream": "b"})
        assert run.stream("a")[0] is not run.stream("main")[0]
        run.step("clearStream", {"stream": "a"})
        assert (run.stream("a"), len(run.stream("b"))) == ([], 3)
        run.step("clearAllStreams", {})
        assert (run.stream("b"), len(run.stream("main"))) == ([], 3)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({}, "N1.fits"),
        ({"suffix": "_x"}, "N1_x.fits"),
        ({"prefix": "p"}, "pN1.fits"),
        ({"outfilename": "o.fits"}, "o.fits"),
    ],
)
def test_frames_are_written_under_the_name_asked_for(given, name: str, tmp_path) -> None:
    with running(tmp_path, niri_frame("N1.fits")) as run:
        run.step("writeOutputs", given)
        assert run.written == [name]
    assert (tmp_path / name).is_file()


def test_a_file_is_not_overwritten_against_ones_will(tmp_path) -> None:
    (tmp_path / "N1.fits").write_bytes(b"precious")
    with running(tmp_path, niri_frame("N1.fits")) as run, pytest.raises(RecipeError, match=r"N1\.fits: exists"):
        run.step("writeOutputs", {"overwrite": False})
    assert (tmp_path / "N1.fits").read_bytes() == b"precious"


def test_one_name_is_not_given_to_several_frames(tmp_path) -> None:
    with running(tmp_path, *three()) as run, pytest.raises(RecipeError, match="one name for 3 frames"):
        run.step("writeOutputs", {"outfilename": "all.fits"})
    assert not list(tmp_path.glob("*.fits"))
