"""The pixels of a growing stack: begun with a frame, and grown by another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nightcrew.reducer.geometry import tangent_plane
from nightcrew.reducer.growing.accumulate import Addition, Aligned, Clipping, Pixels, add
from nightcrew.reducer.growing.header import new_product
from nightcrew.reducer.growing.window import variance_of
from nightcrew.reducer.kernels.affine import Affine, Grid, bounds
from nightcrew.reducer.kernels.resample import resample
from nightcrew.reducer.products.covariance import pixel_factor

if TYPE_CHECKING:
    from nightcrew.reducer.growing.placing import Placed
    from nightcrew.reducer.kernels.resample import Interpolant
    from nightcrew.shared.frames import Array, Frame, Plane

INTERPOLANT: Interpolant = "poly3"
WHOLE_PIXELS = 1e-4
"""Pixels by which a shift may miss a whole number and still be a plain copy."""


def begun(frame: Frame, seconds: float) -> Frame:
    """Return a stack of one frame, whose sky has been subtracted: the canvas has its pixels."""
    plane = frame.planes[0]
    aligned = Aligned(plane.data, variance_of(plane), _flags(plane), (0, 0), seconds)
    product = new_product(frame)
    _put(add(Pixels.empty(shape_of(plane)), aligned, Clipping()).pixels, product.planes[0], 1)
    return product


@dataclass(frozen=True, slots=True)
class Grown:
    """A stack with one frame more.

    Parameters
    ----------
    stack
        The stack; it has no catalogue yet.
    addition
        How frame and stack agree.
    variance_factor
        Variance of a pixel of the resampled frame over VAR.
    """

    stack: Frame
    addition: Addition
    variance_factor: float


def grown(stack: Frame, count: int, frame: Frame, placed: Placed, seconds: float, clipping: Clipping) -> Grown:
    """Add a frame to a stack.

    Parameters
    ----------
    stack
        Of `count` frames; it is left as it is.
    count
        How many.
    frame
        Its sky has been subtracted.
    placed
        Where it lies.
    seconds
        Its exposure.
    clipping
        When a pixel of it contradicts the stack.

    Notes
    -----
    Only the frame is resampled, onto the pixels of the canvas that it covers, as `resampleToCommonFrame` does; the
    canvas is enlarged by whole pixels where the frame reaches beyond it.
    """
    plane, sky = frame.planes[0], tangent_plane(stack)
    to_canvas = placed.plane.affine_onto(sky, plane.shape)
    x0, y0, x1, y1 = bounds(to_canvas, plane.shape)
    box = Grid((x0, y0), (y1 - y0 + 1, x1 - x0 + 1))
    made = resample(
        plane.data, variance_of(plane), plane.dq, None, to_canvas, box, interpolant=INTERPOLANT, snap=WHOLE_PIXELS
    )
    assert made.variance is not None
    before = _pixels(stack.planes[0], count)
    canvas = _holding(before.shape, box)
    origin = x0 - canvas.origin[0], y0 - canvas.origin[1]
    aligned = Aligned(made.data, made.variance, made.dq, origin, seconds, placed.transparency)
    addition = add(before.on(canvas), aligned, clipping)
    product = stack.copy()
    _put(addition.pixels, product.planes[0], count + 1)
    sky.after(Affine.shift(*canvas.origin)).write(product.planes[0].header)
    known = {row[1:] for row in stack.provenance}
    product.provenance = [*stack.provenance, *(row for row in frame.provenance if row[1:] not in known)]
    return Grown(product, addition, pixel_factor(to_canvas, plane.shape, INTERPOLANT, snap=WHOLE_PIXELS))


def shape_of(plane: Plane) -> tuple[int, int]:
    """Return (ny, nx) of a plane."""
    ny, nx = plane.shape[-2:]
    return ny, nx


def _flags(plane: Plane) -> Array:
    return np.zeros(plane.shape, np.uint16) if plane.dq is None else plane.dq


def _holding(shape: tuple[int, int], box: Grid) -> Grid:
    """Return the smallest grid that holds a canvas and a box on its pixels."""
    (x, y), (height, width) = box.origin, box.shape
    x0, y0 = min(0, x), min(0, y)
    return Grid((x0, y0), (max(shape[0], y + height) - y0, max(shape[1], x + width) - x0))


def _pixels(plane: Plane, count: int) -> Pixels:
    """Return the pixels of a product of `count` frames."""
    assert plane.variance is not None
    assert plane.dq is not None
    assert plane.rejmap is not None
    assert plane.expmap is not None
    return Pixels(plane.data, plane.variance, plane.dq, (count - plane.rejmap).astype(np.int16), plane.expmap)


def _put(pixels: Pixels, plane: Plane, count: int) -> None:
    """Give a product its pixels; REJMAP counts the frames that a pixel is without."""
    plane.data, plane.variance, plane.dq = pixels.data, pixels.variance, pixels.dq
    plane.rejmap = (count - pixels.frames).astype(np.int16)
    plane.expmap = pixels.seconds
    plane.objmask = plane.objcat = None
