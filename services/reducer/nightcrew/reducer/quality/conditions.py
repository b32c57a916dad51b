"""What a sequence tells of the night: seeing, brightness of the sky, and how much light clouds took."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from nightcrew.reducer.quality.measurements import Amount, Bands, Plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CLOUDY = 0.08
"""Magnitudes of dimming from which clouds are suspected: the limit of CC50, a photometric sky."""
LEAST_TOLD = 0.005
"""Scatter that is not 0 with the decimals with which values are told."""


@dataclass(frozen=True, slots=True)
class FrameConditions:
    """What a frame of a sequence tells.

    Parameters
    ----------
    name
        Of the raw file.
    airmass
        None if not known.
    stars
        How many the width rests on.
    fwhm, zenith_fwhm
        Width of the stars, arcsec, as observed and at the zenith; None without any.
    sky
        Magnitudes per square arcsec of the sky that was subtracted; None without a level or a nominal zero point.
    dimming
        Magnitudes by which its stars are fainter than in the clearest frame; None without stars in common.
    """

    name: str
    airmass: float | None
    stars: int
    fwhm: Amount | None
    zenith_fwhm: Amount | None
    sky: float | None
    dimming: float | None


@dataclass(frozen=True, slots=True)
class Conditions(Plain):
    """Under which conditions a sequence was taken.

    Parameters
    ----------
    frame
        The first of the raw files.
    frames
        What each frame tells, in the order of their names.
    fwhm, zenith_fwhm
        Mean width of the stars, arcsec, and its scatter from frame to frame.
    iq
        Band of `zenith_fwhm`.
    sky
        Mean brightness of the sky, magnitudes per square arcsec, and its scatter.
    bg
        Band of `sky`.
    dimming
        Largest of all frames, magnitudes: clouds, unless the telescope vignetted.  Clouds that were the same in all
        frames do not show; they need stars of known magnitude (measureCC).
    """

    kind: ClassVar[str] = "conditions"
    frame: str
    frames: tuple[FrameConditions, ...]
    fwhm: Amount | None
    zenith_fwhm: Amount | None
    iq: Bands
    sky: Amount | None
    bg: Bands
    dimming: float | None

    def __str__(self) -> str:
        parts = []
        if self.fwhm is not None:
            parts.append(f"seeing {self.fwhm.value:.2f} arcsec{_and_band(_scatter(self.fwhm), self.iq)}")
        if self.sky is not None:
            parts.append(f"sky {self.sky.value:.2f} mag/arcsec2{_and_band(_scatter(self.sky), self.bg)}")
        if self.dimming is not None:
            steady = self.dimming < CLOUDY
            parts.append(f"{'light steady to' if steady else 'light dimmed by up to'} {self.dimming:.2f} mag")
        return ", ".join(parts) or "neither stars nor sky to tell the conditions by"


def _scatter(amount: Amount) -> str:
    return f"+/- {amount.error:.2f}" if amount.error >= LEAST_TOLD else ""


def _and_band(scatter: str, bands: Bands) -> str:
    told = [text for text in (scatter, "" if bands.band is None else str(bands)) if text]
    return f" ({', '.join(told)})" if told else ""


def over_frames(values: Iterable[float | None]) -> Amount | None:
    """Return the mean of what is known, and the standard deviation (0 for one value); None if nothing is.

    Examples
    --------
    >>> over_frames([1.0, None, 3.0]), over_frames([2.0]), over_frames([None])
    (Amount(value=2.0, error=1.4142135623730951), Amount(value=2.0, error=0.0), None)
    """
    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known:
        return None
    return Amount(float(np.mean(known)), float(np.std(known, ddof=1)) if len(known) > 1 else 0.0)


def dimmings(zero_points: Sequence[float | None]) -> list[float | None]:
    """Return how much fainter than the clearest frame each is.

    Parameters
    ----------
    zero_points
        Magnitudes by which each frame gives more light per second than the first, which has 0; None if not known.

    Examples
    --------
    >>> dimmings([0.0, 0.25, None, -0.5])
    [0.25, 0.0, None, 0.75]
    """
    known = [value for value in zero_points if value is not None]
    if len(known) < 2:
        return [None] * len(zero_points)
    clearest = max(known)
    return [None if value is None else clearest - value for value in zero_points]
