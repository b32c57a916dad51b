"""The vertical pattern of NIRI's readout: finding it and taking it off (primitives-calibration, 14.1)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from nightcrew.reducer.kernels.clipping import sigma_clip
from nightcrew.reducer.kernels.combine import Rejection, combine_pixels
from nightcrew.shared.errors import RecipeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.float64]
    Mask = NDArray[np.bool_]

NO_DATA = 16


@dataclass(frozen=True, slots=True)
class PatternOptions:
    """How the pattern is looked for; names and defaults are those of cleanReadout.

    Parameters
    ----------
    pattern_x_size, pattern_y_size
        Size of the pattern, pixels.
    lsigma, hsigma
        Clipping of the boxes that the pattern is the median of.
    subtract_background
        Take off the mean of each box before.
    strength
        A quadrant is cleaned if the standard deviation of its pattern is at least this.
    force
        Clean all quadrants.
    level_bias_offset
        Bring the parts of the image to one level afterwards.
    smoothing_extent
        Rows and columns beside the middle lines that the levels are compared over.
    intraquad_smooth
        Rows beside an edge of the pattern that the levels are compared over.
    simple_thres
        Smallest range of amplitudes that edges are measured by.
    canny_sigma
        Smoothing before edges are looked for, rows.
    """

    pattern_x_size: int = 16
    pattern_y_size: int = 4
    lsigma: float = 3.0
    hsigma: float = 3.0
    subtract_background: bool = True
    strength: float = 15.0
    force: bool = False
    level_bias_offset: bool = True
    smoothing_extent: int = 5
    intraquad_smooth: int = 50
    simple_thres: float = 0.6
    canny_sigma: float = 3.0


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What came of the cleaning.

    Parameters
    ----------
    data
        Pixels, float32, shape (ny, nx).
    strengths
        Standard deviation of the pattern of each quadrant: bottom left, bottom right, top left, top right.
    cleaned
        Which of them were cleaned.
    edges
        Rows, counted from the outer edge of a quadrant, where the pattern goes on or off.
    """

    data: NDArray[np.float32]
    strengths: tuple[float, ...]
    cleaned: tuple[bool, ...]
    edges: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Edge:
    """A row where the pattern begins (`rising`) or ends."""

    row: int
    rising: bool


def clean_pattern(
    data: NDArray[np.float32],
    dq: NDArray[np.uint16] | None,
    objmask: NDArray[np.uint8] | None,
    options: PatternOptions,
) -> Cleaned:
    """Remove the readout pattern from a frame.

    Parameters
    ----------
    data, dq, objmask
        Planes of the frame, shape (ny, nx); flagged pixels and objects are not measured.
    options
        What to look for.

    Raises
    ------
    RecipeError
        If a quadrant is no multiple of the pattern in size.
    """
    rows = data.shape[0]
    padding = -rows % options.pattern_y_size
    image = np.pad(np.asarray(data, np.float64), ((0, padding), (0, 0)))
    flags = np.zeros(data.shape, np.uint16) if dq is None else dq
    flags = np.pad(flags, ((0, padding), (0, 0)), constant_values=NO_DATA)
    masked = flags != 0
    if objmask is not None:
        masked |= np.pad(objmask != 0, ((0, padding), (0, 0)))
    quadrants = _quadrants(image.shape, options)
    found = [_measure(image[q], flags[q], masked[q], options) for q in quadrants]
    strengths = tuple(float(pattern.std()) for pattern, _ in found)
    cleaned = tuple(options.force or strength >= options.strength for strength in strengths)
    edges: list[Edge] = []
    if any(cleaned):
        tops = (False, False, True, True)
        profiles = [
            profile[::-1] if top else profile
            for (_, profile), top, chosen in zip(found, tops, cleaned, strict=True) if chosen
        ]  # fmt: skip
        edges = find_edges(np.mean(profiles, axis=0), options)
        for quadrant, (pattern, _), top, chosen in zip(quadrants, found, tops, cleaned, strict=True):
            if chosen:
                _take_off(image[quadrant], pattern, affected_rows(edges, image.shape[0] // 2), top=top)
        if options.level_bias_offset:
            for quadrant, top, chosen in zip(quadrants, tops, cleaned, strict=True):
                if chosen:
                    outward = slice(None, None, -1) if top else slice(None)
                    _level_edges(image[quadrant][outward], masked[quadrant][outward], edges, options)
            _level_halves(image, masked, options.smoothing_extent)
    return Cleaned(image[:rows].astype(np.float32), strengths, cleaned, tuple(edge.row for edge in edges))


def _quadrants(shape: tuple[int, ...], options: PatternOptions) -> list[tuple[slice, slice]]:
    qy, qx = shape[0] // 2, shape[1] // 2
    if shape[0] % 2 or shape[1] % 2 or qy % options.pattern_y_size or qx % options.pattern_x_size:
        raise RecipeError(
            f"cleanReadout: quadrants of {qx} x {qy} pixels are no multiple of the pattern, {options.pattern_x_size} x "
            f"{options.pattern_y_size}; choose another pattern_x_size or pattern_y_size, or clean=skip"
        )
    return [(slice(y, y + qy), slice(x, x + qx)) for y in (0, qy) for x in (0, qx)]


def _boxes(image: NDArray[np.generic], options: PatternOptions) -> NDArray[np.generic]:
    """Cut a quadrant into boxes: shape (rows of boxes, boxes in a row, pixels)."""
    py, px = options.pattern_y_size, options.pattern_x_size
    down, across = image.shape[0] // py, image.shape[1] // px
    return image.reshape(down, py, across, px).swapaxes(1, 2).reshape(down, across, py * px)


def _measure(
    image: Image, flags: NDArray[np.uint16], masked: Mask, options: PatternOptions
) -> tuple[Image, NDArray[np.float64]]:
    """Return the pattern of a quadrant and its amplitude in each row."""
    boxes, good, free = (_boxes(part, options) for part in (image, flags == 0, ~masked))
    values = np.asarray(boxes, np.float64)
    usable, unmasked = np.asarray(good, bool), np.asarray(free, bool)
    if options.subtract_background:
        level = np.where(usable, values, 0.0).sum(axis=2) / np.maximum(usable.sum(axis=2), 1)
        values = values - level[..., None]
    down, across, pixels = values.shape
    count = down * across
    pattern = np.empty(pixels, np.float32)
    combine_pixels(
        np.ascontiguousarray(values.reshape(count, pixels), np.float32), None,
        np.ascontiguousarray(~unmasked.reshape(count, pixels)).astype(np.uint16), "median",
        Rejection("sigclip", options.lsigma, options.hsigma),
        out=(pattern, np.empty(pixels, np.float32), None, None),
    )  # fmt: skip
    shape = pattern.astype(np.float64) - pattern.mean(dtype=np.float64)
    weight = np.where(unmasked, shape * shape, 0.0).sum(axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        amplitude = np.where(unmasked, values * shape, 0.0).sum(axis=2) / weight
    medians = np.array([sigma_clip(row, sigma=2.0, rounds=5).median for row in amplitude])
    profile = np.repeat(np.nan_to_num(medians), options.pattern_y_size)
    return shape.reshape(options.pattern_y_size, options.pattern_x_size), profile


def find_edges(profile: NDArray[np.float64], options: PatternOptions) -> list[Edge]:
    """Find the rows where the amplitude of the pattern rises or falls (after Canny, in one dimension).

    Parameters
    ----------
    profile
        Amplitude in each row, from the outer edge of the detector inwards.
    options
        Smoothing and thresholds.
    """
    sigma = options.canny_sigma
    half = int(2 * sigma + 0.8)
    offsets = np.arange(-half, half + 1)
    kernel = np.exp(-0.5 * (offsets / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))
    smooth = np.convolve(np.pad(profile, half, mode="edge"), kernel, mode="valid")
    slope = np.zeros(profile.size)
    slope[1:-1] = smooth[2:] - smooth[:-2]
    low, high = np.percentile(profile, [10, 90])
    threshold = 0.8 * max(0.5 * (high - low), options.simple_thres) / (1.2 * sigma + 0.28)
    steep = np.abs(slope)
    return [
        Edge(row, bool(slope[row] > 0))
        for row in range(options.pattern_y_size, profile.size - options.pattern_y_size)
        if steep[row] > threshold and steep[row] >= steep[row - 1] and steep[row] > steep[row + 1]
    ]


def affected_rows(edges: list[Edge], rows: int) -> Mask:
    """Return which rows have the pattern: those between a rising and a falling edge, all if there is no edge."""
    affected = np.zeros(rows, bool)
    bounded = [Edge(0, rising=True), *edges, Edge(rows, rising=False)]
    for begin, end in pairwise(bounded):
        affected[begin.row : end.row] = begin.rising and not end.rising
    return affected


def _take_off(quadrant: Image, pattern: Image, affected: Mask, *, top: bool) -> None:
    repeats = quadrant.shape[0] // pattern.shape[0], quadrant.shape[1] // pattern.shape[1]
    rows = affected[::-1] if top else affected
    quadrant[rows] -= np.tile(pattern, repeats)[rows]


def _level_edges(quadrant: Image, masked: Mask, edges: list[Edge], options: PatternOptions) -> None:
    """Bring the parts of a quadrant, given from the outside inwards, to the level of the innermost."""
    rows = [0, *(edge.row for edge in edges), quadrant.shape[0]]
    for k in range(len(edges), 0, -1):
        row = rows[k]
        inner = slice(row, min(row + options.intraquad_smooth, rows[k + 1]))
        outer = slice(max(row - options.intraquad_smooth, rows[k - 1]), row)
        quadrant[:row] += _difference(quadrant[inner], masked[inner], quadrant[outer], masked[outer])


def _level_halves(image: Image, masked: Mask, extent: int) -> None:
    """Bring the bottom half to the level of the top half, left and right apart, then the right half to the left."""
    y, x = image.shape[0] // 2, image.shape[1] // 2
    above, below = slice(y, y + extent), slice(y - extent, y)
    for side in (slice(0, x), slice(x, None)):
        image[:y, side] += _difference(image[above, side], masked[above, side], image[below, side], masked[below, side])
    left, right = slice(x - extent, x), slice(x, x + extent)
    image[:, x:] += _difference(image[:, left].T, masked[:, left].T, image[:, right].T, masked[:, right].T)


def _difference(first: Image, first_masked: Mask, second: Image, second_masked: Mask) -> float:
    """Return the median over columns of the difference of clipped medians; 0 if there is nothing to compare."""
    medians = [
        [sigma_clip(column[free], sigma=2.0, rounds=5).median for column, free in zip(part.T, ~mask.T, strict=True)]
        for part, mask in ((first, first_masked), (second, second_masked))
    ]
    difference = np.array(medians[0]) - np.array(medians[1])
    present = difference[np.isfinite(difference)]
    return float(np.median(present)) if present.size else 0.0
