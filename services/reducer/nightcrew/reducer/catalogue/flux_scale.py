"""The factor between the fluxes of two catalogues (primitives-sky-and-stack, 12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nightcrew.reducer.catalogue.extraction import Values
    from nightcrew.shared.frames import Table

CLIPPING = 3.0
ROUNDS = 2


class Fluxes(NamedTuple):
    """Fluxes and their errors of the same sources in two frames.

    Parameters
    ----------
    ours, our_errors
        In the frame to be scaled.
    reference, reference_errors
        In the reference.
    """

    ours: Values
    our_errors: Values
    reference: Values
    reference_errors: Values


def nearest_sources(reference: Table, other: Table, radius: float) -> NDArray[np.intp]:
    """Return for every source of the reference the nearest one of the other catalogue, or -1 beyond `radius` arcsec.

    Only sources within a strip of declination are compared.  A tree would do it too, but to import one takes longer
    than to match all the frames of a night.
    """
    ours, theirs = _on_sphere(reference), _on_sphere(other)
    reach = 2.0 * np.sin(np.radians(radius / 3600.0) / 2.0)
    order = np.argsort(theirs[:, 2], kind="stable")
    heights = theirs[order, 2]
    low = np.searchsorted(heights, ours[:, 2] - reach)
    high = np.searchsorted(heights, ours[:, 2] + reach, side="right")
    nearest, least = np.full(len(ours), -1, np.intp), np.full(len(ours), reach**2)
    for step in range(int(np.max(high - low, initial=0))):
        rows = np.flatnonzero(low + step < high)
        found = order[low[rows] + step]
        apart = np.sum((ours[rows] - theirs[found]) ** 2, axis=1)
        nearer = apart < least[rows]
        nearest[rows[nearer]], least[rows[nearer]] = found[nearer], apart[nearer]
    return nearest


def _on_sphere(table: Table) -> NDArray[np.float64]:
    ra, dec = (np.radians(np.asarray(table.rows[name], dtype=float)) for name in ("X_WORLD", "Y_WORLD"))
    return np.column_stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])


def matched_fluxes(reference: Table, other: Table, pairs: NDArray[np.intp]) -> Fluxes:
    """Return the fluxes of the sources that `nearest_sources` has paired, those measured in both."""
    there = pairs >= 0
    columns = [
        np.asarray(table.rows[name][rows], dtype=float)
        for table, rows in ((other, pairs[there]), (reference, np.flatnonzero(there)))
        for name in ("FLUX_AUTO", "FLUXERR_AUTO")
    ]
    usable = (columns[1] > 0) & (columns[3] > 0) & np.isfinite(np.sum(columns, axis=0))
    return Fluxes(*(column[usable] for column in columns))


def flux_factor(fluxes: Fluxes) -> float | None:
    """Return the factor that brings our fluxes to those of the reference; None if there is no source to tell.

    A weighted fit of a line through the origin, with two rounds of clipping at 3 sigma.
    """
    x, sx, y, sy = fluxes
    if not len(x):
        return None
    factor = _start(fluxes)
    kept = np.ones(len(x), dtype=bool)
    for _ in range(ROUNDS + 1):
        weight = 1.0 / (sy**2 + (factor * sx) ** 2)
        top, bottom = np.sum((weight * x * y)[kept]), np.sum((weight * x * x)[kept])
        if bottom <= 0:
            return None
        factor = float(top / bottom)
        residuals = (y - factor * x) * np.sqrt(weight)
        spread = float(np.std(residuals[kept]))
        inside = kept & (np.abs(residuals - np.median(residuals[kept])) <= CLIPPING * spread)
        if np.count_nonzero(inside) in (0, np.count_nonzero(kept)):
            break
        kept = inside
    return factor


def _start(fluxes: Fluxes) -> float:
    """Return the median ratio: a start that no outlier draws away."""
    ratios = fluxes.reference[fluxes.ours != 0] / fluxes.ours[fluxes.ours != 0]
    return float(np.median(ratios)) if len(ratios) else 1.0
