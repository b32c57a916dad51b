"""skyCorrect, stackSkyFrames, subtractSky."""

from __future__ import annotations

import numpy as np
import pytest

from nightcrew.reducer.engine.run import Running
from nightcrew.reducer.kernels import background as kernel
from nightcrew.reducer.primitives.associate_sky import sky_table
from nightcrew.reducer.recipes import steps
from nightcrew.shared.errors import FrameError
from nightcrew.shared.fits import open_frame, write_frame
from support.fields import exposure
from support.runs import running

NOISE = 10.0


def dither(count: int, *, levels=None, **given):
    """Make a dither whose sky level changes from frame to frame."""
    levels = levels or [1000.0 * (1 + 0.02 * n) for n in range(count)]
    return [exposure(n, p=1.5 * n, q=1.2 * (n % 3), sky=level, **given) for n, level in enumerate(levels, 1)]


def prepared(run) -> None:
    run.step("separateSky", {})
    run.step("associateSky", {})


def residual(frame) -> float:
    return float(np.median(frame.planes[0].data))


def warned(run, text: str) -> bool:
    return any(text in warning for warning in run.ledger.warnings)


@pytest.mark.parametrize("count", [3, 5])
def test_a_dither_is_left_without_sky(count: int, tmp_path) -> None:
    frames = dither(count)
    with running(tmp_path, *frames) as run:
        prepared(run)
        run.step("skyCorrect", {"mask_objects": False})
        for frame in run.stream("main"):
            assert abs(residual(frame)) < 0.5 * NOISE
            assert frame.filename.endswith("_skyCorrected.fits")
            assert "SUBSKY" in frame.phu


def test_two_skies_are_combined_without_rejection_and_the_user_is_told(tmp_path) -> None:
    with running(tmp_path, *dither(3)) as run:
        prepared(run)
        run.step("skyCorrect", {"mask_objects": False})
        assert warned(run, "only 2 skies")


def test_a_single_sky_is_subtracted_as_it_is(tmp_path) -> None:
    with running(tmp_path, *dither(2), user=("scale_sky=False",)) as run:
        prepared(run)
        run.step("skyCorrect", {"mask_objects": False})
        first, second = run.stream("main")
        assert residual(first) == pytest.approx(-20.0, abs=2.0)
        assert residual(second) == pytest.approx(20.0, abs=2.0)
        assert first.planes[0].variance.mean() == pytest.approx(200.0)


def test_the_product_tells_which_skies_were_used_and_what_was_subtracted(tmp_path) -> None:
    with running(tmp_path, *dither(4)) as run:
        prepared(run)
        run.step("skyCorrect", {"mask_objects": False})
        frame = run.stream("main")[0]
        names = [str(name) for name in frame.tables["SKYTABLE"].rows["SKYNAME"]]
        assert [name[:14] for name in names] == ["N20160102S0002", "N20160102S0003", "N20160102S0004"]
        header = frame.planes[0].header
        assert header["NCSKYLVL"] == pytest.approx(1000.0, rel=0.01)
        assert header["NCSKYFAC"] == pytest.approx(1000.0 / 1020.0, rel=0.005)


@pytest.mark.parametrize(("user", "expected"), [("offset_sky=True", 0.0), ("reset_sky=True", 980.0)])
def test_levels_may_be_matched_by_an_offset_or_restored(user: str, expected: float, tmp_path) -> None:
    scaling = ("scale_sky=False", user)
    with running(tmp_path, *dither(4), user=scaling) as run:
        prepared(run)
        run.step("skyCorrect", {"mask_objects": False})
        assert residual(run.stream("main")[0]) == pytest.approx(expected, abs=6.0)


def test_objects_in_the_skies_are_not_subtracted(tmp_path) -> None:
    """Two passes: the first finds the objects, which the second keeps out of the skies."""
    frames = dither(3, sources=((64.0, 64.0),))
    with running(tmp_path, *frames, user=("detectSources:detect_minarea=10",)) as run:
        run.step("separateSky", {})
        run.step("associateSky", {"stream": "sky"})
        run.step("skyCorrect", {"instream": "sky", "outstream": "skysub", "mask_objects": False})
        run.step("detectSources", {"stream": "skysub"})
        run.step("transferAttribute", {"stream": "sky", "source": "skysub", "attribute": "OBJMASK"})
        assert all(frame.planes[0].data.mean() > 500 for frame in run.stream("main"))
        with_holes = frames[0].planes[0].data
        run.step("associateSky", {})
        run.step("skyCorrect", {"mask_objects": True})
        first = run.stream("main")[0].planes[0]
        assert "DLOBJMSK" in frames[0].phu
        assert first.data is not with_holes
        # Without masks, the star in the other two frames leaves holes of half its height, 1200.
        assert first.data.min() > -8 * NOISE


def test_all_stacks_are_made_of_skies_that_nothing_was_subtracted_from(tmp_path) -> None:
    frames = dither(4, levels=[1000.0] * 4)
    with running(tmp_path, *frames, user=("scale_sky=False", "scale=False")) as run:
        prepared(run)
        run.step("skyCorrect", {"mask_objects": False})
        assert all(abs(residual(frame)) < 2.0 for frame in run.stream("main"))


def test_frames_without_skies_or_with_lost_ones_are_left_alone_by_name(tmp_path) -> None:
    frames = dither(3)
    with running(tmp_path, *frames) as run:
        run.step("separateSky", {})
        frames[1].tables["SKYTABLE"] = sky_table(["nowhere.fits"])
        run.step("skyCorrect", {"mask_objects": False})
        assert warned(run, "N20160102S0001_skySeparated.fits: no skies have been associated")
        assert warned(run, "nowhere.fits: neither in the stream")
        assert warned(run, "N20160102S0002_skySeparated.fits: none of its skies can be found")
        assert not any("SUBSKY" in frame.phu for frame in frames)


def test_a_sky_may_lie_on_disk_and_one_that_is_damaged_is_not_used(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    sky, frame = dither(2)
    write_frame(sky, tmp_path / "sky.fits")
    (tmp_path / "damaged.fits").write_bytes(b"SIMPLE  =                    T")
    frame.tables["SKYTABLE"] = sky_table(["sky.fits", "damaged.fits"])
    with running(tmp_path, frame) as run:
        run.step("skyCorrect", {"mask_objects": False})
        assert warned(run, "damaged.fits")
        assert abs(residual(frame)) < 2.0


def test_the_sky_is_never_subtracted_twice(tmp_path) -> None:
    with running(tmp_path, *dither(3)) as run:
        prepared(run)
        run.step("skyCorrect", {"mask_objects": False})
        before = run.stream("main")[0].planes[0].data
        run.step("associateSky", {})
        run.step("skyCorrect", {"mask_objects": False})
        assert run.stream("main")[0].planes[0].data is before
        assert warned(run, "already been processed by subtractSky")


def test_skies_are_saved_on_demand(tmp_path) -> None:
    with running(tmp_path, *dither(3), user=("save_sky=True",)) as run:
        prepared(run)
        run.step("skyCorrect", {"mask_objects": False})
        assert run.written == [f"N20160102S000{n}_sky.fits" for n in (1, 2, 3)]
        assert np.median(open_frame(tmp_path / run.written[0]).planes[0].data) == pytest.approx(1020.0, abs=5.0)


@pytest.mark.parametrize(
    "user", [("zero=True", "skyCorrect:scale=False"), ("statsec=10:60,10:60",), ("apply_dq=False",)]
)
def test_skies_are_normalised_as_asked(user, tmp_path) -> None:
    with running(tmp_path, *dither(4), user=user) as run:
        prepared(run)
        run.step("skyCorrect", {"mask_objects": False})
        assert abs(residual(run.stream("main")[0])) < 2.0


def test_skies_that_have_no_common_level_are_combined_as_they_are(tmp_path) -> None:
    frames = dither(4)
    frames[1].planes[0].data = -frames[1].planes[0].data
    with running(tmp_path, *frames, user=("scale_sky=False",)) as run:
        prepared(run)
        run.step("skyCorrect", {"mask_objects": False})
        assert run.stream("main")[0].filename.endswith("_skyCorrected.fits")


def test_a_frame_without_good_pixels_gets_an_unscaled_sky(tmp_path) -> None:
    frames = dither(3)
    frames[0].planes[0].dq = np.ones((128, 128), np.uint16)
    with running(tmp_path, *frames) as run:
        prepared(run)
        run.step("skyCorrect", {"mask_objects": False})
        assert warned(run, "no level to scale its sky by")
        assert frames[0].planes[0].header["NCSKYFAC"] == 1.0


def test_skies_are_stacked_without_their_objects(tmp_path) -> None:
    frames = dither(3, levels=[1000.0] * 3)
    with running(tmp_path, *frames, user=("detectSources:detect_minarea=10",)) as run:
        run.step("detectSources", {})
        run.step("stackSkyFrames", {})
        (stack,) = run.stream("main")
        assert stack.filename == "N20160102S0001_skyStacked.fits"
        assert stack.planes[0].data.max() < 1150
        assert all(np.count_nonzero(frame.planes[0].dq) == 0 for frame in frames)


def test_skies_are_stacked_with_their_objects_where_masking_is_off(tmp_path) -> None:
    frames = dither(4, levels=[1000.0] * 4)
    with running(tmp_path, *frames, user=("nlow=0", "nhigh=0", "reject_method=none", "operation=mean")) as run:
        run.step("stackSkyFrames", {"mask_objects": False})
        assert run.stream("main")[0].planes[0].data.max() > 1300


def test_one_sky_frame_may_be_subtracted_from_all(tmp_path) -> None:
    sky, *frames = dither(3)
    with running(tmp_path, *frames) as run:
        run.call("subtractSky", frames, sky=sky)
        assert all(abs(residual(frame)) < 0.5 * NOISE for frame in frames)
        assert frames[0].filename.endswith("_skySubtracted.fits")
        run.call("subtractSky", frames, sky=sky)
        assert warned(run, "already been processed")
        with pytest.raises(FrameError, match="needs a sky frame"):
            run.call("subtractSky", frames)


def test_a_factor_that_does_not_converge_is_replaced_by_the_ratio_of_the_medians(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(kernel, "MOST_ROUNDS", 1)
    with running(tmp_path, *dither(3)) as run:
        prepared(run)
        run.step("skyCorrect", {"mask_objects": False})
        assert all(abs(residual(frame)) < 0.5 * NOISE for frame in run.stream("main"))
        assert warned(run, "does not converge")


@pytest.mark.parametrize("count", [1, 2, 3])
def test_short_sequences_come_out_as_a_stack_and_the_user_is_told_what_was_not_done(count: int, tmp_path) -> None:
    frames = dither(count)
    with running(tmp_path, *frames, user=("detectSources:detect_minarea=10",)) as run:
        run.step("separateSky", {})
        steps.subtract_sky_in_two_passes(Running(run))
        steps.align_and_stack(Running(run))
        (product,) = run.stream("main")
        if count == 1:
            assert product.filename == "N20160102S0001_sourcesDetected.fits"
            assert warned(run, "sky will not be subtracted")
        else:
            assert product.filename == "N20160102S0001_stack.fits"
            assert abs(np.median(product.planes[0].data[product.planes[0].dq == 0])) < NOISE
