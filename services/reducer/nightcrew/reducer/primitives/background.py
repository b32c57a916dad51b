"""measureBG and removeBackground (primitives-sky-and-stack, 14.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import each_frame
from nightcrew.reducer.geometry import tangent_plane
from nightcrew.reducer.kernels.background import background
from nightcrew.reducer.kernels.statistics import masked_median
from nightcrew.reducer.quality import bg
from nightcrew.reducer.quality.bands import bg_limits, by_value, remarks
from nightcrew.reducer.quality.measurements import Amount, Background
from nightcrew.shared.errors import FrameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nightcrew.reducer.engine.run import Run
    from nightcrew.reducer.quality.bg import SkyLevel
    from nightcrew.shared.frames import Frame, Plane
    from nightcrew.shared.instruments import Description

MODELS = {"smooth": "A smooth surface through the medians of a mesh", "median": "The median of the frame"}
LARGEST_GAP = 0.9
"""Part of the frame that may be flagged or covered by objects for a smooth model."""


class MeasureBG(Parameters):
    """Parameters of measureBG."""

    suffix: str = parameter("_bgMeasured", "Filename suffix")
    separate_ext: bool = parameter(False, "Measure statistics by extension?")


class RemoveBackground(Parameters):
    """Parameters of removeBackground."""

    suffix: str = parameter("_backgroundRemoved", "Filename suffix")
    model: Literal["smooth", "median"] = parameter("smooth", "Model of the background", choices=MODELS)
    meshes: int = parameter(8, "Meshes of the smooth model along a side of the frame", ge=2)


@each_frame("measureBG", MeasureBG, stamp="MEASREBG", once=False)
def measure_bg(frame: Frame, p: MeasureBG, run: Run) -> Frame:
    """Measure how bright the sky is, and which band of background that is; to be done before it is subtracted.

    SKYLEVEL, in the unit of the data, goes to the extension and to the primary header.
    """
    about = describe_frame(frame)
    unit = "ADU" if about.get("is_in_adu") else "electron"
    found: list[tuple[int, SkyLevel]] = []
    for index, plane in enumerate(frame.planes):
        level = _level(frame, about, plane, index)
        if level is None:
            run.warn(f"{frame.filename}: extension {index + 1} has no good pixels, its background is not measured")
            continue
        plane.header["SKYLEVEL"] = (round(level.level.value, 6), f"Level of the sky [{unit}]")
        found.append((index, level))
    if not found:
        return frame
    together = bg.together([level for _, level in found])
    frame.phu["SKYLEVEL"] = (round(together.level.value, 6), f"Level of the sky [{unit}]")
    limits, requested = bg_limits(about.get("filter_name", strip_id=True)), about.get("requested_bg")
    told = [(index + 1, level) for index, level in found] if p.separate_ext else [(None, together)]
    for extension, level in told:
        bands = by_value("BG", level.magnitude, limits, requested)
        measured = Background(frame.filename, extension, level.samples, level.level, unit, level.electrons,
                              level.magnitude, bands, remarks(bands))  # fmt: skip
        run.measurements.append(measured)
        _tell(measured, run)
    return frame


def _level(frame: Frame, about: Description, plane: Plane, index: int) -> SkyLevel | None:
    found = background(
        plane.data, plane.dq, plane.objmask, sampling=bg.SAMPLING, fit=False, decimate_twice=False
    )  # fmt: skip
    if found is None:
        return None
    return bg.sky_level(
        Amount(found.level, found.sigma),
        found.samples,
        exposure=about.get("exposure_time"),
        scale=tangent_plane(frame, index).pixel_scale,
        zeropoint=about.on(index).get("nominal_photometric_zeropoint"),
        electrons_per_unit=about.on(index).get("gain") if about.get("is_in_adu") else 1.0,
    )


def _tell(measured: Background, run: Run) -> None:
    magnitude = "" if measured.magnitude is None else f", {measured.magnitude} mag/arcsec2"
    run.info(f"{measured.frame}: background {measured.level} {measured.unit}{magnitude}; {measured.bands}")
    for comment in measured.comments:
        run.warn(f"{measured.frame}: {comment}")


@each_frame("removeBackground", RemoveBackground, stamp="RMBACKGD")
def remove_background(frame: Frame, p: RemoveBackground, run: Run) -> Frame:
    """Subtract the background of a frame as the frame itself shows it: for a look at a single exposure.

    Flagged pixels and objects do not count.  VAR and DQ stay as they are.

    Raises
    ------
    FrameError
        If the frame has no good pixel.
    """
    for plane in frame.planes:
        plane.data = plane.data - _model(frame, plane, p, run)
    return frame


def _model(frame: Frame, plane: Plane, p: RemoveBackground, run: Run) -> NDArray[np.float32] | np.float32:
    hidden = _hidden(plane)
    part = 0.0 if hidden is None else float(np.mean(hidden))
    if p.model == "smooth" and part <= LARGEST_GAP:
        import sep  # noqa: PLC0415

        image = np.ascontiguousarray(plane.data, dtype=np.float32)
        mesh = max(min(image.shape) // p.meshes, 16)
        surface: NDArray[np.float32] = sep.Background(image, mask=hidden, bw=mesh, bh=mesh, fw=3, fh=3).back(
            dtype=np.float32
        )
        return surface
    if p.model == "smooth":
        run.warn(f"{frame.filename}: {part:.0%} of the pixels are flagged or objects, the median is subtracted")
    level = masked_median([plane.data], [None if hidden is None else hidden.astype(np.uint16)])
    if level is None:
        raise FrameError(
            f"{frame.filename}: no pixel is good, there is no background; look at its DQ plane, or leave the frame out"
        )
    return np.float32(level)


def _hidden(plane: Plane) -> NDArray[np.bool_] | None:
    """Return which pixels do not show the sky."""
    hidden = None if plane.dq is None else plane.dq != 0
    if plane.objmask is not None:
        objects = plane.objmask != 0
        hidden = objects if hidden is None else hidden | objects
    return hidden


PRIMITIVES = (measure_bg, remove_background)
