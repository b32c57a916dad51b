"""scaleCountsToReference and scaleByIntensity."""

from __future__ import annotations

import numpy as np
import pytest

from nightcrew.reducer.catalogue.columns import make_catalogue
from nightcrew.reducer.catalogue.flux_scale import Fluxes, flux_factor
from support.fields import exposure
from support.runs import running


def frame_of(number: int, seconds: float = 20.0, *, bright: float = 1.0, sources: int = 8, coadds: int = 1):
    frame = exposure(number, sources=(), EXPTIME=seconds, COADDS=coadds)
    n = np.arange(sources)
    flux = 1e4 * (1 + n) * bright
    frame.planes[0].objcat = make_catalogue(
        {"X_WORLD": 150.0 + n / 3600, "Y_WORLD": 2.0 + n / 3600, "FLUX_AUTO": flux, "FLUXERR_AUTO": 10.0}, sources
    )
    return frame


def scaled(directory, *frames, user=()):
    before = [frame.planes[0].data for frame in frames]
    with running(directory, *frames, user=user) as run:
        run.step("scaleCountsToReference", {})
        factors = [float((f.planes[0].data / b).mean()) for f, b in zip(frames, before, strict=True)]
        return factors, run


def warned(run, text: str) -> bool:
    return any(text in warning for warning in run.ledger.warnings)


def test_frames_are_brought_to_the_exposure_of_the_first(tmp_path) -> None:
    frames = [frame_of(1, 20.0), frame_of(2, 40.0), frame_of(3, 20.0)]
    factors, _ = scaled(tmp_path, *frames)
    assert factors == pytest.approx([1.0, 0.5, 1.0])
    assert frames[1].planes[0].variance.mean() == pytest.approx(25.0)
    assert (frames[1].phu["EXPTIME"], frames[1].phu["ORIGTEXP"]) == (20.0, 40.0)
    assert "ORIGTEXP" not in frames[2].phu
    assert all(frame.filename.endswith("_countsScaled.fits") for frame in frames)


def test_the_exposure_of_one_coadd_is_written(tmp_path) -> None:
    frames = [frame_of(1, 6.0, coadds=2), frame_of(2, 12.0, coadds=2)]
    scaled(tmp_path, *frames)
    assert frames[1].phu["EXPTIME"] == 6.0


def test_sources_tell_the_factor_within_the_tolerance(tmp_path) -> None:
    frames = [frame_of(1), frame_of(2, 40.0, bright=1.8), frame_of(3, bright=0.5)]
    factors, run = scaled(tmp_path, *frames, user=("tolerance=0.3",))
    assert factors == pytest.approx([1.0, 1 / 1.8, 1.0], rel=1e-4)
    assert warned(run, "N20160102S0003.fits: sources ask for a factor of 2")


def test_with_a_tolerance_of_one_any_factor_will_do(tmp_path) -> None:
    factors, _ = scaled(tmp_path, frame_of(1), frame_of(2, bright=0.1), user=("tolerance=1",))
    assert factors == pytest.approx([1.0, 10.0], rel=1e-4)


def test_frames_without_common_sources_are_scaled_by_exposure_and_none_is_lost(tmp_path) -> None:
    elsewhere, bare = frame_of(2, 40.0), frame_of(3, 40.0)
    elsewhere.planes[0].objcat.rows["X_WORLD"] += 1.0
    bare.planes[0].objcat = None
    frames = [frame_of(1), elsewhere, bare]
    factors, run = scaled(tmp_path, *frames, user=("tolerance=0.5",))
    assert factors == pytest.approx([1.0, 0.5, 0.5])
    assert warned(run, "no source is in all frames")
    assert warned(run, "no source in common with the first frame")
    assert warned(run, "N20160102S0003.fits: no sources, scaled by exposure time")
    assert all("SCALEOBJ" in frame.phu for frame in frames)


def test_without_a_catalogue_of_the_first_frame_exposures_tell(tmp_path) -> None:
    first = frame_of(1)
    first.planes[0].objcat = None
    factors, run = scaled(tmp_path, first, frame_of(2, 40.0), user=("tolerance=0.5",))
    assert factors == pytest.approx([1.0, 0.5])
    assert warned(run, "no catalogue")


def test_a_frame_without_exposure_time_is_left_alone(tmp_path) -> None:
    frames = [frame_of(1), frame_of(2)]
    del frames[1].phu["EXPTIME"]
    factors, run = scaled(tmp_path, *frames)
    assert factors == [1.0, 1.0]
    assert warned(run, "no exposure time to compare")


def test_one_frame_needs_no_scaling(tmp_path) -> None:
    frame = frame_of(1)
    _, _ = scaled(tmp_path, frame)
    assert frame.filename == "N20160102S0001.fits"


def test_outliers_do_not_tell_the_factor() -> None:
    x = np.arange(1.0, 41.0) * 1e3
    y = 2.0 * x
    y[5] *= 3
    errors = np.full(40, 10.0)
    assert flux_factor(Fluxes(x, errors, y, errors)) == pytest.approx(2.0, rel=1e-3)
    assert flux_factor(Fluxes(x[:0], x[:0], x[:0], x[:0])) is None
    assert flux_factor(Fluxes(0 * x, errors, y, errors)) is None


@pytest.mark.parametrize("statistic", ["mean", "median"])
@pytest.mark.parametrize("separate", [True, False])
def test_frames_are_brought_to_one_level(statistic: str, separate: bool, tmp_path) -> None:
    frames = [exposure(n, sources=(), sky=sky) for n, sky in ((1, 1000.0), (2, 500.0))]
    bad = np.zeros((128, 128), np.uint16)
    bad[:64] = 1
    frames[1].planes[0].dq = bad
    lower = frames[1].planes[0].data.copy()
    lower[:64] = 1e6
    frames[1].planes[0].data = lower
    user = (f"scaling={statistic}", f"separate_ext={separate}", "section=1:128,1:128")
    with running(tmp_path, *frames, user=user) as run:
        run.step("scaleByIntensity", {})
    assert np.median(frames[1].planes[0].data[64:]) == pytest.approx(1000.0, rel=1e-2)
    assert frames[1].filename == "N20160102S0002_scaled.fits"


def test_frames_without_level_or_without_company_are_left_alone(tmp_path) -> None:
    frames = [exposure(1), exposure(2)]
    frames[1].planes[0].dq = np.ones((128, 128), np.uint16)
    before = frames[1].planes[0].data
    with running(tmp_path, *frames) as run:
        run.step("scaleByIntensity", {})
        assert warned(run, "no level to scale by")
        assert frames[1].planes[0].data is before
        alone = exposure(3)
        run.call("scaleByIntensity", [alone])
        assert alone.filename == "N20160102S0003.fits"
