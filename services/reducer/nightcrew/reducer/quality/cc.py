"""Zero points of stars of known magnitude, and the clouds that they tell of (primitives-sky-and-stack, 14.4)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nightcrew.reducer.catalogue.columns import UNKNOWN
from nightcrew.reducer.quality.measurements import Amount
from nightcrew.shared.dq import DQ

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nightcrew.shared.frames import Table

    Values = NDArray[np.float64]

FAINTEST = 90.0
"""Magnitudes at and above this say that there is none."""
LARGEST_FLAGGED_PART = 0.02
LARGEST_ERROR, LARGEST_ERROR_OF_FEW, FEW = 0.1, 0.2, 5
MANY = 2


class ZeroPoints(NamedTuple):
    """Zero point by each star of an extension, its error, and the extinction that it means, magnitudes."""

    values: Values
    errors: Values
    extinctions: Values


def zero_points(catalogue: Table, *, nominal: float, exposure: float, extinction: float = 0.0) -> ZeroPoints:
    """Return the zero points by the stars of a catalogue whose magnitude is known and that are clean.

    Parameters
    ----------
    catalogue
        OBJCAT with REF_MAG filled in.
    nominal
        Zero point of a clear night: magnitude that gives one data unit per second.
    exposure
        Seconds.
    extinction
        Of the clear atmosphere in excess of that at the zenith, magnitudes.
    """
    rows = catalogue.rows
    measured, known, measured_error, known_error = (
        np.asarray(rows[name], float) for name in ("MAG_AUTO", "REF_MAG", "MAGERR_AUTO", "REF_MAG_ERR")
    )
    finite = np.isfinite(measured + known + measured_error + known_error)
    usable = finite & (measured > UNKNOWN) & (measured < FAINTEST) & (known > UNKNOWN) & _clean(rows)
    values = (known - measured - extinction - 2.5 * math.log10(exposure))[usable]
    errors = np.hypot(np.maximum(known_error, 0.0), measured_error)[usable]
    return ZeroPoints(values, errors, nominal - values)


def _clean(rows: NDArray[np.void]) -> NDArray[np.bool_]:
    """Tell sources without flags; pixels whose flags nobody looked at do not count against them."""
    good: NDArray[np.bool_] = rows["FLAGS"] == 0
    looked_at = rows["NIMAFLAGS_ISO"] != UNKNOWN
    many = rows["NIMAFLAGS_ISO"] >= LARGEST_FLAGGED_PART * rows["ISOAREA_IMAGE"]
    saturated = (rows["IMAFLAGS_ISO"] & int(DQ.SATURATED)) > 0
    good &= ~(looked_at & (many | saturated))
    return good


def cloud_cover(points: Sequence[ZeroPoints]) -> tuple[int, Amount, Amount] | None:
    """Return the number of stars, the zero point and the extinction by clouds; None if no star tells them.

    Stars whose zero point is uncertain, or far from the mean, are left out.
    """
    values, errors, extinctions = (
        (np.concatenate(column) if points else np.empty(0) for column in zip(*points, strict=True))
        if points
        else (np.empty(0),) * 3
    )
    good = (errors > 0) & (errors < (LARGEST_ERROR if len(values) > FEW else LARGEST_ERROR_OF_FEW))
    values, errors, extinctions = values[good], errors[good], extinctions[good]
    if len(values) > MANY:
        limit = math.sqrt(float(np.var(values) + np.mean(errors**2)))
        near = np.abs(values - np.mean(values)) < limit
        values, errors, extinctions = values[near], errors[near], extinctions[near]
    if not len(values):
        return None
    weights = 1.0 / errors**2
    return len(values), _mean(values, weights), _mean(extinctions, weights)


def _mean(values: Values, weights: Values) -> Amount:
    mean = float(np.average(values, weights=weights))
    variance = float(np.average((values - mean) ** 2, weights=weights))
    return Amount(mean, math.sqrt(variance + 1.0 / float(np.mean(weights))))
