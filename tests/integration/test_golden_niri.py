"""The golden NIRI night: five reductions, every step, compared with the reference's files (golden/README.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from support.golden import Bench, NiriNight, Planes, decompress, good, planes, relative, sigmas
from support.reference import require_reference

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.reducer.engine.reduction import Result

pytestmark = pytest.mark.reference

STEPS = (
    "prepare",
    "addDQ",
    "nonlinearityCorrect",
    "ADUToElectrons",
    "addVAR",
    "makeLampFlat",
    "normalizeFlat",
    "darkCorrect",
    "flatCorrect",
    "skyCorrect",
    "detectSources",
    "adjustWCSToReference",
    "resampleToCommonFrame",
    "scaleCountsToReference",
)
UP_TO_THE_FLAT_FIELD = (
    *(
        f"dark/N20160102S0423_{s}"
        for s in ("prepared", "dqAdded", "nonlinearityCorrected", "ADUToElectrons", "varAdded")
    ),
    *(
        f"flat/N20160102S{n}_{s}"
        for n in ("0363", "0373")
        for s in ("prepared", "dqAdded", "nonlinearityCorrected", "ADUToElectrons", "varAdded")
    ),
    "flat/N20160102S0373_lampstack",
    "flat/N20160102S0373_normalized",
    *(
        f"sci/N20160102S0272_{s}"
        for s in (
            "prepared",
            "dqAdded",
            "ADUToElectrons",
            "varAdded",
            "nonlinearityCorrected",
            "darkCorrected",
            "flatCorrected",
        )
    ),
    *(f"sci/N20160102S0277_{s}" for s in ("darkCorrected", "flatCorrected")),
    "std/N20160102S0297_flatCorrected",
)


@pytest.fixture(scope="module")
def golden() -> Path:
    return require_reference("golden", "niri256")


@pytest.fixture(scope="module")
def night(golden: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reduce the whole night, every step written, and return the directory of the products."""
    root = tmp_path_factory.mktemp("golden")
    decompress(golden / "raw", root / "raw")
    made = NiriNight(Bench(root / "out", root / "raw"), STEPS)
    for reduction in (made.dark, made.bpm, made.flat, made.standard, made.science):
        result: Result = reduction()
        assert result.outcome.ok, result
    return root / "out"


def pair(night: Path, golden: Path, step: str) -> tuple[Planes, Planes]:
    return planes(night / f"{step.partition('/')[2]}.fits"), planes(golden / "steps" / f"{step}.fits.bz2")


@pytest.mark.parametrize("step", UP_TO_THE_FLAT_FIELD)
def test_every_step_up_to_the_flat_field_agrees_on_every_pixel(step: str, night: Path, golden: Path) -> None:
    ours, theirs = pair(night, golden, step)
    close = relative(ours.sci, theirs.sci) <= 3e-6
    if theirs.var is not None:
        assert ours.var is not None
        close |= sigmas(ours, theirs) <= 3e-4
        assert relative(ours.var, theirs.var, 1e-12).max() <= 5e-6
    assert close.all()
    if theirs.dq is not None:
        assert np.array_equal(ours.dq, theirs.dq)
    for keyword in ("SATLEVEL", "NONLINEA"):
        if keyword in theirs.header:
            assert ours.header[keyword] == pytest.approx(theirs.header[keyword], rel=1e-9)


@pytest.mark.parametrize("name", ["N20160102S0423_dark", "N20160102S0373_flat", "N20160102S0373_bpm"])
def test_the_masters_agree_on_every_pixel(name: str, night: Path, golden: Path) -> None:
    ours, theirs = planes(night / f"{name}.fits"), planes(golden / "reference" / f"{name}.fits")
    if theirs.var is None:
        assert np.array_equal(ours.sci, theirs.sci)
        return
    assert ours.var is not None
    assert ((relative(ours.sci, theirs.sci) <= 3e-6) | (sigmas(ours, theirs) <= 3e-4)).all()
    assert relative(ours.var, theirs.var, 1e-12).max() <= 5e-6
    assert np.array_equal(ours.dq, theirs.dq)


@pytest.mark.parametrize("frame", ["0272", "0277"])
def test_an_unscaled_sky_subtraction_agrees(frame: str, night: Path, golden: Path) -> None:
    if frame == "0277":  # a sky frame: only its first pass, which the second does not overwrite in the main stream
        pytest.skip("the sky frame's first pass goes to a stream that is not written under this name")
    ours, theirs = pair(night, golden, f"sci/N20160102S{frame}_skyCorrected")
    clean = good(ours, theirs)
    assert np.quantile(sigmas(ours, theirs)[clean], 0.999) <= 1e-3
    assert ours.var is not None
    assert theirs.var is not None
    assert np.quantile(relative(ours.var, theirs.var, 1e-12)[clean], 0.995) <= 1e-5
    assert np.array_equal(ours.dq, theirs.dq)


def test_a_scaled_sky_subtraction_agrees_up_to_a_constant(night: Path, golden: Path) -> None:
    ours, theirs = pair(night, golden, "std/N20160102S0297_skyCorrected")
    clean = good(ours, theirs)
    assert theirs.var is not None
    assert ours.var is not None
    difference = (ours.sci - theirs.sci)[clean]
    sigma = np.sqrt(theirs.var[clean])
    constant = np.median(difference)
    assert abs(constant) <= 0.1 * np.median(sigma)
    assert np.quantile(np.abs(difference - constant) / sigma, 0.999) <= 5e-3
    assert np.quantile(relative(ours.var, theirs.var, 1e-12)[clean], 0.995) <= 2e-3
    assert np.array_equal(ours.dq, theirs.dq)


@pytest.mark.parametrize("step", ["sci/N20160102S0272_sourcesDetected", "std/N20160102S0297_sourcesDetected"])
def test_the_same_sources_are_detected(step: str, night: Path, golden: Path) -> None:
    ours, theirs = pair(night, golden, step)
    assert (ours.objmask == theirs.objmask).mean() >= 0.9999
    assert len(ours.objcat) == len(theirs.objcat)
    mine, ref = (table[np.argsort(table["X_IMAGE"])] for table in (ours.objcat, theirs.objcat))
    for axis in ("X_IMAGE", "Y_IMAGE"):
        assert np.abs(mine[axis] - ref[axis]).max() <= 0.01
    free = (ref["FLAGS"] & 3) == 0
    for column in ("A_IMAGE", "B_IMAGE", "PROFILE_FWHM"):
        assert relative(mine[column][free], ref[column][free]).max() <= 1e-3
    for column in ("A_IMAGE", "B_IMAGE"):
        assert relative(mine[column], ref[column]).max() <= 0.05
    flux = relative(mine["FLUX_AUTO"], ref["FLUX_AUTO"])
    assert flux[free].max() <= 0.02
    assert flux.max() <= 0.10


@pytest.mark.parametrize(
    "step",
    [
        *(f"sci/N20160102S027{n}_wcsCorrected" for n in (1, 2, 3, 4)),
        *(f"std/N20160102S029{n}_wcsCorrected" for n in (6, 7, 8, 9)),
    ],
)
def test_the_alignment_agrees(step: str, night: Path, golden: Path) -> None:
    ours, theirs = pair(night, golden, step)
    scale = abs(theirs.header["CD1_1"])
    for axis in (1, 2):
        moved = ours.header[f"CRPIX{axis}"] - theirs.header[f"CRPIX{axis}"]
        stretch = np.cos(np.radians(theirs.header["CRVAL2"])) if axis == 1 else 1.0
        turned = (ours.header[f"CRVAL{axis}"] - theirs.header[f"CRVAL{axis}"]) * stretch / scale
        assert abs(moved) + abs(turned) <= 0.002


@pytest.mark.parametrize("name", ["N20160102S0271_image", "N20160102S0296_image"])
def test_the_final_images_agree(name: str, night: Path, golden: Path) -> None:
    ours, theirs = planes(night / f"{name}.fits"), planes(golden / "reference" / f"{name}.fits")
    scaled = "0296" in name
    assert ours.sci.shape == theirs.sci.shape
    for axis in ("CRPIX1", "CRPIX2"):
        assert ours.header[axis] == pytest.approx(theirs.header[axis], abs=1e-3)
    clean = good(ours, theirs)
    assert ours.var is not None
    assert theirs.var is not None
    assert np.quantile(sigmas(ours, theirs)[clean], 0.999) <= (0.1 if scaled else 2e-3)
    assert np.quantile(relative(ours.var, theirs.var, 1e-12)[clean], 0.995) <= (2e-3 if scaled else 1e-4)
    assert (ours.dq == theirs.dq).mean() >= 0.9999


@pytest.mark.parametrize("name", ["N20160102S0271_image", "N20160102S0296_image"])
def test_aperture_fluxes_of_the_brightest_sources_agree(name: str, night: Path, golden: Path) -> None:
    ours, theirs = planes(night / f"{name}.fits"), planes(golden / "reference" / f"{name}.fits")
    scaled = "0296" in name
    order = np.argsort(theirs.objcat["FLUX_AUTO"])[::-1][:30]
    yy, xx = np.indices(theirs.sci.shape)
    for row in theirs.objcat[order]:
        distance = np.hypot(xx - row["X_IMAGE"] + 1, yy - row["Y_IMAGE"] + 1)
        inside, ring = distance <= 6, (distance > 10) & (distance <= 14)
        if not inside.any() or (theirs.dq[inside] & 16).any():
            continue
        fluxes = []
        for image in (ours.sci, theirs.sci):
            level = np.median(image[ring]) if scaled else 0.0
            fluxes.append((image[inside] - level).sum())
        assert fluxes[0] == pytest.approx(fluxes[1], rel=1e-3 if scaled else 1e-4, abs=1.0)
