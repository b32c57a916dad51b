"""Deep fields and flats of the sky, from raw simulated frames of a NIRI night."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from nightcrew.simulator import niri_night
from support.golden import Bench, Planes, planes

if TYPE_CHECKING:
    from pathlib import Path

STANDARD, SKY = ("N20160102S", 295, 299), ("N20160102S", 275, 279)
NO_DARK = "darkCorrect:do_cal=skip"
FIRST = "removeFirstFrame:remove_first=False"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Raw frames of a standard star, dithered on target, and of the sky; a master flat."""
    root = tmp_path_factory.mktemp("deep")
    night = niri_night(seed=3, size=256)
    (root / "raw").mkdir()
    for exposure in night.exposures:
        if exposure.group in {"standard", "sky", "lamp-on", "lamp-off"}:
            night.hdus(exposure.name).writeto(root / "raw" / f"{exposure.name}.fits")
    made = Bench(root / "out", root / "raw")
    result = made.reduce(made.files(("N20160102S", 363, 367), ("N20160102S", 373, 377)))
    assert result.outcome.ok, result
    return made


def flat(bench: Bench) -> dict[str, Path]:
    return {"processed_flat": bench.root / "N20160102S0373_flat.fits"}


def reduced(bench: Bench, recipe: str, *user: str, files: tuple[Path, ...] = ()) -> Planes:
    """Return the last product of a recipe."""
    given = files or bench.files(STANDARD)
    result = bench.reduce(given, NO_DARK, FIRST, *user, recipe=recipe, calibrations=flat(bench))
    assert result.outcome.ok, result
    return planes(bench.root / result.outcome.products[-1])


def background_noise(image: Planes) -> float:
    """Return the scatter of the pixels that show no object, where all frames overlap."""
    clean = (image.dq == 0) & (image.var < 1.5 * np.median(image.var[image.dq == 0]))
    low, mid = np.percentile(image.sci[clean], [15.87, 50])
    return float(mid - low)


def test_the_second_stack_of_a_deep_field_is_no_noisier_than_that_of_the_standard_recipe(bench: Bench) -> None:
    usual, deep = reduced(bench, "reduce"), reduced(bench, "ultradeep")
    assert deep.sci.shape == usual.sci.shape
    assert deep.phu["NCOMBINE"] == len(bench.files(STANDARD))
    assert background_noise(deep) <= 1.05 * background_noise(usual)


def test_a_deep_field_in_three_parts_comes_out_like_that_at_a_stretch(bench: Bench) -> None:
    reduced(bench, "ultradeep_part1")
    names = [path.stem for path in bench.files(STANDARD)]
    reduced(bench, "ultradeep_part2", files=tuple(bench.root / f"{name}_flatCorrected.fits" for name in names))
    masked = tuple(bench.root / f"{name}_objmaskTransferred.fits" for name in names)
    parts = reduced(bench, "ultradeep_part3", files=masked)
    whole = reduced(bench, "ultradeep")
    assert parts.sci.shape == whole.sci.shape
    clean = (parts.dq == 0) & (whole.dq == 0)
    assert np.median(np.abs(parts.sci - whole.sci)[clean]) <= 0.1 * background_noise(whole)


@pytest.mark.parametrize("mode", ["sq", "qa"])
def test_a_flat_of_the_sky_shows_the_response_of_the_lamp_flat(mode, bench: Bench) -> None:
    made = bench.reduce(bench.files(SKY), NO_DARK, FIRST, recipe="makeSkyFlat", mode=mode)
    assert made.outcome.ok, made
    name = made.outcome.products[-1]
    sky, lamp = planes(bench.root / name), planes(flat(bench)["processed_flat"])
    clean = (sky.dq == 0) & (lamp.dq == 0)
    assert np.median(sky.sci[clean]) == pytest.approx(1.0, abs=1e-3)
    coarse = [block_medians(np.where(clean, image.sci, np.nan)) for image in (sky, lamp)]
    assert np.std(coarse[0] / coarse[1]) < 0.3 * np.std(coarse[1])
    assert sky.phu["OBJECT"] == ("Flat Frame" if mode == "sq" else "SN2014J")
    assert bool(made.stored) == (mode == "sq")


def block_medians(image: np.ndarray) -> np.ndarray:
    blocks = image.reshape(8, 32, 8, 32).swapaxes(1, 2).reshape(8, 8, -1)
    return np.nanmedian(blocks, axis=2)
