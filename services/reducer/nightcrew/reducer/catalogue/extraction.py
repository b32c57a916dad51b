"""Finding sources with `sep`, as SExtractor would (primitives-sky-and-stack, 8 and 9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import sep

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.float32]
    Values: TypeAlias = NDArray[np.float64]
    Labels: TypeAlias = NDArray[np.int32]

KERNEL = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], dtype=np.float32)
"""SExtractor's default filter; normalised by sep."""
DEBLENDING_LEVELS = 32
SAME_SOURCE = 0.05
"""Pixels within which two runs put the same source."""
PIXEL_BUFFER = 300_000
SUB_OBJECTS = 1024
ROOMY = 16
"""By how much the buffers grow when a field overflows them."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to detect.

    Parameters
    ----------
    threshold
        Of detection, in units of the rms of the background.
    min_area
        Smallest number of pixels above it.
    deblend_contrast
        Smallest fraction of the flux that makes a branch a source of its own.
    mesh
        Pixels across a box of the background's mesh.
    mesh_filter
        Boxes across the median filter over the mesh.
    """

    threshold: float
    min_area: int
    deblend_contrast: float
    mesh: int
    mesh_filter: int


@dataclass(frozen=True, slots=True)
class Extraction:
    """Sources of an image.

    Parameters
    ----------
    sources
        One row a source, the columns of `sep.extract`.
    labels
        Label of each source in `segmentation`.
    segmentation
        0, or the label of the source a pixel belongs to; what CLEAN took for the wing of a brighter source has
        that source's label.  Shape of the image, int32.
    image
        The image less its background, float32.
    background
        The background, same shape.
    rms
        Its noise, one number for the image.
    """

    sources: NDArray[Any]
    labels: Labels
    segmentation: Labels
    image: Image
    background: Image
    rms: float


def extract(image: Image, settings: Settings, gain: float) -> Extraction:
    """Find the sources of an image.

    Parameters
    ----------
    image
        Shape (ny, nx), C-contiguous float32, finite.
    settings
        How to detect.
    gain
        Electrons per data unit, for the photon noise in the errors.

    Notes
    -----
    sep leaves the detections that CLEAN removes out of its segmentation map, SExtractor does not, so the map comes from
    a run without CLEAN.  Which of them survive, a second run tells: it gets the filtered image, which spares it the
    convolution, and measures nothing that is used.
    """
    mesh = sep.Background(image, bw=settings.mesh, bh=settings.mesh, fw=settings.mesh_filter, fh=settings.mesh_filter)
    background: Image = mesh.back(dtype=np.float32)
    rms = float(mesh.globalrms)
    flat = image - background
    found, segmentation = _run(
        flat, settings, rms * settings.threshold, err=rms, gain=gain, filter_kernel=KERNEL, filter_type="conv",
        clean=False, segmentation_map=True,
    )  # fmt: skip
    labels = np.arange(1, len(found) + 1, dtype=np.int32)
    if len(found) > 1:
        kept = _run(smoothed(flat), settings, rms * settings.threshold, filter_kernel=None, clean=True)
        survives = _present(found, kept)
        segmentation = _absorb(found, survives, segmentation)
        found, labels = found[survives], labels[survives]
    return Extraction(found, labels, segmentation, flat, background, rms)


def _run(image: Image, settings: Settings, threshold: float, *, err: float | None = None, **options: Any) -> Any:
    """Run sep, with larger buffers for a field that needs them."""
    for factor in (1, ROOMY):
        sep.set_extract_pixstack(min(PIXEL_BUFFER * factor, max(image.size, PIXEL_BUFFER)))
        sep.set_sub_object_limit(SUB_OBJECTS * factor)
        try:
            return sep.extract(
                image, threshold if err is None else settings.threshold, err=err, minarea=settings.min_area,
                deblend_nthresh=DEBLENDING_LEVELS, deblend_cont=settings.deblend_contrast, clean_param=1.0, **options,
            )  # fmt: skip
        except Exception as error:
            if factor == ROOMY or not any(word in str(error) for word in ("overflow", "buffer")):
                raise
    raise AssertionError


def smoothed(image: Image) -> Image:
    """Convolve with SExtractor's default filter; outside the image there is nothing."""
    rows = image * np.float32(2)
    rows[1:] += image[:-1]
    rows[:-1] += image[1:]
    result = rows * np.float32(2)
    result[:, 1:] += rows[:, :-1]
    result[:, :-1] += rows[:, 1:]
    result *= np.float32(1 / 16)
    return result


def _present(found: NDArray[Any], kept: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell which of the detections are among those that CLEAN kept."""
    ordered = np.sort(kept, order="x")
    first = np.searchsorted(ordered["x"], found["x"] - SAME_SOURCE)
    last = np.searchsorted(ordered["x"], found["x"] + SAME_SOURCE, side="right")
    there = [
        bool((np.abs(ordered["y"][i:j] - y) <= SAME_SOURCE).any())
        for i, j, y in zip(first, last, found["y"], strict=True)
    ]
    return np.array(there, dtype=bool)


def _absorb(found: NDArray[Any], survives: NDArray[np.bool_], segmentation: Labels) -> Labels:
    """Give the pixels of removed detections to the nearest brighter source that is left."""
    if survives.all():
        return segmentation
    new = np.arange(len(found) + 1, dtype=np.int32)
    left = np.flatnonzero(survives)
    for i in np.flatnonzero(~survives):
        brighter = left[found["cflux"][left] >= found["cflux"][i]]
        candidates = brighter if len(brighter) else left
        distances = np.hypot(found["x"][candidates] - found["x"][i], found["y"][candidates] - found["y"][i])
        new[i + 1] = candidates[np.argmin(distances)] + 1
    return new[segmentation]


def mesh_background(background: Image, mesh: int, x: Values, y: Values) -> Values:
    """Return the background as SExtractor's catalogue gives it: bilinear in the mesh, at the nearest pixel.

    Parameters
    ----------
    background
        The background image that sep interpolates from the mesh by splines.
    mesh
        Pixels across a box.
    x, y
        Positions, 0-based.

    Notes
    -----
    The nodes are read off the image: they lie half a box inside each box, on a pixel in y and between two in x.
    Beyond the outermost ones the slope goes on.
    """
    ny, nx = background.shape
    rows, columns = (np.arange(mesh // 2, max(n, mesh // 2 + 1), mesh) for n in (ny, nx))
    rows, columns = np.minimum(rows, ny - 1), np.minimum(columns, nx - 1)
    nodes = 0.5 * (
        background[np.ix_(rows, columns)].astype(float) + background[np.ix_(rows, np.maximum(columns - 1, 0))]
    )
    for axis in (0, 1):
        if nodes.shape[axis] == 1:
            nodes = np.repeat(nodes, 2, axis=axis)
    v, u = np.rint(y) / mesh - 0.5, np.rint(x) / mesh - 0.5
    j, i = (np.clip(np.floor(c).astype(int), 0, n - 2) for c, n in zip((v, u), nodes.shape, strict=True))
    p, q = u - i, v - j
    value: Values = (1 - q) * ((1 - p) * nodes[j, i] + p * nodes[j, i + 1]) + q * (
        (1 - p) * nodes[j + 1, i] + p * nodes[j + 1, i + 1]
    )
    return value
