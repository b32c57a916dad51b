"""Stars and galaxies, rendered exactly to the electron.

Both a Moffat star and an exponential disc are scale mixtures of Gaussians with
Gamma-distributed weights:

* Moffat ``(1 + r²/α²)^-β``: Gaussians of variance ``α²/2u``, weights ``u ~ Gamma(β-1)``;
* exponential ``exp(-r/h)``: Gaussians of variance ``2h²v``, weights ``v ~ Gamma(3/2)``.

So a few Gaussians, whose integrals over pixels are known, give fluxes right to 1e-4, at
any sampling, and a galaxy is convolved with the seeing by adding variances.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nightcrew.simulator.pointing import Wcs

    Image: TypeAlias = NDArray[np.float32]
    Vector: TypeAlias = NDArray[np.float64]

HALF_LIGHT_OF_DISC = 1.678346990016661
"""Half-light radius of an exponential disc in scale lengths."""


@lru_cache(maxsize=16)
def gamma_nodes(shape: float, step: float) -> tuple[Vector, Vector]:
    """Return nodes and weights (sum 1) for the mean of a function over Gamma(shape).

    Trapezoidal rule in the logarithm, which converges geometrically here: moments are right
    to 2e-4 with a step of 0.6, to 1e-5 with 0.5.
    """
    t = np.arange(math.log(1e-9) / (shape + 1), math.log(30.0) + step, step)
    weights = np.exp(shape * t - np.exp(t))
    return np.exp(t), weights / weights.sum()


@dataclass(frozen=True, slots=True)
class Moffat:
    """The seeing: full width at half maximum in arcsec, and the exponent of the wings."""

    fwhm: float = 0.5
    beta: float = 3.5

    @property
    def alpha(self) -> float:
        """Radius of the core, arcsec."""
        return self.fwhm / (2 * math.sqrt(2 ** (1 / self.beta) - 1))

    def fraction_within(self, radius: float) -> float:
        """Return the fraction of a star's light within a circle of `radius` arcsec."""
        return float(1 - (1 + (radius / self.alpha) ** 2) ** (1 - self.beta))

    def gaussians(self, scale: float, step: float = 0.5) -> tuple[Vector, Vector]:
        """Return variances (pixels²) and weights of the mixture, `scale` in arcsec per pixel."""
        u, weights = gamma_nodes(self.beta - 1, step)
        return (self.alpha / scale) ** 2 / (2 * u), weights

    def variance(self, scale: float) -> float:
        """Return the variance along an axis, pixels²."""
        return (self.alpha / scale) ** 2 / (2 * (self.beta - 2))


@dataclass(frozen=True, slots=True)
class Star:
    """A point source: RA and Dec in degrees, flux in electrons/s at unit transparency."""

    name: str
    field: str
    ra: float
    dec: float
    magnitude: float
    flux: float

    def describe(self) -> dict[str, Any]:
        """Return what the truth says of it."""
        return {
            "name": self.name, "field": self.field, "kind": "star", "profile": "point", "ra": self.ra,
            "dec": self.dec, "magnitude": self.magnitude, "flux": self.flux,
        }  # fmt: skip

    def paint(self, image: Image, wcs: Wcs, scale: float, psf: Moffat, trail: tuple[float, float]) -> None:
        """Add the star to `image` (electrons/s), pixel-integrated."""
        x, y = wcs.pixel(self.ra, self.dec)
        steps = max(1, round(2 * math.hypot(*trail)))
        for i in range(steps):
            t = (i + 0.5) / steps - 0.5
            _paint_point(image, x + t * trail[0], y + t * trail[1], self.flux / steps, scale, psf)


@dataclass(frozen=True, slots=True)
class Galaxy:
    """An exponential disc (Sérsic index 1).

    `half_light_radius` is the semi-major axis, arcsec, of the ellipse that holds half the
    light before the seeing; `position_angle` that of the major axis, degrees east of north.
    """

    name: str
    field: str
    ra: float
    dec: float
    magnitude: float
    flux: float
    half_light_radius: float
    axis_ratio: float
    position_angle: float

    def describe(self) -> dict[str, Any]:
        """Return what the truth says of it."""
        return {
            "name": self.name, "field": self.field, "kind": "galaxy", "profile": "exponential", "sersic_index": 1.0,
            "ra": self.ra, "dec": self.dec, "magnitude": self.magnitude, "flux": self.flux,
            "half_light_radius": self.half_light_radius, "axis_ratio": self.axis_ratio,
            "position_angle": self.position_angle,
        }  # fmt: skip

    def paint(self, image: Image, wcs: Wcs, scale: float, psf: Moffat, trail: tuple[float, float]) -> None:
        """Add the galaxy to `image` (electrons/s); a trail only blurs it."""
        x, y = wcs.pixel(self.ra, self.dec)
        shape = self._shape_in_pixels(wcs)
        blur = np.outer(trail, trail) / 12 + np.eye(2) / 12  # a moving star, and the pixel itself
        h2 = (self.half_light_radius / HALF_LIGHT_OF_DISC / scale) ** 2
        fine, single = psf.gaussians(scale, 0.6), (np.array([psf.variance(scale)]), np.array([1.0]))
        for v, weight in zip(*gamma_nodes(1.5, 0.6), strict=True):
            smooth = 2 * h2 * v * self.axis_ratio**2 > 25 * single[0][0]
            for seeing, share in zip(*(single if smooth else fine), strict=True):
                covariance = 2 * h2 * v * shape + seeing * np.eye(2) + blur
                _paint_gaussian(image, x, y, self.flux * weight * share, covariance)

    def _shape_in_pixels(self, wcs: Wcs) -> NDArray[np.float64]:
        """Return the covariance of the disc on the detector, major axis 1."""
        t = math.radians(self.position_angle)
        major, minor = np.array([math.sin(t), math.cos(t)]), np.array([math.cos(t), -math.sin(t)])
        on_sky = np.outer(major, major) + self.axis_ratio**2 * np.outer(minor, minor)
        cd = np.array(wcs.cd)
        turn = np.linalg.inv(cd) * math.sqrt(abs(np.linalg.det(cd)))
        result: NDArray[np.float64] = turn @ on_sky @ turn.T
        return result


Source: TypeAlias = Star | Galaxy


def paint_sources(
    shape: tuple[int, int],
    sources: tuple[Source, ...],
    wcs: Wcs,
    scale: float,
    psf: Moffat,
    trail: tuple[float, float] = (0.0, 0.0),
) -> Image:
    """Return an image of the sources above the atmosphere's glow, electrons/s, float32."""
    image = np.zeros(shape, np.float32)
    for source in sources:
        source.paint(image, wcs, scale, psf, trail)
    return image


@lru_cache(maxsize=1)
def _erf_table() -> tuple[Vector, Vector]:
    """Tabulate erf: interpolation is good to 3e-7."""
    x = np.linspace(-6, 6, 8001)
    return x, np.array([math.erf(v) for v in x])


def _integrals(centre: float, first: int, count: int, variances: Vector) -> Vector:
    """Return the integrals of unit Gaussians over pixels, shape (variances, count)."""
    edges = np.arange(first, first + count + 1) - 0.5 - centre
    cumulative = np.interp(edges / np.sqrt(2 * variances)[:, None], *_erf_table())
    result: Vector = np.diff(cumulative, axis=1) / 2
    return result


def _paint_point(image: Image, x: float, y: float, flux: float, scale: float, psf: Moffat) -> None:
    """Add a star; light beyond 8 core radii (3e-5 of it) is left out."""
    box = _box(image.shape, x, y, *(2 * (8 * psf.alpha / scale,)))
    if box is None:
        return
    rows, columns = box
    variances, weights = psf.gaussians(scale)
    across = _integrals(x, columns.start, columns.stop - columns.start, variances)
    along = _integrals(y, rows.start, rows.stop - rows.start, variances)
    image[rows, columns] += (flux * (along.T * weights) @ across).astype(np.float32)


def _paint_gaussian(image: Image, x: float, y: float, flux: float, covariance: NDArray[np.float64]) -> None:
    """Add an elliptical Gaussian, sampled at pixel centres, out to 5.5 sigma."""
    box = _box(image.shape, x, y, 5.5 * math.sqrt(covariance[0, 0]), 5.5 * math.sqrt(covariance[1, 1]))
    if box is None:
        return
    rows, columns = box
    inverse = np.linalg.inv(covariance)
    u = (np.arange(columns.start, columns.stop) - x).astype(np.float32)
    v = (np.arange(rows.start, rows.stop) - y).astype(np.float32)[:, None]
    exponent = np.float32(-inverse[0, 1]) * u * v
    exponent -= np.float32(inverse[0, 0] / 2) * u * u
    exponent -= np.float32(inverse[1, 1] / 2) * v * v
    np.exp(exponent, out=exponent)
    exponent *= np.float32(flux / (2 * math.pi * math.sqrt(np.linalg.det(covariance))))
    image[rows, columns] += exponent


def _box(shape: tuple[int, ...], x: float, y: float, half_x: float, half_y: float) -> tuple[slice, slice] | None:
    """Return the rows and columns within reach, or None if the source is off the array."""
    y0, y1 = max(0, math.floor(y - half_y)), min(shape[0], math.ceil(y + half_y) + 1)
    x0, x1 = max(0, math.floor(x - half_x)), min(shape[1], math.ceil(x + half_x) + 1)
    return (slice(y0, y1), slice(x0, x1)) if y0 < y1 and x0 < x1 else None
