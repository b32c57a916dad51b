"""Stars among the sources, and how wide they are (primitives-sky-and-stack, 8.2)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from nightcrew.reducer.catalogue.columns import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

MOMENTS_TO_FWHM = 2.0 * math.sqrt(math.log(2.0))
"""FWHM of a Gaussian per root of the sum of the squares of its axes."""
MOMENTS_TOO_WIDE = 1.08
LARGEST_DEVIATION = 0.2
CLIPPING = 3.0
MANY = 3


def looks_stellar(values: Mapping[str, Any], profile_fwhm: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell stars by their shape: core and wings agree, and they are as wide as most that do.

    Stands for SExtractor's CLASS_STAR, whose neural network `sep` does not have.

    Parameters
    ----------
    values
        `moments`: FWHM of a Gaussian with the source's second moments, pixels.
    profile_fwhm
        FWHM of the radial profile, pixels.
    """
    moments = values["moments"]
    alike: NDArray[np.bool_] = (profile_fwhm != UNKNOWN) & (
        np.abs(moments / MOMENTS_TOO_WIDE - profile_fwhm) < LARGEST_DEVIATION * moments
    )
    if np.count_nonzero(alike) > MANY:
        widths = profile_fwhm[alike]
        centre, spread = np.median(widths), np.std(widths)
        alike &= np.abs(profile_fwhm - centre) <= CLIPPING * spread
    return alike


def seeing(values: Mapping[str, Any], fwhm: NDArray[Any], stars: NDArray[np.bool_]) -> float | None:
    """Return the mean FWHM of the stars that are bright and clean; None if there is none.

    Parameters
    ----------
    values
        Columns of the catalogue.
    fwhm
        Width of each source, arcsec.
    stars
        Which of the sources are stars.
    """
    good = (
        stars
        & (values["ISOAREA_IMAGE"] > 20)
        & (values["B_IMAGE"] > 1.1)
        & (values["ELLIPTICITY"] < 0.5)
        & (values["FLUX_AUTO"] > 25 * values["FLUXERR_AUTO"])
        & ((values["FLAGS"] & ~7) == 0)
        & (fwhm > 0)
        & (values["NIMAFLAGS_ISO"] < 0.2 * values["ISOAREA_IMAGE"])
    )
    widths = fwhm[good]
    if len(widths) > MANY:
        widths = widths[np.abs(widths - np.median(widths)) <= CLIPPING * np.std(widths)]
    return float(np.mean(widths)) if len(widths) else None
