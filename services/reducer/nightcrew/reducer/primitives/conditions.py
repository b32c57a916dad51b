"""measureConditions: what the frames of a sequence tell of the night, found out on the way to their stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.reducer.alignment.registration import Limits, misshapen
from nightcrew.reducer.catalogue.stars import clipped_stars
from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.reducer.engine.naming import original_name
from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import all_frames
from nightcrew.reducer.geometry import tangent_plane
from nightcrew.reducer.primitives.reference_frame import looks_of
from nightcrew.reducer.products.summary import agreement
from nightcrew.reducer.quality import bg, iq
from nightcrew.reducer.quality.bands import bg_limits, by_value, iq_limits
from nightcrew.reducer.quality.conditions import Conditions, FrameConditions, dimmings, over_frames
from nightcrew.reducer.quality.measurements import Amount

if TYPE_CHECKING:
    from nightcrew.reducer.engine.run import Run
    from nightcrew.shared.frames import Frame
    from nightcrew.shared.instruments import Description

MICROMETRES = 1e6
SKY_LEVELS = "NCSKYLVL", "SKYLEVEL"
"""Keywords of the level of the sky: as it was subtracted, else as measureBG found it."""
LEAST_IN_COMMON = 3
"""Sources by which one frame can be said to be fainter than another."""


class MeasureConditions(Parameters):
    """Parameters of measureConditions."""

    suffix: str | None = parameter(None, "Filename suffix")


@all_frames("measureConditions", MeasureConditions)
def measure_conditions(frames: list[Frame], p: MeasureConditions, run: Run) -> list[Frame]:  # noqa: ARG001
    """Tell seeing, sky and dimming by what is known of frames whose sources have been found; frames stay as they are.

    Widths are those of `measureIQ`, the sky is what has been subtracted, and the dimming compares the fluxes of
    sources in common.  Trailed and blurred frames are named.  Nothing goes into the headers.
    """
    if not frames:
        return frames
    ordered = sorted(frames, key=original_name)
    about = [describe_frame(frame) for frame in ordered]
    dimmed = dimmings(_zero_points(ordered, about))
    each = tuple(_of(*one) for one in zip(ordered, about, dimmed, strict=True))
    zenith = over_frames(None if one.zenith_fwhm is None else one.zenith_fwhm.value for one in each)
    sky = over_frames(one.sky for one in each)
    first = about[0]
    wavelength = first.get("effective_wavelength")
    sharp = iq_limits(
        None if wavelength is None else wavelength * MICROMETRES, adaptive_optics=bool(first.get("is_ao"))
    )
    conditions = Conditions(
        each[0].name,
        each,
        over_frames(None if one.fwhm is None else one.fwhm.value for one in each),
        zenith,
        by_value("IQ", zenith, sharp, first.get("requested_iq")),
        sky,
        by_value("BG", sky, bg_limits(first.get("filter_name", strip_id=True)), first.get("requested_bg")),
        max((value for value in dimmed if value is not None), default=None),
    )
    run.measurements.append(conditions)
    for verdict in misshapen(looks_of(ordered), Limits()):
        run.warn(
            f"{each[verdict.index].name}: {verdict.reason}; it is in the stack all the same, leave it out or use "
            "--profile best"
        )
    run.info(f"{conditions.frame} and {len(frames) - 1} more: {conditions}")
    return frames


def _of(frame: Frame, about: Description, dimming: float | None) -> FrameConditions:
    plane, airmass = frame.planes[0], about.get("airmass")
    scale = tangent_plane(frame, 0).pixel_scale
    shapes = None
    if plane.objcat is not None:
        shapes = iq.shapes_of([(clipped_stars(plane.objcat, adaptive_optics=bool(about.get("is_ao"))), scale)])
    return FrameConditions(
        original_name(frame),
        airmass,
        0 if shapes is None else shapes.stars,
        None if shapes is None else shapes.fwhm,
        None if shapes is None else iq.at_zenith(shapes.fwhm, airmass),
        _sky(frame, about, scale),
        dimming,
    )


def _sky(frame: Frame, about: Description, scale: float) -> float | None:
    """Return the brightness of the sky, magnitudes per square arcsec."""
    header = frame.planes[0].header
    level = next((header[keyword] for keyword in SKY_LEVELS if keyword in header), None)
    if level is None:
        return None
    found = bg.sky_level(
        Amount(float(level)),
        1,
        exposure=about.get("exposure_time"),
        scale=scale,
        zeropoint=about.on(0).get("nominal_photometric_zeropoint"),
        electrons_per_unit=None,
    )
    return None if found.magnitude is None else found.magnitude.value


def _zero_points(frames: list[Frame], about: list[Description]) -> list[float | None]:
    """Return by how many magnitudes each frame gives more light per second than the first."""
    seconds = [one.get("exposure_time") for one in about]
    found: list[float | None] = [0.0]
    for frame, exposure in zip(frames[1:], seconds[1:], strict=True):
        if not exposure or not seconds[0]:
            found.append(None)
            continue
        compared = agreement(frames[0].planes[0].objcat, frame.planes[0].objcat, seconds[0] / exposure)
        found.append(compared.zero_point if compared.matched >= LEAST_IN_COMMON else None)
    return found


PRIMITIVES = (measure_conditions,)
