"""adjustWCSToReference (primitives-sky-and-stack, 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from nightcrew.reducer.alignment.reference import WCS_AGREES
from nightcrew.reducer.catalogue.columns import replaced, source_pixels
from nightcrew.reducer.catalogue.stars import clipped_stars
from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import all_frames
from nightcrew.reducer.geometry import field_centre, rotated, tangent_plane
from nightcrew.reducer.kernels.matching import Match, match_catalogues
from nightcrew.shared.errors import FrameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nightcrew.reducer.engine.run import Run
    from nightcrew.reducer.geometry import TangentPlane
    from nightcrew.shared.frames import Frame, Table

METHODS = {"sources": "Match sources in images", "offsets": "Use telescope offsets in headers"}
FALLBACKS = {"offsets": "Use telescope offsets in headers"}

ENOUGH_TO_TELL = 2
"""Frames beside the first by which its WCS can be judged."""


class AdjustWCSToReference(Parameters):
    """Parameters of adjustWCSToReference."""

    suffix: str = parameter("_wcsCorrected", "Filename suffix")
    method: Literal["sources", "offsets"] = parameter("sources", "Primary alignment method", choices=METHODS)
    fallback: Literal["offsets"] | None = parameter("offsets", "Fallback method", choices=FALLBACKS)
    first_pass: float = parameter(5.0, "Search radius for source alignment (arcsec)", gt=0.0)
    match_radius: float = parameter(0.5, "Matching radius for final registration (arcsec)", gt=0.0)
    min_sources: int = parameter(3, "Minimum number of sources required for alignment", ge=1)
    cull_sources: bool = parameter(False, "Use only point sources for alignment?")
    rotate: bool = parameter(False, "Allow rotation for alignment?")
    scale: bool = parameter(False, "Allow magnification for alignment?")
    debug_ignore_wcs: bool = parameter(False, "Ignore initial WCS?")


@all_frames("adjustWCSToReference", AdjustWCSToReference)
def adjust_wcs_to_reference(frames: list[Frame], p: AdjustWCSToReference, run: Run) -> list[Frame]:
    """Correct the WCS of all frames so that it agrees with that of the first.

    Sources are matched within `first_pass` of where the WCS expects them.  A frame with too few of them gets the
    WCS of the first, moved by the offsets of the telescope; with `fallback=None` it is left as it is.

    Raises
    ------
    FrameError
        If a frame has more than one science extension, or no WCS.
    """
    if len(frames) < 2:
        run.warn(f"{frames[0].filename if frames else 'no frames'}: nothing to be aligned with, its WCS stays as it is")
        return frames
    for frame in frames:
        if len(frame.planes) != 1:
            raise FrameError(
                f"{frame.filename}: {len(frame.planes)} science extensions; only frames of one can be aligned"
            )
    first, *others = frames
    by_sources = p.method == "sources"
    if by_sources and _count(first) < p.min_sources:
        run.warn(
            f"{first.filename}: only {_count(first)} sources to align the other frames by, {p.min_sources} are needed; "
            + ("the telescope offsets are used" if p.fallback else "no frame is aligned")
        )
        if p.fallback is None:
            return frames
        by_sources = False
    reference = tangent_plane(first)
    _finish(first, p, run)
    moved = []
    for frame in others:
        plane = tangent_plane(frame)
        aligned = _by_sources(frame, plane, first, reference, p, run) if by_sources else None
        if aligned is not None:
            moved.append(_moved(frame, plane, aligned))
        if aligned is None and (not by_sources or p.fallback):
            aligned = _by_offsets(frame, first, reference, run)
        if aligned is not None:
            _set_wcs(frame, aligned)
        _finish(frame, p, run)
    _tell_if_first_is_odd(first, moved, run)
    return frames


def _moved(frame: Frame, before: TangentPlane, after: TangentPlane) -> NDArray[np.float64]:
    """Return by how much a WCS has changed, arcsec along the axes of the detector."""
    middle = np.array([field_centre(frame.planes[0].shape)], dtype=float)
    shift: NDArray[np.float64] = (before.onto(after, middle) - middle)[0] * after.pixel_scale
    return shift


def _tell_if_first_is_odd(first: Frame, moved: list[NDArray[np.float64]], run: Run) -> None:
    """Say so if the others agree with one another but not with the first, whose WCS they have got."""
    if len(moved) < ENOUGH_TO_TELL:
        return
    common = np.median(moved, axis=0)
    alike = np.hypot(*(np.array(moved) - common).T) <= WCS_AGREES
    if np.hypot(*common) > WCS_AGREES and np.mean(alike) > 0.5:
        run.warn(
            f"{first.filename}: its WCS lies {np.hypot(*common):.1f} arcsec beside those of the other frames, which "
            "have been aligned with it; give another frame first, or use --profile best"
        )


def _finish(frame: Frame, p: AdjustWCSToReference, run: Run) -> None:
    run.stamp(frame, "CORRWCS", "adjustWCSToReference")
    run.rename(frame, p.suffix)


def _count(frame: Frame) -> int:
    catalogue = frame.planes[0].objcat
    return 0 if catalogue is None else len(catalogue.rows)


def _set_wcs(frame: Frame, plane: TangentPlane) -> None:
    """Write a WCS, and the positions on the sky that it means for the sources."""
    plane.write(frame.planes[0].header)
    catalogue = frame.planes[0].objcat
    if catalogue is not None:
        ra, dec = plane.sky(*source_pixels(catalogue).T)
        frame.planes[0].objcat = replaced(catalogue, X_WORLD=ra, Y_WORLD=dec)


def _by_sources(
    frame: Frame, plane: TangentPlane, first: Frame, reference: TangentPlane, p: AdjustWCSToReference, run: Run
) -> TangentPlane | None:
    """Return the WCS of a frame that brings its sources onto those of the first; None if there are too few."""
    fallback = "the telescope offsets are used" if p.fallback else "its WCS stays as it is"
    if _count(frame) < p.min_sources:
        run.warn(
            f"{frame.filename}: only {_count(frame)} sources to align it by, {p.min_sources} are needed; {fallback}"
        )
        return None
    ours, theirs = _catalogues(frame, first, p)
    expected = source_pixels(theirs)
    if not p.debug_ignore_wcs:
        expected = reference.onto(plane, expected)
    match = _match(frame, plane, source_pixels(ours), expected, p, run)
    pairs = len(match.pairs)
    if pairs < p.min_sources:
        run.warn(f"{frame.filename}: too few correlated sources ({pairs}, {p.min_sources} are needed); {fallback}")
        return None
    dx, dy = match.shift
    run.info(f"{frame.filename}: {pairs} sources matched, shift ({dx:.3f}, {dy:.3f}) pixels")
    start = reference if p.debug_ignore_wcs else plane
    return start.after(match.transform)


def _match(
    frame: Frame,
    plane: TangentPlane,
    positions: NDArray[np.float64],
    expected: NDArray[np.float64],
    p: AdjustWCSToReference,
    run: Run,
) -> Match:
    def fit(*, rotate: bool, scale: bool) -> Match:
        return match_catalogues(
            positions, expected, search=p.first_pass / plane.pixel_scale, radius=p.match_radius / plane.pixel_scale,
            rotate=rotate, scale=scale,
        )  # fmt: skip

    match = fit(rotate=p.rotate, scale=p.scale)
    if (p.rotate or p.scale) and len(match.pairs) < p.min_sources + p.rotate + p.scale:
        run.warn(f"{frame.filename}: too few correlated sources to fit a rotation or a scale; only a shift is fitted")
        match = fit(rotate=False, scale=False)
    return match


def _catalogues(frame: Frame, first: Frame, p: AdjustWCSToReference) -> tuple[Table, Table]:
    """Return the catalogues to match: of point sources only, where that is wanted and both have enough of them."""
    ours, theirs = frame.planes[0].objcat, first.planes[0].objcat
    assert ours is not None
    assert theirs is not None
    if p.cull_sources:
        adaptive = bool(describe_frame(frame).get("is_ao"))
        culled = clipped_stars(ours, adaptive_optics=adaptive), clipped_stars(theirs, adaptive_optics=adaptive)
        if min(len(table.rows) for table in culled) >= p.min_sources:
            return culled
    return ours, theirs


def _by_offsets(frame: Frame, first: Frame, reference: TangentPlane, run: Run) -> TangentPlane | None:
    """Return the WCS of the first frame as the telescope offsets and the position angles say that it has moved.

    A frame that is turned by PA was turned about the point of tangency.
    """
    moved = []
    for which in (frame, first):
        about = describe_frame(which)
        values = [about.get(name) for name in ("detector_x_offset", "detector_y_offset", "position_angle")]
        if any(value is None for value in values):
            run.warn(f"{which.filename}: POFFSET, QOFFSET or PA is missing, {frame.filename} cannot be aligned by them")
            return None
        moved.append([float(value) for value in values])
    (x, y, angle), (x_first, y_first, angle_first) = moved
    cx, cy = reference.origin
    to_first = rotated(angle_first - angle, (-x - cx, -y - cy), (x_first + cx, y_first + cy))
    run.info(f"{frame.filename}: aligned by telescope offsets, shift ({x_first - x:.3f}, {y_first - y:.3f}) pixels")
    return reference.after(to_first)


PRIMITIVES = (adjust_wcs_to_reference,)
