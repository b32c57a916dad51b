"""The glow of the sky: how it drifts from frame to frame, and how it lies on the array."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SkyState:
    """The sky in one frame: electrons/s per pixel at the centre, relative slopes across the array, transparency."""

    level: float
    gradient: tuple[float, float]
    transparency: float


def sky_series(level: float, count: int, rng: Generator) -> list[SkyState]:
    """Let the sky drift over a sequence of frames.

    OH airglow waxes and wanes by a few per cent in some minutes (here: a wave of 3 per cent over
    about a dozen frames, and a random walk of 0.4 per cent per frame); a gradient of about half a
    per cent across the array turns slowly; thin air absorbs a per cent more or less.
    """
    phase, period, turn = rng.uniform(0, 2 * math.pi), rng.uniform(10, 16), rng.uniform(0, 2 * math.pi)
    walk = np.cumsum(rng.normal(0, 0.004, count))
    states = []
    for i in range(count):
        wave = 0.03 * math.sin(phase + 2 * math.pi * i / period)
        turn += rng.normal(0, 0.15)
        slope = 0.005 * rng.uniform(0.8, 1.2)
        states.append(
            SkyState(
                level=level * (1 + wave + float(walk[i])),
                gradient=(slope * math.cos(turn), slope * math.sin(turn)),
                transparency=float(1 + np.clip(rng.normal(0, 0.01), -0.03, 0.03)),
            )
        )
    return states


def background_image(level: float, gradient: tuple[float, float], shape: tuple[int, int]) -> Image:
    """Return `level` with a relative change of `gradient` (x, y) from edge to edge; float32."""
    ramp_y = np.linspace(-0.5, 0.5, shape[0], dtype=np.float32)[:, None] * np.float32(gradient[1])
    ramp_x = np.linspace(-0.5, 0.5, shape[1], dtype=np.float32)[None, :] * np.float32(gradient[0])
    result: Image = np.float32(level) * (1 + ramp_y + ramp_x)
    return result
