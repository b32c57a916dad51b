"""resampleToCommonFrame (primitives-sky-and-stack, 11)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import InstanceOf

from nightcrew.reducer.catalogue.columns import replaced, source_pixels
from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import all_frames
from nightcrew.reducer.geometry import tangent_plane
from nightcrew.reducer.kernels.affine import Affine, Grid, corners, union_grid
from nightcrew.reducer.kernels.resample import Interpolant, resample
from nightcrew.reducer.pixels import ring_medians
from nightcrew.reducer.products.covariance import PIXEL, pixel_factor, write_factor
from nightcrew.shared.errors import FrameError
from nightcrew.shared.frames import Frame

if TYPE_CHECKING:
    from nightcrew.reducer.engine.run import Run
    from nightcrew.reducer.geometry import TangentPlane
    from nightcrew.shared.frames import Plane

INTERPOLANTS = {
    "nearest": "Nearest neighbour",
    "linear": "Linear interpolation",
    "poly3": "Cubic polynomial interpolation",
    "poly5": "Quintic polynomial interpolation",
    "spline3": "Cubic spline interpolation",
    "spline5": "Quintic spline interpolation",
}
WHOLE_PIXELS = 1e-4
"""Pixels by which a shift may miss a whole number and still be a plain copy."""
BENT = 0.05
"""Pixels by which the affine map may miss the true one at a corner before the user hears of it."""
KEPT_WHEN_CLEANING = 2 | 4 | 16
OBSOLETE = (
    "FRMNAME", "FRAMEID", "CCDSIZE", "BIASSEC", "DATATYP", "OVERSEC", "TRIMSEC", "OVERSCAN", "OVERRMS",
)  # fmt: skip
"""Keywords that describe the pixels of the detector."""


class ResampleToCommonFrame(Parameters):
    """Parameters of resampleToCommonFrame."""

    suffix: str = parameter("_align", "Filename suffix")
    interpolant: Interpolant = parameter("poly3", "Type of interpolant", choices=INTERPOLANTS)
    trim_data: bool = parameter(False, "Trim to field of view of reference image?")
    clean_data: bool = parameter(False, "Clean bad pixels before interpolation?")
    conserve: bool = parameter(True, "Conserve image flux?")
    force_affine: bool = parameter(True, "Force affine transformation for speed?")
    reference: str | InstanceOf[Frame] | None = parameter(None, "Name of reference image (optional)")
    dq_threshold: float = parameter(0.001, "Fraction from DQ-flagged pixel to count as 'bad'", ge=0.0)


@all_frames("resampleToCommonFrame", ResampleToCommonFrame)
def resample_to_common_frame(frames: list[Frame], p: ResampleToCommonFrame, run: Run) -> list[Frame]:
    """Resample all frames onto one grid: that of the first, enlarged to hold them all.

    VAR is interpolated like the pixels, and what is outside a frame is 0 and flagged as no data.

    Raises
    ------
    FrameError
        If a frame has more than one science extension, or no WCS.
    """
    if len(frames) < 2 and p.reference is None:
        run.warn(f"{_names(frames)}: nothing to be aligned with, not resampled")
        return frames
    for frame in frames:
        if len(frame.planes) != 1:
            raise FrameError(
                f"{frame.filename}: {len(frame.planes)} science extensions; only frames of one can be resampled"
            )
    if not p.force_affine:
        run.warn("resampleToCommonFrame:force_affine=False has no effect: maps are affine")
    planes = [tangent_plane(frame) for frame in frames]
    shapes = [_shape(frame) for frame in frames]
    if p.reference is None:
        target, target_shape = planes[0], shapes[0]
    else:
        reference = p.reference if not isinstance(p.reference, str) else run.auxiliary(Path(p.reference))
        target, target_shape = tangent_plane(reference), _shape(reference)
    maps = [
        Affine.shift(0.0, 0.0) if plane == target else plane.affine_onto(target, shape)
        for plane, shape in zip(planes, shapes, strict=True)
    ]
    trim = p.trim_data or p.reference is not None
    grid = Grid((0, 0), target_shape) if trim else union_grid(maps, shapes)
    run.info(f"Resampling {len(frames)} frames to {grid.shape[1]} x {grid.shape[0]} pixels with {p.interpolant}")
    shifted = target.after(Affine.shift(*grid.origin))
    for frame, plane, to_target in zip(frames, planes, maps, strict=True):
        _warn_if_bent(frame, plane, target, to_target, run)
        _resample(frame, to_target, grid, shifted, p, run)
        run.stamp(frame, "ALIGN", "resampleToCommonFrame")
        run.rename(frame, p.suffix)
        run.settle()
    return frames


def _names(frames: list[Frame]) -> str:
    return frames[0].filename if frames else "no frames"


def _shape(frame: Frame) -> tuple[int, int]:
    ny, nx = frame.planes[0].shape[-2:]
    return ny, nx


def _warn_if_bent(frame: Frame, plane: TangentPlane, target: TangentPlane, to_target: Affine, run: Run) -> None:
    """Say so where the two projections differ by more than an affine map can do."""
    there = to_target.inverse()(corners(to_target, _shape(frame)))
    missed = float(np.abs(plane.onto(target, there) - to_target(there)).max())
    if missed > BENT:
        run.warn(f"{frame.filename}: its projection differs from the reference's by {missed:.2f} pixels at a corner")


def _resample(
    frame: Frame, to_target: Affine, grid: Grid, target: TangentPlane, p: ResampleToCommonFrame, run: Run
) -> None:
    plane = frame.planes[0]
    vertices = corners(to_target, _shape(frame)) - np.array(grid.origin)
    detector = _detector_section(frame)
    made = resample(
        _cleaned(plane) if p.clean_data else plane.data, plane.variance, plane.dq, plane.objmask, to_target, grid,
        interpolant=p.interpolant, conserve=p.conserve, dq_threshold=p.dq_threshold, snap=WHOLE_PIXELS,
        threads=run.around.threads,
    )  # fmt: skip
    if made.replaced:
        run.warn(f"{frame.filename}: {made.replaced} pixels that are no numbers were set to 0 before resampling")
    factor = pixel_factor(to_target, plane.shape, p.interpolant, conserve=p.conserve, snap=WHOLE_PIXELS)
    write_factor(factor * plane.header.get(PIXEL, 1.0), plane.header)
    plane.rejmap = plane.expmap = None
    plane.data, plane.dq = made.data, made.dq
    if made.variance is not None:
        plane.variance = made.variance
    if made.objmask is not None:
        plane.objmask = made.objmask
    target.write(plane.header)
    _describe_area(plane, detector, vertices, made.jacobian)
    if plane.objcat is not None:
        x, y = (to_target(source_pixels(plane.objcat)) - np.array(grid.origin)).T
        ra, dec = target.sky(x, y)
        plane.objcat = replaced(
            plane.objcat, NUMBER=np.arange(1, len(x) + 1), X_IMAGE=x + 1.0, Y_IMAGE=y + 1.0, X_WORLD=ra, Y_WORLD=dec
        )


def _detector_section(frame: Frame) -> str | None:
    section: Any = describe_frame(frame).get("detector_section", pretty=True)
    first = section[0] if isinstance(section, list) else section
    return None if first is None else str(first)


def _cleaned(plane: Plane) -> np.ndarray[Any, Any]:
    if plane.dq is None:
        return plane.data
    return ring_medians(plane.data, (plane.dq & ~np.uint16(KEPT_WHEN_CLEANING)) != 0)


def _describe_area(plane: Plane, detector: str | None, vertices: np.ndarray[Any, Any], jacobian: float) -> None:
    """Write which part of the new image the old one covers, a polygon of four vertices."""
    header = plane.header
    for keyword in OBSOLETE:
        header.remove(keyword, ignore_missing=True)
    ny, nx = plane.shape
    header["DATASEC"] = f"[1:{nx},1:{ny}]"
    if detector is not None:
        header["DETSEC"] = detector
    header["AREATYPE"] = ("P4", "Region with 4 vertices")
    for i, vertex in enumerate(vertices.tolist(), 1):
        for j, value in enumerate(vertex, 1):
            header[f"AREA{i}_{j}"] = (value + 1.0, f"Vertex {i}, dimension {j}")
    header["JFACTOR"] = (jacobian, "J-factor in resampling")


PRIMITIVES = (resample_to_common_frame,)
