"""measureCC (primitives-sky-and-stack, 14.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nightcrew.reducer.catalogue.columns import UNKNOWN
from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import each_frame
from nightcrew.reducer.quality.bands import CC_LIMITS, by_probability, remarks
from nightcrew.reducer.quality.cc import ZeroPoints, cloud_cover, zero_points
from nightcrew.reducer.quality.measurements import CloudCover

if TYPE_CHECKING:
    from nightcrew.reducer.engine.run import Run
    from nightcrew.shared.frames import Frame
    from nightcrew.shared.instruments import Description


class MeasureCC(Parameters):
    """Parameters of measureCC."""

    suffix: str = parameter("_ccMeasured", "Filename suffix")
    separate_ext: bool = parameter(False, "Measure statistics by extension?")


@each_frame("measureCC", MeasureCC, stamp="MEASRECC", once=False)
def measure_cc(frame: Frame, p: MeasureCC, run: Run) -> Frame:
    """Measure how much light clouds take from stars of known magnitude, and the probabilities of the bands.

    MEANZP, the zero point of the frame, goes to the extension.
    """
    if "REFCAT" not in frame.tables:
        run.warn(f"{frame.filename}: no reference catalogue, clouds cannot be measured")
        return frame
    about = describe_frame(frame)
    points: list[tuple[int, ZeroPoints]] = []
    for index in range(len(frame.planes)):
        found = _points(frame, about, index, run)
        if found is None:
            continue
        points.append((index, found))
        alone = cloud_cover([found])
        if alone is not None:
            frame.planes[index].header["MEANZP"] = (round(alone[1].value, 6), "Photometric zero point")
    groups = [(index + 1, [found]) for index, found in points] if p.separate_ext else [(None, [z for _, z in points])]
    for extension, group in groups:
        result = cloud_cover(group)
        if result is None:
            run.warn(f"{frame.filename}: no clean star of known magnitude, clouds cannot be measured")
            continue
        stars, zeropoint, extinction = result
        bands = by_probability("CC", extinction, CC_LIMITS, about.get("requested_cc"))
        measured = CloudCover(frame.filename, extension, stars, zeropoint, extinction, bands, remarks(bands))
        run.measurements.append(measured)
        _tell(measured, run)
    return frame


def _points(frame: Frame, about: Description, index: int, run: Run) -> ZeroPoints | None:
    """Return the zero points of an extension; None if something is missing."""
    catalogue = frame.planes[index].objcat
    if catalogue is None or not np.any(catalogue.rows["REF_MAG"] > UNKNOWN):
        return None
    nominal, exposure = about.on(index).get("nominal_photometric_zeropoint"), about.get("exposure_time")
    if nominal is None or not exposure:
        run.warn(f"{frame.filename}: no nominal zero point for this filter, or no exposure time")
        return None
    return zero_points(
        catalogue, nominal=nominal, exposure=exposure, extinction=about.get("nominal_atmospheric_extinction") or 0.0
    )


def _tell(measured: CloudCover, run: Run) -> None:
    probable = ", ".join(
        f"CC{'Any' if band == 100 else band} {probability:.0%}"
        for band, probability in measured.bands.probabilities
        if band in measured.bands.likely
    )
    run.info(
        f"{measured.frame}: zero point {measured.zeropoint}, extinction {measured.extinction} mag, "
        f"{measured.stars} stars; {probable}"
    )
    for comment in measured.comments:
        run.warn(f"{measured.frame}: {comment}")


PRIMITIVES = (measure_cc,)
