"""What a run notes of itself, and how a request is made of it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nightcrew.reducer.engine.digests import Digests
from nightcrew.reducer.engine.recipe import Recipe
from nightcrew.reducer.engine.recording import Recorder
from nightcrew.reducer.engine.reduction import Request
from nightcrew.reducer.engine.replaying import Library, replay
from nightcrew.reducer.engine.run import UserParameter
from nightcrew.reducer.products.request_record import Named
from nightcrew.shared.calibrations import Found, NotFound
from nightcrew.shared.errors import FrameError, RecipeError
from support.runs import niri_frame

if TYPE_CHECKING:
    from pathlib import Path


def in_memory(name: str):
    scope: dict[str, object] = {}
    exec(f"def {name}(p): p.prepare()", scope)
    return scope[name]


OURS = Recipe("reduce", Recorder.record, frozenset(), frozenset())


def recorder(directory: Path, *user: UserParameter, recipe: Recipe = OURS, ordered: bool = True) -> Recorder:
    for name in "zab":
        (directory / f"{name}.fits").write_text(name)
    files = [directory / f"{name}.fits" for name in "zba"]
    return Recorder(recipe, Request(tuple(files), user=user), files, Digests().md5, ordered=ordered)


def library(directory: Path) -> Library:
    return Library((), directory, Digests().md5)


def test_the_first_input_stays_first_and_the_others_are_listed_by_name_where_their_order_does_not_matter(
    tmp_path,
) -> None:
    assert [file.name for file in recorder(tmp_path).record().inputs] == ["z.fits", "b.fits", "a.fits"]
    assert [file.name for file in recorder(tmp_path, ordered=False).record().inputs] == ["z.fits", "a.fits", "b.fits"]


def test_one_calibration_for_all_frames_is_noted_once_and_others_for_each(tmp_path) -> None:
    notes = recorder(tmp_path)
    frames = [niri_frame(f"N{n}_dqAdded.fits") for n in (1, 2)]
    same, own = Found(tmp_path / "a.fits", "night"), Found(tmp_path / "b.fits", "night")
    for frame in frames:
        notes.note(frame, "processed_dark", same)
        notes.note(frame, "processed_bpm", NotFound("none"))
    notes.note(frames[0], "processed_flat", own)
    notes.note(frames[1], "processed_flat", NotFound("none"))
    record = notes.record()
    assert [(c.caltype, c.file.name, c.frame) for c in record.calibrations] == [
        ("processed_dark", "a.fits", ""),
        ("processed_flat", "b.fits", "N1_dqAdded.fits"),
    ]
    again = replay(record, library(tmp_path)).calibrations
    assert again.find(frames[1], "processed_dark").path == tmp_path / "a.fits"
    assert again.find(frames[0], "processed_flat").path == tmp_path / "b.fits"
    assert isinstance(again.find(frames[1], "processed_flat"), NotFound)
    assert isinstance(again.find(frames[0], "processed_bpm"), NotFound)


def test_parameters_come_back_as_they_were_given_and_files_from_where_they_are_now(tmp_path) -> None:
    (tmp_path / "bpm.fits").write_text("mask")
    given = (
        UserParameter("skyCorrect", "scale_sky", False),
        UserParameter("", "time", 12.5),
        UserParameter("addDQ", "user_bpm", str(tmp_path / "bpm.fits")),
    )
    record = recorder(tmp_path, *given).record()
    (tmp_path / "calibrations" / "bpm").mkdir(parents=True)
    moved = (tmp_path / "bpm.fits").rename(tmp_path / "calibrations" / "bpm" / "bpm.fits")
    again = replay(record, library(tmp_path)).request
    assert again.user == (
        UserParameter("skyCorrect", "scale_sky", "False"),
        UserParameter("", "time", "12.5"),
        UserParameter("addDQ", "user_bpm", str(moved)),
    )


def test_a_recipe_that_was_never_in_a_file_must_be_named(tmp_path) -> None:
    record = recorder(tmp_path, recipe=Recipe("mine", in_memory("mine"), frozenset(), frozenset())).record()
    with pytest.raises(RecipeError, match="function in memory; name a file"):
        replay(record, library(tmp_path))
    assert replay(record, library(tmp_path), "recipes.mine").request.recipe == "recipes.mine"


def test_a_frame_that_was_never_in_a_file_cannot_be_brought_back(tmp_path) -> None:
    record = recorder(tmp_path, UserParameter("flatCorrect", "flat", niri_frame("flat.fits"))).record()
    with pytest.raises(RecipeError, match=r"flatCorrect:flat was the frame flat.fits in memory"):
        replay(record, library(tmp_path))


def test_all_missing_files_are_named_at_once(tmp_path) -> None:
    record = recorder(tmp_path).record()
    for name in "ab":
        (tmp_path / f"{name}.fits").unlink()
    with pytest.raises(FrameError, match=r"b.fits: not found; a.fits: not found \(looked in"):
        replay(record, library(tmp_path))


def test_a_mode_that_does_not_exist_is_refused(tmp_path) -> None:
    notes = recorder(tmp_path)
    notes.request = Request(notes.request.files, mode="fast")  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match="mode 'fast'"):
        replay(notes.record(), library(tmp_path))


def test_a_file_is_found_by_its_content_where_several_have_its_name(tmp_path) -> None:
    for folder, text in (("a", "other"), ("b", "right"), ("product", "")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "N1.fits").write_text(text)
    md5 = Digests().md5
    library = Library((tmp_path / "a", tmp_path / "b"), tmp_path / "product", md5)
    right = Named("N1.fits", md5(tmp_path / "b" / "N1.fits"))
    assert library.find(right) == tmp_path / "b" / "N1.fits"
    assert library.find(Named("N2.fits", "x")) == "N2.fits: not found"
    assert "not the file of that name that was used" in str(library.find(Named("N1.fits", "x")))
