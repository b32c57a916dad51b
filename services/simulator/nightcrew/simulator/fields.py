"""Fields of stars, and the targets in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nightcrew.simulator.planning import random
from nightcrew.simulator.pointing import offset_position
from nightcrew.simulator.scene import Galaxy, Source, Star

if TYPE_CHECKING:
    from nightcrew.simulator.cameras import Camera

_SLOPE = 0.3
"""The number of stars brighter than m grows as 10^(0.3 m)."""


@dataclass(frozen=True, slots=True)
class StarField:
    """A recipe for a field.

    Parameters
    ----------
    name
        Name of the field.
    centre
        RA and Dec, degrees.
    stars, half_width
        Number of stars and half the side, arcsec, of the square that they fill.
    core_stars, core_half_width
        Stars of the brighter half put near the centre besides, so that a small sub-array has some to align on.
    brightest, faintest
        Magnitudes.
    targets
        Sources placed by hand: (name, P and Q offset from the centre, magnitude, half-light radius or 0 for a star).
    """

    name: str
    centre: tuple[float, float]
    stars: int
    half_width: float
    core_stars: int
    core_half_width: float
    brightest: float
    faintest: float
    targets: tuple[tuple[str, tuple[float, float], float, float], ...] = ()


def make_field(field: StarField, camera: Camera, band: str, seed: int) -> tuple[Source, ...]:
    """Scatter the stars of a field; brighter ones are rarer, none nearer than 1.5 arcsec to another."""
    rng = random(seed, "field", field.name)
    sources: list[Source] = []
    taken: list[tuple[float, float]] = []
    for name, offset, magnitude, radius in field.targets:
        ra, dec = offset_position(field.centre, offset, 0.0)
        flux = camera.flux(band, magnitude)
        if radius:
            sources.append(Galaxy(name, field.name, ra, dec, magnitude, flux, radius, 0.6, 35.0))
        else:
            sources.append(Star(name, field.name, ra, dec, magnitude, flux))
        taken.append(offset)
    middle = (field.brightest + field.faintest) / 2
    populations = (
        (field.core_stars, field.core_half_width, field.brightest, middle),
        (field.stars, field.half_width, field.brightest, field.faintest),
    )
    for count, half_width, bright, faint in populations:
        for _ in range(count):
            low, high = 10 ** (_SLOPE * bright), 10 ** (_SLOPE * faint)
            magnitude = float(np.log10(rng.uniform(low, high)) / _SLOPE)
            east, north = (float(offset) for offset in rng.uniform(-half_width, half_width, 2))
            if any((east - e) ** 2 + (north - n) ** 2 < 1.5**2 for e, n in taken):
                continue
            taken.append((east, north))
            ra, dec = offset_position(field.centre, (east, north), 0.0)
            star = f"{field.name}-{len(taken):03d}"
            sources.append(Star(star, field.name, ra, dec, magnitude, camera.flux(band, magnitude)))
    return tuple(sources)
