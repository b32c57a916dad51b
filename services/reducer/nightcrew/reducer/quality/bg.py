"""The brightness of the sky (primitives-sky-and-stack, 14.3)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nightcrew.reducer.quality.measurements import Amount

if TYPE_CHECKING:
    from collections.abc import Sequence

SAMPLING = 100
"""Every so many pixels count; the reference takes every 100th of these again, some hundred pixels in all."""


class SkyLevel(NamedTuple):
    """Level of the sky in an extension: per pixel, and in electrons and magnitudes per square arcsec."""

    samples: int
    level: Amount
    electrons: Amount | None
    magnitude: Amount | None


def sky_level(
    level: Amount,
    samples: int,
    *,
    exposure: float | None,
    scale: float | None,
    zeropoint: float | None,
    electrons_per_unit: float | None,
) -> SkyLevel:
    """Put a level per pixel into physical units, as far as the facts allow.

    Parameters
    ----------
    level, samples
        Level of the sky in data units, and the pixels that it rests on.
    exposure
        Seconds.
    scale
        Arcsec per pixel.
    zeropoint
        Magnitude that gives one data unit per second.
    electrons_per_unit
        1, or the gain where data are in ADU.
    """
    if not exposure or not scale:
        return SkyLevel(samples, level, None, None)
    area = exposure * scale**2
    rate = Amount(level.value / area, level.error / area)
    electrons = (
        None if electrons_per_unit is None else Amount(rate.value * electrons_per_unit, rate.error * electrons_per_unit)
    )
    magnitude = None
    if zeropoint is not None and rate.value > 0:
        magnitude = Amount(zeropoint - 2.5 * math.log10(rate.value), 2.5 * math.log10(1.0 + level.error / level.value))
    return SkyLevel(samples, level, electrons, magnitude)


def together(levels: Sequence[SkyLevel]) -> SkyLevel:
    """Combine extensions, weighted by the pixels that they rest on; a unit that one of them lacks is left out."""
    if len(levels) == 1:
        return levels[0]
    weights = [float(level.samples) for level in levels]
    return SkyLevel(
        sum(level.samples for level in levels),
        combined([level.level for level in levels], weights),
        _combined_if_all([level.electrons for level in levels], weights),
        _combined_if_all([level.magnitude for level in levels], weights),
    )


def combined(amounts: Sequence[Amount], weights: Sequence[float]) -> Amount:
    """Return the weighted mean; its error is the root of the weighted variance and mean square error together."""
    values, errors = np.array([a.value for a in amounts]), np.array([a.error for a in amounts])
    mean = float(np.average(values, weights=weights))
    square = np.average((values - mean) ** 2, weights=weights) + np.average(errors**2, weights=weights)
    return Amount(mean, math.sqrt(float(square)))


def _combined_if_all(amounts: Sequence[Amount | None], weights: Sequence[float]) -> Amount | None:
    known = [amount for amount in amounts if amount is not None]
    return combined(known, weights) if len(known) == len(amounts) else None
