"""What was measured about a frame, as values: image quality, background, cloud cover, corrections."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any, ClassVar, Protocol

ANY = 100
"""Percentile of the band without a limit."""
WORTH_MENTION = 0.05
"""Bands less probable than this are not mentioned."""


class Measurement(Protocol):
    """What a run found out about a frame, beside its pixels."""

    kind: ClassVar[str]
    """What was measured: `image_quality`, `background`, ..."""

    @property
    def frame(self) -> str:
        """File name of the frame, as it was called then."""

    def as_dict(self) -> dict[str, Any]:
        """Return the measurement as JSON has it: names, numbers, text, None."""

    def to_json(self) -> str:
        """Return the measurement as one line of JSON."""


@dataclass(frozen=True, slots=True)
class Amount:
    """A number and its standard deviation, 0 where it has none."""

    value: float
    error: float = 0.0

    def __str__(self) -> str:
        return f"{self.value:.3f} +/- {self.error:.3f}"


@dataclass(frozen=True, slots=True)
class Bands:
    """What a value means in the percentiles by which observing conditions are asked for.

    Parameters
    ----------
    kind
        IQ, BG or CC.
    band
        The percentile: the best one that the value reaches, or the most probable one for CC; 100 stands for Any.
        None where there are no limits for the filter, or nothing to compare with them.
    probabilities
        Of every band, best one first, given the value's error; they sum to 1.  Empty if `band` is None.
    requested
        The percentile that the observer asked for; None if the header does not say.
    met
        Whether the value allows it; None if it cannot be told.
    """

    kind: str
    band: int | None
    probabilities: tuple[tuple[int, float], ...] = ()
    requested: int | None = None
    met: bool | None = None

    @property
    def likely(self) -> tuple[int, ...]:
        """The bands that are worth mention, best one first."""
        return tuple(band for band, probability in self.probabilities if probability > WORTH_MENTION)

    def __str__(self) -> str:
        if self.band is None:
            return f"{self.kind}: no band"
        return f"{self.kind}{self.band}" if self.band != ANY else f"{self.kind}Any"


class Plain:
    """Gives a measurement as plain data."""

    __slots__ = ()
    kind: ClassVar[str]

    def as_dict(self) -> dict[str, Any]:
        """Return the measurement as JSON has it: names, numbers, text, None."""
        return {"kind": self.kind, **{field.name: _plain(getattr(self, field.name)) for field in fields(self)}}  # type: ignore[arg-type]

    def to_json(self) -> str:
        """Return the measurement as one line of JSON."""
        return json.dumps(self.as_dict(), allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Bands):
        named = {("Any" if band == ANY else str(band)): round(p, 4) for band, p in value.probabilities}
        return {**asdict(value), "probabilities": named, "likely": list(value.likely)}
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.7g}") if math.isfinite(value) else None
    return value


@dataclass(frozen=True, slots=True)
class ImageQuality(Plain):
    """How sharp the stars are.

    Parameters
    ----------
    frame, extension
        File name, and 1-based number of the extension; None if all extensions count together.
    stars
        How many the values rest on.
    fwhm, zenith_fwhm
        Full width at half maximum of the radial profile, arcsec, as observed and at the zenith.
    ellipticity
        1 - b/a.
    isophotal_fwhm
        Full width at half maximum by the catalogue's FWHM_WORLD, arcsec.
    ee50
        Diameter of the circle with half of the light, pixels.
    position_angle
        Of the major axis, degrees.
    airmass
        None if not known: `zenith_fwhm` is then as observed.
    strehl, ao_seeing
        With adaptive optics: Strehl ratio, and natural seeing by the system, arcsec.
    bands
        IQ of `zenith_fwhm`, or of `ao_seeing`.
    comments
        What a reader should know.
    """

    kind: ClassVar[str] = "image_quality"
    frame: str
    extension: int | None
    stars: int
    fwhm: Amount
    zenith_fwhm: Amount
    ellipticity: Amount
    isophotal_fwhm: Amount
    ee50: Amount
    position_angle: Amount
    airmass: float | None
    strehl: Amount | None
    ao_seeing: float | None
    bands: Bands
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Background(Plain):
    """How bright the sky is.

    Parameters
    ----------
    frame, extension
        File name, and 1-based number of the extension; None if all extensions count together.
    samples
        Pixels that the values rest on.
    level, unit
        Per pixel, in the unit of the frame.
    electrons
        Per second and square arcsec; None without gain or pixel scale.
    magnitude
        Per square arcsec; None without a nominal zero point, or if the level is not positive.
    bands
        BG of `magnitude`.
    comments
        What a reader should know.
    """

    kind: ClassVar[str] = "background"
    frame: str
    extension: int | None
    samples: int
    level: Amount
    unit: str
    electrons: Amount | None
    magnitude: Amount | None
    bands: Bands
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CloudCover(Plain):
    """How much light clouds take.

    Parameters
    ----------
    frame, extension
        File name, and 1-based number of the extension; None if all extensions count together.
    stars
        How many the values rest on.
    zeropoint
        Magnitude that gives one data unit per second.
    extinction
        By clouds, magnitudes: nominal less measured zero point.
    bands
        CC of `extinction`.
    comments
        What a reader should know.
    """

    kind: ClassVar[str] = "cloud_cover"
    frame: str
    extension: int | None
    stars: int
    zeropoint: Amount
    extinction: Amount
    bands: Bands
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CorrectionLevel(Plain):
    """How far a quick look could be corrected with the calibrations at hand.

    Parameters
    ----------
    frame
        File name.
    applied, missing
        Of `bpm`, `dark` and `flat`.
    """

    kind: ClassVar[str] = "correction_level"
    frame: str
    applied: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def level(self) -> str:
        """As the header has it: `dark+flat`, or `none`."""
        return "+".join(self.applied) or "none"
