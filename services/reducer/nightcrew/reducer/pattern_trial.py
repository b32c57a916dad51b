"""Whether taking off the readout's pattern helps: tried on pixels that had no part in measuring it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from nightcrew.reducer.kernels.pattern import clean_pattern

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nightcrew.reducer.kernels.pattern import PatternOptions

    Image = NDArray[np.float32]
    Mask = NDArray[np.bool_]

QUADRANTS = ("bottom left", "bottom right", "top left", "top right")
MEDIAN_ERROR = 1.2533
"""Standard deviation of a median of many Gaussian values over that of their mean, the root of pi / 2."""
MAD_TO_SIGMA = 1.4826
FEW = 100
"""Pixels below which an rms means nothing."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of trying.

    Parameters
    ----------
    data
        Pixels, float32, shape (ny, nx).
    cleaned
        Which quadrants are cleaned: bottom left, bottom right, top left, top right.
    before, after
        Robust rms of each quadrant, objects and flagged pixels left out.
    """

    data: Image
    cleaned: tuple[bool, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]


def clean_where_it_helps(
    data: Image,
    dq: NDArray[np.uint16] | None,
    objmask: NDArray[np.uint8] | None,
    options: PatternOptions,
    *,
    significance: float,
    gain: float,
    rounds: int,
) -> Trial:
    """Clean the quadrants that have a pattern, and keep what improves them.

    Parameters
    ----------
    data, dq, objmask
        Planes of the frame, shape (ny, nx).
    options
        What pattern is looked for; its strength threshold is not used.
    significance
        Least strength of a pattern in units of what noise alone makes of one.
    gain
        Fraction by which the rms of pixels that were not used for the pattern must fall.
    rounds
        How often it may be repeated: where the pattern covers a part of the rows only, one cleaning takes off a part.

    Raises
    ------
    RecipeError
        If a quadrant is no multiple of the pattern in size.
    """
    masked = np.zeros(data.shape, bool) if dq is None else dq != 0
    if objmask is not None:
        masked |= objmask != 0
    quadrants = _quadrants(data.shape)
    started = tuple(_rms(data[q][~masked[q]]) for q in quadrants)
    now, done = data, [False] * len(quadrants)
    for _ in range(rounds):
        helped = _one_round(now, dq, masked, options, significance, gain)
        if helped is None:
            break
        now, better = helped
        done = [a or b for a, b in zip(done, better, strict=True)]
    ended = tuple(_rms(now[q][~masked[q]]) for q in quadrants)
    return Trial(now, tuple(done), started, ended)


def _one_round(
    data: Image, dq: NDArray[np.uint16] | None, masked: Mask, options: PatternOptions, significance: float, gain: float
) -> tuple[Image, list[bool]] | None:
    """Clean once; return the pixels and which quadrants are the better for it, or None if none is."""
    quadrants = _quadrants(data.shape)
    objects = masked.view(np.uint8)
    measured = clean_pattern(data, dq, objects, replace(options, strength=np.inf))
    noise = [_noise(data[q], masked[q], options) for q in quadrants]
    strong = [s > significance * n > 0 for s, n in zip(measured.strengths, noise, strict=True)]
    if not any(strong):
        return None
    weakest = min(s for s, chosen in zip(measured.strengths, strong, strict=True) if chosen)
    rest = max((s for s, chosen in zip(measured.strengths, strong, strict=True) if not chosen), default=0.0)
    chosen = replace(options, strength=(weakest + rest) / 2)
    better = [a and b for a, b in zip(strong, _proven(data, dq, masked, chosen, gain), strict=True)]
    if not any(better):
        return None
    cleaned = clean_pattern(data, dq, objects, chosen).data
    result = data.copy()
    for quadrant, keep in zip(quadrants, better, strict=True):
        if keep:
            result[quadrant] = cleaned[quadrant]
    return result, better


def _proven(
    data: Image, dq: NDArray[np.uint16] | None, masked: Mask, options: PatternOptions, gain: float
) -> list[bool]:
    """Tell in which quadrants the pattern of one half of the columns of boxes lowers the rms of the other half."""
    quadrants = _quadrants(data.shape)
    column = np.arange(data.shape[1]) // options.pattern_x_size % 2
    before, after = np.zeros((2, len(quadrants)))
    for held in (0, 1):
        aside = np.broadcast_to(column == held, data.shape)
        cleaned = clean_pattern(data, dq, (masked | aside).view(np.uint8), options).data
        for k, quadrant in enumerate(quadrants):
            tested = aside[quadrant] & ~masked[quadrant]
            before[k] += _rms(data[quadrant][tested])
            after[k] += _rms(cleaned[quadrant][tested])
    return [bool(a < (1 - gain) * b) for a, b in zip(after, before, strict=True)]


def _quadrants(shape: tuple[int, ...]) -> list[tuple[slice, slice]]:
    ny, nx = shape
    rows, columns = (slice(0, ny // 2), slice(ny // 2, ny)), (slice(0, nx // 2), slice(nx // 2, nx))
    return [(y, x) for y in rows for x in columns]


def _noise(quadrant: Image, masked: Mask, options: PatternOptions) -> float:
    """Return the standard deviation of a pattern that noise alone would make."""
    boxes = np.count_nonzero(~masked) / (options.pattern_x_size * options.pattern_y_size)
    return MEDIAN_ERROR * _rms(quadrant[~masked]) / float(np.sqrt(boxes)) if boxes >= 1 else 0.0


def _rms(values: Image) -> float:
    """Return the robust standard deviation; 0 of too few pixels."""
    finite = values[np.isfinite(values)]
    if finite.size < FEW:
        return 0.0
    return float(MAD_TO_SIGMA * np.median(np.abs(finite - np.median(finite))))
