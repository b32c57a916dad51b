"""Small flat-fielded NIRI frames with sky, noise and stars, dithered as a telescope would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from support.runs import SCALE, niri_frame

if TYPE_CHECKING:
    from nightcrew.shared.frames import Frame

STARS = ((30.0, 40.0), (90.0, 35.0), (60.0, 80.0), (25.0, 100.0), (100.0, 95.0), (70.0, 20.0))
"""Pixels (x, y), 0-based, of the stars where the telescope has not moved."""
FLUX = 60000.0
SIGMA = 2.0
"""Width of a star, pixels."""


def stars(size: int, where: Any, flux: float = FLUX) -> np.ndarray[Any, Any]:
    """Draw Gaussian stars at pixels (x, y)."""
    y, x = np.mgrid[:size, :size]
    image = np.zeros((size, size))
    for cx, cy in where:
        image += flux / (2 * np.pi * SIGMA**2) * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * SIGMA**2))
    return image


def exposure(
    number: int,
    *,
    p: float = 0.0,
    q: float = 0.0,
    sky: float = 1000.0,
    noise: float = 10.0,
    size: int = 128,
    sources: Any = STARS,
    minute: int | None = None,
    wcs_error: tuple[float, float] = (0.0, 0.0),
    **cards: Any,
) -> Frame:
    """Make a frame of a dither: offsets p, q in arcsec move the telescope, and with it all stars and the WCS.

    `wcs_error` is what the WCS is off by, pixels.
    """
    rng = np.random.default_rng(number)
    moved = [(x + p / SCALE, y - q / SCALE) for x, y in sources]
    data = stars(size, moved) + sky + rng.normal(0.0, noise, (size, size))
    minute = number if minute is None else minute
    name = f"N20160102S{number:04d}.fits"
    given = {
        "POFFSET": p,
        "QOFFSET": q,
        "UT": f"09:{minute:02d}:00.0",
        "PREPARE": "2016-01-03T00:00:00",
        "ORIGNAME": name,
    }
    frame = niri_frame(name, data.astype(np.float32), **(given | cards))
    plane = frame.planes[0]
    plane.variance = np.full((size, size), noise**2, np.float32)
    plane.dq = np.zeros((size, size), np.uint16)
    header = plane.header
    header["GAIN"], header["BUNIT"] = 1.0, "electron"
    # The pixel where the star at the centre of tangency falls: the WCS of the first pointing, moved like the stars.
    header["CRPIX1"] += p / SCALE + wcs_error[0]
    header["CRPIX2"] += -q / SCALE + wcs_error[1]
    return frame
