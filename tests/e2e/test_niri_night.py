"""The main job: a directory of raw frames becomes products, with one command and no options."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from astropy.io import fits

from e2e.conftest import nightcrew, reduce_night
from nightcrew.shared.fits import open_frame, verify
from nightcrew.simulator import niri_night

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.conftest import Reduced


def test_every_group_of_the_tutorial_night_comes_to_a_good_end(tutorial_night: Reduced) -> None:
    assert tutorial_night.told.code == 0, tutorial_night.told
    assert [g["kind"] for g in tutorial_night.document["groups"]] == [
        "dark", "dark", "bpm", "flat", "standard", "science",
    ]  # fmt: skip
    assert {g["outcome"]["status"] for g in tutorial_night.document["groups"]} == {"succeeded"}
    names = [product for g in tutorial_night.document["groups"] for product in g["products"]]
    assert names == [
        "N20160102S0423_dark.fits",
        "N20160103S0463_dark.fits",
        "N20160102S0373_bpm.fits",
        "N20160102S0373_flat.fits",
        "N20160102S0296_image.fits",
        "N20160102S0271_image.fits",
    ]
    assert all(verify(tutorial_night.out / name).ok for name in names)


def test_the_extended_target_is_recognised(tutorial_night: Reduced) -> None:
    parameters = {p["name"]: p for p in tutorial_night.group("science")["parameters"]}
    assert parameters["skyCorrect:scale_sky"]["value"] is False
    assert parameters["skyCorrect:scale_sky"]["reason"]
    assert "darkCorrect:do_cal" not in parameters


def test_the_standard_has_no_dark_and_the_reason_is_told(tutorial_night: Reduced) -> None:
    standard = tutorial_night.group("standard")
    parameters = {p["name"]: p for p in standard["parameters"]}
    assert parameters["darkCorrect:do_cal"]["value"] == "skip"
    dark = next(c for c in standard["calibrations"] if c["type"] == "processed_dark")
    assert dark["file"] is None
    assert "coadds" in dark["reason"]
    assert "skyCorrect:scale_sky" not in parameters


def test_every_frame_is_in_a_group_or_left_out_with_a_reason(tutorial_night: Reduced) -> None:
    document = tutorial_night.document
    owned = [f for g in document["groups"] for f in g["inputs"] if f not in g["borrowed"]]
    left = [entry["file"] for entry in (*document["left_out"], *document["damaged"])]
    assert sorted(owned + left) == sorted(path.name for path in tutorial_night.raw.glob("*.fits"))


def test_the_table_and_the_report_say_what_an_operator_asks(tutorial_night: Reduced) -> None:
    for text in ("N20160102S0271_image.fits", "succeeded", "makeProcessedDark", str(tutorial_night.out)):
        assert text in tutorial_night.told.out
    document = tutorial_night.document
    assert document["complete"] is True
    for group in document["groups"]:
        assert group["seconds"] > 0
        assert group["cpu_seconds"] > 0
        assert group["peak_memory_mb"] > 50
        assert group["primitives"]
        assert all((tutorial_night.out / preview).stat().st_size > 1000 for preview in group["previews"])
        assert len(group["previews"]) == len(group["products"])


def test_the_observer_is_told_seeing_sky_and_whether_clouds_came(tutorial_night: Reduced) -> None:
    night = niri_night(1, size=256, frames=5)
    seeing = float(np.hypot(night.psf.fwhm, np.sqrt(8 * np.log(2) / 12) * night.camera.pixel_scale))
    for kind in ("standard", "science"):
        (conditions,) = (m for m in tutorial_night.group(kind)["measurements"] if m["kind"] == "conditions")
        assert conditions["fwhm"]["value"] == pytest.approx(seeing, rel=0.08)
        assert conditions["dimming"] < 0.1
        assert conditions["iq"]["band"] in (20, 70, 85)
        names = tutorial_night.group(kind)["inputs"]
        assert [frame["name"] for frame in conditions["frames"]] == names[1:5]
        assert f"seeing {conditions['fwhm']['value']:.2f} arcsec" in " ".join(tutorial_night.told.out.split())
        # What is measured is the sky on a flat-fielded frame, whose typical pixel has a response of 1.
        response = float(np.median(night.detector.flat[~night.detector.bad & night.detector.lit]))
        taken = night.group("standard" if kind == "standard" else "sky")
        rate = np.mean([exposure.background for exposure in taken]) * response / night.camera.pixel_scale**2
        zero_point = night.camera.filters[taken[0].band].zero_point
        assert conditions["sky"]["value"] == pytest.approx(zero_point - 2.5 * np.log10(rate), abs=0.05)
    assert all(group["measurements"] == [] for group in tutorial_night.groups("dark"))


def test_nothing_but_products_previews_report_and_log_is_left(tutorial_night: Reduced) -> None:
    assert {path.suffix for path in tutorial_night.out.iterdir()} == {".fits", ".png", ".json", ".log"}
    assert not list(tutorial_night.out.glob(".*"))


def test_the_science_image_says_how_it_was_made(tutorial_night: Reduced) -> None:
    image = open_frame(tutorial_night.out / "N20160102S0271_image.fits")
    assert image.phu["DARKIM"] == "N20160102S0423_dark.fits"
    assert image.phu["FLATIM"] == "N20160102S0373_flat.fits"
    assert image.phu["NCOMBINE"] == 4
    assert next(row.primitive for row in image.history) == "prepare"
    assert [row.primitive for row in image.history][-1] == "storeProcessedScience"
    assert "N20160102S0373_bpm.fits" in {row.filename for row in image.provenance}
    plane = image.planes[0]
    assert plane.dq is not None
    assert plane.variance is not None
    good = plane.dq == 0
    assert np.isfinite(plane.data[good]).all()
    assert (plane.variance[good] > 0).all()


def test_a_plan_touches_nothing(tutorial_night: Reduced, tmp_path: Path) -> None:
    before = sorted(path.name for path in tutorial_night.raw.parent.iterdir())
    told = nightcrew("night", tutorial_night.raw, "--plan", "--out", tmp_path / "none")
    assert told.code == 0
    assert "N20160102S0271_image.fits" in told.out
    assert not (tmp_path / "none").exists()
    assert sorted(path.name for path in tutorial_night.raw.parent.iterdir()) == before


def test_the_same_night_gives_the_same_pixels(tutorial_night: Reduced, tmp_path: Path) -> None:
    told = nightcrew(
        "night", tutorial_night.raw, "--out", tmp_path, "--memory", "0.3", "--threads", "2", "--no-previews"
    )
    assert told.code == 0
    for name in ("N20160102S0373_flat.fits", "N20160102S0271_image.fits", "N20160102S0296_image.fits"):
        ours, theirs = (open_frame(d / name).planes[0] for d in (tmp_path, tutorial_night.out))
        assert ours.data.tobytes() == theirs.data.tobytes()
        assert ours.variance is not None
        assert theirs.variance is not None
        assert ours.variance.tobytes() == theirs.variance.tobytes()
        assert np.array_equal(ours.dq, theirs.dq)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_short_dither_is_reduced(count: int, tutorial_night: Reduced, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(tutorial_night.raw, raw)
    for number in range(295 + count, 300):
        (raw / f"N20160102S{number:04d}.fits").unlink()
    told = nightcrew("night", raw, "--out", tmp_path / "out", "--no-previews")
    assert told.code == 0, told
    assert (tmp_path / "out" / "N20160102S0295_image.fits").exists()


BAD_NIGHTS = {
    "truncated": "truncated",
    "trailing-bytes": "trailing_bytes",
    "empty-file": "empty",
    "not-fits": "not_fits",
}


@pytest.mark.parametrize("variant", BAD_NIGHTS)
def test_damaged_files_are_named_and_the_rest_is_reduced(variant: str, tmp_path: Path) -> None:
    night = reduce_night(tmp_path, variant)
    assert night.told.code == 1, night.told
    (damaged,) = night.document["damaged"]
    assert damaged["code"] == BAD_NIGHTS[variant]
    lines = [line for line in night.told.err.splitlines() if damaged["file"] in line]
    assert len(lines) == 1
    assert {g["outcome"]["status"] for g in night.document["groups"]} == {"succeeded"}
    assert "Traceback" not in night.told.err + night.told.out


@pytest.mark.parametrize("variant", ["nan-pixels", "saturated", "no-sources", "trailed", "shifted-wcs", "unguided-sky"])
def test_strange_frames_do_not_keep_the_night_from_its_products(variant: str, tmp_path: Path) -> None:
    night = reduce_night(tmp_path, variant)
    assert night.told.code == 0, night.told
    assert "Traceback" not in night.told.err + night.told.out
    image = open_frame(night.out / "N20160102S0271_image.fits").planes[0]
    assert image.dq is not None
    assert np.isfinite(image.data[image.dq == 0]).all()


def test_a_frame_of_another_filter_does_not_get_into_the_stack(tmp_path: Path) -> None:
    night = reduce_night(tmp_path, "mixed-filters")
    image = open_frame(night.out / "N20160102S0271_image.fits")
    assert image.phu["NCOMBINE"] == 3
    strange = [g for g in night.groups("science") if len(g["inputs"]) == 1]
    assert len(strange) == 1
    assert strange[0]["outcome"]["status"] == "unprocessable"
    assert "flat" in strange[0]["outcome"]["reason"]
    assert night.told.code == 1


def test_science_without_darks_goes_without_and_says_so(tmp_path: Path) -> None:
    night = reduce_night(tmp_path, "missing-darks")
    science = night.group("science")
    assert science["outcome"]["status"] == "succeeded"
    assert any(p["name"] == "darkCorrect:do_cal" and p["reason"] for p in science["parameters"])


def test_a_wrong_wcs_is_mended_and_told(tmp_path: Path) -> None:
    night = reduce_night(tmp_path, "bad-wcs")
    assert night.told.code == 0, night.told
    science = night.group("science")
    assert any("WCS" in c for c in science["outcome"]["caveats"])


def test_lamp_off_frames_without_lamp_on_are_refused_by_name(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    reduce_night(tmp_path)
    for number in range(373, 383):
        (raw / f"N20160102S{number:04d}.fits").unlink(missing_ok=True)
    told = nightcrew("night", raw, "--out", tmp_path / "second")
    assert told.code == 1
    assert "lamp-on" in told.out
    assert (tmp_path / "second" / "N20160102S0423_dark.fits").exists()


@pytest.mark.parametrize("what", ["absent", "empty", "file"])
def test_a_directory_that_cannot_be_used_is_refused_in_one_line(what: str, tmp_path: Path) -> None:
    where = tmp_path / what
    if what == "empty":
        where.mkdir()
    elif what == "file":
        where.write_text("")
    told = nightcrew("night", where)
    assert told.code == 1
    assert len(told.err.strip().splitlines()) == 1
    assert str(where) in told.err


@pytest.mark.parametrize(
    ("keyword", "value", "said"),
    [("EXPTIME", "abc", "'abc'"), ("EXPTIME", None, "is missing"), ("COADDS", 0, "is 0"), ("COADDS", "two", "'two'")],
)
def test_a_frame_without_sense_in_its_keywords_is_named_and_the_others_are_stacked(
    keyword: str, value: object, said: str, tutorial_night: Reduced, tmp_path: Path
) -> None:
    raw, out = tmp_path / "raw", tmp_path / "out"
    shutil.copytree(tutorial_night.raw, raw)
    with fits.open(raw / "N20160102S0272.fits", mode="update", memmap=False) as hdus:
        del hdus[0].header[keyword]
        if value is not None:
            hdus[0].header[keyword] = value
    told = nightcrew("night", raw, "--out", out, "--no-previews")
    assert told.code == 1
    (line,) = [line for line in told.err.splitlines() if "left out" in line]
    assert all(text in line for text in ("N20160102S0272.fits", keyword, said, "correct the header"))
    assert open_frame(out / "N20160102S0271_image.fits").phu["NCOMBINE"] == 3
