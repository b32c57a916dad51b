"""Aligned frames are brought to one level; what was mended in headers is told; masks of the night are found."""

from __future__ import annotations

import numpy as np
import pytest

from nightcrew.reducer.defaults import defaults_for
from nightcrew.reducer.engine.local_calibrations import DirectoryCalibrations
from nightcrew.reducer.engine.recipe import calls_of, choose
from nightcrew.reducer.recipes import RECIPES
from nightcrew.reducer.repairs import repairs
from nightcrew.shared.calibrations import Found, NotFound
from nightcrew.shared.dq import DQ
from nightcrew.shared.fits import write_frame
from support.fields import exposure
from support.runs import LAMP_ON, niri_frame, running

STEPS = (0.0, 40.0, -25.0)


def drifted():
    frames = [exposure(n, sky=step) for n, step in enumerate(STEPS)]
    for number, frame in enumerate(frames):
        dq = np.zeros((128, 128), np.uint16)
        dq[:, : 10 * number] = DQ.NO_DATA
        frame.planes[0].dq = dq
    return frames


@pytest.mark.parametrize("keep_mean", [True, False])
def test_levels_come_together_where_frames_overlap(keep_mean, tmp_path):
    frames = drifted()
    with running(tmp_path, *frames, user=(f"levelFrames:keep_mean={keep_mean}",)) as run:
        run.step("levelFrames", {})
    levels = [float(np.median(f.planes[0].data[:, 30:])) for f in frames]
    assert np.ptp(levels) < 0.5
    assert np.mean(levels) == pytest.approx(np.mean(STEPS) if keep_mean else STEPS[0], abs=1.0)
    offsets = [f.planes[0].header["NCLEVOFF"] for f in frames]
    assert np.diff(offsets) == pytest.approx(-np.diff(STEPS), abs=0.5)


def test_it_is_what_stacking_with_zero_does(tmp_path):
    stacks = []
    for name, user in (("levelFrames", ("levelFrames:keep_mean=False",)), ("flushPixels", ("stackFrames:zero=True",))):
        with running(tmp_path, *drifted(), user=user) as run:
            run.step(name, {})
            run.step("stackFrames", {})
            stacks.append(run.stream("main")[0].planes[0])
    ours, theirs = stacks
    assert np.abs(ours.data - theirs.data).max() < 0.01
    assert ours.variance is not None
    assert (ours.variance == theirs.variance).all()


def test_frames_that_are_not_on_one_grid_stay_as_they_are(tmp_path):
    frames = [exposure(1), exposure(2, size=100)]
    with running(tmp_path, *frames) as run:
        run.step("levelFrames", {})
    assert "common grid" in run.ledger.warnings[0]
    assert "NCLEVOFF" not in frames[0].planes[0].header


def test_a_moved_wcs_is_a_repair():
    taken = niri_frame()
    now = taken.copy()
    assert list(repairs(taken, now)) == []
    now.planes[0].header["CRVAL2"] += 300.0 / 3600
    assert list(repairs(taken, now)) == [
        "WCS corrected: the field lies 5.0 arcmin from where CRVAL, CRPIX and CD had it"
    ]


def test_a_wcs_that_was_made_turned_or_scaled_is_a_repair():
    taken = niri_frame()
    bare = taken.copy()
    bare.planes[0].header["CD1_1"] = bare.planes[0].header["CD2_2"] = 0.0
    assert list(repairs(bare, taken)) == ["WCS made, there was no usable one"]
    assert list(repairs(taken, bare)) == []
    turned = taken.copy()
    header = turned.planes[0].header
    header["CD1_1"], header["CD2_2"] = -header["CD1_1"] * 1.01, -header["CD2_2"] * 1.01
    texts = list(repairs(taken, turned))
    assert any("turned by" in text and "180.00" in text for text in texts)
    assert any("pixel scale" in text for text in texts)


def test_an_exposure_time_is_a_repair_unless_it_only_has_all_coadds():
    taken = niri_frame(COADDS=2, EXPTIME=10.0)
    now = taken.copy()
    now.phu["EXPTIME"] = 20.0
    assert list(repairs(taken, now)) == []
    now.phu["EXPTIME"] = 25.0
    assert list(repairs(taken, now)) == ["EXPTIME changed from 20 s to 25 s"]


def test_repairs_of_several_frames_are_one_caveat(tmp_path):
    frames = [exposure(n) for n in (1, 2, 3)]
    with running(tmp_path, *frames) as run:
        run.step("copyInputs", {"outstream": "as_taken"})
        for frame in frames[1:]:
            frame.planes[0].header["CRVAL2"] += 20.0 / 3600
        run.step("listHeaderRepairs", {})
        assert [w.partition(":")[0] for w in run.ledger.warnings] == [
            "N20160102S0002.fits to N20160102S0003.fits (2 frames)"
        ]
        run.step("clearStream", {"stream": "as_taken"})
        run.step("listHeaderRepairs", {})
        assert "no stream as_taken" in run.ledger.warnings[1]


def mask_of(size: int, day: str, time: str, directory, name: str = "N20160102S0373_bpm.fits"):
    frame = niri_frame(name, np.zeros((size, size), np.int16), **{**LAMP_ON, "DATE_OBS": day, "UT": time})
    frame.phu["BPMASK"] = "2016-01-03T00:00:00"
    directory.mkdir(parents=True, exist_ok=True)
    write_frame(frame, directory / name)


def test_a_mask_of_the_morning_after_serves_the_night_only_where_that_is_allowed(tmp_path):
    mask_of(256, "2016-01-02", "17:00:00.0", tmp_path / "processed_bpm")
    frame = niri_frame()
    assert isinstance(DirectoryCalibrations(tmp_path).find(frame, "processed_bpm"), NotFound)
    found = DirectoryCalibrations(tmp_path, masks_of_the_night=True).find(frame, "processed_bpm")
    assert isinstance(found, Found)
    assert "the same night" in found.relaxed


@pytest.mark.parametrize(("size", "day"), [(128, "2016-01-02"), (256, "2016-01-05")])
def test_a_mask_of_another_region_or_another_night_does_not(size: int, day: str, tmp_path):
    mask_of(size, day, "17:00:00.0", tmp_path / "processed_bpm")
    found = DirectoryCalibrations(tmp_path, masks_of_the_night=True).find(niri_frame(), "processed_bpm")
    assert isinstance(found, NotFound)


def test_an_older_mask_needs_no_rule_relaxed(tmp_path):
    mask_of(256, "2016-01-01", "17:00:00.0", tmp_path / "processed_bpm")
    found = DirectoryCalibrations(tmp_path, masks_of_the_night=True).find(niri_frame(), "processed_bpm")
    assert isinstance(found, Found)
    assert found.relaxed == ""


def test_a_mask_that_cannot_be_read_and_a_camera_without_rules_have_none(tmp_path):
    mask_of(256, "2016-01-02", "17:00:00.0", tmp_path / "processed_bpm")
    source = DirectoryCalibrations(tmp_path, masks_of_the_night=True)
    assert isinstance(source.find(niri_frame(), "processed_bpm"), Found)
    (tmp_path / "processed_bpm" / "N20160102S0373_bpm.fits").write_bytes(b"")
    assert isinstance(source.find(niri_frame(), "processed_bpm"), NotFound)


def test_a_relaxed_mask_is_a_caveat(tmp_path):
    from dataclasses import replace

    mask_of(256, "2016-01-02", "17:00:00.0", tmp_path / "processed_bpm")
    with running(tmp_path, niri_frame()) as run:
        run.around = replace(run.around, calibrations=DirectoryCalibrations(tmp_path, masks_of_the_night=True))
        run.step("addDQ", {})
    assert "made of frames taken after these" in run.ledger.warnings[0]


def names(tags: set[str], profile, recipe: str = "_default") -> list[str]:
    found = choose(RECIPES, frozenset(tags), "sq", recipe, profile)
    assert found is not None
    return [name for name, _ in calls_of(found)]


NEW = {
    "listHeaderRepairs", "balanceSkies", "growObjectMask", "chooseReferenceFrame", "excludeMisregistered",
    "levelFrames", "restoreInputOrder",
}  # fmt: skip


@pytest.mark.parametrize(("instrument", "own"), [("NIRI", "cleanPatternNoise"), ("F2", "flagGuideProbe")])
def test_what_is_new_is_a_step_of_its_own_and_only_in_the_profile_best(instrument: str, own: str):
    best, standard = (set(names({instrument, "IMAGE"}, profile)) for profile in ("best", "standard"))
    assert best >= NEW | {own}
    assert not standard & (NEW | {own})
    flats = {instrument, "IMAGE", "CAL", "FLAT"}
    assert names(flats, "best", "makeProcessedBPM") == [*names(flats, "standard", "makeProcessedBPM"), "storeBPM"]


def test_persistence_is_on_for_both_cameras_in_the_profile_best():
    for instrument in ("NIRI", "F2"):
        assert defaults_for(frozenset({instrument, "IMAGE"}), "best")["addDQ"]["latency"] is True
    assert defaults_for(frozenset({"F2", "IMAGE"}))["addDQ"]["latency"] is False
