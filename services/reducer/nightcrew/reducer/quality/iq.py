"""The shapes of the stars, and the Strehl ratio (primitives-sky-and-stack, 14.2)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nightcrew.reducer.kernels.clipping import sigma_clip
from nightcrew.reducer.quality.measurements import Amount

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nightcrew.shared.frames import Table

ARCSEC_PER_DEGREE = 3600.0
SEEING_POWER = 0.6
"""The seeing grows with that power of the airmass (Kolmogorov turbulence)."""
MIRROR, OBSCURATION = 8.1, 1.2
"""Diameters of Gemini's primary mirror and of its central obscuration, metres."""
SUBPIXELS = 5
LARGEST_STREHL = 0.6
"""What is above was no star."""
CLIPPING = 3.0
ELONGATED = 0.1


class Shapes(NamedTuple):
    """Means and standard deviations over the stars: arcsec, pixels for `ee50`, degrees for `position_angle`."""

    stars: int
    fwhm: Amount
    ellipticity: Amount
    isophotal_fwhm: Amount
    ee50: Amount
    position_angle: Amount


def shapes_of(catalogues: Sequence[tuple[Table, float]]) -> Shapes | None:
    """Return how the stars of all extensions look; None if there is none.

    Parameters
    ----------
    catalogues
        The chosen stars, and the pixel scale in arcsec, of each extension.
    """
    rows = [(table.rows, scale) for table, scale in catalogues if len(table.rows)]
    if not rows:
        return None

    def amount(name: str, factors: Sequence[float]) -> Amount:
        values = np.concatenate(
            [np.asarray(r[name], float) * factor for (r, _), factor in zip(rows, factors, strict=True)]
        )
        return Amount(float(np.mean(values)), float(np.std(values)))

    one, scales = [1.0] * len(rows), [scale for _, scale in rows]
    return Shapes(
        sum(len(r) for r, _ in rows),
        amount("PROFILE_FWHM", scales),
        amount("ELLIPTICITY", one),
        amount("FWHM_WORLD", [ARCSEC_PER_DEGREE] * len(rows)),
        amount("PROFILE_EE50", one),
        amount("THETA_WORLD", one),
    )


def at_zenith(fwhm: Amount, airmass: float | None) -> Amount:
    """Return what a width at some airmass would be at the zenith; as it is if the airmass is not known."""
    factor = 1.0 if airmass is None else airmass**-SEEING_POWER
    return Amount(fwhm.value * factor, fwhm.error * factor)


def shape_remarks(shapes: Shapes) -> tuple[str, ...]:
    """Return what to tell the user about the stars."""
    found = []
    if shapes.ellipticity.value > ELONGATED:
        found.append("High ellipticity")
    if shapes.stars == 1:
        found.append("Single source: the image quality may not be accurate")
    return tuple(found)


def strehl_ratio(stars: Table, scale: float, wavelength: float) -> Amount | None:
    """Return the Strehl ratio, a mean weighted by flux; None if no star tells it.

    Parameters
    ----------
    stars
        The chosen stars.
    scale
        Arcsec per pixel.
    wavelength
        Metres.
    """
    flux, peak = (np.asarray(stars.rows[name], float) for name in ("FLUX_AUTO", "FLUX_MAX"))
    usable = flux > 0
    flux = flux[usable]
    ratios = peak[usable] / flux / ideal_peak(scale, wavelength)
    flux, ratios = flux[ratios <= LARGEST_STREHL], ratios[ratios <= LARGEST_STREHL]
    if not len(ratios):
        return None
    clipped = sigma_clip(ratios, sigma=CLIPPING)
    kept = (ratios >= clipped.low) & (ratios <= clipped.high)
    return weighted(ratios[kept], flux[kept])


def ideal_peak(scale: float, wavelength: float) -> float:
    """Return the part of the light of a star that falls on its central pixel without any aberration.

    The star is in the middle of the pixel; the pattern of an annular aperture is averaged over 5 x 5 points (Born &
    Wolf, Principles of Optics, 8.6.2).
    """
    from scipy.special import j1  # noqa: PLC0415

    pixel = math.radians(scale / ARCSEC_PER_DEGREE)
    steps = (np.arange(SUBPIXELS) - (SUBPIXELS - 1) / 2) / SUBPIXELS * pixel
    radius = np.hypot(steps[:, None], steps[None, :])
    x = np.maximum(math.pi * MIRROR * radius / wavelength, 1e-9)
    inner = OBSCURATION / MIRROR
    amplitude = (2 * j1(x) / x - inner**2 * 2 * j1(inner * x) / (inner * x)) / (1 - inner**2)
    area = math.pi / 4 * (MIRROR**2 - OBSCURATION**2)
    return float(np.mean(amplitude**2)) * area * (pixel / wavelength) ** 2


def weighted(values: NDArray[Any], weights: NDArray[Any]) -> Amount:
    """Return the weighted mean, and the root of the weighted variance."""
    mean = float(np.average(values, weights=weights))
    return Amount(mean, math.sqrt(float(np.average((values - mean) ** 2, weights=weights))))
