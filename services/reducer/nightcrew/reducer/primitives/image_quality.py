"""measureIQ (primitives-sky-and-stack, 14.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.reducer.catalogue.stars import clipped_stars
from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import each_frame
from nightcrew.reducer.geometry import tangent_plane
from nightcrew.reducer.quality import iq
from nightcrew.reducer.quality.bands import by_value, iq_limits, remarks
from nightcrew.reducer.quality.measurements import Amount, ImageQuality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nightcrew.reducer.engine.run import Run
    from nightcrew.shared.frames import Frame, Table
    from nightcrew.shared.instruments import Description

MICROMETRES = 1e6


class MeasureIQ(Parameters):
    """Parameters of measureIQ."""

    suffix: str = parameter("_iqMeasured", "Filename suffix")
    separate_ext: bool = parameter(False, "Measure statistics by extension?")
    display: bool = parameter(False, "Accepted, without effect: nothing is displayed")


@each_frame("measureIQ", MeasureIQ, stamp="MEASREIQ", once=False)
def measure_iq(frame: Frame, p: MeasureIQ, run: Run) -> Frame:
    """Measure how sharp the stars of the catalogue are, and which band of image quality that is.

    MEANFWHM (arcsec, as observed) and MEANELLP go to the primary header, not for images with adaptive optics.
    """
    about = describe_frame(frame)
    if about.get("detector_x_bin") != about.get("detector_y_bin"):
        run.warn(f"{frame.filename}: pixels are not square, no image quality is measured")
        return frame
    adaptive = bool(about.get("is_ao"))
    stars = [
        (clipped_stars(plane.objcat, adaptive_optics=adaptive), tangent_plane(frame, index).pixel_scale, index)
        for index, plane in enumerate(frame.planes)
        if plane.objcat is not None
    ]
    groups = [[each] for each in stars] if p.separate_ext else [stars]
    found = [
        measured
        for group in groups
        if (measured := _measured(frame, about, group, adaptive=adaptive, separate=p.separate_ext)) is not None
    ]
    if not found:
        run.warn(f"{frame.filename}: no stars to tell the image quality by")
    for measured in found:
        run.measurements.append(measured)
        _tell(measured, run)
    if found and not adaptive:
        frame.phu["MEANFWHM"] = (round(found[0].fwhm.value, 6), "Mean FWHM of the stars (arcsec)")
        frame.phu["MEANELLP"] = (round(found[0].ellipticity.value, 6), "Mean ellipticity of the stars")
    return frame


def _measured(
    frame: Frame, about: Description, stars: Sequence[tuple[Table, float, int]], *, adaptive: bool, separate: bool
) -> ImageQuality | None:
    shapes = iq.shapes_of([(table, scale) for table, scale, _ in stars])
    if shapes is None:
        return None
    airmass, wavelength = about.get("airmass"), about.get("effective_wavelength")
    zenith = iq.at_zenith(shapes.fwhm, airmass)
    strehl, seeing = None, None
    judged: Amount | None = zenith
    if adaptive:
        table, scale, _ = max(stars, key=lambda each: len(each[0].rows))
        strehl = None if wavelength is None else iq.strehl_ratio(table, scale, wavelength)
        seeing = about.get("ao_seeing")
        judged = None if seeing is None else Amount(float(seeing))
    limits = iq_limits(None if wavelength is None else wavelength * MICROMETRES, adaptive_optics=adaptive)
    bands = by_value("IQ", judged, limits, about.get("requested_iq"))
    comments = iq.shape_remarks(shapes) + remarks(bands)
    if airmass is None:
        comments += ("No airmass: the FWHM is not corrected to the zenith",)
    return ImageQuality(
        frame.filename, stars[0][2] + 1 if separate else None, shapes.stars, shapes.fwhm, zenith, shapes.ellipticity,
        shapes.isophotal_fwhm, shapes.ee50, shapes.position_angle, airmass, strehl, seeing, bands, comments,
    )  # fmt: skip


def _tell(measured: ImageQuality, run: Run) -> None:
    run.info(
        f"{measured.frame}: FWHM {measured.fwhm} arcsec, at the zenith {measured.zenith_fwhm}, "
        f"ellipticity {measured.ellipticity}, {measured.stars} stars; {measured.bands}"
    )
    for comment in measured.comments:
        run.warn(f"{measured.frame}: {comment}")


PRIMITIVES = (measure_iq,)
