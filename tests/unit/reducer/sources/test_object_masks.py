"""Object masks: grown, turned into flags, carried along; attributes moved between streams."""

from __future__ import annotations

import numpy as np

from nightcrew.shared.fits import write_frame
from support.fields import STARS, exposure
from support.runs import running


def masked(number: int = 1, **given):
    frame = exposure(number, **given)
    mask = np.zeros((128, 128), np.uint8)
    mask[60, 50] = 1
    frame.planes[0].objmask = mask
    return frame


def warned(run, text: str) -> bool:
    return any(text in warning for warning in run.ledger.warnings)


def test_a_mask_grows_by_a_disc_once(tmp_path) -> None:
    frame = masked()
    with running(tmp_path, frame) as run:
        run.step("dilateObjectMask", {"dilation": 2.0})
        assert frame.planes[0].objmask.sum() == 13
        assert frame.filename == "N20160102S0001_objmaskDilated.fits"
        run.step("dilateObjectMask", {"dilation": 2.0})
        assert frame.planes[0].objmask.sum() == 13
        run.step("dilateObjectMask", {"dilation": 1.0, "repeat": True})
        assert frame.planes[0].objmask.sum() == 25


def test_a_dilation_below_one_pixel_does_nothing(tmp_path) -> None:
    frame = masked()
    with running(tmp_path, frame) as run:
        run.step("dilateObjectMask", {"dilation": 0.9})
        assert frame.planes[0].objmask.sum() == 1
        assert frame.filename == "N20160102S0001.fits"


def test_a_frame_without_mask_is_not_stamped(tmp_path) -> None:
    frame = exposure(1)
    with running(tmp_path, frame) as run:
        run.step("dilateObjectMask", {})
        assert "DLOBJMSK" not in frame.phu


def test_objects_become_bad_pixels(tmp_path) -> None:
    frame, bare, unflagged = masked(), exposure(2), masked(3)
    unflagged.planes[0].dq = None
    with running(tmp_path, frame, bare, unflagged) as run:
        run.step("addObjectMaskToDQ", {})
        assert frame.planes[0].dq.sum() == 1
        assert unflagged.planes[0].dq[60, 50] == 1
        assert frame.filename == "N20160102S0001_objectMaskAdded.fits"
        assert warned(run, "has no object mask")


def test_attributes_are_moved_by_position(tmp_path) -> None:
    frames, sources = [exposure(1), exposure(2)], [masked(1), masked(2, p=1.0)]
    with running(tmp_path, *frames) as run:
        run.streams["other"] = sources
        for attribute in ("OBJMASK", "mask", "wcs"):
            run.step("transferAttribute", {"source": "other", "attribute": attribute})
        assert frames[1].planes[0].objmask is sources[1].planes[0].objmask
        assert frames[1].planes[0].dq is sources[1].planes[0].dq
        assert frames[1].planes[0].header["CRPIX1"] == sources[1].planes[0].header["CRPIX1"]
        assert frames[0].filename == "N20160102S0001_attributeTransferred.fits"


def test_one_source_serves_all_frames_and_tables_can_be_moved(tmp_path) -> None:
    frames, source = [exposure(1), exposure(2)], exposure(3)
    source.tables["REFCAT"] = object()
    with running(tmp_path, *frames) as run:
        run.streams["other"] = [source]
        run.step("transferAttribute", {"source": "other", "attribute": "REFCAT"})
        assert all(frame.tables["REFCAT"] is source.tables["REFCAT"] for frame in frames)


def test_what_is_not_there_is_not_moved(tmp_path) -> None:
    frames = [exposure(1), exposure(2), exposure(3)]
    with running(tmp_path, *frames) as run:
        run.step("transferAttribute", {"source": "nowhere", "attribute": "OBJMASK"})
        run.streams["other"] = [exposure(4), exposure(5)]
        run.step("transferAttribute", {"source": "other", "attribute": "OBJMASK"})
        assert warned(run, "2 frames in stream other, 3 here")
        run.streams["other"] = [exposure(4)]
        run.step("transferAttribute", {"source": "other", "attribute": "OBJMASK"})
        assert warned(run, "has no OBJMASK to transfer")
        assert frames[0].filename == "N20160102S0001.fits"


def test_the_mask_of_a_stack_goes_back_to_where_the_objects_are(tmp_path) -> None:
    frame, stack = masked(1, p=2.342), exposure(2)
    with running(tmp_path, frame, stack, user=("detectSources:detect_minarea=10",)) as run:
        run.streams["stack"] = run.call("detectSources", [stack])
        run.call("transferObjectMask", [frame], source="stack")
        found = frame.planes[0].objmask
        # 2.342 arcsec are 20 pixels.
        assert all(found[int(y), int(x) + 20] for x, y in STARS if x + 20 < 128)
        assert warned(run, "its object mask is replaced")
        assert frame.filename == "N20160102S0001_objmaskTransferred.fits"
        write_frame(run.stream("stack")[0], tmp_path / "stack.fits")
        again = exposure(3, p=2.342)
        run.call("transferObjectMask", [again], source=str(tmp_path / "stack.fits"))
        assert np.array_equal(again.planes[0].objmask, found)


def test_a_mask_needs_one_source_that_has_it(tmp_path) -> None:
    frame = exposure(1)
    with running(tmp_path, frame) as run:
        run.streams.update(two=[exposure(2), exposure(3)], bare=[exposure(4)])
        for source, text in (
            (None, "no source given"), ("two", "has 2 frames, needs one"), ("nowhere", "neither a stream nor a file"),
            ("bare", "has no object mask to transfer"),
        ):  # fmt: skip
            run.call("transferObjectMask", [frame], source=source)
            assert warned(run, text)
        assert frame.planes[0].objmask is None
