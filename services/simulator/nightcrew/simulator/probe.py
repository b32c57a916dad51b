"""The peripheral guide probe: an arm that follows its guide star and shades what it reaches across."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.float32]

MIRROR, HALF_WIDTH = 18.0, 15.0
"""Radius of the mirror at the tip, and half the width of the arm, arcsec."""
FLARE = 0.05
"""By how much the arm's half width grows along its length."""
EDGE = 4.0
"""Width of the soft edge, arcsec: the probe is out of focus."""
DEPTH = 0.7


def probe_shade(shape: tuple[int, int], tip: tuple[float, float], middle: tuple[float, float], scale: float) -> Image:
    """Return what multiplies all light: 1 outside the shadow, 0.3 in its middle.

    Parameters
    ----------
    shape
        Rows and columns.
    tip
        0-based pixel (x, y) of the guide star; the arm leads from there away from `middle`.
    middle
        Pixel of the middle of the field.
    scale
        Arcsec per pixel.
    """
    dx, dy = tip[0] - middle[0], tip[1] - middle[1]
    length = math.hypot(dx, dy) or 1.0
    ox, oy = dx / length, dy / length
    y = (np.arange(shape[0], dtype=np.float32)[:, None] - np.float32(tip[1])) * np.float32(scale)
    x = (np.arange(shape[1], dtype=np.float32)[None, :] - np.float32(tip[0])) * np.float32(scale)
    along, across = x * ox + y * oy, np.abs(y * ox - x * oy)
    arm = np.clip((HALF_WIDTH + FLARE * np.clip(along, 0, None) - across) / EDGE + 0.5, 0, 1)
    arm *= np.clip(along / EDGE + 0.5, 0, 1)
    mirror = np.clip((MIRROR - np.hypot(x, y)) / EDGE + 0.5, 0, 1)
    result: Image = np.asarray(1 - DEPTH * np.maximum(arm, mirror), np.float32)
    return result
