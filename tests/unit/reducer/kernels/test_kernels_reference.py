"""The kernels against frames of the golden night, and the worked examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

import examples
from nightcrew.reducer.kernels import pixelwise
from nightcrew.reducer.kernels.affine import Affine, union_grid
from nightcrew.reducer.kernels.resample import resample
from support.reference import require_reference

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.reference

GAMMA, ETA, DT = 5.540988347e-07, 1.404726339e-12, 0.01029262589
SCI, VAR = 3e-6, 5e-6


class Step(NamedTuple):
    data: np.ndarray
    variance: np.ndarray | None
    dq: np.ndarray | None
    objmask: np.ndarray | None
    phu: Any
    header: Any


def step(night: Path, frame: str, suffix: str) -> Step:
    with fits.open(night / f"{frame}_{suffix}.fits.bz2", memmap=False) as hdus:
        named = {hdu.name: hdu.data for hdu in hdus[1:]}
        planes = [
            None if named.get(name) is None else np.ascontiguousarray(named[name], kind)
            for name, kind in (("SCI", np.float32), ("VAR", np.float32), ("DQ", np.uint16), ("OBJMASK", np.uint8))
        ]
        return Step(*planes, hdus[0].header.copy(), hdus["SCI"].header.copy())  # type: ignore[arg-type]


def assert_planes(ours: Any, reference: Step) -> None:
    np.testing.assert_allclose(ours[0], reference.data, rtol=SCI)
    if reference.variance is not None:
        np.testing.assert_allclose(ours[1], reference.variance, rtol=VAR)
    if len(ours) > 2 and reference.dq is not None:
        np.testing.assert_array_equal(ours[2], reference.dq)


def linearized(before: Step, gain: float) -> Any:
    phu = before.phu
    return pixelwise.linearize_niri(
        before.data, before.variance, GAMMA, ETA, gain, phu["COADDS"], phu["EXPTIME"] / phu["COADDS"], DT
    )


@pytest.mark.parametrize(("kind", "number"), [("dark", 423), ("flat", 363), ("flat", 373)])
def test_a_calibration_frame_agrees_after_every_step(kind: str, number: int) -> None:
    night = require_reference("golden", "niri256", "steps", kind)
    prepared, flagged, linear, electrons, noisy = (
        step(night, f"N20160102S0{number}", suffix)
        for suffix in ("prepared", "dqAdded", "nonlinearityCorrected", "ADUToElectrons", "varAdded")
    )
    data, dq = pixelwise.flag_levels(prepared.data, prepared.header["SATLEVEL"], prepared.header["NONLINEA"])
    np.testing.assert_array_equal(data, flagged.data)
    assert flagged.dq is not None
    np.testing.assert_array_equal(dq & 6, flagged.dq & 6)
    assert_planes(linearized(flagged, 12.3), linear)
    assert_planes(pixelwise.scale(linear.data, None, float(np.float32(12.3))), electrons)
    noise = pixelwise.add_variance(electrons.data, None, read_variance=35.0**2, poisson_gain=1.0)
    assert_planes((electrons.data, noise), noisy)


@pytest.mark.parametrize("frame", ["N20160102S0272", "N20160102S0277"])
def test_a_science_frame_agrees_up_to_the_flat_field(frame: str) -> None:
    night = require_reference("golden", "niri256", "steps", "sci")
    noisy, linear, dark_corrected, flat_corrected = (
        step(night, frame, suffix) for suffix in ("varAdded", "nonlinearityCorrected", "darkCorrected", "flatCorrected")
    )
    assert_planes(linearized(noisy, 1.0), linear)
    masters = []
    for name in ("N20160102S0423_dark.fits", "N20160102S0373_flat.fits"):
        with fits.open(night.parents[1] / "reference" / name, memmap=False) as hdus:
            masters.append(tuple(hdus[plane].data for plane in ("SCI", "VAR", "DQ")))
    assert_planes(pixelwise.subtract(linear[:3], masters[0]), dark_corrected)  # type: ignore[arg-type]
    assert_planes(pixelwise.divide(dark_corrected[:3], masters[1]), flat_corrected)  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "numbers"), [("sci", range(271, 275)), ("std", range(296, 300))])
def test_frames_are_aligned_as_by_the_reference(kind: str, numbers: range) -> None:
    night = require_reference("golden", "niri256", "steps", kind)
    frames = [step(night, f"N20160102S0{number}", "wcsCorrected") for number in numbers]
    aligned = [step(night, f"N20160102S0{number}", "align") for number in numbers]
    systems = [WCS(frame.header) for frame in frames]
    maps = [Affine.shift(0, 0)] + [
        Affine.approximating(lambda p, w=wcs: systems[0].wcs_world2pix(w.wcs_pix2world(p, 0), 0), frame.data.shape)
        for frame, wcs in zip(frames[1:], systems[1:], strict=True)
    ]
    grid = union_grid(maps, [frame.data.shape for frame in frames])
    assert grid.shape == aligned[0].data.shape
    for frame, to_reference, reference in zip(frames, maps, aligned, strict=True):
        made = resample(*frame[:4], to_reference, grid)
        assert made.variance is not None
        assert reference.variance is not None
        good = reference.dq == 0
        off = np.abs(made.data - reference.data)[good] / np.sqrt(reference.variance[good])
        assert off.max() < 2e-4
        np.testing.assert_allclose(made.variance[good], reference.variance[good], rtol=VAR)
        np.testing.assert_array_equal(made.dq, reference.dq)
        np.testing.assert_array_equal(made.objmask, reference.objmask)


@pytest.mark.parametrize("name", ["combine", "sky", "dataselect"])
def test_the_worked_examples_come_out(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = require_reference("spec", "examples", f"{name}.json")
    assert examples.main([str(path)]) == 0, capsys.readouterr().out
