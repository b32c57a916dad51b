"""A Flamingos-2 night on which much went wrong: what each profile makes of it, and what it says."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy.io import fits

from benchmarks.defects import Compared
from benchmarks.profiling import Bench
from e2e.conftest import Told, nightcrew
from nightcrew.shared.dq import DQ
from nightcrew.simulator import f2_night

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.simulator import Night

MISPLACED, TRAILED, SHADED = "S20131128S0075", "S20131128S0077", "S20131128S0078"
STACK = "S20131128S0075_image.fits"


def troubled_night() -> Night:
    """Return five frames of a field, and as few calibrations as will do.

    A star saturates in all of them and glows on; the WCS of the first is 5 arcsec off, the stars of the third are
    trailed, and in the fourth PWFS2 guides beside the target.
    """
    night = f2_night(1, frames=5, variants=("persistence", "trailed"))
    target = night.group("target")
    night = night.with_exposures(replace(target[0], wcs_error=(4.0, 3.0)), replace(target[3], probe=(4.0, -3.0)))
    some = {"target": 5, "dark": 3, "lamp-on": 2, "lamp-off": 2, "short-dark": 2}
    kept = [exposure for group, count in some.items() for exposure in night.group(group)[:count]]
    return replace(night, exposures=tuple(sorted(kept, key=night.exposures.index)))


@dataclass(frozen=True)
class Troubled:
    """The night, reduced with the profile best by one command, and its science with the profile standard too."""

    bench: Bench
    told: Told
    best: Compared
    standard: Compared
    standard_said: tuple[str, ...]

    @property
    def out(self) -> Path:
        return self.bench.directory / "calibrated"

    @property
    def science(self) -> dict[str, Any]:
        return self.bench.group("science")

    def said(self, *words: str) -> list[str]:
        return [caveat for caveat in self.science["outcome"]["caveats"] if all(word in caveat for word in words)]


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Troubled:
    root = tmp_path_factory.mktemp("f2")
    troubled_night().write(root / "raw")
    told = nightcrew("night", root / "raw", "--out", root / "calibrated", "--profile", "best", "--no-previews")
    assert told.code == 0, told
    bench = Bench(root)
    standard = bench.reduce("science", "standard")
    assert standard.product is not None, standard.reason
    best, plain = (Compared(path, bench.truth, "target") for path in (root / "calibrated" / STACK, standard.product))
    return Troubled(bench, told, best, plain, standard.caveats)


def test_the_best_frame_and_not_the_misplaced_first_one_gives_the_place(night: Troubled) -> None:
    assert night.standard.place_error() == pytest.approx(5.0, abs=0.1)
    assert night.best.place_error() < 0.05
    assert night.said(MISPLACED, "WCS 5.0 arcsec beside where the telescope offsets put it", "no reference for others")
    assert fits.getheader(night.out / STACK)["NCREFIM"] not in {f"{MISPLACED}.fits", f"{TRAILED}.fits"}


def test_the_trailed_frame_is_left_out_by_name_and_no_other(night: Troubled) -> None:
    assert night.said(TRAILED, "left out of the stack: stars are trailed", "limit")
    assert len(night.said("left out of the stack")) == 1
    header = fits.getheader(night.out / STACK)
    assert (header["NCEXCL01"], header["NCOMBINE"]) == (f"{TRAILED}.fits", 4)
    assert "NCEXCL02" not in header
    assert night.best.sharpness() == pytest.approx(1.0, abs=0.04)
    assert night.best.flux_of("galaxy") == pytest.approx(1.0, abs=0.01)


def test_the_shadow_of_the_guide_probe_takes_nothing_from_the_target(night: Troubled) -> None:
    (shaded,) = night.said("PWFS2 guides in the field")
    assert SHADED in shaded
    assert "is flagged" in shaded
    assert night.best.flux_of("W0340-30") == pytest.approx(1.0, abs=0.01)
    assert night.best.unevenness() < 0.1 * night.standard.unevenness()


def test_pixels_that_were_saturated_do_not_glow_on(night: Troubled) -> None:
    # 4900 electrons are left at each place without the flags; the noise of such a sum is 400.
    assert abs(night.best.afterglow("bright")) < 1500


def test_the_bad_pixel_mask_is_made_and_found_without_being_asked_for(night: Troubled) -> None:
    (mask,) = (group for group in night.bench.document["groups"] if group["kind"] == "bpm")
    for kind in ("flat", "science"):
        with fits.open(night.out / night.bench.group(kind)["products"][-1]) as hdus:
            assert mask["products"][-1] in list(hdus["PROVENANCE"].data["filename"])
    with fits.open(night.out / mask["products"][-1]) as hdus, fits.open(night.out / "S20131129S0320_flat.fits") as flat:
        lit = np.s_[500:1548, 500:1548]
        bad = (hdus[1].data[lit] & DQ.BAD_PIXEL) != 0
        assert 0.001 < bad.mean() < 0.02
        assert np.all(flat["DQ"].data[lit][bad] & DQ.BAD_PIXEL)


def test_what_the_profile_standard_stacks_all_the_same_it_names(night: Troubled) -> None:
    assert len(night.standard.stack.frames) == 5
    assert any(f"{TRAILED}.fits: stars are trailed" in text for text in night.standard_said)
    assert any(MISPLACED in text and "arcsec beside those of the other frames" in text for text in night.standard_said)
    assert [text for text in night.standard_said if "--profile best" not in text] == []


def test_the_observer_is_told_the_conditions_by_the_frames_that_count(night: Troubled) -> None:
    conditions, stack = night.science["measurements"]
    assert (conditions["kind"], stack["kind"]) == ("conditions", "stack")
    names = [frame["name"] for frame in conditions["frames"]]
    assert names == [f"S20131128S00{n}.fits" for n in (75, 76, 78, 79)]
    assert [frame["name"] for frame in stack["inputs"]] == names
    assert conditions["fwhm"]["value"] == pytest.approx(night.bench.truth["seeing"]["fwhm"], rel=0.06)
    assert f"seeing {conditions['fwhm']['value']:.2f} arcsec" in " ".join(night.told.out.split())


def test_every_product_conforms_to_the_standard_and_bears_true_checksums(night: Troubled) -> None:
    for path in sorted(night.out.glob("*.fits")):
        with fits.open(path, checksum=True, memmap=False) as hdus:
            hdus.verify("exception")
            assert all({"CHECKSUM", "DATASUM"} <= set(hdu.header) for hdu in hdus)
            assert all(hdu.data is not None for hdu in hdus[1:])
    assert len(json.loads((night.out / "night.json").read_text())["groups"]) == len(list(night.out.glob("*.fits")))
