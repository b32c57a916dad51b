"""Choosing stars from a catalogue (primitives-sky-and-stack, 14.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nightcrew.reducer.catalogue.columns import UNKNOWN
from nightcrew.shared.dq import DQ
from nightcrew.shared.frames import Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_SIGNIFICANCE = {False: 50.0, True: 25.0}
"""FLUX_AUTO in units of its error, without and with adaptive optics."""
CLIPPING = 2.0
MANY = 3


def clipped_stars(catalogue: Table, *, adaptive_optics: bool = False) -> Table:
    """Return the rows that are well measured, unflagged, unresolved and as wide as most of these.

    A criterion on a column that was not measured for any source is skipped.
    """
    rows = catalogue.rows
    kept = np.ones(len(rows), dtype=bool)

    def known(*names: str) -> bool:
        return all(not np.all(rows[name] == UNKNOWN) for name in names)

    def need(condition: NDArray[np.bool_], *names: str) -> None:
        nonlocal kept
        if known(*names):
            kept &= condition

    need(rows["PROFILE_FWHM"] > 0, "PROFILE_FWHM")
    need((rows["ELLIPTICITY"] > 0) & (rows["ELLIPTICITY"] < 0.5), "ELLIPTICITY")
    need(rows["B_IMAGE"] > 1.1, "B_IMAGE")
    need(rows["FLUX_AUTO"] > LEAST_SIGNIFICANCE[adaptive_optics] * rows["FLUXERR_AUTO"], "FLUX_AUTO", "FLUXERR_AUTO")
    if adaptive_optics:
        width = rows["FWHM_IMAGE"]
        need(np.abs(width / 1.08 - rows["PROFILE_FWHM"]) < 0.2 * width, "FWHM_IMAGE", "PROFILE_FWHM")
    else:
        need(rows["CLASS_STAR"] > 0.8, "CLASS_STAR")
    need(rows["ISOAREA_IMAGE"] > 20, "ISOAREA_IMAGE")
    saturated = (rows["IMAFLAGS_ISO"] & int(DQ.SATURATED)) > 0
    allowed = np.where(saturated, 0.0, 0.02) * rows["ISOAREA_IMAGE"]
    need(rows["NIMAFLAGS_ISO"] <= allowed, "NIMAFLAGS_ISO", "IMAFLAGS_ISO")
    need(rows["PROFILE_EE50"] > rows["PROFILE_FWHM"], "PROFILE_EE50", "PROFILE_FWHM")
    chosen = rows[kept]
    if len(chosen) >= MANY and known("PROFILE_FWHM"):
        widths = chosen["PROFILE_FWHM"].astype(float)
        chosen = chosen[np.abs(widths - np.median(widths)) <= CLIPPING * np.std(widths)]
    return Table(chosen, catalogue.units)
