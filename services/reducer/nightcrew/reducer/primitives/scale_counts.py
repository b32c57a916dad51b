"""scaleCountsToReference and scaleByIntensity (primitives-sky-and-stack, 12 and 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from nightcrew.reducer.catalogue.flux_scale import flux_factor, matched_fluxes, nearest_sources
from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import all_frames
from nightcrew.reducer.kernels.pixelwise import scale
from nightcrew.reducer.kernels.statistics import masked_mean, masked_median
from nightcrew.reducer.primitives.stacking import parse_section

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nightcrew.reducer.engine.run import Run
    from nightcrew.shared.frames import Frame, Plane, Table

ENOUGH_FOR_COMMON = 3
"""Frames from which on the sources that all of them show are worth looking for."""
STATISTICS = {"mean": "Scale by mean", "median": "Scale by median"}


class ScaleCountsToReference(Parameters):
    """Parameters of scaleCountsToReference."""

    suffix: str = parameter("_countsScaled", "Filename suffix")
    tolerance: float = parameter(
        0.0, "Fractional tolerance for deviation from scaling by exposure time", ge=0.0, le=1.0
    )
    use_common: bool = parameter(True, "Use only objects common to all frames?")
    radius: float = parameter(0.5, "Matching radius in arcseconds", ge=0.1)


class ScaleByIntensity(Parameters):
    """Parameters of scaleByIntensity."""

    suffix: str = parameter("_scaled", "Filename suffix")
    section: str | None = parameter(None, "Statistics section")
    scaling: Literal["mean", "median"] = parameter("mean", "Statistic for scaling", choices=STATISTICS)
    separate_ext: bool = parameter(False, "Scale extensions separately?")


@all_frames("scaleCountsToReference", ScaleCountsToReference)
def scale_counts_to_reference(frames: list[Frame], p: ScaleCountsToReference, run: Run) -> list[Frame]:
    """Bring all frames to the exposure time of the first, or with a tolerance to the fluxes of its sources.

    With a tolerance the factor of the fluxes is taken as long as it agrees with that of the exposure times within it,
    and the latter if not.
    """
    if len(frames) < 2:
        run.info("scaleCountsToReference: one frame, nothing to scale")
        return frames
    first = frames[0]
    exposures = [_exposure(frame) for frame in frames]
    catalogue = first.planes[0].objcat
    photometric = p.tolerance > 0 and catalogue is not None
    if p.tolerance > 0 and catalogue is None:
        run.warn(f"{first.filename}: no catalogue, frames are scaled by exposure time; run detectSources first")
    pairs: list[NDArray[np.intp] | None] = [None] * len(frames)
    if photometric:
        assert catalogue is not None
        pairs = _pairs(frames, catalogue, p, run)
    reference_time = first.phu.get("EXPTIME")
    for frame, exposure, found in zip(frames, exposures, pairs, strict=True):
        factor = _exposure_factor(frame, exposures[0], exposure, run)
        if found is not None and frame is not first:
            factor = _photometric_factor(frame, catalogue, found, factor, p.tolerance, run)
        if factor != 1.0:
            _multiply(frame.planes, factor)
            if "ORIGTEXP" not in frame.phu and "EXPTIME" in frame.phu:
                frame.phu["ORIGTEXP"] = (frame.phu["EXPTIME"], "Original exposure time")
            if reference_time is not None:
                frame.phu["EXPTIME"] = reference_time
            run.info(f"{frame.filename}: scaled by {factor:.6g}")
            run.settle()
        run.stamp(frame, "SCALEOBJ", "scaleCountsToReference")
        run.rename(frame, p.suffix)
    return frames


def _exposure(frame: Frame) -> float | None:
    seconds = describe_frame(frame).get("exposure_time")
    return None if seconds is None else float(seconds)


def _exposure_factor(frame: Frame, reference: float | None, exposure: float | None, run: Run) -> float:
    if not reference or not exposure:
        run.warn(f"{frame.filename}: no exposure time to compare with the first frame's, not scaled; correct EXPTIME")
        return 1.0
    return reference / exposure


def _pairs(frames: list[Frame], catalogue: Table, p: ScaleCountsToReference, run: Run) -> list[NDArray[np.intp] | None]:
    """Return for each frame the rows of its catalogue that belong to those of the reference's, -1 for none."""
    pairs: list[NDArray[np.intp] | None] = []
    for frame in frames:
        other = frame.planes[0].objcat
        pairs.append(None if other is None else nearest_sources(catalogue, other, p.radius))
        if other is None:
            run.warn(f"{frame.filename}: no sources, scaled by exposure time")
    if not p.use_common or len(frames) < ENOUGH_FOR_COMMON:
        return pairs
    common = np.all([found >= 0 for found in pairs if found is not None], axis=0)
    if not common.any():
        run.warn(f"{frames[0].filename}: no source is in all frames, each is compared with what it has in common")
        return pairs
    return [None if found is None else np.where(common, found, -1) for found in pairs]


def _photometric_factor(
    frame: Frame, catalogue: Table | None, pairs: NDArray[np.intp], by_time: float, tolerance: float, run: Run
) -> float:
    other = frame.planes[0].objcat
    assert catalogue is not None
    assert other is not None
    factor = flux_factor(matched_fluxes(catalogue, other, pairs))
    if factor is None or factor <= 0:
        run.warn(f"{frame.filename}: no source in common with the first frame, scaled by exposure time")
        return by_time
    deviation = factor / by_time
    if tolerance == 1.0 or 1.0 - tolerance <= deviation <= 1.0 / (1.0 - tolerance):
        return factor
    run.warn(
        f"{frame.filename}: sources ask for a factor of {factor:.4g}, the exposure times for {by_time:.4g}; "
        f"more than the tolerance of {tolerance:g} apart, scaled by exposure time"
    )
    return by_time


def _multiply(planes: list[Plane], factor: float) -> None:
    for plane in planes:
        plane.data, plane.variance = scale(plane.data, plane.variance, factor)


@all_frames("scaleByIntensity", ScaleByIntensity)
def scale_by_intensity(frames: list[Frame], p: ScaleByIntensity, run: Run) -> list[Frame]:
    """Multiply every frame so that its mean, or median, is that of the first; flagged pixels do not count."""
    if len(frames) < 2:
        run.info("scaleByIntensity: fewer than two frames, nothing to scale")
        return frames
    levels = [_levels(frame, p) for frame in frames]
    for frame, level in zip(frames, levels, strict=True):
        for plane, ours, wanted in zip(frame.planes, level, levels[0], strict=False):
            if not ours or wanted is None:
                run.warn(f"{frame.filename}: no level to scale by (all pixels flagged, or 0), left as it is")
            elif frame is not frames[0]:
                _multiply([plane], wanted / ours)
        run.rename(frame, p.suffix)
        run.settle()
    return frames


def _levels(frame: Frame, p: ScaleByIntensity) -> list[float | None]:
    window = parse_section(p.section) if p.section else (slice(None), slice(None))
    statistic = masked_mean if p.scaling == "mean" else masked_median

    def level(planes: list[Plane]) -> float | None:
        return statistic(
            [plane.data[window] for plane in planes],
            [None if plane.dq is None else plane.dq[window] for plane in planes],
        )

    if p.separate_ext:
        return [level([plane]) for plane in frame.planes]
    return [level(frame.planes)] * len(frame.planes)


PRIMITIVES = (scale_counts_to_reference, scale_by_intensity)
