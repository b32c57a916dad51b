"""detectSources (primitives-sky-and-stack, 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nightcrew.reducer.catalogue.extraction import Settings, extract
from nightcrew.reducer.catalogue.measuring import measure
from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import each_frame
from nightcrew.reducer.geometry import tangent_plane
from nightcrew.reducer.pixels import median_filled

if TYPE_CHECKING:
    from nightcrew.reducer.engine.run import Run
    from nightcrew.shared.frames import Frame, Plane


class DetectSources(Parameters):
    """Parameters of detectSources."""

    suffix: str = parameter("_sourcesDetected", "Filename suffix")
    mask: bool = parameter(False, "Replace DQ-flagged pixels with median of image?")
    replace_flags: int = parameter(249, "DQ bitmask for pixels to be replaced", ge=0)
    set_saturation: bool = parameter(False, "Accepted, without effect: saturated pixels are told by DQ")
    detect_minarea: int = parameter(8, "Minimum object detection area (pixels)", ge=1)
    detect_thresh: float = parameter(2.0, "Detection threshold (standard deviations)", ge=0.1)
    analysis_thresh: float = parameter(2.0, "Analysis threshold (standard deviations)", ge=0.1)
    deblend_mincont: float = parameter(0.005, "Minimum deblending contrast", ge=0.0)
    phot_min_radius: float = parameter(3.5, "Minimum radius for photometry (pixels)", ge=1.0)
    back_size: int = parameter(32, "Background mesh size (pixels)", ge=1)
    back_filtersize: int = parameter(8, "Filter size for background", ge=1)


@each_frame("detectSources", DetectSources, stamp="DETECSRC", once=False)
def detect_sources(frame: Frame, p: DetectSources, run: Run) -> Frame:
    """Find the sources of a frame: OBJMASK says where they are, OBJCAT what they are.

    One threshold serves for detection and analysis, and saturation is told by DQ.
    """
    if p.analysis_thresh != p.detect_thresh:
        run.warn(f"detectSources:analysis_thresh={p.analysis_thresh:g} is not used: sources are measured as detected")
    settings = Settings(p.detect_thresh, p.detect_minarea, p.deblend_mincont, p.back_size, p.back_filtersize)
    for index, plane in enumerate(frame.planes):
        image = _finite(plane)
        searched = image
        if p.mask and plane.dq is not None:
            searched = median_filled(image, (plane.dq & np.uint16(p.replace_flags & 0xFFFF)) != 0)
        gain = float(plane.header.get("GAIN") or 1.0)
        found = measure(
            extract(searched, settings, gain), image, plane.dq, tangent_plane(frame, index),
            mesh=p.back_size, gain=gain, least_radius=p.phot_min_radius, known_seeing=_known_seeing(frame),
        )  # fmt: skip
        plane.objmask, plane.objcat = found.objmask, found.objcat
        count = 0 if found.objcat is None else len(found.objcat.rows)
        seeing = "" if found.seeing is None else f", seeing {found.seeing:.2f} arcsec"
        run.info(f"{frame.filename}: {count} sources{seeing}")
    frame.phu.remove("DLOBJMSK", ignore_missing=True)
    return frame


def _finite(plane: Plane) -> np.ndarray[Any, np.dtype[np.float32]]:
    image = np.ascontiguousarray(plane.data, dtype=np.float32)
    finite = np.isfinite(image)
    return image if finite.all() else median_filled(image, ~finite)


def _known_seeing(frame: Frame) -> float | None:
    seeing = frame.phu.get("MEANFWHM")
    return float(seeing) if isinstance(seeing, int | float) and seeing > 0 else None


PRIMITIVES = (detect_sources,)
