"""From extracted sources to OBJCAT and OBJMASK (primitives-sky-and-stack, 8 and 9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import sep

from nightcrew.reducer.catalogue.columns import UNKNOWN, make_catalogue
from nightcrew.reducer.catalogue.extraction import mesh_background
from nightcrew.reducer.catalogue.seeing import MOMENTS_TO_FWHM, looks_stellar, seeing
from nightcrew.reducer.kernels.profiles import Profiles, measure_profiles, stamp_half_size
from nightcrew.shared.dq import DQ

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from nightcrew.reducer.catalogue.extraction import Extraction, Image, Labels, Values
    from nightcrew.reducer.geometry import TangentPlane
    from nightcrew.shared.frames import Table

KRON_APERTURE = 6.0
"""Isophotal radii within which the Kron radius is measured."""
KRON_FACTOR = 2.5
MAGNITUDES_PER_E = 1.0857
NO_MAGNITUDE = 99.0
BLENDED, TRUNCATED, APERTURE_TRUNCATED = 1, 2, 16
"""Flags of sep."""
BIASED, DEBLENDED, SATURATED, AT_EDGE, APERTURE_INCOMPLETE = 1, 2, 4, 8, 16
"""Flags of SExtractor."""

LEAST_AREA = 20
LEAST_WIDTH = 1.1
LARGEST_ELONGATION = 50.0
LARGEST_FLAGGED_PART = 0.95


@dataclass(frozen=True, slots=True)
class Detection:
    """What was found in an image.

    Parameters
    ----------
    objmask
        1 where a source is, uint8.
    objcat
        The sources; None if there are none.
    seeing
        Their width, arcsec; None if there is no star to tell.
    """

    objmask: NDArray[np.uint8]
    objcat: Table | None
    seeing: float | None


def measure(
    found: Extraction,
    image: Image,
    dq: NDArray[np.uint16] | None,
    plane: TangentPlane,
    *,
    mesh: int,
    gain: float,
    least_radius: float,
    known_seeing: float | None = None,
) -> Detection:
    """Measure the sources of an image and leave out what is none.

    Parameters
    ----------
    found
        The extracted sources.
    image
        The image as it is in the frame, float32.
    dq
        Its flags.
    plane
        Its WCS.
    mesh
        Pixels across a box of the background's mesh.
    gain
        Electrons per data unit.
    least_radius
        Smallest Kron aperture, in units of the axes of the ellipse.
    known_seeing
        FWHM of stars, arcsec, if measured before.
    """
    values = _shapes(found)
    values |= _flagging(found, dq)
    kept = _credible(values)
    values = {name: column[kept] for name, column in values.items()}
    sources, labels = found.sources[kept], found.labels[kept]
    objmask = _mask(found.segmentation, labels)
    if not len(sources):
        return Detection(objmask, None, None)
    values |= _fluxes(found, sources, labels, gain=gain, least_radius=least_radius)
    values["FLAGS"] = _flags(sources, values.pop("aperture"), values.pop("saturated"))
    values["BACKGROUND"] = mesh_background(found.background, mesh, sources["x"], sources["y"])
    values["FLUX_MAX"] = sources["peak"]
    profiles, stars, width = _profiles(values, image, plane.pixel_scale, known_seeing)
    known = profiles.fwhm != UNKNOWN
    values["CLASS_STAR"] = stars.astype(np.float32)
    values["PROFILE_FWHM"], values["PROFILE_EE50"], values["FLUX_MAX"] = profiles
    values["FWHM_IMAGE"] = np.where(known, profiles.fwhm, values["moments"])
    values |= _on_the_sky(values, plane)
    return Detection(objmask, make_catalogue(values, len(sources)), width)


def _shapes(found: Extraction) -> dict[str, Any]:
    s = found.sources
    a, b, theta = _ellipse(s["errx2"], s["erry2"], s["errxy"])
    return {
        "X_IMAGE": s["x"] + 1.0, "Y_IMAGE": s["y"] + 1.0,
        "ERRX2_IMAGE": s["errx2"], "ERRY2_IMAGE": s["erry2"], "ERRXY_IMAGE": s["errxy"],
        "A_IMAGE": s["a"], "B_IMAGE": s["b"], "THETA_IMAGE": np.degrees(s["theta"]),
        "ERRA_IMAGE": a, "ERRB_IMAGE": b, "ERRTHETA_IMAGE": theta,
        "ELLIPTICITY": 1.0 - s["b"] / np.where(s["a"] > 0, s["a"], 1.0),
        "ISOAREA_IMAGE": s["tnpix"],
        "moments": MOMENTS_TO_FWHM * np.hypot(s["a"], s["b"]),
    }  # fmt: skip


def _ellipse(x2: Values, y2: Values, xy: Values) -> tuple[Values, Values, Values]:
    """Return the axes and the angle in degrees of the ellipses of second moments (SExtractor manual, 10.1.5)."""
    mean, half = (x2 + y2) / 2, (x2 - y2) / 2
    root = np.hypot(half, xy)
    angle = np.degrees(0.5 * np.arctan2(2 * xy, x2 - y2))
    return np.sqrt(np.maximum(mean + root, 0.0)), np.sqrt(np.maximum(mean - root, 0.0)), angle


def _flagging(found: Extraction, dq: NDArray[np.uint16] | None) -> dict[str, Any]:
    """Return which flags lie under each source, and on how many of its pixels."""
    count = len(found.labels)
    if dq is None:
        unknown = np.full(count, UNKNOWN)
        return {"IMAFLAGS_ISO": unknown, "NIMAFLAGS_ISO": unknown, "saturated": np.zeros(count, dtype=bool)}
    touched = np.flatnonzero((found.segmentation.ravel() > 0) & (dq.ravel() != 0))
    owners, flags = found.segmentation.ravel()[touched], dq.ravel()[touched]
    size = int(found.labels.max(initial=0)) + 1
    together = np.zeros(size, dtype=np.uint16)
    np.bitwise_or.at(together, owners, flags)
    numbers = np.bincount(owners, minlength=size)[found.labels]
    under = together[found.labels]
    return {
        "IMAFLAGS_ISO": under.astype(np.int16).astype(np.int32),
        "NIMAFLAGS_ISO": numbers,
        "saturated": (under & DQ.SATURATED) > 0,
    }


def _credible(values: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Tell real sources from specks, hot pixels, lines and clusters of bad pixels (8.1)."""
    area, a, b = values["ISOAREA_IMAGE"], values["A_IMAGE"], values["B_IMAGE"]
    kept: NDArray[np.bool_] = (
        (area >= LEAST_AREA)
        & (b >= LEAST_WIDTH)
        & (a <= LARGEST_ELONGATION * b)
        & (values["NIMAFLAGS_ISO"] <= LARGEST_FLAGGED_PART * area)
    )
    return kept


def _mask(segmentation: Labels, labels: Labels) -> NDArray[np.uint8]:
    present = np.zeros(int(segmentation.max(initial=0)) + 1, dtype=np.uint8)
    present[labels] = 1
    return present[segmentation]


def _fluxes(
    found: Extraction, sources: NDArray[Any], labels: Labels, *, gain: float, least_radius: float
) -> dict[str, Any]:
    where = [sources[name] for name in ("x", "y", "a", "b", "theta")]
    neighbours = {"segmap": found.segmentation, "seg_id": labels}
    radius, trouble = sep.kron_radius(found.image, *where, KRON_APERTURE, **neighbours)
    aperture = np.maximum(KRON_FACTOR * radius, least_radius)
    flux, error, _ = sep.sum_ellipse(found.image, *where, r=aperture, subpix=1, err=found.rms, gain=gain, **neighbours)
    half, _ = sep.flux_radius(
        found.image, sources["x"], sources["y"], KRON_APERTURE * sources["a"], 0.5, normflux=flux, subpix=5
    )
    positive = flux > 0
    safe = np.where(positive, flux, 1.0)
    return {
        "FLUX_AUTO": flux,
        "FLUXERR_AUTO": error,
        "MAG_AUTO": np.where(positive, -2.5 * np.log10(safe), NO_MAGNITUDE),
        "MAGERR_AUTO": np.where(positive, MAGNITUDES_PER_E * error / safe, NO_MAGNITUDE),
        "FLUX_RADIUS": half,
        "aperture": (trouble & APERTURE_TRUNCATED) > 0,
    }


def _flags(sources: NDArray[Any], incomplete: NDArray[np.bool_], saturated: NDArray[np.bool_]) -> NDArray[np.int16]:
    flags: NDArray[np.int16] = np.zeros(len(sources), dtype=np.int16)
    flags |= np.where(sources["flag"] & BLENDED, BIASED | DEBLENDED, 0).astype(np.int16)
    flags |= np.where(sources["flag"] & TRUNCATED, AT_EDGE, 0).astype(np.int16)
    flags |= np.where(saturated, SATURATED, 0).astype(np.int16)
    flags |= np.where(incomplete, APERTURE_INCOMPLETE, 0).astype(np.int16)
    return flags


def _profiles(
    values: Mapping[str, Any], image: Image, pixel_scale: float, known_seeing: float | None
) -> tuple[Profiles, NDArray[np.bool_], float | None]:
    """Measure profiles, on larger stamps where the seeing asks for them, and return the stars and the seeing too."""
    half_size = stamp_half_size(pixel_scale, known_seeing)
    profiles = _measured(values, image, half_size)
    stars = looks_stellar(values, profiles.fwhm)
    width = known_seeing or seeing(values, profiles.fwhm * pixel_scale, stars)
    wanted = stamp_half_size(pixel_scale, width)
    if wanted != half_size:
        profiles = _measured(values, image, wanted)
        stars = looks_stellar(values, profiles.fwhm)
    return profiles, stars, width


def _measured(values: Mapping[str, Any], image: Image, half_size: int) -> Profiles:
    x, y, background, flux, peak = (values[n] for n in ("X_IMAGE", "Y_IMAGE", "BACKGROUND", "FLUX_AUTO", "FLUX_MAX"))
    return measure_profiles(image, x, y, background, flux, peak, half_size)


def _on_the_sky(values: Mapping[str, Any], plane: TangentPlane) -> dict[str, Any]:
    """Return positions, ellipses and errors in degrees, towards east and north at each source."""
    x, y = values["X_IMAGE"] - 1.0, values["Y_IMAGE"] - 1.0
    ra, dec = plane.sky(x, y)
    jacobian = _jacobian(plane, x, y, dec)
    a, b, theta = values["A_IMAGE"], values["B_IMAGE"], np.radians(values["THETA_IMAGE"])
    c, s = np.cos(theta), np.sin(theta)
    moments = (a * c) ** 2 + (b * s) ** 2, (a * s) ** 2 + (b * c) ** 2, (a * a - b * b) * s * c
    axes = _ellipse(*_turned(jacobian, *moments))
    errors = _turned(jacobian, *(values[name] for name in ("ERRX2_IMAGE", "ERRY2_IMAGE", "ERRXY_IMAGE")))
    error_axes = _ellipse(*errors)
    return {
        "X_WORLD": ra, "Y_WORLD": dec,
        "ERRX2_WORLD": errors[0], "ERRY2_WORLD": errors[1], "ERRXY_WORLD": errors[2],
        "A_WORLD": axes[0], "B_WORLD": axes[1], "THETA_WORLD": axes[2],
        "ERRA_WORLD": error_axes[0], "ERRB_WORLD": error_axes[1], "ERRTHETA_WORLD": error_axes[2],
        "FWHM_WORLD": values["FWHM_IMAGE"] * plane.pixel_scale / 3600.0,
    }  # fmt: skip


def _jacobian(plane: TangentPlane, x: Values, y: Values, dec: Values) -> tuple[Values, Values, Values, Values]:
    """Return d(east)/dx, d(east)/dy, d(north)/dx, d(north)/dy, degrees per pixel."""
    columns = []
    for dx, dy in ((0.5, 0.0), (0.0, 0.5)):
        before, after = plane.sky(x - dx, y - dy), plane.sky(x + dx, y + dy)
        east = (after[0] - before[0] + 180.0) % 360.0 - 180.0
        columns.append((east * np.cos(np.radians(dec)), after[1] - before[1]))
    (ex, nx), (ey, ny) = columns
    return ex, ey, nx, ny


def _turned(
    jacobian: tuple[Values, Values, Values, Values], x2: Values, y2: Values, xy: Values
) -> tuple[Values, Values, Values]:
    ex, ey, nx, ny = jacobian
    return (
        ex * ex * x2 + 2 * ex * ey * xy + ey * ey * y2,
        nx * nx * x2 + 2 * nx * ny * xy + ny * ny * y2,
        ex * nx * x2 + (ex * ny + ey * nx) * xy + ey * ny * y2,
    )
