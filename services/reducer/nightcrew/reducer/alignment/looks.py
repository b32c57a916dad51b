"""What the catalogue of a frame says of its quality: sharpness, roundness, number of sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nightcrew.reducer.catalogue.columns import UNKNOWN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nightcrew.shared.frames import Table

BLENDED_OR_BIASED = 3
"""Bits of FLAGS: neighbours bias the photometry, or the source was blended with another."""
WELL_DETECTED = 20.0
"""FLUX_AUTO in units of its error from which a source's shape and place are trusted."""
FLAGGED = 0.2
"""Fraction of a source's pixels that may be flagged."""


@dataclass(frozen=True, slots=True)
class Looks:
    """The quality of a frame.

    Parameters
    ----------
    name
        File name.
    sources
        Number of well-detected sources.
    fwhm
        Their median width, pixels; NaN if there are none.
    ellipticity
        Their median ellipticity, 0 for round ones; NaN if there are none.
    off_centre
        Distance of the pointing from the middle of all pointings, arcsec.
    wcs_error
        Distance of the WCS from where target and telescope offsets put it, the frames' common error taken out,
        arcsec; None if the headers do not tell.
    """

    name: str
    sources: int
    fwhm: float
    ellipticity: float
    off_centre: float = 0.0
    wcs_error: float | None = None


def trusted(catalogue: Table | None) -> NDArray[np.intp]:
    """Return the rows of the sources that are well detected, unblended and hardly flagged, brightest first."""
    if catalogue is None or not len(catalogue.rows):
        return np.empty(0, np.intp)
    rows = catalogue.rows
    good = (rows["FLAGS"] & BLENDED_OR_BIASED) == 0
    good &= rows["FLUX_AUTO"] > WELL_DETECTED * rows["FLUXERR_AUTO"]
    good &= rows["NIMAFLAGS_ISO"] <= FLAGGED * rows["ISOAREA_IMAGE"]
    order = np.argsort(-rows["FLUX_AUTO"], kind="stable")
    chosen: NDArray[np.intp] = order[good[order]]
    return chosen


def look_at(name: str, catalogue: Table | None, off_centre: float = 0.0, wcs_error: float | None = None) -> Looks:
    """Sum up the catalogue of a frame."""
    chosen = trusted(catalogue)
    if catalogue is None or not len(chosen):
        return Looks(name, 0, np.nan, np.nan, off_centre, wcs_error)
    rows = catalogue.rows[chosen]
    widths = rows["FWHM_IMAGE"][rows["FWHM_IMAGE"] != UNKNOWN].astype(float)
    return Looks(
        name,
        len(chosen),
        float(np.median(widths)) if len(widths) else np.nan,
        float(np.median(rows["ELLIPTICITY"].astype(float))),
        off_centre,
        wcs_error,
    )
