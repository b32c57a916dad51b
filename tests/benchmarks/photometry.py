"""Measure a stack against its model: fluxes, positions, noise, the galaxy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.truth import NoiseFactors, Stack, model, noise_factors, seeing, sources
from nightcrew.simulator.scene import Galaxy, Star

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

APERTURE = 10.0
"""Radius of a star's aperture, pixels: 2.3 times the FWHM."""
ANNULUS = (16.0, 26.0)
"""Radii between which the local background is taken, pixels."""
ISOLATED = 0.02
"""Light of others that may be in the aperture of a star, as a fraction of its own, if it is to count as isolated."""
SIGNAL_TO_NOISE = 30.0
RADII = np.arange(0.25, 2.01, 0.125)
"""Radii at which the galaxy is measured, in half-light radii."""


@dataclass(frozen=True, slots=True)
class StarMeasurement:
    """One star: measured over true flux, its error, distance from the true place in pixels, electrons it sent."""

    ratio: float
    error: float
    dx: float
    dy: float
    electrons: float


@dataclass(frozen=True, slots=True)
class Measurements:
    """What one stack shows.

    Parameters
    ----------
    stars
        The isolated stars.
    pulls
        Pixels without sources: deviation from the model over the root of VAR; a sample.
    scatter
        Robust standard deviation of the pulls.
    factors
        What is expected of it.
    galaxy
        Measured over true flux at `RADII`; None if there is no galaxy.
    """

    stars: list[StarMeasurement]
    pulls: NDArray[np.float64]
    scatter: float
    factors: NoiseFactors
    galaxy: NDArray[np.float64] | None


def measure(stack: Stack, truth: dict[str, Any], flat: Path) -> Measurements:
    """Measure everything on a stack whose frames were divided by `flat`."""
    expected = model(stack, truth)
    empty = stack.good & (expected < 0.05 * np.sqrt(np.median(stack.variance[stack.good])))
    residual = stack.data - expected
    found = sources(truth, stack.frames[0]["field"])
    empty &= stack.variance > 0
    pulls = _flattened(residual, empty)[empty] / np.sqrt(stack.variance[empty])
    galaxies = [source for source in found if isinstance(source, Galaxy)]
    return Measurements(
        [m for m in (_star(stack, expected, s, truth) for s in found if isinstance(s, Star)) if m is not None],
        pulls[:: max(1, pulls.size // 100_000)],
        _robust_deviation(pulls),
        noise_factors(stack, truth, flat),
        _galaxy(stack, expected, empty, galaxies[0], truth) if galaxies else None,
    )


def _star(stack: Stack, expected: NDArray[np.float64], star: Star, truth: dict[str, Any]) -> StarMeasurement | None:
    """Measure a star that is isolated, bright enough, on the stack with room for its annulus, and nowhere flagged."""
    import sep

    x, y = stack.wcs.pixel(star.ra, star.dec)
    ny, nx = stack.data.shape
    edge = ANNULUS[1] + 1
    if not (edge < x < nx - edge and edge < y < ny - edge):
        return None
    box = np.s_[int(y - edge) : int(y + edge) + 1, int(x - edge) : int(x + edge) + 1]
    yy, xx = np.mgrid[box]
    distance = np.hypot(xx - x, yy - y)
    inside, around = distance < APERTURE + 1, (distance > ANNULUS[0]) & (distance < ANNULUS[1])
    if not stack.good[box][inside].all():
        return None
    around &= stack.good[box]
    local = expected[box]
    clean = np.ascontiguousarray(stack.data[box] - _plane(stack.data[box] - local, around, xx, yy))
    place = ([x - xx.min()], [y - yy.min()])
    measured, true = (float(sep.sum_circle(image, *place, APERTURE, subpix=0)[0][0]) for image in (clean, local.copy()))
    electrons = star.flux * stack.seconds * stack.transparency * truth["response"]
    alone = electrons * seeing(truth).fraction_within(APERTURE * truth["detector"]["pixel_scale"])
    noise = float(np.sqrt(stack.variance[box][inside].sum() * (1 + inside.sum() / around.sum())))
    if abs(true / alone - 1) > ISOLATED or true < SIGNAL_TO_NOISE * noise:
        return None
    sigma = truth["seeing"]["fwhm"] / truth["detector"]["pixel_scale"] / 2.3548
    wx, wy, _ = sep.winpos(clean, *place, sigma)
    return StarMeasurement(
        measured / true, noise / true, float(wx[0]) + xx.min() - x, float(wy[0]) + yy.min() - y, electrons
    )


def _galaxy(
    stack: Stack, expected: NDArray[np.float64], empty: NDArray[np.bool_], galaxy: Galaxy, truth: dict[str, Any]
) -> NDArray[np.float64]:
    """Return measured over true flux within ellipses; the background is a plane through the empty pixels around."""
    scale = truth["detector"]["pixel_scale"]
    x, y = stack.wcs.pixel(galaxy.ra, galaxy.dec)
    north, east = _directions(stack)
    t = np.radians(galaxy.position_angle)
    major = np.cos(t) * north + np.sin(t) * east
    yy, xx = np.indices(stack.data.shape)
    along = (xx - x) * major[0] + (yy - y) * major[1]
    across = (xx - x) * -major[1] + (yy - y) * major[0]
    ellipse = np.hypot(along, across / galaxy.axis_ratio) * scale / galaxy.half_light_radius
    around = empty & (ellipse < 8)
    clean = stack.data - _plane(stack.data - expected, around, xx, yy)
    inside = [(ellipse < radius) & stack.good for radius in RADII]
    return np.array([clean[pixels].sum() / expected[pixels].sum() for pixels in inside])


def _directions(stack: Stack) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the unit vectors (x, y) towards north and east."""
    inverse = np.linalg.inv(np.array(stack.wcs.cd))
    north, east = inverse @ [0.0, 1.0], inverse @ [1.0, 0.0]
    return north / np.hypot(*north), east / np.hypot(*east)


def _plane(
    image: NDArray[np.float64], where: NDArray[np.bool_], xx: NDArray[np.int_], yy: NDArray[np.int_]
) -> NDArray[np.float64]:
    """Return the plane that fits the pixels `where`, outliers left out."""
    columns = np.stack([np.ones(image.shape), xx - xx.mean(), yy - yy.mean()])
    use = where.copy()
    for _ in range(3):
        solution, *_ = np.linalg.lstsq(columns[:, use].T, image[use], rcond=None)
        fit = np.tensordot(solution, columns, 1)
        use = where & (np.abs(image - fit) < 3 * _robust_deviation((image - fit)[use]))
    return fit


def _flattened(image: NDArray[np.float64], empty: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Take out what the sky left on scales above 64 pixels: it is no noise, and VAR does not claim to know it."""
    flat = image.copy()
    step = 64
    for y in range(0, image.shape[0], step):
        for x in range(0, image.shape[1], step):
            tile = np.s_[y : y + step, x : x + step]
            if empty[tile].sum() > 100:
                flat[tile] -= np.median(image[tile][empty[tile]])
    return flat


def _robust_deviation(values: NDArray[np.float64]) -> float:
    """Return half the width of the central 68.3 per cent."""
    low, high = np.percentile(values, [15.865, 84.135])
    return float(high - low) / 2
