"""The golden Flamingos-2 night: four reductions, compared with cut-outs of the reference's products."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from support.golden import Bench, F2Night, Planes, decompress, planes, relative
from support.reference import require_reference

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.reference, pytest.mark.slow]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Master:
    """A product of ours and what is kept of the reference's: cut-outs, statistics of whole planes, keywords."""

    ours: Planes
    boxes: list[tuple[slice, slice]]
    cutouts: dict[str, Array]
    about: dict[str, Any]

    def pairs(self, plane: str) -> tuple[Array, Array]:
        """Return the cut-outs of a plane, ours and theirs, as one row of pixels."""
        ours = getattr(self.ours, plane.lower())
        theirs = [self.cutouts[f"{plane}_{number}"] for number in range(len(self.boxes))]
        return np.concatenate([ours[box].ravel() for box in self.boxes]), np.concatenate(
            [cutout.astype(np.float64).ravel() for cutout in theirs]
        )

    def sums(self, plane: str) -> tuple[float, float]:
        """Return the sums of a whole plane, ours and theirs."""
        return float(getattr(self.ours, plane.lower()).sum()), float(self.about[plane]["sum"])


@pytest.fixture(scope="module")
def golden() -> Path:
    return require_reference("golden", "f2")


@pytest.fixture(scope="module")
def night(golden: Path, tmp_path_factory: pytest.TempPathFactory) -> F2Night:
    """Raw frames of the night, and a directory for products."""
    root = tmp_path_factory.mktemp("golden-f2")
    decompress(golden / "raw", root / "raw")
    return F2Night(Bench(root / "out", root / "raw", budget=1 << 30))


@pytest.fixture(scope="module")
def products(night: F2Night) -> Path:
    """The directory in which the night has been reduced."""
    for reduction in (night.dark, night.bpm, night.flat, night.science):
        result = reduction()
        assert result.outcome.ok, result
    return night.bench.root


def master(products: Path, golden: Path, name: str) -> Master:
    kept = golden / "reference" / f"f2_{name}.npz"
    about = json.loads(kept.with_suffix(".json").read_text())
    boxes = [(slice(y, y + size), slice(x, x + size)) for y, x, size in about["boxes"]]
    with np.load(kept) as cutouts:
        return Master(planes(products / f"{name}.fits"), boxes, dict(cutouts), about)


@pytest.mark.parametrize("name", ["S20131128S0380_dark", "S20131128S0320_bpm", "S20131128S0320_flat"])
def test_the_keywords_of_the_masters_agree(name: str, products: Path, golden: Path) -> None:
    made = master(products, golden, name)
    assert list(made.ours.sci.shape) == made.about["shape"]
    for keyword, value in made.about["hdr"].items():
        found = made.ours.header.get(keyword, made.ours.phu.get(keyword))
        assert found == (pytest.approx(value, rel=1e-6) if isinstance(value, float) else value), keyword


def test_the_dark_agrees_on_every_pixel(products: Path, golden: Path) -> None:
    made = master(products, golden, "S20131128S0380_dark")
    assert relative(*made.pairs("SCI")).max() <= 3e-6
    assert relative(*made.pairs("VAR"), 1e-12).max() <= 5e-6
    assert np.array_equal(*made.pairs("DQ"))
    for plane in ("SCI", "VAR"):
        ours, theirs = made.sums(plane)
        assert ours == pytest.approx(theirs, rel=1e-6)
    assert made.sums("DQ")[0] == made.sums("DQ")[1]


def test_the_bad_pixel_mask_is_the_same(products: Path, golden: Path) -> None:
    made = master(products, golden, "S20131128S0320_bpm")
    assert np.array_equal(*made.pairs("SCI"))
    assert made.sums("SCI")[0] == made.sums("SCI")[1]


def test_the_flat_agrees_but_where_clipping_hangs_on_rounding(products: Path, golden: Path) -> None:
    made = master(products, golden, "S20131128S0320_flat")
    science, variance = made.pairs("SCI"), made.pairs("VAR")
    differ = (relative(*science) > 3e-6) | (relative(*variance, 1e-12) > 5e-6)
    assert differ.mean() <= 1e-3
    sigma = np.sqrt(variance[1][differ])
    assert (np.abs(science[0] - science[1])[differ] <= 0.1 * sigma).all()
    lower = 1.0 - variance[0][differ] / variance[1][differ]
    assert ((lower > 0.1) & (lower < 0.7)).all()
    assert np.array_equal(*made.pairs("DQ"))
    assert made.sums("DQ")[0] == made.sums("DQ")[1]
    ours, theirs = made.sums("VAR")
    assert ours / theirs - 1 == pytest.approx(-8e-5, abs=1e-5)
    ours, theirs = made.sums("SCI")
    assert ours == pytest.approx(theirs, rel=1e-6)


def test_the_final_image_agrees(products: Path, golden: Path) -> None:
    made = master(products, golden, "S20131128S0075_image")
    assert list(made.ours.sci.shape) == made.about["shape"]
    for axis in ("CRPIX1", "CRPIX2"):
        assert made.ours.header[axis] == pytest.approx(made.about["hdr"][axis], abs=1e-3)
    (ours, theirs), (_, variance), (dq, their_dq) = (made.pairs(plane) for plane in ("SCI", "VAR", "DQ"))
    clean = (dq == 0) & (their_dq == 0)
    sigmas = np.abs(ours - theirs)[clean] / np.sqrt(variance[clean])
    assert np.quantile(sigmas, 0.999) <= 0.02
    assert (dq == their_dq).mean() >= 0.9999
