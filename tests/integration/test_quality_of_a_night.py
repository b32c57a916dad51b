"""Quality numbers of a simulated NIRI night against what it was made of: seeing, sky, clouds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from astropy.io import fits

from nightcrew.simulator import niri_night
from support.golden import Bench

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.reducer.engine.reduction import Result
    from nightcrew.simulator import Night

CLOUDS = 0.5
"""Part of the light that the cloudy frame gets."""


@pytest.fixture(scope="module")
def night() -> Night:
    night = niri_night(seed=4, size=256, frames=3)
    cloudy = night.group("target")[2]
    return night.with_exposures(replace(cloudy, transparency=CLOUDS))


@pytest.fixture(scope="module")
def bench(night: Night, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    root = tmp_path_factory.mktemp("quality")
    night.write(root / "raw")
    stars = [source for source in night.truth().objects if source["kind"] == "star"]
    rows = [f"{s['ra']:.8f},{s['dec']:.8f},{s['name']},{s['magnitude']:.4f},0.01" for s in stars]
    (root / "stars.csv").write_text("\n".join(["RA,DEC,name,filtermag,filtermag_err", *rows]))
    return Bench(root / "out", root / "raw")


@pytest.fixture(scope="module")
def masters(night: Night, bench: Bench) -> dict[str, Path]:
    dark = bench.reduce(files(night, bench, "dark"))
    flat = bench.reduce(files(night, bench, "lamp-on", "lamp-off"))
    return {
        "processed_dark": bench.root / dark.outcome.products[-1],
        "processed_flat": bench.root / flat.outcome.products[-1],
    }


def files(night: Night, bench: Bench, *groups: str) -> tuple[Path, ...]:
    return tuple(bench.raw / exposure.filename for group in groups for exposure in night.group(group))


def response(night: Night) -> float:
    """Return the typical response of the pixels read, which their own flat puts to 1."""
    detector = night.detector
    return float(np.median(detector.flat[~detector.bad & detector.lit]))


def seen_fwhm(night: Night) -> float:
    """Return the width of a star, arcsec, as pixels of finite size show it."""
    pixel = np.sqrt(8 * np.log(2) / 12) * night.camera.pixel_scale
    return float(np.hypot(night.psf.fwhm, pixel))


def of_kind(result: Result, kind: str):
    return [measurement for measurement in result.measurements if measurement.kind == kind]


@pytest.mark.parametrize("group", ["target", "sky", "standard"])
def test_a_quick_look_tells_seeing_and_sky_of_a_single_frame(night, bench, masters, group) -> None:
    exposure = night.group(group)[1]  # the first of a sequence has a bias level of its own
    result = bench.reduce((bench.raw / exposure.filename,), recipe="quickLook", mode="ql", calibrations=masters)
    assert result.outcome.ok, result.outcome
    assert result.outcome.products == (f"{exposure.name}_quicklook.fits",)
    level, iq, sky = result.measurements
    assert level.applied == ("dark", "flat")
    assert iq.fwhm.value == pytest.approx(seen_fwhm(night), rel=0.05)
    truth = exposure.background * exposure.exptime * exposure.coadds * response(night)
    assert sky.level.value == pytest.approx(truth, rel=0.01)
    with fits.open(bench.root / result.outcome.products[0]) as hdus:
        phu, pixels, dq = hdus[0].header, hdus["SCI"].data, hdus["DQ"].data
    assert phu["NCLEVEL"] == "dark+flat"
    assert phu["PROCMODE"] == "ql"
    assert phu["SKYLEVEL"] == pytest.approx(sky.level.value)
    assert phu["MEANFWHM"] == pytest.approx(iq.fwhm.value, abs=1e-6)
    assert abs(np.median(pixels[dq == 0])) < 0.005 * truth


def test_a_quick_look_makes_do_with_what_there_is(night, bench) -> None:
    exposure = night.group("sky")[1]
    result = bench.reduce((bench.raw / exposure.filename,), recipe="quickLook", mode="ql")
    assert result.outcome.ok
    assert any("no dark was specified" in caveat for caveat in result.outcome.caveats)
    assert any("no flat was specified" in caveat for caveat in result.outcome.caveats)
    (level,) = of_kind(result, "correction_level")
    assert level.missing == ("bpm", "dark", "flat")
    (iq,) = of_kind(result, "image_quality")
    assert iq.fwhm.value == pytest.approx(seen_fwhm(night), rel=0.10)


def test_quality_assessment_measures_every_frame_twice_and_the_stack(night, bench, masters) -> None:
    result = bench.reduce(
        files(night, bench, "target"),
        f"addReferenceCatalog:source={bench.raw.parent / 'stars.csv'}",
        mode="qa",
        calibrations=masters,
    )
    assert result.outcome.ok, result.outcome
    assert result.recipe == "reduce"
    assert [len(of_kind(result, kind)) for kind in ("image_quality", "background", "cloud_cover")] == [7, 3, 7]
    for iq in of_kind(result, "image_quality"):
        assert iq.fwhm.value == pytest.approx(seen_fwhm(night), rel=0.08)
    extinctions = [cc.extinction.value for cc in of_kind(result, "cloud_cover")]
    clear, cloudy = [extinctions[i] for i in (0, 1, 3, 4)], [extinctions[i] for i in (2, 5)]
    assert np.mean(clear) == pytest.approx(0.0, abs=0.06)
    assert np.mean(cloudy) == pytest.approx(-2.5 * np.log10(CLOUDS), abs=0.1)
    stack = bench.root / result.outcome.products[-1]
    with fits.open(stack) as hdus:
        dimmed = 26.4 + 2.5 * np.log10((2 + CLOUDS) / 3)
        assert hdus["SCI"].header["MEANZP"] == pytest.approx(dimmed, abs=0.1)
        assert len(hdus["REFCAT"].data) > 10
        rows = hdus["OBJCAT"].data
    known = rows[rows["REF_NUMBER"] > 0]
    assert len(known) >= 5
    truth = {s["magnitude"] for s in night.truth().objects}
    assert all(min(abs(m - t) for t in truth) < 1e-3 for m in known["REF_MAG"])
