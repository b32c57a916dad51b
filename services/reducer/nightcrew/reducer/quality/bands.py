"""Limits of the observing conditions by filter, and where a value lies among them (primitives-sky-and-stack, 14)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nightcrew.reducer.quality.measurements import ANY, WORTH_MENTION, Amount, Bands

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Limits:
    """Where the bands of a condition end.

    Parameters
    ----------
    kind
        IQ, BG or CC.
    worst
        Percentile and worst value of each band, best band first; several may have the same value.
    low_is_good
        Whether values below the limit are better.
    """

    kind: str
    worst: tuple[tuple[int, float], ...]
    low_is_good: bool = True

    def reaches(self, value: float, limit: float) -> bool:
        """Tell whether a value is on the good side of a limit, strictly."""
        return value < limit if self.low_is_good else value > limit

    def probability_within(self, amount: Amount, limit: float) -> float:
        """Return the probability that a normally distributed value is on the good side of a limit."""
        if amount.error <= 0:
            return float(self.reaches(amount.value, limit))
        margin = (limit - amount.value if self.low_is_good else amount.value - limit) / amount.error
        return 0.5 * math.erfc(-margin / math.sqrt(2.0))


IQ_WAVELENGTH: Mapping[str, float] = {
    "u": 0.35, "g": 0.475, "r": 0.63, "i": 0.78, "Z": 0.90, "Y": 1.02, "X": 1.10, "J": 1.20, "H": 1.65, "K": 2.2,
    "L": 3.4, "M": 4.8, "N": 11.7, "Q": 18.3,
}  # fmt: skip
"""Micrometres; a filter counts as the nearest of these."""
AO = "AO"
"""Stands for the band of images with adaptive optics, whose natural seeing is compared."""
IQ_PERCENTILES = (20, 70, 85)
IQ_FWHM: Mapping[str, tuple[float, float, float]] = {
    "u": (0.60, 0.90, 1.20),
    "g": (0.60, 0.85, 1.10),
    "r": (0.50, 0.75, 1.05),
    "i": (0.50, 0.75, 1.05),
    "Z": (0.50, 0.70, 0.95),
    "Y": (0.40, 0.70, 0.95),
    "X": (0.40, 0.65, 0.90),
    "J": (0.40, 0.60, 0.85),
    "H": (0.40, 0.60, 0.85),
    "K": (0.35, 0.55, 0.80),
    "L": (0.35, 0.50, 0.75),
    "M": (0.35, 0.50, 0.70),
    "N": (0.34, 0.37, 0.45),
    "Q": (0.54, 0.54, 0.54),
    AO: (0.45, 0.80, 1.20),
}
"""Largest full width at half maximum at the zenith, arcsec."""

BG_PERCENTILES = (20, 50, 80)
BG_BRIGHTNESS: Mapping[str, tuple[float, float, float]] = {
    "u": (21.66, 19.49, 17.48),
    "g": (21.62, 20.68, 19.36),
    "r": (21.33, 20.32, 19.34),
    "i": (20.44, 19.97, 19.30),
    "z": (19.51, 19.04, 18.37),
    "J": (16.20, 16.20, 16.20),
    "H": (13.80, 13.80, 13.80),
    "K": (14.60, 14.60, 14.60),
    "Ks": (14.60, 14.60, 14.60),
}
"""Brightest sky, magnitudes per square arcsec."""
BG_ALIASES: Mapping[str, str] = {"K(short)": "Ks", "Kshort": "Ks", "k(short)": "Ks", "kshort": "Ks"}
"""Filters that count as another one."""

CC_LIMITS = Limits("CC", ((50, 0.08), (70, 0.3), (80, 1.0)))
"""Largest extinction, magnitudes."""


def iq_limits(wavelength: float | None, *, adaptive_optics: bool = False) -> Limits | None:
    """Return the limits of the image quality at an effective wavelength in micrometres; None if it is not known."""
    if adaptive_optics:
        key = AO
    elif wavelength is None:
        return None
    else:
        key = min(IQ_WAVELENGTH, key=lambda band: abs(IQ_WAVELENGTH[band] - wavelength))
    return Limits("IQ", tuple(zip(IQ_PERCENTILES, IQ_FWHM[key], strict=True)))


def bg_limits(filter_name: str | None) -> Limits | None:
    """Return the limits of the background in a filter; None if it has none."""
    key = BG_ALIASES.get(filter_name or "", filter_name or "")
    if key not in BG_BRIGHTNESS:
        return None
    return Limits("BG", tuple(zip(BG_PERCENTILES, BG_BRIGHTNESS[key], strict=True)), low_is_good=False)


def band_of(value: float, limits: Limits) -> int:
    """Return the best band whose limit a value reaches, 100 if none.

    Where bands share a limit, as in the near-infrared sky, the best of them counts; the reference gives 100 there.
    """
    return next((band for band, limit in limits.worst if limits.reaches(value, limit)), ANY)


def probabilities_of(amount: Amount, limits: Limits) -> tuple[tuple[int, float], ...]:
    """Return the probability of every band, best one first, for a normally distributed value."""
    found, within = [], 0.0
    for band, limit in limits.worst:
        so_far = max(limits.probability_within(amount, limit), within)
        found.append((band, so_far - within))
        within = so_far
    return (*found, (ANY, 1.0 - within))


def by_value(kind: str, amount: Amount | None, limits: Limits | None, requested: int | None) -> Bands:
    """Judge a value by itself: IQ and BG.

    The requirement is not met if the band is worse than the one asked for.
    """
    if amount is None or limits is None:
        return Bands(kind, None, requested=requested)
    band = band_of(amount.value, limits)
    met = None if requested is None else band <= requested
    return Bands(kind, band, probabilities_of(amount, limits), requested, met)


def by_probability(kind: str, amount: Amount, limits: Limits, requested: int | None) -> Bands:
    """Judge a value by the probabilities of the bands: CC.

    The requirement is not met if it is improbable that the value is in the band asked for, or a better one.
    """
    probabilities = probabilities_of(amount, limits)
    band = max(probabilities, key=lambda item: item[1])[0]
    enough = sum(p for b, p in probabilities if requested is not None and b <= requested) >= WORTH_MENTION
    return Bands(kind, band, probabilities, requested, None if requested is None else enough)


def remarks(bands: Bands) -> tuple[str, ...]:
    """Return what to tell the user about a requirement."""
    if bands.met is not False:
        return ()
    return (f"{bands.kind} requirement not met: {bands}, {bands.kind}{bands.requested} was asked for",)
