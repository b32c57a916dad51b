"""separateSky and associateSky on frames."""

from __future__ import annotations

import json

import pytest

from support import examples_separation
from support.fields import exposure
from support.reference import require_reference
from support.runs import running


def night(*offsets: float, **cards):
    return [exposure(n, p=p, sources=(), **cards) for n, p in enumerate(offsets, 1)]


def warned(run, *texts: str) -> bool:
    return all(any(text in warning for warning in run.ledger.warnings) for text in texts)


@pytest.mark.reference
@pytest.mark.parametrize("kind", ["separateSky", "associateSky"])
def test_the_worked_examples_come_out(kind: str) -> None:
    content = json.loads(require_reference("spec", "examples", "sky.json").read_text())
    runner = examples_separation.KINDS[kind]
    problems = [runner(e, content["conventions"]) for e in content["examples"] if e["kind"] == kind]
    assert problems
    assert not any(problems), problems


def test_frames_of_sky_and_target_are_told_apart_stamped_and_renamed(tmp_path) -> None:
    frames = night(0.0, 100.0, 1.0)
    with running(tmp_path, *frames) as run:
        run.step("separateSky", {})
        assert [f.filename for f in run.stream("main")] == [
            "N20160102S0001_skySeparated.fits", "N20160102S0003_skySeparated.fits",
        ]  # fmt: skip
        (sky,) = run.stream("sky")
        assert sky.filename == "N20160102S0002_skySeparated.fits"
        assert sky.phu["SKYFRAME"] == "TRUE"
        assert "OBJFRAME" not in sky.phu
        assert all("SEPSKY" in f.phu for f in frames)
        assert [f.phu["EXPGROUP"] for f in frames] == [0, 1, 0]


def test_a_dither_shares_its_frames_between_target_and_sky(tmp_path) -> None:
    with running(tmp_path, *night(0.0, 1.0)) as run:
        run.step("separateSky", {})
        assert all(a is b for a, b in zip(run.stream("main"), run.stream("sky"), strict=True))


def test_a_name_that_stands_for_several_frames_or_for_none_is_reported(tmp_path) -> None:
    with running(tmp_path, *night(0.0, 100.0), user=("ref_sky=N20160102,nothing",)) as run:
        run.step("separateSky", {})
        assert warned(run, "nothing: not among the inputs", "is in the name of N20160102S0002.fits too")
        assert [f.filename for f in run.stream("sky")] == ["N20160102S0001_skySeparated.fits"]


def test_a_frame_that_is_neither_is_left_out_by_name(tmp_path) -> None:
    user = ("ref_obj=N20160102S0001", "ref_sky=N20160102S0002")
    with running(tmp_path, *night(0.0, 100.0, 200.0), user=user) as run:
        run.step("separateSky", {})
        assert warned(run, "N20160102S0003.fits: neither on target nor on sky")


def test_without_target_coordinates_the_user_is_told(tmp_path) -> None:
    frames = night(0.0, 100.0)
    for frame in frames:
        del frame.phu["RA"]
    with running(tmp_path, *frames) as run:
        run.step("separateSky", {})
        assert warned(run, "no coordinates of the target")
        assert len(run.stream("main")) == 1


def test_no_frames_are_no_problem(tmp_path) -> None:
    with running(tmp_path, *night(0.0)) as run:
        run.streams["main"] = []
        run.step("separateSky", {})
        run.step("associateSky", {})
        assert run.stream("main") == []


def test_without_skies_frames_pass(tmp_path) -> None:
    frames = night(0.0)
    with running(tmp_path, *frames) as run:
        run.step("associateSky", {})
        assert warned(run, "no sky frames to associate")
        run.step("separateSky", {})
        run.step("associateSky", {})
        assert warned(run, "no skies for any of the 1 frames")
        assert run.stream("main") == frames


def test_min_skies_none_is_no_minimum(tmp_path) -> None:
    with running(tmp_path, *night(0.0, 5.0), user=("associateSky:min_skies=None", "time=10")) as run:
        run.step("separateSky", {})
        run.step("associateSky", {})
        assert all("SKYTABLE" not in f.tables for f in run.stream("main"))


def test_a_frame_without_skies_leaves_the_list_by_name(tmp_path) -> None:
    frames = [*night(0.0, 5.0, 10.0), exposure(4, p=1.0, sources=(), EXPTIME=3.0)]
    with running(tmp_path, *frames) as run:
        run.step("separateSky", {})
        run.step("associateSky", {})
        assert warned(run, "N20160102S0004_skyAssociated.fits: no skies of its configuration")
        assert run.stream("no_skies") == [frames[3]]
        assert run.stream("main") == frames[:3]
        names = [str(name) for name in frames[0].tables["SKYTABLE"].rows["SKYNAME"]]
        assert names == ["N20160102S0002_skyAssociated.fits", "N20160102S0003_skyAssociated.fits"]


def test_skies_may_be_given_as_frames(tmp_path) -> None:
    science, sky = night(0.0, 50.0)
    with running(tmp_path, science) as run:
        (done,) = run.call("associateSky", [science], sky=[sky])
        assert run.stream("sky") == [sky]
        assert sky.filename == "N20160102S0002_skyAssociated.fits"
        assert "ASSOCSKY" in sky.phu
        assert done.tables["SKYTABLE"].rows["SKYNAME"][0] == sky.filename


def test_frames_of_f2_overlap_in_a_circle(tmp_path) -> None:
    """0.9 of the field of 2048 pixels of 0.1792 arcsec are 330 arcsec, along a diagonal too."""
    entries = [{"name": f"S2020030{n}", "p": p, "q": p} for n, p in enumerate((0.0, 240.0, 228.0))]
    frames = [examples_separation.frame_of(e, n, "F2", 0.1792, (2048, 2048)) for n, e in enumerate(entries)]
    with running(tmp_path, frames[0], frames[1]) as run:
        run.step("separateSky", {})
        assert [frame.phu["EXPGROUP"] for frame in frames[:2]] == [0, 1]
    with running(tmp_path, frames[0], frames[2]) as run:
        assert run.call("separateSky", []) == []
        run.step("separateSky", {})
        assert [frame.phu["EXPGROUP"] for frame in (frames[0], frames[2])] == [0, 0]
